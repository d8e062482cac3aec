// SPDX-License-Identifier: BSD-2-Clause
#include "tools/footprint/map_log.h"

#include <string.h>

#define LINUX_MARK "BIOS-e820:"
#define LINUX_HEADER "BIOS-provided physical RAM map:"
#define DOM0_MARK "Xen:"
#define XEN_MARK "(XEN)"
#define XEN_HEADER "Xen-e820 RAM map:"

// Kernels of 2025 in development printed "639   KB" or "1.9 GB" before the type.
static const char *skip_size(const char *text)
{
	static const char *const units[] = {"B ", "KB ", "MB ", "GB ", "TB ", "PB "};
	size_t digits = strspn(text, "0123456789.");
	const char *unit = map_line_skip_spaces(text + digits);

	for (size_t i = 0; digits && i < sizeof(units) / sizeof(units[0]); i++) {
		if (strncmp(unit, units[i], strlen(units[i])) == 0)
			return map_line_skip_spaces(unit + strlen(units[i]));
	}
	return text;
}

// "[mem 0x0000000000000000-0x000000000009fbff] usable", from behind "[mem ".
static int parse_bracketed(const struct place *at, const char *text, struct source *source)
{
	uint64_t start, last;
	uint32_t type;

	text = map_line_hex(text, &start);
	if (!text || *text != '-')
		return place_fail(at, "the range does not read [mem START-END]");
	text = map_line_hex(text + 1, &last);
	if (!text || *text != ']')
		return place_fail(at, "the line ends, or changes, in the middle of the range's end");
	text = skip_size(map_line_skip_spaces(text + 1));
	if (map_line_type(at, map_line_types, text, &type) != 0)
		return -1;
	return map_line_add(source, at, start, last, type);
}

// "(usable)" or "usable", the rest of a line.
static int parse_type(const struct place *at, const char *text, uint32_t *ret_type)
{
	char name[64];
	size_t bytes;

	text = map_line_skip_spaces(text);
	if (*text != '(')
		return map_line_type(at, map_line_types, text, ret_type);
	bytes = strcspn(++text, ")");
	if (text[bytes] != ')' || bytes >= sizeof(name))
		return place_fail(at, "the line ends before the ')' behind the type");
	memcpy(name, text, bytes);
	name[bytes] = '\0';
	return map_line_type(at, map_line_types, name, ret_type);
}

// "0000000000000000 - 000000000009fc00 (usable)", end exclusive: Linux before 3.6, Xen before 4.14.
static int parse_old(const struct place *at, const char *text, struct source *source)
{
	uint64_t start, end;
	uint32_t type;

	text = map_line_hex(text, &start);
	if (!text || strncmp(text, " - ", 3) != 0)
		return place_fail(at, "no range behind " LINUX_MARK ": want [mem START-END] or START - END");
	text = map_line_hex(text + 3, &end);
	if (!text)
		return place_fail(at, "the line ends, or changes, in the middle of the range's end");
	if (parse_type(at, text, &type) != 0)
		return -1;
	if (end <= start)
		return place_fail(at, "the range ends at 0x%lx, not above its beginning, 0x%lx", end, start);
	return map_line_add(source, at, start, end - 1, type);
}

// "[0000000000000000, 000000000009c7ff] (usable)", from behind the '[': Xen 4.14 and later.
static int parse_comma(const struct place *at, const char *text, struct source *source)
{
	uint64_t start, last;
	uint32_t type;

	text = map_line_hex(text, &start);
	if (!text || strncmp(text, ", ", 2) != 0)
		return place_fail(at, "the range does not read [START, END]");
	text = map_line_hex(text + 2, &last);
	if (!text || *text != ']')
		return place_fail(at, "the line ends, or changes, in the middle of the range's end");
	if (parse_type(at, text + 1, &type) != 0)
		return -1;
	return map_line_add(source, at, start, last, type);
}

static int parse_range(const struct place *at, const char *text, struct source *source)
{
	if (strncmp(text, "[gap ", 5) == 0)
		return 0;
	if (strncmp(text, "[mem ", 5) == 0)
		return parse_bracketed(at, text + 5, source);
	return parse_old(at, text, source);
}

// A range in one of Linux's two forms: Xen says other things behind the same mark.
static bool is_range(const char *text)
{
	uint64_t start;

	if (strncmp(text, "[mem 0x", 7) == 0)
		return true;
	text = map_line_hex(text, &start);
	return text && strncmp(text, " - ", 3) == 0;
}

// The rest of `line` behind `mark`; NULL: the mark is not in it.
static const char *behind(const char *line, const char *mark)
{
	const char *text = strstr(line, mark);

	return text ? map_line_skip_spaces(text + strlen(mark)) : NULL;
}

// The range in a line of dom0's map, or NULL.
static const char *dom0_range(const char *line)
{
	const char *text = strstr(line, XEN_MARK) ? NULL : behind(line, DOM0_MARK);

	return text && is_range(text) ? text : NULL;
}

// The rest of a line behind the hypervisor's mark, and behind the time of console_timestamps= in brackets.
static const char *xen_text(const char *line)
{
	const char *text = behind(line, XEN_MARK), *end;

	if (!text || *text != '[')
		return text;
	end = strpbrk(text, ",]");
	return end && *end == ']' ? map_line_skip_spaces(end + 1) : text;
}

static int parse_xen(struct map_log *log, const struct place *at, const char *text, struct source *source,
		     bool *ret_of_map)
{
	*ret_of_map = log->hypervisor = *text == '[' || is_range(text);
	if (!log->hypervisor)
		return 0;
	return *text == '[' ? parse_comma(at, text + 1, source) : parse_old(at, text, source);
}

static void begin(struct map_log *log, struct source *source, bool hypervisor)
{
	*log = (struct map_log){.header = true, .hypervisor = hypervisor};
	source->count = 0; // another boot: it says all again
}

bool map_log_is(const char *text)
{
	return strstr(text, LINUX_MARK) || strstr(text, LINUX_HEADER) || strstr(text, XEN_HEADER);
}

int map_log_line(struct map_log *log, const struct place *at, const char *line, struct source *source,
		 bool *ret_of_map)
{
	const char *text;

	*ret_of_map = false;
	if (strstr(line, LINUX_HEADER))
		begin(log, source, false);
	if (strstr(line, XEN_HEADER)) {
		begin(log, source, true);
		return 0;
	}
	text = xen_text(line);
	if (text && log->hypervisor)
		return parse_xen(log, at, text, source, ret_of_map);
	text = behind(line, LINUX_MARK);
	if (!text) {
		text = dom0_range(line);
		log->dom0 = log->dom0 || text;
	}
	*ret_of_map = text != NULL;
	return text ? parse_range(at, text, source) : 0;
}

int map_log_end(const struct map_log *log, const struct place *at, struct source *source)
{
	if (!log->header && source->count && source->entries[0].addr != 0)
		return place_fail(
			at,
			"the log has lost its beginning: its first line of the map is of 0x%lx, and no "
			"'" LINUX_HEADER "' stands before it",
			(uint64_t)source->entries[0].addr);
	if (log->dom0)
		source->note =
			"the map that Xen gave to dom0: pseudo-physical, not the machine's ('xl dmesg' "
			"has that)";
	return 0;
}
