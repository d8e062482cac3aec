// SPDX-License-Identifier: BSD-2-Clause
#include "tools/footprint/source.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "crash/plan/e820.h"
#include "tools/footprint/map_folder.h"
#include "tools/footprint/map_line.h"
#include "tools/footprint/map_log.h"
#include "tools/footprint/plain_text.h"

#define TEXT_MAX (256 * LB_MIB) // a file larger than this is no boot log

// ---- .e820 files -----------------------------------------------------------

static int parse_e820_line(const struct place *at, const char *line, struct source *source)
{
	const char *text = map_line_skip_spaces(line);
	uint64_t start, last;
	uint32_t type;

	if (*text == '\0' || *text == '#')
		return 0;
	if (strncmp(text, "SRAT ", 5) == 0)
		return map_line_srat(source, at, text);
	text = map_line_hex(text, &start);
	if (!text || (*text != ' ' && *text != '\t'))
		return place_fail(
			at,
			"'%.40s' is no START END TYPE, and the file is no boot log: it has no BIOS-e820: "
			"line",
			line);
	text = map_line_hex(map_line_skip_spaces(text), &last);
	if (!text || (*text != ' ' && *text != '\t' && *text != '\0'))
		return place_fail(at, "the line ends, or changes, in the middle of the range's end");
	if (map_line_type(at, map_line_types, map_line_skip_spaces(text), &type) != 0)
		return -1;
	return map_line_add(source, at, start, last, type);
}

// ---- files -----------------------------------------------------------------

// The whole file as plain text, malloc'd.
static char *read_text(FILE *file, const struct place *at)
{
	size_t room = 1 << 16, used = 0;
	char *text = malloc(room);

	while (text) {
		size_t got = fread(text + used, 1, room - used - 1, file);
		char *grown;

		used += got;
		if (got == 0 || used >= TEXT_MAX)
			break;
		if (used + 1 < room)
			continue;
		room *= 2;
		grown = realloc(text, room);
		if (!grown)
			free(text);
		text = grown;
	}
	if (!text || used >= TEXT_MAX || ferror(file)) {
		place_fail(at, "%s",
			   !text          ? "out of memory"
			   : ferror(file) ? "cannot be read to its end"
					  : "larger than any boot log");
		free(text);
		return NULL;
	}
	plain_text(text, used);
	return text;
}

// A log that was cut off in the line after one of the map may have lost further lines of the map.
static int parse_log(struct place *at, char *text, struct source *source)
{
	struct map_log log = {0};
	bool of_map = false;

	while (*text) {
		const size_t bytes = strcspn(text, "\n");
		const bool more = text[bytes] == '\n', before = of_map;

		text[bytes] = '\0';
		at->line++;
		if (map_log_line(&log, at, text, source, &of_map) != 0 ||
		    map_line_srat_of_log(source, at, text) != 0)
			return -1;
		if (!more && before && !of_map)
			return place_fail(
				at, "the file ends in the middle of the line that follows the memory map's");
		text += bytes + more;
	}
	at->line = 0;
	return map_log_end(&log, at, source);
}

static int parse_e820(struct place *at, char *text, struct source *source)
{
	while (*text) {
		const size_t bytes = strcspn(text, "\n");
		const bool more = text[bytes] == '\n';

		text[bytes] = '\0';
		at->line++;
		if (parse_e820_line(at, text, source) != 0)
			return -1;
		text += bytes + more;
	}
	at->line = 0;
	return 0;
}

// By its first line, or by what journalctl and syslog put before each.
static bool is_log(const char *text)
{
	return text[0] == '[' || (text[0] == '<' && text[1] >= '0' && text[1] <= '7') ||
	       strstr(text, " kernel: ");
}

static int parse_text(struct place *at, char *text, struct source *source)
{
	const char *ending = strrchr(at->path, '.');
	const bool log = is_log(text); // asked before its lines are taken apart

	if (map_log_is(text) && !(ending && strcmp(ending, ".e820") == 0))
		return parse_log(at, text, source);
	if (parse_e820(at, text, source) == 0)
		return 0;
	if (!log || source->count)
		return -1;
	at->line = 0;
	return place_fail(at, "a log without a memory map: no line of it has BIOS-e820: in it; want one that "
			      "begins with the boot, or the folder /sys/firmware/memmap");
}

static int read_stream(struct place *at, FILE *file, struct source *source)
{
	char *text = read_text(file, at);
	int result;

	if (!text)
		return -1;
	result = parse_text(at, text, source);
	free(text);
	return result;
}

static int read_file(struct place *at, struct source *source)
{
	FILE *file = fopen(at->path, "r");
	int result;

	if (!file)
		return place_fail(at, "cannot be opened: %s", strerror(errno));
	result = read_stream(at, file, source);
	fclose(file);
	return result;
}

int source_read(const char *path, struct source *ret_source, struct source_error *err)
{
	struct place at = {path, 0, err};
	struct source source = {0};
	struct stat info;
	uint64_t ram = 0;
	int result;

	if (strcmp(path, "-") == 0) {
		at.path = "standard input";
		result = read_stream(&at, stdin, &source);
	} else if (stat(path, &info) == 0 && S_ISDIR(info.st_mode)) {
		result = map_folder_read(&at, &source);
	} else {
		result = read_file(&at, &source);
	}
	for (uint32_t i = 0; i < source.count; i++)
		ram += source.entries[i].type == LB_E820_RAM ? source.entries[i].size : 0;
	if (result == 0 && source.count == 0)
		result = place_fail(&at, "no memory map in it");
	else if (result == 0 && ram == 0)
		result = place_fail(&at, "%u entries, but none of them RAM", source.count);
	if (result) {
		source_free(&source);
		return -1;
	}
	*ret_source = source;
	return 0;
}

void source_free(struct source *source)
{
	free(source->entries);
	*source = (struct source){0};
}
