// SPDX-License-Identifier: BSD-2-Clause
#include "tools/footprint/source.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "crash/plan/e820.h"

#define LOG_MARK "BIOS-e820:"
#define LOG_HEADER "BIOS-provided physical RAM map:"
#define TEXT_MAX (256 * LB_MIB) // a file larger than this is no boot log
#define ENTRIES_MAX 65536 // Linux's own table ends long before

// One line of one file, for messages.
struct place {
	const char *path;
	unsigned int line;
	struct source_error *err;
};

struct type_name {
	const char *text;
	uint32_t type;
};

static const struct type_name printed_types[] = {
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

// What arch/x86/kernel/e820.c gives to firmware_map_add_early().
static const struct type_name sysfs_types[] = {
	{"System RAM", LB_E820_RAM},
	{"Reserved", LB_E820_RESERVED},
	{"Unknown E820 type", LB_E820_RESERVED},
	{"ACPI Tables", LB_E820_ACPI},
	{"ACPI Non-volatile Storage", LB_E820_NVS},
	{"Unusable memory", LB_E820_UNUSABLE},
	{"Persistent Memory", LB_E820_PMEM},
	{"Persistent Memory (legacy)", 12},
	{"Soft Reserved", LB_E820_SOFT_RESERVED},
	{NULL, 0},
};

__attribute__((format(printf, 2, 3))) static int fail(const struct place *at, const char *format, ...)
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

static int add_entry(struct source *source, const struct place *at, uint64_t start, uint64_t last,
		     uint32_t type)
{
	struct boot_e820_entry *grown;

	if (last < start)
		return fail(at, "the range ends at 0x%lx, before it begins at 0x%lx", last, start);
	if (last == UINT64_MAX)
		return fail(at, "the range ends at 0x%lx, the last byte there can be", last);
	if (source->count == ENTRIES_MAX)
		return fail(at, "more than %u entries", ENTRIES_MAX);
	grown = realloc(source->entries, (source->count + 1ULL) * sizeof(*grown));
	if (!grown)
		return fail(at, "out of memory after %u entries", source->count);
	source->entries = grown;
	grown[source->count++] = (struct boot_e820_entry){start, last - start + 1, type};
	return 0;
}

// ---- words of a line -------------------------------------------------------

static const char *skip_spaces(const char *text)
{
	return text + strspn(text, " \t");
}

// 1 to 16 hexadecimal digits, with or without 0x. NULL when there are none, or more.
static const char *take_hex(const char *text, uint64_t *ret_value)
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

// `text` with `word` at its beginning and nothing but spaces behind it.
static bool is_word(const char *text, const char *word)
{
	size_t bytes = strlen(word);

	return strncmp(text, word, bytes) == 0 && *skip_spaces(text + bytes) == '\0';
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
	return *skip_spaces(rest) == '\0';
}

static int take_type(const struct place *at, const struct type_name *names, const char *text,
		     uint32_t *ret_type)
{
	if (*text == '\0')
		return fail(at, "the line ends before the type of the range");
	for (; names->text; names++) {
		if (is_word(text, names->text)) {
			*ret_type = names->type;
			return 0;
		}
	}
	if (take_type_number(text, ret_type))
		return 0;
	return fail(at, "type of memory is '%.40s', want one that Linux prints, as 'usable' or 'reserved'",
		    text);
}

// ---- boot logs -------------------------------------------------------------

// Kernels of 2025 in development printed "639   KB" or "1.9 GB" before the type.
static const char *skip_size(const char *text)
{
	static const char *const units[] = {"B ", "KB ", "MB ", "GB ", "TB ", "PB "};
	size_t digits = strspn(text, "0123456789.");
	const char *unit = skip_spaces(text + digits);

	for (size_t i = 0; digits && i < sizeof(units) / sizeof(units[0]); i++) {
		if (strncmp(unit, units[i], strlen(units[i])) == 0)
			return skip_spaces(unit + strlen(units[i]));
	}
	return text;
}

// "[mem 0x0000000000000000-0x000000000009fbff] usable", from behind "[mem ".
static int parse_bracketed(const struct place *at, const char *text, struct source *source)
{
	uint64_t start, last;
	uint32_t type;

	text = take_hex(text, &start);
	if (!text || *text != '-')
		return fail(at, "the range does not read [mem START-END]");
	text = take_hex(text + 1, &last);
	if (!text || *text != ']')
		return fail(at, "the line ends, or changes, in the middle of the range's end");
	text = skip_size(skip_spaces(text + 1));
	if (take_type(at, printed_types, text, &type) != 0)
		return -1;
	return add_entry(source, at, start, last, type);
}

// "0000000000000000 - 000000000009fc00 (usable)", end exclusive: before Linux 3.6.
static int parse_old(const struct place *at, const char *text, struct source *source)
{
	uint64_t start, end;
	uint32_t type;
	char name[64];
	size_t bytes;

	text = take_hex(text, &start);
	if (!text || strncmp(text, " - ", 3) != 0)
		return fail(at, "no range behind " LOG_MARK ": want [mem START-END] or START - END");
	text = take_hex(text + 3, &end);
	if (!text)
		return fail(at, "the line ends, or changes, in the middle of the range's end");
	text = skip_spaces(text);
	if (*text == '(') {
		text++;
		bytes = strcspn(text, ")");
		if (text[bytes] != ')' || bytes >= sizeof(name))
			return fail(at, "the line ends before the ')' behind the type");
		memcpy(name, text, bytes);
		name[bytes] = '\0';
		text = name;
	}
	if (take_type(at, printed_types, text, &type) != 0)
		return -1;
	if (end <= start)
		return fail(at, "the range ends at 0x%lx, not above its beginning, 0x%lx", end, start);
	return add_entry(source, at, start, end - 1, type);
}

static int parse_log_line(const struct place *at, const char *line, struct source *source)
{
	const char *text = strstr(line, LOG_MARK);

	if (strstr(line, LOG_HEADER))
		source->count = 0; // another boot: it says all again
	if (!text)
		return 0;
	text = skip_spaces(text + strlen(LOG_MARK));
	if (strncmp(text, "[gap ", 5) == 0)
		return 0;
	if (strncmp(text, "[mem ", 5) == 0)
		return parse_bracketed(at, text + 5, source);
	return parse_old(at, text, source);
}

// ---- .e820 files -----------------------------------------------------------

static int parse_e820_line(const struct place *at, const char *line, struct source *source)
{
	const char *text = skip_spaces(line);
	uint64_t start, last;
	uint32_t type;

	if (*text == '\0' || *text == '#' || strncmp(text, "SRAT ", 5) == 0)
		return 0;
	text = take_hex(text, &start);
	if (!text || (*text != ' ' && *text != '\t'))
		return fail(at, "'%.40s' is no START END TYPE, and the file has no " LOG_MARK " line", line);
	text = take_hex(skip_spaces(text), &last);
	if (!text || (*text != ' ' && *text != '\t' && *text != '\0'))
		return fail(at, "the line ends, or changes, in the middle of the range's end");
	if (take_type(at, printed_types, skip_spaces(text), &type) != 0)
		return -1;
	return add_entry(source, at, start, last, type);
}

// ---- files -----------------------------------------------------------------

// The whole file, NUL-terminated, malloc'd; NUL bytes in it become '?'.
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
		fail(at, "%s",
		     !text          ? "out of memory"
		     : ferror(file) ? "cannot be read to its end"
				    : "larger than any boot log");
		free(text);
		return NULL;
	}
	for (size_t i = 0; i < used; i++) {
		if (text[i] == '\0')
			text[i] = '?';
	}
	text[used] = '\0';
	return text;
}

