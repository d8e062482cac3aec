// SPDX-License-Identifier: BSD-2-Clause
// Writes JSON (RFC 8259): commas, indentation and escapes are here, and nowhere else.
#ifndef LIFEBOAT_TOOLS_COMMON_JSON_H
#define LIFEBOAT_TOOLS_COMMON_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct json {
	FILE *out;
	unsigned int depth;
	bool follows; // something precedes in the same object or array
};

// `name` is NULL in an array and for the outermost value; else it is escaped, too.
void json_open(struct json *json, const char *name, char bracket);
void json_close(struct json *json, char bracket);
// Bytes that are not UTF-8 become U+FFFD. NULL is null.
void json_text(struct json *json, const char *name, const char *text);
void json_number(struct json *json, const char *name, uint64_t value);
// Writes a number with three decimals.
void json_thousandths(struct json *json, const char *name, uint64_t value);
void json_bool(struct json *json, const char *name, bool value);
void json_null(struct json *json, const char *name);

#endif
