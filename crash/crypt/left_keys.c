// SPDX-License-Identifier: BSD-2-Clause
#include "crash/crypt/left_keys.h"

#include "crash/crypt/primitives.h"
#include "lifeboat/crypt.h"

uint32_t lb_left_keys_wipe(void *memory, uint64_t bytes)
{
	uint64_t *words = memory, count = bytes / sizeof(*words);
	uint32_t found = 0;

	for (uint64_t i = 0; i < count; i++) {
		const uint64_t left = (count - i) * sizeof(*words);

		if (words[i] != LB_CRYPT_MAGIC)
			continue;
		lb_crypt_wipe(&words[i], left < sizeof(struct lb_crypt) ? left : sizeof(struct lb_crypt));
		found++;
	}
	return found;
}
