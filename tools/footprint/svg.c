// SPDX-License-Identifier: BSD-2-Clause
// Two log-log panels: page tables, and the second kernel's section tables, against the machine's RAM; below
// them the figures of three sizes. Lines are told apart by colour, by their dashes (in black and white,
// too) and by a label at either end; machines with 4 and with 5 levels are lines of their own. Each figure
// has a point, whose title tells it when a pointer rests there; the point is drawn where its line is no
// longer than that. Real machines are dots: filled where the figure is ours, hollow elsewhere.
#include <math.h>
#include <string.h>

#include "lib/format.h"
#include "tools/footprint/report.h"

#define WIDTH 1200
#define HEIGHT 1200
#define NAMED_POINTS_MAX 12 // more names than this cannot be read
#define LABEL_GAP 15.0 // pixels between baselines
#define LINES_MAX 16

// Bits: log2 of bytes.
#define RAM_LOW 29.0
#define RAM_HIGH 52.0
static const unsigned int ram_ticks[] = {29, 32, 35, 38, 41, 44, 46, 49, 52};

struct line {
	const char *label;
	const char *name; // short, for the end on the left and the table
	const char *colour; // Okabe and Ito's, which every eye tells apart
	const char *dash; // stroke-dasharray
	double width;
	unsigned int value; // what value_of() gives
	bool changes; // with 5 levels it is another, or lies elsewhere: labelled where 4 levels end
};

enum {
	SECTIONS = LB_FOOTPRINT_POLICIES,
	SECTIONS_ALL,
	TEMPORARY_PRESENT,
	TEMPORARY_WHOLE,
};

struct panel {
	const char *title;
	const char *y_title;
	double left, top, width, height;
	double low, high; // of y, bits
	unsigned int first_tick, tick_step; // bits
	const struct line *lines;
	size_t count;
};

static const struct line page_table_lines[] = {
	{"ours: all that is built", "ours", "#0072b2", "none", 3.5, LB_FOOTPRINT_OURS, false},
	{"ours, crash ranges, one root", "crash-exact", "#56b4e9", "1 4", 2.5, LB_FOOTPRINT_CRASH_EXACT,
	 false},
	{"crash only, 2 MiB rounded out", "crash-2m", "#009e73", "8 4", 1.5, LB_FOOTPRINT_CRASH_2M, false},
	{"all RAM, 4 KiB leaves", "ram-4k", "#d55e00", "14 4", 1.5, LB_FOOTPRINT_RAM_4K, false},
	{"all RAM, 2 MiB leaves", "ram-2m", "#e69f00", "6 3", 1.5, LB_FOOTPRINT_RAM_2M, false},
	{"all RAM, whole 1 GiB leaves", "ram-1g", "#cc79a7", "none", 1.2, LB_FOOTPRINT_RAM_1G, false},
	{"Linux today", "linux-today", "#000000", "10 3 2 3", 1.5, LB_FOOTPRINT_LINUX_TODAY, true},
	{"Linux 5.10", "linux-5.10", "#777777", "2 2", 1.5, LB_FOOTPRINT_LINUX_510, true},
};

static const struct line section_lines[] = {
	{"present: its own RAM only", "sections", "#0072b2", "none", 3.5, SECTIONS, false},
	{"were all RAM its own", "sections-all", "#d55e00", "14 4", 1.5, SECTIONS_ALL, false},
	{"boot-time arrays, present", "temporary-present", "#56b4e9", "1 4", 2.5, TEMPORARY_PRESENT, false},
	{"boot-time arrays, whole space", "temporary", "#009e73", "8 4", 1.5, TEMPORARY_WHOLE, true},
};

static const struct panel panels[] = {
	{"Page tables for a crash jump", "page tables, bytes", 200, 60, 730, 480, 13, 44, 14, 4,
	 page_table_lines, sizeof(page_table_lines) / sizeof(page_table_lines[0])},
	{"Section tables and memory map of the second kernel", "section tables, bytes", 200, 620, 730, 320, 4,
	 46, 10, 10, section_lines, sizeof(section_lines) / sizeof(section_lines[0])},
};

