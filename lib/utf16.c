// SPDX-License-Identifier: BSD-2-Clause
#include "lib/utf16.h"

#include <stdbool.h>

#define REPLACEMENT 0xfffdU

static bool is_surrogate(uint32_t code)
{
	return code >= 0xd800 && code < 0xe000;
}

// Writes `code` as UTF-8 to `out` (4 bytes). Returns the bytes written.
static size_t encode_utf8(uint32_t code, char out[4])
{
	if (code < 0x80) {
		out[0] = (char)code;
		return 1;
	}
	if (code < 0x800) {
		out[0] = (char)(0xc0 | code >> 6);
		out[1] = (char)(0x80 | (code & 0x3f));
		return 2;
	}
	if (code < 0x10000) {
		out[0] = (char)(0xe0 | code >> 12);
		out[1] = (char)(0x80 | (code >> 6 & 0x3f));
		out[2] = (char)(0x80 | (code & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | code >> 18);
	out[1] = (char)(0x80 | (code >> 12 & 0x3f));
	out[2] = (char)(0x80 | (code >> 6 & 0x3f));
	out[3] = (char)(0x80 | (code & 0x3f));
	return 4;
}

// Reads the next character of `text`, which is not at its NUL, and moves *pos past it. An overlong form, a
// surrogate, a code above U+10FFFF or a stray byte (RFC 3629) takes one byte and becomes the replacement
// character.
static uint32_t decode_utf8(const char *text, size_t *pos)
{
	static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
	uint8_t first = (uint8_t)text[*pos];
	size_t bytes = first < 0x80           ? 1
		       : (first >> 5) == 0x6  ? 2
		       : (first >> 4) == 0xe  ? 3
		       : (first >> 3) == 0x1e ? 4
					      : 0;
	uint32_t code = bytes == 1 ? first : first & (0x7fU >> bytes);

	for (size_t i = 1; i < bytes; i++) {
		uint8_t next = (uint8_t)text[*pos + i]; // nothing behind a NUL: it is no continuation

		if ((next & 0xc0) != 0x80) {
			bytes = 0;
			break;
		}
		code = code << 6 | (next & 0x3f);
	}
	if (bytes == 0 || code < smallest[bytes] || code > 0x10ffff || is_surrogate(code)) {
		*pos += 1;
		return REPLACEMENT;
	}
	*pos += bytes;
	return code;
}

size_t lb_utf16_to_utf8(const uint16_t *text, size_t units, char *out, size_t room)
{
	size_t length = 0, written = 0;

	for (size_t i = 0; i < units && text[i]; i++) {
		uint32_t code = text[i];
		char piece[4];
		size_t bytes;

		if (code < 0xdc00 && is_surrogate(code) && i + 1 < units && text[i + 1] >= 0xdc00 &&
		    text[i + 1] < 0xe000)
			code = 0x10000 + ((code - 0xd800) << 10) + (text[++i] - 0xdc00U);
		else if (is_surrogate(code))
			code = REPLACEMENT;
		bytes = encode_utf8(code, piece);
		if (written == length && length + bytes < room) {
			for (size_t j = 0; j < bytes; j++)
				out[written++] = piece[j];
		}
		length += bytes;
	}
	if (room > 0)
		out[written] = '\0';
	return length;
}

size_t lb_utf8_to_utf16(const char *text, uint16_t *out, size_t room)
{
	size_t length = 0, written = 0;

	for (size_t pos = 0; text[pos];) {
		uint32_t code = decode_utf8(text, &pos);
		size_t units = code < 0x10000 ? 1 : 2;

		if (written == length && length + units < room) {
			if (units == 1) {
				out[written++] = (uint16_t)code;
			} else {
				out[written++] = (uint16_t)(0xd800 + ((code - 0x10000) >> 10));
				out[written++] = (uint16_t)(0xdc00 + ((code - 0x10000) & 0x3ff));
			}
		}
		length += units;
	}
	if (room > 0)
		out[written] = 0;
	return length;
}
