// SPDX-License-Identifier: BSD-2-Clause
// Between sha256.c and sha256_ni.c only.
#ifndef LIFEBOAT_LIB_SHA256_BLOCKS_H
#define LIFEBOAT_LIB_SHA256_BLOCKS_H

#include <stddef.h>
#include <stdint.h>

#define LB_SHA256_BLOCK 64

extern const uint32_t lb_sha256_k[64]; // aligned to 16 bytes

// FIPS 180-4, 6.2.2 over `count` blocks, with the SHA extensions. Microsoft's calling convention keeps XMM6
// to XMM15: the loader's other objects use only general registers, and return to firmware that expects
// these kept (UEFI 2.10, 2.3.4.2).
void lb_sha256_blocks_ni(uint32_t state[8], const uint8_t *data, size_t count) __attribute__((ms_abi));

#endif
