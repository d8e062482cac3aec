// SPDX-License-Identifier: BSD-2-Clause
#include "crash/crypt/bech32.h"

#include <stdbool.h>

#define CHECKSUM 6U // characters
#define BITS 5U // in a character

static char small(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

// Returns -1 for a character that is not in the alphabet.
static int value_of(char c)
{
	static const char alphabet[] = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";

	for (int i = 0; alphabet[i]; i++) {
		if (alphabet[i] == small(c))
			return i;
	}
	return -1;
}

static uint32_t step(uint32_t sum, uint32_t value)
{
	static const uint32_t generator[] = {0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3};
	const uint32_t top = sum >> 25;

	sum = (sum & 0x1ffffff) << BITS ^ value;
	for (unsigned int i = 0; i < BITS; i++)
		sum ^= top >> i & 1 ? generator[i] : 0;
	return sum;
}

static bool is_mixed(const char *text, size_t bytes)
{
	bool capital = false, low = false;

	for (size_t i = 0; i < bytes; i++) {
		capital |= text[i] >= 'A' && text[i] <= 'Z';
		low |= text[i] >= 'a' && text[i] <= 'z';
	}
	return capital && low;
}

size_t lb_bech32_word(const char *text, size_t bytes)
{
	for (size_t i = bytes; i > 0; i--) {
		if (text[i - 1] == '1')
			return i - 1;
	}
	return bytes;
}

// The sum of word and data is 1 if the checksum is right.
static enum lb_bech32 check(const char *text, size_t bytes, size_t word)
{
	uint32_t sum = 1;

	for (size_t i = 0; i < word; i++)
		sum = step(sum, (uint32_t)small(text[i]) >> BITS);
	sum = step(sum, 0);
	for (size_t i = 0; i < word; i++)
		sum = step(sum, (uint32_t)small(text[i]) & 31);
	for (size_t i = word + 1; i < bytes; i++) {
		const int value = value_of(text[i]);

		if (value < 0)
			return LB_BECH32_CHARACTER;
		sum = step(sum, (uint32_t)value);
	}
	return sum == 1 ? LB_BECH32_OK : LB_BECH32_CHECKSUM;
}

enum lb_bech32 lb_bech32_read(const char *text, size_t bytes, uint8_t *data, size_t room, size_t *ret_count)
{
	const size_t word = lb_bech32_word(text, bytes);
	enum lb_bech32 result;
	uint32_t bits = 0, held = 0;
	size_t count = 0;

	if (!word || word >= bytes || bytes - word - 1 < CHECKSUM)
		return LB_BECH32_CHARACTER;
	for (size_t i = 0; i < word; i++) {
		if (text[i] < '!' || text[i] > '~')
			return LB_BECH32_CHARACTER;
	}
	if (is_mixed(text, bytes))
		return LB_BECH32_CASE;
	result = check(text, bytes, word);
	if (result != LB_BECH32_OK)
		return result;
	for (size_t i = word + 1; i < bytes - CHECKSUM; i++) {
		bits = (bits << BITS | (uint32_t)value_of(text[i])) & 0xfff;
		held += BITS;
		if (held < 8)
			continue;
		held -= 8;
		if (count == room)
			return LB_BECH32_LENGTH;
		data[count++] = (uint8_t)(bits >> held);
	}
	// The bits that are left over must be 0, and fewer than a character has.
	if (held >= BITS || (bits & ((1U << held) - 1)))
		return LB_BECH32_LENGTH;
	*ret_count = count;
	return LB_BECH32_OK;
}