// Line by line; `text` is cut up. A file that was cut off in the line after one of the
// map has lost we do not know how many of them.
static int parse_text(struct place *at, char *text, struct source *source)
{
	const char *ending = strrchr(at->path, '.');
	bool e820 = (ending && strcmp(ending, ".e820") == 0) || !strstr(text, LOG_MARK);
	uint32_t before = 0;

	while (*text) {
		size_t bytes = strcspn(text, "\n");
		bool more = text[bytes] == '\n', more_of_map;

		text[bytes] = '\0';
		if (bytes > 0 && text[bytes - 1] == '\r')
			text[bytes - 1] = '\0';
		at->line++;
		more_of_map = source->count > before;
		before = source->count;
		if ((e820 ? parse_e820_line(at, text, source) : parse_log_line(at, text, source)) != 0)
			return -1;
		if (!e820 && !more && more_of_map && source->count == before && !strstr(text, LOG_MARK))
			return fail(at,
				    "the file ends in the middle of the line that follows the memory map's");
		text += bytes + more;
	}
	at->line = 0;
	return 0;
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
		return fail(at, "cannot be opened: %s", strerror(errno));
	result = read_stream(at, file, source);
	fclose(file);
	return result;
}

// ---- /sys/firmware/memmap --------------------------------------------------

