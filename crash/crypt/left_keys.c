// SPDX-License-Identifier: BSD-2-Clause
#include "crash/crypt/left_keys.h"

#include "lifeboat/crypt.h"

uint64_t lb_left_keys_find(const void *memory, uint64_t bytes, uint64_t from)
{
	const uint64_t *words = memory;

	for (uint64_t at = from; at < bytes; at += sizeof(*words)) {
		if (words[at / sizeof(*words)] == LB_CRYPT_MAGIC)
			return at;
	}
	return bytes;
}
