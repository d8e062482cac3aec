// SPDX-License-Identifier: BSD-2-Clause
// Judges the form of a report (crash/report/report.h) and of its JSON, whatever their content is. For unit
// tests and the fuzzer.
#ifndef LIFEBOAT_TESTS_UNIT_REPORT_FORM_H
#define LIFEBOAT_TESTS_UNIT_REPORT_FORM_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

// Returns what is wrong with the text, or NULL.
static inline const char *report_form_fault(const char *text, uint32_t bytes)
{
	bool in_head = true, after_empty = false;

	if (text[bytes])
		return "no NUL behind it";
	if (bytes && text[bytes - 1] != '\n')
		return "its last line does not end";
	for (const char *line = text, *end; line < text + bytes; line = end + 1) {
		end = memchr(line, '\n', (size_t)(text + bytes - line));
		for (const char *at = line; at < end; at++) {
			if (*at < ' ' || *at > '~')
				return "a character that cannot be printed";
		}
		if (line == end) {
			if (after_empty)
				return "two empty lines";
			in_head = false;
			after_empty = true;
			continue;
		}
		if (strncmp(line, "  ", 2) == 0) {
			if (in_head || after_empty)
				return "a line outside a section";
			continue;
		}
		if (!in_head && !after_empty)
			return "a section without an empty line before it";
		if (*line < 'a' || *line > 'z' || !memchr(line, ':', (size_t)(end - line)))
			return "a line that is neither a key's nor a section's";
		after_empty = false;
	}
	return after_empty ? "an empty line at its end" : NULL;
}

// True if every bracket and every text of this JSON is closed.
static inline bool json_ends(const char *json)
{
	int depth = 0;
	bool in_text = false;

	for (const char *at = json; *at; at++) {
		if (in_text && *at == '\\')
			at++;
		else if (*at == '"')
			in_text = !in_text;
		else if (!in_text)
			depth += (*at == '{' || *at == '[') - (*at == '}' || *at == ']');
	}
	return depth == 0 && !in_text;
}

#endif
