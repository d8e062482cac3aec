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

// The length of the UTF-8 character at `data`; 0: there is none.
static size_t utf8_bytes(const uint8_t *data, size_t bytes)
{
	const size_t wanted = data[0] < 0x80   ? is_ascii(data[0])
			      : data[0] < 0xc2 ? 0
			      : data[0] < 0xe0 ? 2
			      : data[0] < 0xf0 ? 3
			      : data[0] < 0xf5 ? 4
					       : 0;

	if (wanted > bytes)
		return 0;
	for (size_t i = 1; i < wanted; i++)
		if ((data[i] & 0xc0) != 0x80)
			return 0;
	return wanted;
}

// The length of 8-bit text, most of it ASCII, followed only by NULs; 0: it is something else. Fewer than
// four letters are scraps: "BO" was seen on real machines.
static size_t narrow_bytes(const uint8_t *data, size_t bytes)
{
	size_t used = 0, ascii = 0, others = 0, step;

	while (used < bytes && (step = utf8_bytes(data + used, bytes - used)) > 0) {
		ascii += step == 1;
		others += step > 1;
		used += step;
	}
	for (size_t i = used; i < bytes; i++)
		if (data[i])
			return 0;
	return ascii >= 4 && ascii >= others ? used : 0;
}

static uint32_t little_endian(const uint8_t *data, size_t bytes)
{
	uint32_t value = 0;

	while (bytes-- > 0)
		value = value << 8 | data[bytes];
	return value;
}

// Dell's firmware passes a whole EFI_LOAD_OPTION (UEFI 2.10, 3.1.3) instead of its optional data:
// attributes, length of the paths, description, paths. *ret_at: where the optional data begin.
static bool find_optional_data(const uint8_t *data, size_t bytes, size_t *ret_at)
{
	const uint32_t attributes = 0x1f0b; // all that are defined
	size_t at = 6, end;
	uint32_t unit, node = 0;

	if (bytes < at || (little_endian(data, 4) & ~attributes))
		return false;
	do {
		if (bytes - at < 2)
			return false;
		unit = little_endian(data + at, 2);
		at += 2;
	} while (unit);
	end = at + little_endian(data + 4, 2);
	if (end > bytes)
		return false;
	while (at < end) {
		uint32_t length = end - at < 4 ? 0 : little_endian(data + at + 2, 2);

		if (length < 4 || length > end - at)
			return false;
		node = little_endian(data + at, 2);
		at += length;
	}
	*ret_at = at;
	return node == 0xff7f; // the end of the last path
}

static int take_narrow(const uint8_t *data, size_t bytes, char *text, size_t room, struct lb_error *err)
{
	static const uint8_t mark[] = {0xef, 0xbb, 0xbf};

	if (bytes > sizeof(mark) && memcmp(data, mark, sizeof(mark)) == 0) {
		data += sizeof(mark);
		bytes -= sizeof(mark);
	}
	if (bytes >= room)
		return lb_fail(err, "load options: %zu bytes of text, %zu are possible", bytes, room - 1);
	memcpy(text, data, bytes);
	text[bytes] = '\0';
	return 0;
}

static int take_wide(const uint16_t *data, size_t bytes, char *text, size_t room, struct lb_error *err)
{
	size_t used = 0, plain = 0, length;

	if (bytes % 2)
		return lb_fail(err, "load options: not text, an odd number of bytes (%zu)", bytes);
	if (bytes > 0 && data[0] == 0xfeff) {
		data++;
		bytes -= sizeof(*data);
	}
	for (; used < bytes / 2 && data[used]; used++) {
		if (data[used] < 0x20 && !is_blank(data[used]))
			return lb_fail(err, "load options: not text, control character 0x%x at byte %zu",
				       data[used], 2 * used);
		plain += is_ascii(data[used]);
	}
	// Any two bytes are some UTF-16 character: a GUID reads as Chinese. Users type paths and kernel
	// arguments here, most of it ASCII.
	if (plain * 2 < used)
		return lb_fail(err, "load options: not text, %zu of %zu characters are ASCII", plain, used);
	length = lb_utf16_to_utf8(data, used, text, room);
	if (length >= room)
		return lb_fail(err, "load options: %zu bytes of text, %zu are possible", length, room - 1);
	return 0;
}

int lb_load_options_text(uint16_t *data, size_t bytes, char *text, size_t room, struct lb_error *err)
{
	const uint8_t *narrow = (const uint8_t *)data;
	size_t at, ascii = 0;

	if (find_optional_data(narrow, bytes, &at)) {
		bytes -= at;
		memmove(data, narrow + at, bytes);
	}
	at = narrow_bytes(narrow, bytes);
	if (at > 0)
		return take_narrow(narrow, at, text, room, err);
	if (take_wide(data, bytes, text, room, err) == 0)
		return 0;
	while (ascii < bytes && is_ascii(narrow[ascii]))
		ascii++;
	if (ascii >= 4 && ascii < bytes && narrow[ascii] >= 0x80)
		lb_fail(err, "load options: not text, 8-bit with 0x%x at byte %zu, wanted UTF-8 or UTF-16",
			narrow[ascii], ascii);
	return -1;
}
