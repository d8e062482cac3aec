// SPDX-License-Identifier: BSD-2-Clause
// The four memory functions that a freestanding compiler may call. lib/mem.c defines them for the EFI and
// purgatory builds, libc on the host.
#ifndef LIFEBOAT_LIB_MEM_H
#define LIFEBOAT_LIB_MEM_H

#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t bytes);
void *memmove(void *to, const void *from, size_t bytes);
void *memset(void *to, int value, size_t bytes);
int memcmp(const void *left, const void *right, size_t bytes);

#endif