// 0: there is no such figure.
static uint64_t value_of(const struct machine *machine, unsigned int value)
{
	switch (value) {
	case SECTIONS:
		return machine->crash_count ? machine->second.total_bytes : 0;
	case SECTIONS_ALL:
		return machine->everything.total_bytes;
	case TEMPORARY_PRESENT:
		return machine->crash_count ? machine->second.temporary_present_bytes : 0;
	case TEMPORARY_WHOLE:
		return machine->everything.temporary_whole_bytes;
	default:
		return machine->footprints[value].bytes;
	}
}

static double x_of(const struct panel *panel, uint64_t ram)
{
	return panel->left + (log2((double)ram) - RAM_LOW) / (RAM_HIGH - RAM_LOW) * panel->width;
}

static double y_of(const struct panel *panel, uint64_t value)
{
	return panel->top + (panel->high - log2((double)value)) / (panel->high - panel->low) * panel->height;
}

static void print_escaped(FILE *out, const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '<' || c == '>' || c == '&' || c < 0x20 || c >= 0x7f)
			fprintf(out, "&#%d;", c < 0x20 ? '?' : c);
		else
			fputc(c, out);
	}
}

static void print_text(FILE *out, double x, double y, const char *anchor, const char *text)
{
	fprintf(out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">", x, y, anchor);
	print_escaped(out, text);
	fprintf(out, "</text>\n");
}

static void print_axes(FILE *out, const struct panel *panel)
{
	const double bottom = panel->top + panel->height;
	char size[32];

	fprintf(out, "<text class=\"title\" x=\"%.1f\" y=\"%.1f\">", panel->left, panel->top - 16);
	print_escaped(out, panel->title);
	fprintf(out, "</text>\n");
	for (unsigned int i = 0; i < sizeof(ram_ticks) / sizeof(ram_ticks[0]); i++) {
		const unsigned int bits = ram_ticks[i];
		double x = x_of(panel, 1ULL << bits);

		fprintf(out, "<line class=\"grid\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n", x,
			panel->top, x, bottom);
		print_text(out, x, bottom + 18, "middle",
			   lb_format_size_nearest(size, sizeof(size), 1ULL << bits));
	}
	for (unsigned int bits = panel->first_tick; bits <= panel->high; bits += panel->tick_step) {
		double y = y_of(panel, 1ULL << bits);

		fprintf(out, "<line class=\"grid\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n",
			panel->left, y, panel->left + panel->width, y);
		fprintf(out, "<text class=\"tick\" x=\"%.1f\" y=\"%.1f\">%s</text>\n", panel->left + 4, y - 3,
			lb_format_size_nearest(size, sizeof(size), 1ULL << bits));
	}
	fprintf(out,
		"<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"none\" "
		"stroke=\"black\"/>\n",
		panel->left, panel->top, panel->width, panel->height);
	print_text(out, panel->left + panel->width / 2, bottom + 38, "middle", "RAM of the machine, bytes");
	fprintf(out,
		"<text transform=\"translate(%.1f %.1f) rotate(-90)\" text-anchor=\"middle\">%s</text>\n",
		panel->left - 182, panel->top + panel->height / 2, panel->y_title);
}

static void print_title(FILE *out, const struct machine *machine, const struct line *line)
{
	char ram[32], size[32];

	fprintf(out, "<title>");
	if (!machine->synthetic) {
		print_escaped(out, machine->name);
		fprintf(out, ", ");
	}
	fprintf(out, "%s, %u levels: %s, %s</title>",
		lb_format_size_nearest(ram, sizeof(ram), machine->ram_bytes), machine->levels,
		lb_format_size_nearest(size, sizeof(size), value_of(machine, line->value)), line->label);
}

