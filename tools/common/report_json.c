// SPDX-License-Identifier: BSD-2-Clause
#include "tools/common/report_json.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define INDENT "  "
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

// The text's lines, each NUL-terminated.
struct lines {
	char *text; // the copy they lie in
	char **at;
	unsigned int count;
};

// The lines of one section, without their indent.
struct section {
	const char *note; // NULL: there is no such section
	char **lines;
	unsigned int count;
	const char *cut; // NULL: it is whole
};

static int split(const char *text, uint32_t bytes, struct lines *ret_lines)
{
	struct lines lines = {.text = malloc((size_t)bytes + 1),
			      .at = calloc((size_t)bytes + 1, sizeof(char *))};

	if (!lines.text || !lines.at) {
		free(lines.text);
		free(lines.at);
		return -1;
	}
	memcpy(lines.text, text, bytes);
	lines.text[bytes] = '\0';
	for (char *at = lines.text, *end; *at; at = end) {
		end = strchr(at, '\n');
		if (!end)
			break; // cut: not a whole line
		*end++ = '\0';
		lines.at[lines.count++] = at;
	}
	*ret_lines = lines;
	return 0;
}

// What follows `word` in `line`; NULL: the line does not begin with it.
static const char *behind(const char *line, const char *word)
{
	return strncmp(line, word, strlen(word)) == 0 ? line + strlen(word) : NULL;
}

// The value of a line "key: value".
static const char *value_of(const char *line, const char *key)
{
	const char *rest = behind(line, key);

	return rest ? behind(rest, ": ") : NULL;
}

static unsigned int head_lines(const struct lines *lines)
{
	unsigned int count = 0;

	while (count < lines->count && *lines->at[count])
		count++;
	return count;
}

static const char *head_value(const struct lines *lines, const char *key)
{
	for (unsigned int i = 0; i < head_lines(lines); i++) {
		const char *value = value_of(lines->at[i], key);

		if (value)
			return value;
	}
	return NULL;
}

// A section is a line "name: note" after an empty one, and the indented lines after that.
static struct section find_section(const struct lines *lines, const char *name)
{
	struct section section = {.note = NULL};

	for (unsigned int i = 1; i < lines->count; i++) {
		if (*lines->at[i - 1] || !(section.note = value_of(lines->at[i], name)))
			continue;
		section.lines = lines->at + i + 1;
		while (i + 1 + section.count < lines->count && behind(section.lines[section.count], INDENT))
			section.count++;
		break;
	}
	if (section.count) {
		section.cut = behind(section.lines[section.count - 1], INDENT "cut: ");
		section.count -= section.cut != NULL;
	}
	return section;
}

static const char *line_of(const struct section *section, unsigned int i)
{
	return section->lines[i] + strlen(INDENT);
}

// ---- The head --------------------------------------------------------------------

static void put_text_or_null(struct json *json, const struct lines *lines, const char *key, const char *name)
{
	json_text(json, name, head_value(lines, key));
}

static void put_number_or_null(struct json *json, const struct lines *lines, const char *key)
{
	const char *value = head_value(lines, key);

	if (value && isdigit((unsigned char)*value))
		json_number(json, key, strtoull(value, NULL, 10));
	else
		json_null(json, key);
}

// "4.456340 s" in thousandths, rounded down.
static void put_uptime(struct json *json, const struct lines *lines)
{
	const char *value = head_value(lines, "uptime");
	char *end = NULL;
	uint64_t seconds = value ? strtoull(value, &end, 10) : 0;

	if (!value || *end != '.' || seconds > UINT32_MAX || strspn(end + 1, "0123456789") < 3)
		json_null(json, "uptime_seconds");
	else
		json_thousandths(json, "uptime_seconds",
				 seconds * 1000 + (uint64_t)((end[1] - '0') * 100 + (end[2] - '0') * 10 +
							     (end[3] - '0')));
}

