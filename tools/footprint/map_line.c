// SPDX-License-Identifier: BSD-2-Clause
#include "tools/footprint/map_line.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crash/plan/e820.h"

#define ENTRIES_MAX 65536 // Linux's own table ends long before

const struct type_name map_line_types[] = {
	{"usable", LB_E820_RAM},
	{"System RAM", LB_E820_RAM},
	{"kernel usable RAM", LB_E820_RAM},
	{"reserved", LB_E820_RESERVED},
	{"device reserved", LB_E820_RESERVED},
	{"ACPI data", LB_E820_ACPI},
	{"ACPI NVS", LB_E820_NVS},
	{"unusable", LB_E820_UNUSABLE},
	{"soft reserved", LB_E820_SOFT_RESERVED},
	{NULL, 0},
};

int place_fail(const struct place *at, const char *format, ...)
{
	struct source_error *err = at->err;
	va_list args;
	int used;

	if (at->line)
		used = snprintf(err->text, sizeof(err->text), "%s:%u: ", at->path, at->line);
	else
		used = snprintf(err->text, sizeof(err->text), "%s: ", at->path);
	if (used < 0 || (size_t)used >= sizeof(err->text))
		return -1;
	va_start(args, format);
	vsnprintf(err->text + used, sizeof(err->text) - (size_t)used, format, args);
	va_end(args);
	return -1;
}

int map_line_add(struct source *source, const struct place *at, uint64_t start, uint64_t last, uint32_t type)
{
	struct boot_e820_entry *grown;

	if (last < start)
		return place_fail(at, "the range ends at 0x%lx, before it begins at 0x%lx", last, start);
	if (last == UINT64_MAX)
		return place_fail(at, "the range ends at 0x%lx, the last byte there can be", last);
	if (source->count == ENTRIES_MAX)
		return place_fail(at, "more than %u entries", ENTRIES_MAX);
	grown = realloc(source->entries, (source->count + 1ULL) * sizeof(*grown));
	if (!grown)
		return place_fail(at, "out of memory after %u entries", source->count);
	source->entries = grown;
	grown[source->count++] = (struct boot_e820_entry){start, last - start + 1, type};
	return 0;
}

const char *map_line_skip_spaces(const char *text)
{
	return text + strspn(text, " \t");
}

const char *map_line_hex(const char *text, uint64_t *ret_value)
{
	size_t digits;

	if (text[0] == '0' && text[1] == 'x')
		text += 2;
	digits = strspn(text, "0123456789abcdefABCDEF");
	if (digits == 0 || digits > 16)
		return NULL;
	*ret_value = strtoull(text, NULL, 16);
	return text + digits;
}

// Whether `text` is `word` followed only by spaces.
static bool is_word(const char *text, const char *word)
{
	size_t bytes = strlen(word);

	return strncmp(text, word, bytes) == 0 && *map_line_skip_spaces(text + bytes) == '\0';
}

// "type 20", "persistent (type 7)", "persistent RAM (type 12)".
static bool take_type_number(const char *text, uint32_t *ret_type)
{
	const char *number = strstr(text, "type ");
	char *rest;
	unsigned long value;

	if (!number || (number != text && number[-1] != '('))
		return false;
	value = strtoul(number + 5, &rest, 10);
	if (rest == number + 5 || value == 0 || value > UINT32_MAX)
		return false;
	if (number != text && *rest++ != ')')
		return false;
	*ret_type = (uint32_t)value;
	return *map_line_skip_spaces(rest) == '\0';
}

int map_line_type(const struct place *at, const struct type_name *names, const char *text, uint32_t *ret_type)
{
	if (*text == '\0')
		return place_fail(at, "the line ends before the type of the range");
	for (; names->text; names++) {
		if (is_word(text, names->text)) {
			*ret_type = names->type;
			return 0;
		}
	}
	if (take_type_number(text, ret_type))
		return 0;
	return place_fail(
		at, "type of memory is '%.40s', want one that Linux prints, as 'usable' or 'reserved'", text);
}

static int add_srat(struct source *source, const struct place *at, struct lb_srat_range marked)
{
	marked.range.end++; // inclusive so far
	if (lb_range_empty(marked.range))
		return place_fail(at, "SRAT: the range ends before it begins");
	if (!marked.hotplug && !marked.nonvolatile)
		return 0;
	if (source->srat.count == LB_SRAT_MAX_RANGES)
		return place_fail(at, "SRAT: more than %d hot-pluggable or non-volatile ranges",
				  LB_SRAT_MAX_RANGES);
	source->srat.ranges[source->srat.count++] = marked;
	return 0;
}

int map_line_srat(struct source *source, const struct place *at, const char *line)
{
	struct lb_srat_range marked = {0};

	if (sscanf(line, "SRAT %*u %*u %" SCNx64 " %" SCNx64, &marked.range.start, &marked.range.end) != 2)
		return place_fail(at, "'%.40s' is no SRAT NODE PXM START END", line);
	marked.hotplug = strstr(line, " hotplug") != NULL;
	marked.nonvolatile = strstr(line, " non-volatile") != NULL;
	return add_srat(source, at, marked);
}

int map_line_srat_of_log(struct source *source, const struct place *at, const char *line)
{
	const char *text = strstr(line, "SRAT: Node ");
	struct lb_srat_range marked = {0};

	if (!text || sscanf(text, "SRAT: Node %*u PXM %*u [mem %" SCNx64 "-%" SCNx64 "]", &marked.range.start,
			    &marked.range.end) != 2)
		return 0;
	marked.hotplug = strstr(text, " hotplug") != NULL;
	marked.nonvolatile = strstr(text, " non-volatile") != NULL;
	return add_srat(source, at, marked);
}
