// SPDX-License-Identifier: BSD-2-Clause
// For people: the aligned table, and Markdown.
#include <string.h>

#include "lib/format.h"
#include "tools/footprint/report.h"

#define COLUMNS_MAX 20
#define CELL 256

enum {
	E820 = 3, // after the machine's name, RAM and levels
	CRASH,
	DUMP,
	FIRST_POLICY,
	SECOND = FIRST_POLICY + LB_FOOTPRINT_POLICIES,
	SECOND_ALL,
	TEMPORARY,
	FORMULA,
	COLUMNS,
};
_Static_assert(COLUMNS <= COLUMNS_MAX, "room for a row");

typedef char row[COLUMNS][CELL];

char *report_formula(char *text, size_t bytes, const struct lb_footprint *footprint)
{
	const struct {
		uint64_t count;
		const char *name;
	} terms[] = {
		{footprint->pml5, "PML5"}, {footprint->pml4, "PML4"}, {footprint->folded, "folded"},
		{footprint->pdpt, "PDPT"}, {footprint->pd, "PD"},     {footprint->pt, "PT"},
	};
	size_t used = lb_snprintf(text, bytes, "4 KiB x (");
	const char *plus = "";

	for (size_t i = 0; i < sizeof(terms) / sizeof(terms[0]) && used < bytes; i++) {
		if (!terms[i].count)
			continue;
		used += lb_snprintf(text + used, bytes - used, "%s%lu %s", plus, terms[i].count,
				    terms[i].name);
		plus = " + ";
	}
	if (used < bytes)
		lb_snprintf(text + used, bytes - used, ")");
	return text;
}

static void fill_head(row cells)
{
	snprintf(cells[0], CELL, "machine");
	snprintf(cells[1], CELL, "RAM");
	snprintf(cells[2], CELL, "levels");
	snprintf(cells[E820], CELL, "e820");
	snprintf(cells[CRASH], CELL, "crash");
	snprintf(cells[DUMP], CELL, "target");
	for (int i = 0; i < LB_FOOTPRINT_POLICIES; i++)
		snprintf(cells[FIRST_POLICY + i], CELL, "%s",
			 lb_footprint_policy_name((enum lb_footprint_policy)i));
	snprintf(cells[SECOND], CELL, "sections");
	snprintf(cells[SECOND_ALL], CELL, "sections-all");
	snprintf(cells[TEMPORARY], CELL, "temporary");
	snprintf(cells[FORMULA], CELL, "ours, by kind");
}

static void fill_row(row cells, const struct machine *machine)
{
	snprintf(cells[0], CELL, "%s", machine->name);
	lb_format_size_nearest(cells[1], CELL, machine->ram_bytes);
	snprintf(cells[2], CELL, "%u", machine->levels);
	for (int i = 0; i < LB_FOOTPRINT_POLICIES; i++) {
		snprintf(cells[FIRST_POLICY + i], CELL, "-");
		if (machine_has(machine, (enum lb_footprint_policy)i))
			lb_format_size_nearest(cells[FIRST_POLICY + i], CELL, machine->footprints[i].bytes);
	}
	snprintf(cells[E820], CELL, "%lu B", machine_e820_bytes(machine));
	snprintf(cells[CRASH], CELL, "-");
	lb_format_size_nearest(cells[DUMP], CELL, machine->dump_bytes);
	snprintf(cells[SECOND], CELL, "-");
	snprintf(cells[FORMULA], CELL, "no crash region fits");
	if (machine->crash_count) {
		lb_format_size_nearest(cells[CRASH], CELL, lb_range_size(machine->region));
		lb_format_size_nearest(cells[SECOND], CELL, machine->second.total_bytes);
		report_formula(cells[FORMULA], CELL, &machine->footprints[LB_FOOTPRINT_OURS]);
	}
	lb_format_size_nearest(cells[SECOND_ALL], CELL, machine->everything.total_bytes);
	lb_format_size_nearest(cells[TEMPORARY], CELL, machine->everything.temporary_whole_bytes);
}

static void widen(size_t widths[COLUMNS], row cells)
{
	for (int i = 0; i < COLUMNS; i++) {
		if (strlen(cells[i]) > widths[i])
			widths[i] = strlen(cells[i]);
	}
}

