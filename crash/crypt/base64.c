// SPDX-License-Identifier: BSD-2-Clause
#include "crash/crypt/base64.h"

#define BITS 6U // in a character

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void lb_base64_write(const uint8_t *data, size_t bytes, char *text)
{
	uint32_t bits = 0, held = 0;

	for (size_t i = 0; i < bytes; i++) {
		bits = (bits << 8 | data[i]) & 0xffff;
		for (held += 8; held >= BITS; held -= BITS)
			*text++ = alphabet[bits >> (held - BITS) & 63];
	}
	if (held)
		*text = alphabet[bits << (BITS - held) & 63];
}

static int value_of(char c)
{
	for (int i = 0; i < 64; i++) {
		if (alphabet[i] == c)
			return i;
	}
	return -1;
}

bool lb_base64_read(const char *text, size_t bytes, uint8_t *data)
{
	uint32_t bits = 0, held = 0;

	for (size_t i = 0; i < LB_BASE64_BYTES(bytes); i++) {
		const int value = value_of(text[i]);

		if (value < 0)
			return false;
		bits = (bits << BITS | (uint32_t)value) & 0xffff;
		held += BITS;
		if (held >= 8) {
			held -= 8;
			*data++ = (uint8_t)(bits >> held);
		}
	}
	return !(bits & ((1U << held) - 1));
}
