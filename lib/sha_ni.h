// SPDX-License-Identifier: BSD-2-Clause
// Whether this CPU, as it is set up, can run the SHA extensions. At any privilege level: loader, purgatory,
// host.
#ifndef LIFEBOAT_LIB_SHA_NI_H
#define LIFEBOAT_LIB_SHA_NI_H

#include <stdbool.h>
#include <stdint.h>

struct lb_sha_ni_state {
	uint32_t max_leaf; // CPUID 0, EAX
	uint32_t leaf1_ecx;
	uint32_t leaf1_edx;
	uint32_t leaf7_ebx; // 0 where there is no leaf 7
	bool privileged; // level 0: the control registers below are this CPU's
	uint64_t cr0; // 0 unless `privileged`
	uint64_t cr4;
};

struct lb_sha_ni_state lb_sha_ni_state(void);

// Without privilege SSE counts as enabled: a 64-bit operating system did that.
bool lb_sha_ni_usable(const struct lb_sha_ni_state *state);

#endif
