// SPDX-License-Identifier: BSD-2-Clause
// Bytes at a place of a file.
#ifndef LIFEBOAT_TOOLS_COMMON_READ_AT_H
#define LIFEBOAT_TOOLS_COMMON_READ_AT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Reads all of `bytes` from byte `at` on. False: the file ends before, or cannot be read.
bool read_at(int file, void *to, size_t bytes, uint64_t at);

#endif
