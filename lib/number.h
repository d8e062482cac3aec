// SPDX-License-Identifier: BSD-2-Clause
// Digits, numbers as a Linux kernel writes them into VMCOREINFO, sizes as it reads them.
#ifndef LIFEBOAT_LIB_NUMBER_H
#define LIFEBOAT_LIB_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

// The most characters: a minus and the 20 digits of 2^64 - 1.
#define LB_NUMBER_MAX 21U

// Reads a number of at most 64 bits that is all of `text`: base 16 without 0x, in either case, or base 10,
// which may be negative (its two's complement is returned).
bool lb_number_read(const char *text, uint32_t bytes, unsigned int base, uint64_t *ret_number);

// Reads the size at the start of `text` as the kernel's memparse() does (lib/cmdline.c): base 16 after "0x"
// and a digit, 8 after "0", else 10; then K, M, G, T, P or E, in either case. *ret_end is what follows.
// Fails, with *ret_end at the wrong character, where no digit comes first, and, unlike the kernel, where
// the size has more than 64 bits.
int lb_size_read(const char *text, const char **ret_end, uint64_t *ret_bytes);

// The value of a digit in any base up to 16, in either case; -1 when `c` is none.
static inline int lb_digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static inline bool lb_is_decimal(char c)
{
	return c >= '0' && c <= '9';
}

// The byte of two hexadecimal digits; -1: they are not two digits. Reads nothing behind a NUL.
static inline int lb_hex_byte(const char *text)
{
	int high = lb_digit_value(text[0]);
	int low = high < 0 ? -1 : lb_digit_value(text[1]);

	return low < 0 ? -1 : high << 4 | low;
}

#endif
