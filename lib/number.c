// SPDX-License-Identifier: BSD-2-Clause
#include "lib/number.h"

bool lb_number_read(const char *text, uint32_t bytes, unsigned int base, uint64_t *ret_number)
{
	const bool negative = base == 10 && bytes && text[0] == '-';
	uint64_t number = 0;
	uint32_t i = negative;

	if (i == bytes)
		return false;
	for (; i < bytes; i++) {
		int value = lb_digit_value(text[i]);

		if (value < 0 || (unsigned int)value >= base ||
		    __builtin_mul_overflow(number, base, &number) ||
		    __builtin_add_overflow(number, (unsigned int)value, &number))
			return false;
	}
	*ret_number = negative ? -number : number;
	return true;
}
