// SPDX-License-Identifier: BSD-2-Clause
#include "loader/random.h"

#include <stdbool.h>

#include "lib/cpu.h"
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

// ---- Secrets -----------------------------------------------------------------

#define TRIES 1000U // RDSEED may have no number ready for some microseconds
#define LEAF_FEATURES 1
#define RDRAND_ECX (1U << 30)
#define LEAF_MORE_FEATURES 7
#define RDSEED_EBX (1U << 18)

// Source: Intel SDM 1, 7.3.17 "Random Number Generator Instructions".
static bool rdrand(uint64_t *ret_word)
{
	uint8_t there;

	__asm__ volatile("rdrand %0\n\tsetc %1" : "=r"(*ret_word), "=qm"(there) : : "cc");
	return there;
}

static bool rdseed(uint64_t *ret_word)
{
	uint8_t there;

	__asm__ volatile("rdseed %0\n\tsetc %1" : "=r"(*ret_word), "=qm"(there) : : "cc");
	return there;
}

// Fills four words. A source that repeats itself counts as none; some CPUs did so after a suspend.
static bool fill(bool (*next)(uint64_t *ret_word), uint64_t words[4])
{
	for (unsigned int i = 0; i < 4; i++) {
		unsigned int tries = 0;

		while (!next(&words[i])) {
			if (++tries == TRIES)
				return false;
			__asm__ volatile("pause");
		}
		if (i && words[i] == words[i - 1])
			return false;
	}
	return true;
}

int lb_random_seed(struct lb_random_seed *ret_seed, struct lb_error *err)
{
	const uint32_t leaves = cpu_cpuid(0, 0).eax;
	bool any;

	memset(ret_seed, 0, sizeof(*ret_seed));
	ret_seed->tsc = lb_clock_tsc();
	any = random_bytes(ret_seed->firmware, sizeof(ret_seed->firmware));
	if (leaves >= LEAF_MORE_FEATURES && cpu_cpuid(LEAF_MORE_FEATURES, 0).ebx & RDSEED_EBX)
		any |= fill(rdseed, ret_seed->rdseed);
	if (cpu_cpuid(LEAF_FEATURES, 0).ecx & RDRAND_ECX)
		any |= fill(rdrand, ret_seed->rdrand);
	return any ? 0
		   : lb_fail(err, "--dump-encrypt: nothing gives random numbers here: neither the firmware "
				  "(EFI_RNG_PROTOCOL) nor the CPU (RDSEED, RDRAND)");
}
