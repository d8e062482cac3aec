// SPDX-License-Identifier: BSD-2-Clause
#include "loader/options/config.h"

#include <stdbool.h>

#include "lib/mem.h"

struct line {
	const char *key; // not NUL-terminated
	size_t key_bytes;
	const char *value;
	size_t value_bytes;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

// Ends `text`, `bytes` long, before a comment: a # at the start or after a blank, outside of double quotes.
// Blanks at the end are left out.
static size_t without_comment(const char *text, size_t bytes)
{
	bool quoted = false;
	size_t used = 0;

	for (; used < bytes && (quoted || text[used] != '#' || (used > 0 && !is_blank(text[used - 1])));
	     used++)
		quoted ^= text[used] == '"';
	while (used > 0 && is_blank(text[used - 1]))
		used--;
	return used;
}

// False for an empty line and for a comment.
static bool split_line(const char *text, size_t bytes, struct line *ret_line)
{
	struct line line;

	while (bytes > 0 && is_blank(text[bytes - 1]))
		bytes--;
	while (bytes > 0 && is_blank(*text))
		text++, bytes--;
	if (bytes == 0 || *text == '#')
		return false;
	line.key = text;
	while (bytes > 0 && !is_blank(*text))
		text++, bytes--;
	line.key_bytes = (size_t)(text - line.key);
	while (bytes > 0 && is_blank(*text))
		text++, bytes--;
	line.value = text;
	line.value_bytes = without_comment(text, bytes);
	*ret_line = line;
	return true;
}

static bool key_is(const struct line *line, const char *key)
{
	return line->key_bytes == lb_strlen(key) && lb_strncmp(line->key, key, line->key_bytes) == 0;
}

// Removes the quotes around "a value", unless the two belong to different words.
static void drop_quotes(struct line *line)
{
	if (line->value_bytes < 2 || line->value[0] != '"' || line->value[line->value_bytes - 1] != '"')
		return;
	for (size_t i = 1; i + 1 < line->value_bytes; i++)
		if (line->value[i] == '"')
			return;
	line->value++;
	line->value_bytes -= 2;
}

static int take_line(struct lb_options *options, const struct line *given, struct lb_error *err)
{
	struct line line = *given;
	char key[24], value[LB_MAX_CMDLINE];

	if (line.key_bytes >= sizeof(key))
		return lb_fail(err, "unknown key \"%.*s\"", (int)(line.key_bytes < 60 ? line.key_bytes : 60),
			       line.key);
	memcpy(key, line.key, line.key_bytes);
	key[line.key_bytes] = '\0';
	if (key_is(&line, "arguments"))
		return lb_options_arguments(options, line.value, line.value_bytes, err);
	drop_quotes(&line);
	if (line.value_bytes >= sizeof(value))
		return lb_fail(err, "%s: %zu bytes, %zu are possible", key, line.value_bytes,
			       sizeof(value) - 1);
	memcpy(value, line.value, line.value_bytes);
	value[line.value_bytes] = '\0';

	if (key_is(&line, "kernel"))
		return lb_options_kernel(options, value, err);
	if (key_is(&line, "help") || key_is(&line, "help-dump") || key_is(&line, "version"))
		return lb_fail(err, "%s: only for the command line", key);
	return lb_options_set(options, key, key, line.value_bytes ? value : NULL, err);
}

int lb_config_parse(const char *name, const char *text, size_t bytes, struct lb_options *options,
		    struct lb_error *err)
{
	const char *end = text + bytes;
	int result = 0;

	for (size_t i = 0; i < bytes; i++)
		if (!text[i])
			return lb_fail(err, "%s: byte %zu is NUL, wanted UTF-8 text (not UTF-16)", name, i);
	if (bytes >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) // a byte-order mark, from some editors
		text += 3;
	for (unsigned int number = 1; text < end; number++) {
		const char *next = text;
		struct lb_error reason;
		struct line line;

		while (next < end && *next != '\n')
			next++;
		if (split_line(text, (size_t)(next - text), &line) &&
		    take_line(options, &line, &reason) != 0) {
			if (result == 0)
				lb_fail(err, "%s:%u: %s", name, number, reason.text);
			result = -1;
		}
		text = next < end ? next + 1 : end;
	}
	return result;
}
