// SPDX-License-Identifier: BSD-2-Clause
// Swaps low memory with its backup: the second kernel gets the low 1 MiB, the dump shows the dead kernel's.
// A second swap puts every byte back.
#include "purgatory/purgatory.h"

void lb_swap(const struct lb_swap_range *ranges, uint32_t count)
{
	for (uint32_t i = 0; i < count && i < LB_MAX_SWAP_RANGES; i++) {
		volatile uint64_t *low = (volatile uint64_t *)(uintptr_t)ranges[i].phys; // may be address 0
		volatile uint64_t *backup = (volatile uint64_t *)(uintptr_t)ranges[i].backup;

		for (uint64_t word = 0; word < ranges[i].bytes / sizeof(*low); word++) {
			uint64_t kept = low[word];

			low[word] = backup[word];
			backup[word] = kept;
		}
	}
}
