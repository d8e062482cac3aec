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

// The number of bits that a unit letter shifts by; 0: it is not a unit.
static unsigned int unit_shift(char c)
{
	static const char units[] = "KMGTPE";

	for (unsigned int i = 0; units[i]; i++)
		if (c == units[i] || c == units[i] - 'A' + 'a')
			return 10 * (i + 1);
	return 0;
}

int lb_size_read(const char *text, const char **ret_end, uint64_t *ret_bytes)
{
	const bool hex = text[0] == '0' && (text[1] | 0x20) == 'x' && lb_digit_value(text[2]) >= 0;
	const unsigned int base = hex ? 16 : text[0] == '0' ? 8 : 10;
	const char *at = hex ? text + 2 : text;
	uint64_t bytes = 0;
	unsigned int shift;

	*ret_end = at;
	if (!lb_is_decimal(*text))
		return -1;
	for (int digit; (digit = lb_digit_value(*at)) >= 0 && digit < (int)base; *ret_end = ++at)
		if (__builtin_mul_overflow(bytes, base, &bytes) ||
		    __builtin_add_overflow(bytes, (uint64_t)digit, &bytes))
			return -1;
	shift = unit_shift(*at);
	if (bytes > UINT64_MAX >> shift)
		return -1;
	*ret_end = shift ? at + 1 : at;
	*ret_bytes = bytes << shift;
	return 0;
}