// One machine after `index` with so many levels and a figure on the line; NULL: none.
static const struct machine *next_of(const struct report *sweep, const struct line *line, unsigned int levels,
				     size_t *index)
{
	while (*index < sweep->count) {
		const struct machine *machine = &sweep->machines[(*index)++];

		if (machine->levels == levels && value_of(machine, line->value))
			return machine;
	}
	return NULL;
}

// The points of a line, each with its figure as a title; drawn where there is but one.
static void print_line_points(FILE *out, const struct panel *panel, const struct line *line,
			      const struct report *sweep, unsigned int levels)
{
	const struct machine *machine;
	size_t index = 0, count = 0;

	while (next_of(sweep, line, levels, &index))
		count++;
	index = 0;
	while ((machine = next_of(sweep, line, levels, &index))) {
		fprintf(out, "<circle class=\"%s\" cx=\"%.1f\" cy=\"%.1f\" r=\"4\" fill=\"%s\">",
			count == 1 ? "only" : "point", x_of(panel, machine->ram_bytes),
			y_of(panel, value_of(machine, line->value)), line->colour);
		print_title(out, machine, line);
		fprintf(out, "</circle>\n");
	}
}

struct ends {
	const struct machine *first, *last; // NULL: the line has no point
};

// The line of machines with so many levels.
static struct ends print_line(FILE *out, const struct panel *panel, const struct line *line,
			      const struct report *sweep, unsigned int levels)
{
	struct ends ends = {NULL, NULL};
	const struct machine *machine;
	size_t index = 0;

	while ((machine = next_of(sweep, line, levels, &index))) {
		if (!ends.first) {
			ends.first = machine;
			fprintf(out,
				"<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"%.1f\" "
				"stroke-dasharray=\"%s\" points=\"",
				line->colour, line->width, line->dash);
		}
		fprintf(out, "%.1f,%.1f ", x_of(panel, machine->ram_bytes),
			y_of(panel, value_of(machine, line->value)));
		ends.last = machine;
	}
	if (ends.last)
		fprintf(out, "\"/>\n");
	print_line_points(out, panel, line, sweep, levels);
	return ends;
}

// ---- labels ----------------------------------------------------------------

struct label {
	double x, y; // end of the line
	double at; // where the text stands, pushed away from others
	const struct line *line;
	char text[64];
};

struct labels {
	struct label all[LINES_MAX];
	size_t count;
};

// At a line's end: the figure with the line's label, or with its short name.
static void add_label(struct labels *labels, const struct panel *panel, const struct line *line,
		      const struct machine *end, const char *name)
{
	struct label *label = &labels->all[labels->count];
	const uint64_t value = value_of(end, line->value);
	char size[32];

	if (labels->count == LINES_MAX)
		return;
	labels->count++;
	*label = (struct label){.x = x_of(panel, end->ram_bytes), .y = y_of(panel, value), .line = line};
	label->at = label->y;
	snprintf(label->text, sizeof(label->text), "%s %s", lb_format_size_nearest(size, sizeof(size), value),
		 name);
}

// Sorted from the top; each at least LABEL_GAP below the one before, then all that went
// below `bottom` moved up again.
static void spread_labels(struct labels *labels, double bottom)
{
	for (size_t i = 1; i < labels->count; i++) {
		struct label label = labels->all[i];
		size_t at = i;

		for (; at > 0 && labels->all[at - 1].y > label.y; at--)
			labels->all[at] = labels->all[at - 1];
		labels->all[at] = label;
	}
	for (size_t i = 1; i < labels->count; i++)
		labels->all[i].at = fmax(labels->all[i].at, labels->all[i - 1].at + LABEL_GAP);
	for (size_t i = labels->count; i-- > 0;) {
		labels->all[i].at = fmin(labels->all[i].at, bottom);
		bottom = labels->all[i].at - LABEL_GAP;
	}
}