// The one line of FOLDER/NUMBER/NAME, without its newline. *ret_missing: there is no such file.
static int read_attribute(const struct place *folder, unsigned int number, const char *name, char *ret_line,
			  size_t bytes, bool *ret_missing)
{
	char path[4096];
	struct place at = {path, 0, folder->err};
	FILE *file;
	char *line;

	if (snprintf(path, sizeof(path), "%s/%u/%s", folder->path, number, name) >= (int)sizeof(path))
		return fail(folder, "its path is too long");
	file = fopen(path, "r");
	*ret_missing = !file && errno == ENOENT;
	if (!file)
		return fail(&at, "cannot be opened: %s", strerror(errno));
	line = fgets(ret_line, (int)bytes, file);
	fclose(file);
	at.line = 1;
	if (!line || line[0] == '\n')
		return fail(&at, "empty");
	line[strcspn(line, "\n")] = '\0';
	return 0;
}

static int read_address(const struct place *folder, unsigned int number, const char *name,
			uint64_t *ret_value, bool *ret_missing)
{
	char line[128];
	const char *rest;

	if (read_attribute(folder, number, name, line, sizeof(line), ret_missing) != 0)
		return -1;
	rest = take_hex(line, ret_value);
	if (rest && *rest == '\0')
		return 0;
	snprintf(folder->err->text, sizeof(folder->err->text),
		 "%s/%u/%s:1: '%.40s' is no hexadecimal address", folder->path, number, name, line);
	return -1;
}

static int read_numbered(const struct place *folder, unsigned int number, struct source *source,
			 bool *ret_missing)
{
	char path[4096], line[128];
	struct place at = {path, 1, folder->err};
	uint64_t start, last;
	uint32_t type;
	bool missing;

	if (read_address(folder, number, "start", &start, ret_missing) != 0)
		return -1;
	if (read_address(folder, number, "end", &last, &missing) != 0 ||
	    read_attribute(folder, number, "type", line, sizeof(line), &missing) != 0)
		return -1;
	snprintf(path, sizeof(path), "%s/%u/type", folder->path, number);
	if (take_type(&at, sysfs_types, line, &type) != 0)
		return -1;
	snprintf(path, sizeof(path), "%s/%u/end", folder->path, number);
	return add_entry(source, &at, start, last, type);
}

static int count_folders(const struct place *folder, unsigned int *ret_count)
{
	DIR *dir = opendir(folder->path);
	struct dirent *entry;
	unsigned int count = 0;

	if (!dir)
		return fail(folder, "cannot be opened: %s", strerror(errno));
	while ((entry = readdir(dir)))
		count += entry->d_name[0] != '.';
	closedir(dir);
	*ret_count = count;
	return 0;
}

// Folders are numbered from 0 without a gap; the kernel's order is that of the firmware.
static int read_folder(struct place *at, struct source *source)
{
	unsigned int count = 0;

	if (count_folders(at, &count) != 0)
		return -1;
	for (unsigned int i = 0; i < count; i++) {
		bool missing = false;

		if (read_numbered(at, i, source, &missing) == 0)
			continue;
		if (missing)
			return fail(at, "holds %u entries, but no %u/start: want folders 0 to %u", count, i,
				    count - 1);
		return -1;
	}
	return 0;
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
		result = read_folder(&at, &source);
	} else {
		result = read_file(&at, &source);
	}
	for (uint32_t i = 0; i < source.count; i++)
		ram += source.entries[i].type == LB_E820_RAM ? source.entries[i].size : 0;
	if (result == 0 && source.count == 0)
		result = fail(&at, "no memory map in it");
	else if (result == 0 && ram == 0)
		result = fail(&at, "%u entries, but none of them RAM", source.count);
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
