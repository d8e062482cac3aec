// SPDX-License-Identifier: BSD-2-Clause
#include "crash/crypt/chunk.h"

#include "lib/mem.h"

#define NONCE 12
#define NUMBER_END 11 // end of the chunk's number in the nonce

static void make_nonce(struct lb_chunk_place place, uint8_t ret_nonce[NONCE])
{
	memset(ret_nonce, 0, NONCE);
	for (unsigned int i = 0; i < sizeof(place.number); i++)
		ret_nonce[NUMBER_END - 1 - i] = (uint8_t)(place.number >> 8 * i);
	ret_nonce[NONCE - 1] = place.last;
}

void lb_chunk_seal(const uint8_t key[LB_CRYPT_KEY], struct lb_chunk_place place, const void *plain,
		   uint32_t bytes, uint8_t *to)
{
	uint8_t nonce[NONCE];

	make_nonce(place, nonce);
	memcpy(to, plain, bytes);
	lb_crypt_seal(key, nonce, to, bytes, to + bytes);
}

bool lb_chunk_open(const uint8_t key[LB_CRYPT_KEY], struct lb_chunk_place place, uint8_t *sealed,
		   uint32_t bytes)
{
	const uint32_t plain = bytes - LB_CRYPT_TAG;
	uint8_t nonce[NONCE];

	make_nonce(place, nonce);
	return lb_crypt_open(key, nonce, sealed, plain, sealed + plain);
}
