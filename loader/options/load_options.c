// SPDX-License-Identifier: BSD-2-Clause
#include "loader/options/load_options.h"

#include <stdbool.h>

#include "lib/mem.h"
#include "lib/utf16.h"

static bool is_blank(uint32_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_ascii(uint32_t c)
{
	return is_blank(c) || (c >= 0x20 && c < 0x7f);
}

int lb_load_options_split(char *text, const char **words, uint32_t max, uint32_t *ret_count,
			  struct lb_error *err)
{
	uint32_t count = 0;
	char *from = text;

	for (;;) {
		bool quoted = false;
		char *to;

		while (is_blank((uint8_t)*from))
			from++;
		if (!*from)
			break;
		if (count == max)
			return lb_fail(err, "load options: more than %u words, from \"%.40s\" on", max, from);
		words[count++] = to = from;
		for (; *from && (quoted || !is_blank((uint8_t)*from)); from++) {
			if (*from == '"')
				quoted = !quoted;
			else
				*to++ = *from;
		}
		if (*from)
			from++;
		*to = '\0'; // at or before the blank just passed
	}
	*ret_count = count;
	return 0;
}

// The length of ASCII text with nothing but NULs behind it; 0 when it is not that.
// Less than four letters are a scrap: "BO" was seen on real machines.
static size_t ascii_bytes(const uint8_t *data, size_t bytes)
{
	size_t used = 0;

	while (used < bytes && is_ascii(data[used]))
		used++;
	for (size_t i = used; i < bytes; i++)
		if (data[i])
			return 0;
	return used >= 4 ? used : 0;
}

int lb_load_options_text(const uint16_t *data, size_t bytes, char *text, size_t room, struct lb_error *err)
{
	size_t ascii = ascii_bytes((const uint8_t *)data, bytes);
	size_t used = 0, plain = 0, length;

	if (ascii > 0) {
		if (ascii >= room)
			return lb_fail(err, "load options: %zu bytes of text, %zu are possible", ascii,
				       room - 1);
		memcpy(text, data, ascii);
		text[ascii] = '\0';
		return 0;
	}
	if (bytes % 2)
		return lb_fail(err, "load options: not text, an odd number of bytes (%zu)", bytes);
	for (; used < bytes / 2 && data[used]; used++) {
		if (data[used] < 0x20 && !is_blank(data[used]))
			return lb_fail(err, "load options: not text, control character 0x%x at byte %zu",
				       data[used], 2 * used);
		plain += is_ascii(data[used]);
	}
	// Any two bytes are some character: a GUID reads as Chinese. What users type
	// here is paths and kernel arguments, most of it ASCII.
	if (plain * 2 < used)
		return lb_fail(err, "load options: not text, %zu of %zu characters are ASCII", plain, used);
	length = lb_utf16_to_utf8(data, used, text, room);
	if (length >= room)
		return lb_fail(err, "load options: %zu bytes of text, %zu are possible", length, room - 1);
	return 0;
}