// Names to the left, numbers to the right; no spaces at the end.
static void print_row(FILE *out, const size_t widths[COLUMNS], row cells)
{
	fprintf(out, "%-*s", (int)widths[0], cells[0]);
	for (int i = 1; i < FORMULA; i++)
		fprintf(out, "  %*s", (int)widths[i], cells[i]);
	fprintf(out, "  %s\n", cells[FORMULA]);
}

// Formats the cost of a further TiB: "4 MiB/TiB".
static const char *format_slope(char text[CELL], uint64_t slope)
{
	char size[32];

	if (slope)
		snprintf(text, CELL, "%s/TiB", lb_format_size_nearest(size, sizeof(size), slope));
	else
		snprintf(text, CELL, "0/TiB");
	return text;
}

static const char *const other_columns[][2] = {
	{"e820", "the sealed map, 20 bytes an entry; Linux boots with two arrays of 64004 bytes, newer ones "
		 "with three"},
	{"crash", "crash memory, as the loader plans it"},
	{"target", "a partition of this size holds any dump"},
	{"sections", "the second kernel's section tables and memory map, for its own RAM only"},
	{"sections-all", "the same, were all RAM its own"},
	{"temporary", "arrays that Linux before 4.19 took at boot for the whole address space"},
};

static void print_legend(FILE *out, const uint64_t *slope)
{
	char text[CELL];

	fprintf(out, "\n");
	for (size_t i = 0; i < sizeof(other_columns) / sizeof(other_columns[0]); i++)
		fprintf(out, "%-12s  %12s  %s\n", other_columns[i][0], "", other_columns[i][1]);
	for (int i = 0; i < LB_FOOTPRINT_POLICIES; i++)
		fprintf(out, "%-12s  %12s  page tables: %s\n",
			lb_footprint_policy_name((enum lb_footprint_policy)i), format_slope(text, slope[i]),
			lb_footprint_policy_text((enum lb_footprint_policy)i));
}

void report_table(FILE *out, const struct report *report)
{
	size_t widths[COLUMNS] = {0};
	row cells;

	fill_head(cells);
	widen(widths, cells);
	for (size_t i = 0; i < report->count; i++) {
		fill_row(cells, &report->machines[i]);
		widen(widths, cells);
	}
	fill_head(cells);
	print_row(out, widths, cells);
	for (size_t i = 0; i < report->count; i++) {
		fill_row(cells, &report->machines[i]);
		print_row(out, widths, cells);
	}
	print_legend(out, report->slope);
}

static void print_markdown_row(FILE *out, row cells)
{
	for (int i = 0; i < COLUMNS; i++)
		fprintf(out, "| %s ", cells[i]);
	fprintf(out, "|\n");
}

void report_markdown(FILE *out, const struct report *report)
{
	char size[32];
	row cells;

	fill_head(cells);
	print_markdown_row(out, cells);
	fprintf(out, "|---");
	for (int i = 1; i < COLUMNS; i++)
		fprintf(out, i < FORMULA ? "|--:" : "|---");
	fprintf(out, "|\n");
	for (size_t i = 0; i < report->count; i++) {
		fill_row(cells, &report->machines[i]);
		print_markdown_row(out, cells);
	}
	fprintf(out, "\n");
	for (size_t i = 0; i < sizeof(other_columns) / sizeof(other_columns[0]); i++)
		fprintf(out, "- `%s`: %s\n", other_columns[i][0], other_columns[i][1]);
	for (int i = 0; i < LB_FOOTPRINT_POLICIES; i++)
		fprintf(out, "- `%s`: page tables; %s; a further TiB without holes takes %s\n",
			lb_footprint_policy_name((enum lb_footprint_policy)i),
			lb_footprint_policy_text((enum lb_footprint_policy)i),
			report->slope[i] ? lb_format_size_nearest(size, sizeof(size), report->slope[i])
					 : "nothing");
	fprintf(out, "\n"
		     "A table is a page of 4 KiB. There is one for every 2 MiB (PT), 1 GiB (PD), 512 GiB "
		     "(PDPT) and\n"
		     "256 TiB (PML4) in which something wanted lies, unless one leaf covers it whole. 24 TiB "
		     "without\n"
		     "holes: with 2 MiB leaves 24576 PD = 96 MiB, 4 MiB/TiB; with 1 GiB leaves 48 PDPT = 192 "
		     "KiB,\n"
		     "beside the root; in Linux with 4 levels one folded page more for each PDPT:\n"
		     "(2 x 48 + 1) x 4 KiB = 388 KiB.\n");
}
