// SPDX-License-Identifier: BSD-2-Clause
// Numbers as a Linux kernel writes them into VMCOREINFO.
#ifndef LIFEBOAT_CRASH_NUMBER_H
#define LIFEBOAT_CRASH_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

// A minus and the 20 digits of 2^64 - 1.
#define LB_NUMBER_MAX 21U

// All of `text` is a number: base 16 without 0x, or base 10, which may be negative (its
// two's complement is returned).
bool lb_number_read(const char *text, uint32_t bytes, unsigned int base, uint64_t *ret_number);

#endif