static void put_head(struct json *json, const struct lines *lines)
{
	static const char *const texts[][2] = {
		{"reason", "reason"},     {"signature", "signature"}, {"release", "release"},
		{"build-id", "build_id"}, {"hardware", "hardware"},   {"firmware", "firmware"},
		{"time", "time"},         {"tainted", "tainted"},     {"command-line", "command_line"},
		{"command", "command"},   {"lockdown", "lockdown"},
	};

	for (size_t i = 0; i < COUNT(texts); i++)
		put_text_or_null(json, lines, texts[i][0], texts[i][1]);
	put_uptime(json, lines);
	put_number_or_null(json, lines, "cpu");
	put_number_or_null(json, lines, "pid");
	json_open(json, "reasons", '[');
	for (unsigned int i = 0; i < head_lines(lines); i++) {
		const char *reason = value_of(lines->at[i], "reason");

		if (reason)
			json_text(json, NULL, reason);
	}
	json_close(json, ']');
}

// ---- Frames ----------------------------------------------------------------------

// `text` is NULL where there is none.
static void put_copy_or_null(struct json *json, const char *name, const char *text, size_t bytes)
{
	char copy[256];

	if (!text) {
		json_null(json, name);
		return;
	}
	if (bytes >= sizeof(copy))
		bytes = sizeof(copy) - 1;
	memcpy(copy, text, bytes);
	copy[bytes] = '\0';
	json_text(json, name, copy);
}

// Puts the number behind the character at `at`; null where there is none.
static void put_hex_or_null(struct json *json, const char *name, const char *at)
{
	if (at)
		json_number(json, name, strtoull(at + 1, NULL, 16));
	else
		json_null(json, name);
}

// "0x47fbe9 (program)", "0xffff..."; "function+0x12/0x34 [module]"; "+0x12 [module]".
static void put_frame(struct json *json, const char *text)
{
	const char *certain = behind(text, "? "), *at = certain ? certain : text;
	const char *plus = strchr(at, '+'), *module = strstr(at, " ["),
		   *slash = plus ? strchr(plus, '/') : NULL;

	json_open(json, NULL, '{');
	json_bool(json, "certain", !certain);
	json_bool(json, "interrupted", strstr(at, " (interrupted)"));
	json_bool(json, "program", strstr(at, " (program)"));
	put_copy_or_null(json, "address", plus ? NULL : at, strcspn(at, " "));
	put_copy_or_null(json, "function",
			 plus == at ? NULL
			 : plus     ? at
				    : NULL,
			 plus ? (size_t)(plus - at) : 0);
	put_hex_or_null(json, "offset", plus);
	put_hex_or_null(json, "size", slash);
	put_copy_or_null(json, "module", module ? module + 2 : NULL, module ? strcspn(module + 2, "]") : 0);
	json_close(json, '}');
}

// Puts the frames from line `from` on, which begin with `indent`, and then how they end.
static void put_frames(struct json *json, const struct section *section, unsigned int from,
		       const char *indent)
{
	const char *end = NULL;

	json_open(json, "frames", '[');
	for (unsigned int i = from; i < section->count && behind(line_of(section, i), indent); i++) {
		const char *text = line_of(section, i) + strlen(indent);

		if (!end && !(end = value_of(text, "end")))
			put_frame(json, text);
	}
	json_close(json, ']');
	json_text(json, "end", end);
}

// ---- CPUs and tasks --------------------------------------------------------------

// Puts the text behind "pid ", NULL where there is none: "92, busybox" or, `has_state`, "92, state D,
// busybox".
static void put_task(struct json *json, const char *pid, bool has_state)
{
	const char *command = pid ? strstr(pid, ", ") : NULL;
	const char *state = command && has_state ? behind(command, ", state ") : NULL;

	if (state)
		command = strstr(state, ", ");
	if (command)
		json_number(json, "pid", strtoull(pid, NULL, 10));
	else
		json_null(json, "pid");
	json_text(json, "command", command ? command + 2 : NULL);
	if (state)
		put_copy_or_null(json, "state", state, 1);
}

