// SPDX-License-Identifier: BSD-2-Clause
// Source: Intel SDM 2, CPUID; SDM 3A 13.1 and table 13-1 (when SSE instructions
// raise #UD or #NM).
#include "lib/sha_ni.h"

#include "lifeboat/x86.h"

#define LEAF1_ECX_SSSE3 (1U << 9) // PSHUFB, PALIGNR
#define LEAF1_ECX_SSE41 (1U << 19) // PEXTRD
#define LEAF1_EDX_SSE2 (1U << 26)
#define LEAF7_EBX_SHA (1U << 29)

static void cpuid(uint32_t leaf, uint32_t ret_words[4])
{
	__asm__ volatile("cpuid"
			 : "=a"(ret_words[0]), "=b"(ret_words[1]), "=c"(ret_words[2]), "=d"(ret_words[3])
			 : "a"(leaf), "c"(0));
}

struct lb_sha_ni_state lb_sha_ni_state(void)
{
	struct lb_sha_ni_state state = {0};
	uint32_t words[4];
	uint16_t cs;

	cpuid(0, words);
	state.max_leaf = words[0];
	cpuid(1, words);
	state.leaf1_ecx = words[2];
	state.leaf1_edx = words[3];
	if (state.max_leaf >= 7) {
		cpuid(7, words);
		state.leaf7_ebx = words[1];
	}
	__asm__ volatile("mov %%cs, %0" : "=r"(cs));
	state.privileged = (cs & 3) == 0;
	if (state.privileged) {
		__asm__ volatile("mov %%cr0, %0" : "=r"(state.cr0));
		__asm__ volatile("mov %%cr4, %0" : "=r"(state.cr4));
	}
	return state;
}

bool lb_sha_ni_usable(const struct lb_sha_ni_state *state)
{
	const uint32_t ecx = LEAF1_ECX_SSSE3 | LEAF1_ECX_SSE41;

	if ((state->leaf1_ecx & ecx) != ecx || !(state->leaf1_edx & LEAF1_EDX_SSE2) ||
	    !(state->leaf7_ebx & LEAF7_EBX_SHA))
		return false;
	return !state->privileged ||
	       (!(state->cr0 & (X86_CR0_EM | X86_CR0_TS)) && (state->cr4 & X86_CR4_OSFXSR));
}
