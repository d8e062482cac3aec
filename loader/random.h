// SPDX-License-Identifier: BSD-2-Clause
// Random numbers: an id for each arming, and the seed of secrets.
#ifndef LIFEBOAT_LOADER_RANDOM_H
#define LIFEBOAT_LOADER_RANDOM_H

#include <stddef.h>
#include <stdint.h>

#include "lib/format.h"

// 16 bytes that no other arming has: from the firmware's random number generator, else a digest of the time
// and of `salt`.
void lb_random_id(const void *salt, size_t bytes, uint8_t ret_id[16]);

// The seed of secrets: 32 bytes from each source, zeroes for a missing one.
struct lb_random_seed {
	uint8_t firmware[32]; // EFI_RNG_PROTOCOL
	uint64_t rdseed[4], rdrand[4]; // the CPU's
	uint64_t tsc; // the time stamp counter now; not a source by itself
};

// Asks all sources. Fails where none answers.
int lb_random_seed(struct lb_random_seed *ret_seed, struct lb_error *err);

#endif