// Prints labels at the lines' left ends where `left`, else at their right ends.
static void print_labels(FILE *out, const struct panel *panel, struct labels *labels, bool left)
{
	const double x = left ? panel->left - 22 : panel->left + panel->width + 22;

	spread_labels(labels, panel->top + panel->height);
	for (size_t i = 0; i < labels->count; i++) {
		const struct label *label = &labels->all[i];

		fprintf(out, "<line class=\"leader\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n",
			left ? label->x - 2 : label->x + 2, label->y, left ? x + 4 : x - 4, label->at);
		fprintf(out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" fill=\"%s\">", x, label->at + 4,
			left ? "end" : "start", label->line->colour);
		print_escaped(out, label->text);
		fprintf(out, "</text>\n");
	}
}

// Prints a label where 4 levels end, for a line that does not go on as it was.
static void print_label_inside(FILE *out, const struct panel *panel, const struct line *line,
			       const struct machine *end, double *lowest)
{
	uint64_t value = value_of(end, line->value);
	double y = y_of(panel, value) - 6;
	char size[32], text[64];

	if (y > *lowest)
		y = *lowest;
	*lowest = y - LABEL_GAP;
	snprintf(text, sizeof(text), "%s %s", line->label, lb_format_size_nearest(size, sizeof(size), value));
	print_text(out, x_of(panel, end->ram_bytes) - 4, y, "end", text);
}

// ---- panels ----------------------------------------------------------------

// A border between the machines with 4 and those with 5 levels, if both are there.
static void print_border(FILE *out, const struct panel *panel, const struct machine *end4,
			 const struct report *sweep)
{
	double x;

	for (size_t i = 0; i < sweep->count; i++) {
		const struct machine *machine = &sweep->machines[i];

		if (machine->levels != 5 || machine->ram_bytes <= end4->ram_bytes)
			continue;
		x = (x_of(panel, end4->ram_bytes) + x_of(panel, machine->ram_bytes)) / 2;
		fprintf(out, "<line class=\"border\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n", x,
			panel->top, x, panel->top + panel->height);
		print_text(out, x - 6, panel->top + 14, "end", "4 levels");
		print_text(out, x + 6, panel->top + 14, "start", "5 levels");
		return;
	}
}

static void print_lines(FILE *out, const struct panel *panel, const struct report *sweep)
{
	struct labels left = {.count = 0}, right = {.count = 0};
	double lowest = panel->top + panel->height;
	const struct machine *border = NULL;

	for (size_t i = 0; i < panel->count; i++) {
		const struct line *line = &panel->lines[i];
		const struct ends four = print_line(out, panel, line, sweep, 4);
		const struct ends five = print_line(out, panel, line, sweep, 5);
		const struct machine *first = four.first ? four.first : five.first;
		const struct machine *last = five.last ? five.last : four.last;

		if (five.last && four.last && line->changes)
			print_label_inside(out, panel, line, four.last, &lowest);
		if (first)
			add_label(&left, panel, line, first, line->name);
		if (last)
			add_label(&right, panel, line, last, line->label);
		border = four.last ? four.last : border;
	}
	if (border)
		print_border(out, panel, border, sweep);
	print_labels(out, panel, &left, true);
	print_labels(out, panel, &right, false);
}

static void print_name(FILE *out, const struct panel *panel, const struct machine *machine)
{
	fprintf(out, "<text transform=\"translate(%.1f %.1f) rotate(-90)\" text-anchor=\"end\">",
		x_of(panel, machine->ram_bytes) + 4, panel->top + 6);
	print_escaped(out, machine->name);
	fprintf(out, "</text>\n");
}

// A figure of a real machine.
static void print_point(FILE *out, const struct panel *panel, const struct machine *machine,
			const struct line *line)
{
	const uint64_t value = value_of(machine, line->value);

	if (!value)
		return;
	fprintf(out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"2.6\" fill=\"%s\" stroke=\"%s\">",
		x_of(panel, machine->ram_bytes), y_of(panel, value),
		line == panel->lines ? line->colour : "white", line->colour);
	print_title(out, machine, line);
	fprintf(out, "</circle>\n");
}

