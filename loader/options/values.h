// SPDX-License-Identifier: BSD-2-Clause
// The kinds of value that options take. `shown` is the option's name in messages. Pure.
#ifndef LIFEBOAT_LOADER_OPTIONS_VALUES_H
#define LIFEBOAT_LOADER_OPTIONS_VALUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/format.h"

// Always fails: `value` is not what the option wants.
int lb_value_refuse(const char *shown, const char *value, const char *wants, struct lb_error *err);

// Copies `bytes` bytes; fails when they and a NUL do not fit into `room`.
int lb_value_copy(const char *shown, const char *value, size_t bytes, char *ret_text, size_t room,
		  struct lb_error *err);

// Reads a decimal number from `min` to `max`. All of `value` is digits, no more of them than `max` has.
bool lb_value_number(const char *value, uint32_t min, uint32_t max, uint32_t *ret_number);

// Reads a hexadecimal number of at most 64 bits. All of `value` is 0x and digits.
bool lb_value_address(const char *value, uint64_t *ret_address);

// Finds `value` among `names`.
bool lb_value_name(const char *value, const char *const *names, uint32_t count, uint32_t *ret_index);

#endif