// The line of the CPU that has the backtrace of the CPU in line `at`; `at`, if it has its own. "CPU 2: as
// CPU 0" has to begin the line: the name of a task behind it may hold anything.
static unsigned int frames_of(const struct section *cpus, unsigned int at)
{
	const char *own = behind(line_of(cpus, at), "CPU ");
	const char *same = own ? behind(own + strspn(own, "0123456789"), ": as CPU ") : NULL;
	unsigned long wanted = same ? strtoul(same, NULL, 10) : 0;

	for (unsigned int i = 0; same && i < at; i++) {
		const char *number = behind(line_of(cpus, i), "CPU ");

		if (number && strtoul(number, NULL, 10) == wanted)
			return i;
	}
	return at;
}

static void put_panicking_cpu(struct json *json, const struct lines *lines)
{
	struct section backtrace = find_section(lines, "backtrace");

	if (!backtrace.note)
		return;
	json_open(json, NULL, '{');
	put_number_or_null(json, lines, "cpu");
	json_bool(json, "panicked", true);
	put_number_or_null(json, lines, "pid");
	put_text_or_null(json, lines, "command", "command");
	put_frames(json, &backtrace, 0, "");
	json_close(json, '}');
}

static void put_cpus(struct json *json, const struct lines *lines)
{
	struct section cpus = find_section(lines, "cpus");

	json_open(json, "cpus", '[');
	put_panicking_cpu(json, lines);
	for (unsigned int i = 0; i < cpus.count; i++) {
		const char *number = behind(line_of(&cpus, i), "CPU "), *pid;

		if (!number)
			continue;
		pid = strstr(number, ", pid ");
		json_open(json, NULL, '{');
		json_number(json, "cpu", strtoull(number, NULL, 10));
		json_bool(json, "panicked", false);
		put_task(json, pid ? pid + strlen(", pid ") : NULL, false);
		put_frames(json, &cpus, frames_of(&cpus, i) + 1, INDENT);
		json_close(json, '}');
	}
	json_close(json, ']');
}

static void put_tasks(struct json *json, const struct lines *lines)
{
	struct section tasks = find_section(lines, "tasks");

	json_open(json, "tasks", '[');
	for (unsigned int i = 0; i < tasks.count; i++) {
		const char *pid = behind(line_of(&tasks, i), "pid ");

		if (!pid)
			continue;
		json_open(json, NULL, '{');
		put_task(json, pid, true);
		put_frames(json, &tasks, i + 1, INDENT);
		json_close(json, '}');
	}
	json_close(json, ']');
}

// ---- State -----------------------------------------------------------------------

static void put_registers(struct json *json, const struct lines *lines)
{
	struct section registers = find_section(lines, "registers");

	json_open(json, "registers", '{');
	for (unsigned int i = 0; i < registers.count; i++) {
		char *words = registers.lines[i], *rest = NULL;
		char *name = strtok_r(words, " ", &rest), *value;

		for (; name && (value = strtok_r(NULL, " ", &rest)); name = strtok_r(NULL, " ", &rest)) {
			for (char *c = name; *c; c++)
				*c = (char)tolower((unsigned char)*c);
			json_text(json, name, value);
		}
	}
	json_close(json, '}');
}

// "name 0xaddress bytes [not-live] [letters]"
static void put_module(struct json *json, char *line)
{
	char *rest = NULL, *name = strtok_r(line, " ", &rest), *address = strtok_r(NULL, " ", &rest);
	char *bytes = strtok_r(NULL, " ", &rest), *word = strtok_r(NULL, " ", &rest);
	bool live = !word || strcmp(word, "not-live") != 0;

	if (!bytes)
		return;
	json_open(json, NULL, '{');
	json_text(json, "name", name);
	json_text(json, "address", address);
	json_number(json, "bytes", strtoull(bytes, NULL, 10));
	json_bool(json, "live", live);
	word = live ? word : strtok_r(NULL, " ", &rest);
	json_text(json, "tainted", word ? word : "");
	json_close(json, '}');
}

