// SPDX-License-Identifier: BSD-2-Clause
#include "lib/number.h"

static unsigned int digit(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned int)(c - '0');
	if (c >= 'a' && c <= 'f')
		return (unsigned int)(c - 'a') + 10;
	return 16;
}

bool lb_number_read(const char *text, uint32_t bytes, unsigned int base, uint64_t *ret_number)
{
	const bool negative = base == 10 && bytes && text[0] == '-';
	uint64_t number = 0;
	uint32_t i = negative;

	if (i == bytes)
		return false;
	for (; i < bytes; i++) {
		unsigned int value = digit(text[i]);

		if (value >= base || __builtin_mul_overflow(number, base, &number) ||
		    __builtin_add_overflow(number, value, &number))
			return false;
	}
	*ret_number = negative ? -number : number;
	return true;
}
