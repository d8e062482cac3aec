// SPDX-License-Identifier: BSD-2-Clause
#include "tools/footprint/plain_text.h"

#include <stdbool.h>
#include <string.h>

#define ESCAPE '\033'

// Turns UTF-16 into Latin-1, with '?' for other characters. Returns the bytes that are left.
static size_t from_utf16(unsigned char *text, size_t bytes, bool big_endian)
{
	size_t used = 0;

	for (size_t i = 2; i + 1 < bytes; i += 2) {
		const unsigned char high = text[i + !big_endian], low = text[i + big_endian];

		text[used++] = high ? '?' : low;
	}
	return used;
}

// The length of the escape sequence at `text`, which begins with ESC. One that does not end takes the rest
// of its line.
static size_t escape_bytes(const unsigned char *text, size_t bytes)
{
	size_t end = 2;

	if (bytes < 2 || text[1] == '\n')
		return 1;
	if (text[1] == '[') {
		while (end < bytes && text[end] >= 0x20 && text[end] < 0x40)
			end++;
		return end < bytes && text[end] >= 0x40 && text[end] < 0x7f ? end + 1 : end;
	}
	if (text[1] != ']')
		return 2;
	while (end < bytes && text[end] != '\n' && text[end] != '\a' && text[end] != ESCAPE)
		end++;
	if (end < bytes && text[end] == ESCAPE)
		return end + 1 < bytes && text[end + 1] == '\\' ? end + 2 : end;
	return end < bytes && text[end] == '\a' ? end + 1 : end;
}

// The number of CRs at `text` if a newline follows them.
static size_t line_end_bytes(const unsigned char *text, size_t bytes)
{
	size_t end = 0;

	while (end < bytes && text[end] == '\r')
		end++;
	return end < bytes && text[end] != '\n' ? 0 : end;
}

static bool is_plain(unsigned char c)
{
	return (c >= 0x20 && c < 0x7f) || c == '\n' || c == '\t';
}

void plain_text(char *text, size_t bytes)
{
	unsigned char *bare = (unsigned char *)text;
	size_t used = 0, at = 0;

	if (bytes >= 2 && memcmp(bare, "\xff\xfe", 2) == 0)
		bytes = from_utf16(bare, bytes, false);
	else if (bytes >= 2 && memcmp(bare, "\xfe\xff", 2) == 0)
		bytes = from_utf16(bare, bytes, true);
	else if (bytes >= 3 && memcmp(bare, "\xef\xbb\xbf", 3) == 0)
		at = 3;
	while (at < bytes) {
		size_t skip = 0;

		if (bare[at] == ESCAPE)
			skip = escape_bytes(bare + at, bytes - at);
		else if (bare[at] == '\r')
			skip = line_end_bytes(bare + at, bytes - at);
		if (skip) {
			at += skip;
			continue;
		}
		bare[used++] = is_plain(bare[at]) ? bare[at] : '?';
		at++;
	}
	bare[used] = '\0';
}

void plain_name(char *text)
{
	unsigned char *bare = (unsigned char *)text;

	for (; *bare; bare++) {
		const bool c1 = bare[0] == 0xc2 && bare[1] >= 0x80 && bare[1] < 0xa0;

		if (*bare < 0x20 || *bare == 0x7f)
			*bare = '?';
		else if (c1)
			bare[0] = bare[1] = '?';
	}
}
