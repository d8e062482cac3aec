// SPDX-License-Identifier: BSD-2-Clause
#include "tools/common/json.h"

#include <inttypes.h>
#include <string.h>

// The length of the UTF-8 character at the start of `text`; 0: it is not one (RFC 3629, section 4).
static size_t character_bytes(const unsigned char *text)
{
	static const struct {
		unsigned char first, last; // of the first byte
		unsigned char low, high; // of the second
		unsigned char bytes;
	} kinds[] = {
		{0x20, 0x7e, 0, 0xff, 1},    {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
		{0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
		{0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (text[0] < kinds[i].first || text[0] > kinds[i].last)
			continue;
		if (kinds[i].bytes > 1 && (text[1] < kinds[i].low || text[1] > kinds[i].high))
			return 0;
		for (size_t j = 2; j < kinds[i].bytes; j++)
			if (text[j] < 0x80 || text[j] > 0xbf)
				return 0;
		return kinds[i].bytes;
	}
	return 0;
}

static void write_text(FILE *out, const char *text)
{
	const unsigned char *at = (const unsigned char *)text;

	fputc('"', out);
	while (*at) {
		const size_t bytes = character_bytes(at);

		if (*at == '"' || *at == '\\')
			fprintf(out, "\\%c", *at);
		else if (bytes)
			fwrite(at, 1, bytes, out);
		else
			fprintf(out, "\\u%04x", *at < 0x80 ? *at : 0xfffd);
		at += bytes ? bytes : 1;
	}
	fputc('"', out);
}

static void begin(struct json *json, const char *name)
{
	if (json->follows)
		fputc(',', json->out);
	if (json->depth)
		fprintf(json->out, "\n%*s", (int)(2 * json->depth), "");
	json->follows = true;
	if (!name)
		return;
	write_text(json->out, name);
	fputs(": ", json->out);
}

void json_open(struct json *json, const char *name, char bracket)
{
	begin(json, name);
	fputc(bracket, json->out);
	json->depth++;
	json->follows = false;
}

void json_close(struct json *json, char bracket)
{
	json->depth--;
	if (json->follows)
		fprintf(json->out, "\n%*s", (int)(2 * json->depth), "");
	fputc(bracket, json->out);
	json->follows = true;
	if (!json->depth)
		fputc('\n', json->out);
}

void json_text(struct json *json, const char *name, const char *text)
{
	begin(json, name);
	if (text)
		write_text(json->out, text);
	else
		fputs("null", json->out);
}

void json_number(struct json *json, const char *name, uint64_t value)
{
	begin(json, name);
	fprintf(json->out, "%" PRIu64, value);
}

void json_thousandths(struct json *json, const char *name, uint64_t value)
{
	begin(json, name);
	fprintf(json->out, "%" PRIu64 ".%03" PRIu64, value / 1000, value % 1000);
}

void json_bool(struct json *json, const char *name, bool value)
{
	begin(json, name);
	fputs(value ? "true" : "false", json->out);
}

void json_null(struct json *json, const char *name)
{
	json_text(json, name, NULL);
}
