// SPDX-License-Identifier: BSD-2-Clause
#include "loader/options/values.h"

#include "lib/mem.h"
#include "lib/number.h"

int lb_value_refuse(const char *shown, const char *value, const char *wants, struct lb_error *err)
{
	return lb_fail(err, "%s: \"%.60s\" was given, wanted %s", shown, value, wants);
}

int lb_value_copy(const char *shown, const char *value, size_t bytes, char *ret_text, size_t room,
		  struct lb_error *err)
{
	if (bytes >= room)
		return lb_fail(err, "%s: \"%.*s...\" has %zu bytes, %zu are possible", shown,
			       bytes < 40 ? (int)bytes : 40, value, bytes, room - 1);
	memcpy(ret_text, value, bytes);
	ret_text[bytes] = '\0';
	return 0;
}

bool lb_value_number(const char *value, uint32_t min, uint32_t max, uint32_t *ret_number)
{
	uint64_t number = 0;
	uint32_t left = max;

	do {
		int digit = lb_digit_value(*value++);

		if (digit < 0 || digit > 9)
			return false;
		number = number * 10 + (uint32_t)digit;
		left /= 10;
	} while (*value && left);
	if (*value || number < min || number > max)
		return false;
	*ret_number = (uint32_t)number;
	return true;
}

bool lb_value_address(const char *value, uint64_t *ret_address)
{
	uint64_t address = 0;

	if (value[0] != '0' || (value[1] != 'x' && value[1] != 'X') || !value[2])
		return false;
	for (value += 2; *value; value++) {
		int digit = lb_digit_value(*value);

		if (digit < 0 || address >> 60)
			return false;
		address = address << 4 | (uint64_t)digit;
	}
	*ret_address = address;
	return true;
}

bool lb_value_name(const char *value, const char *const *names, uint32_t count, uint32_t *ret_index)
{
	for (uint32_t i = 0; i < count; i++) {
		if (lb_strcmp(value, names[i]) == 0) {
			*ret_index = i;
			return true;
		}
	}
	return false;
}