static void print_points(FILE *out, const struct panel *panel, const struct report *points)
{
	for (size_t i = 0; i < points->count; i++) {
		const struct machine *machine = &points->machines[i];
		double x = x_of(panel, machine->ram_bytes);

		if (x < panel->left || x > panel->left + panel->width)
			continue;
		for (size_t j = 0; j < panel->count; j++)
			print_point(out, panel, machine, &panel->lines[j]);
		if (panel == panels && points->count <= NAMED_POINTS_MAX)
			print_name(out, panel, machine);
	}
}

// ---- the table ---------------------------------------------------------------

static const struct machine *of_size(const struct report *sweep, uint64_t ram)
{
	for (size_t i = 0; i < sweep->count; i++) {
		if (sweep->machines[i].ram_bytes == ram)
			return &sweep->machines[i];
	}
	return NULL;
}

#define TABLE_TOP 1030.0
#define TABLE_ROW 18.0

// A piece of the line, and what it is.
static void print_key(FILE *out, double x, double y, const struct line *line)
{
	fprintf(out,
		"<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\" "
		"stroke-width=\"%.1f\" stroke-dasharray=\"%s\"/>\n",
		x - 48, y - 4, x - 8, y - 4, line->colour, line->width, line->dash);
	print_text(out, x, y, "start", line->label);
}

// Page tables at three sizes, where the sweep has them, and what a further TiB costs.
static void print_table(FILE *out, const struct report *sweep)
{
	static const uint64_t sizes[] = {LB_TIB, 6 * LB_TIB, 24 * LB_TIB};
	const struct panel *panel = &panels[0];
	double x = panel->left + 330;
	char text[32];

	for (size_t i = 0; i < panel->count; i++)
		print_key(out, panel->left, TABLE_TOP + (double)(i + 1) * TABLE_ROW, &panel->lines[i]);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		const struct machine *machine = of_size(sweep, sizes[i]);

		if (!machine)
			continue;
		print_text(out, x, TABLE_TOP, "end", lb_format_size_nearest(text, sizeof(text), sizes[i]));
		for (size_t j = 0; j < panel->count; j++) {
			uint64_t value = value_of(machine, panel->lines[j].value);

			if (value)
				print_text(out, x, TABLE_TOP + (double)(j + 1) * TABLE_ROW, "end",
					   lb_format_size_nearest(text, sizeof(text), value));
		}
		x += 110;
	}
	print_text(out, x + 30, TABLE_TOP, "end", "a further TiB");
	for (size_t j = 0; j < panel->count; j++) {
		uint64_t slope = sweep->slope[panel->lines[j].value];

		print_text(out, x + 30, TABLE_TOP + (double)(j + 1) * TABLE_ROW, "end",
			   slope ? lb_format_size_nearest(text, sizeof(text), slope) : "0");
	}
}

void report_svg(FILE *out, const struct report *sweep, const struct report *points)
{
	fprintf(out,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" "
		"font-family=\"DejaVu Sans, Helvetica, Arial, sans-serif\" font-size=\"12\">\n"
		"<style>.grid{stroke:#ccc;stroke-width:.6}.leader{stroke:#666;stroke-width:.6}"
		".point{fill-opacity:0}.tick{fill:#666;font-size:10px}"
		".border{stroke:black;stroke-width:.8;stroke-dasharray:1 3}"
		".title{font-size:16px;font-weight:bold}</style>\n"
		"<rect width=\"%d\" height=\"%d\" fill=\"white\"/>\n",
		WIDTH, HEIGHT, WIDTH, HEIGHT, WIDTH, HEIGHT);
	for (size_t i = 0; i < sizeof(panels) / sizeof(panels[0]); i++) {
		print_axes(out, &panels[i]);
		print_points(out, &panels[i], points);
		print_lines(out, &panels[i], sweep);
	}
	print_table(out, sweep);
	fprintf(out, "</svg>\n");
}