static void put_modules(struct json *json, const struct lines *lines)
{
	struct section modules = find_section(lines, "modules");

	json_open(json, "modules", '[');
	for (unsigned int i = 0; i < modules.count; i++)
		put_module(json, modules.lines[i]);
	json_close(json, ']');
}

// "slab-reclaimable 9028 KiB"
static void put_memory(struct json *json, const struct lines *lines)
{
	struct section memory = find_section(lines, "memory");

	json_open(json, "memory_kib", '{');
	for (unsigned int i = 0; i < memory.count; i++) {
		char *rest = NULL, *name = strtok_r(memory.lines[i], " ", &rest);
		char *number = strtok_r(NULL, " ", &rest);

		if (!number)
			continue;
		for (char *c = name; *c; c++)
			*c = *c == '-' ? '_' : *c;
		json_number(json, name, strtoull(number, NULL, 10));
	}
	json_close(json, '}');
}

// Puts the lines "after 120 ms: log-on-disk" of the section "lifeboat".
static void put_times(struct json *json, const struct lines *lines)
{
	static const char before[] = "after ", between[] = " ms: ";
	struct section lifeboat = find_section(lines, "lifeboat");

	json_open(json, "lifeboat_ms", '{');
	for (unsigned int i = 0; i < lifeboat.count; i++) {
		const char *line = line_of(&lifeboat, i), *stage;
		char name[64], *number_end;
		uint64_t number;

		if (strncmp(line, before, sizeof(before) - 1) != 0)
			continue;
		number = strtoull(line + sizeof(before) - 1, &number_end, 10);
		stage = number_end + sizeof(between) - 1;
		if (strncmp(number_end, between, sizeof(between) - 1) != 0 || strlen(stage) >= sizeof(name))
			continue;
		for (size_t at = 0; at <= strlen(stage); at++)
			name[at] = stage[at] == '-' ? '_' : stage[at];
		json_number(json, name, number);
	}
	json_close(json, '}');
}

static void put_lines(struct json *json, const struct lines *lines, const char *name)
{
	struct section section = find_section(lines, name);

	json_open(json, name, '[');
	for (unsigned int i = 0; i < section.count; i++)
		json_text(json, NULL, line_of(&section, i));
	json_close(json, ']');
}

// Puts each section's own note, and where the section was cut.
static void put_notes(struct json *json, const struct lines *lines)
{
	static const char *const names[] = {"backtrace", "registers", "code",     "cpus", "tasks",
					    "modules",   "memory",    "lifeboat", "log"};

	json_open(json, "sections", '{');
	for (size_t i = 0; i < COUNT(names); i++) {
		struct section section = find_section(lines, names[i]);

		if (!section.note)
			continue;
		json_open(json, names[i], '{');
		json_text(json, "note", section.note);
		json_text(json, "cut", section.cut);
		json_close(json, '}');
	}
	json_close(json, '}');
	json_text(json, "cut", find_section(lines, "cut").note);
}

void report_json(struct json *json, const char *name, const char *text, uint32_t bytes)
{
	struct lines lines;
	struct section code;

	json_open(json, name, '{');
	json_text(json, "schema", REPORT_JSON_SCHEMA);
	if (split(text, bytes, &lines) == 0) {
		put_head(json, &lines);
		put_cpus(json, &lines);
		put_tasks(json, &lines);
		put_notes(json, &lines);
		code = find_section(&lines, "code");
		json_text(json, "code", code.count ? line_of(&code, 0) : NULL);
		put_times(json, &lines);
		put_lines(json, &lines, "lifeboat");
		put_lines(json, &lines, "log");
		// These cut their lines to pieces.
		put_registers(json, &lines);
		put_modules(json, &lines);
		put_memory(json, &lines);
		free(lines.text);
		free(lines.at);
	}
	json_close(json, '}');
}
