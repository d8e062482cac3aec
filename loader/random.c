// SPDX-License-Identifier: BSD-2-Clause
#include "loader/random.h"

#include <stdbool.h>

#include "lib/mem.h"
#include "lib/sha256.h"
#include "loader/clock.h"
#include "loader/firmware.h"

#define UNIQUE_BYTES 16

static bool random_bytes(uint8_t *out, UINTN bytes)
{
	static EFI_GUID guid = EFI_RNG_PROTOCOL_GUID;
	void *protocol;
	EFI_RNG_PROTOCOL *rng;

	if (EFI_ERROR(BS->LocateProtocol(&guid, NULL, &protocol)))
		return false;
	rng = protocol;
	return !EFI_ERROR(rng->GetRNG(rng, NULL, bytes, out));
}

void lb_random_id(const void *salt, size_t bytes, uint8_t ret_id[16])
{
	const uint64_t moment[] = {lb_clock_tsc(), lb_clock_time()};
	uint8_t digest[LB_SHA256_BYTES];
	struct lb_sha256 sha;

	if (random_bytes(ret_id, UNIQUE_BYTES))
		return;
	lb_sha256_begin(&sha);
	lb_sha256_add(&sha, moment, sizeof(moment));
	lb_sha256_add(&sha, salt, bytes);
	lb_sha256_end(&sha, digest);
	memcpy(ret_id, digest, UNIQUE_BYTES);
}
