// SPDX-License-Identifier: BSD-2-Clause
// Source: Intel SDM 2, CPUID; SDM 3A 13.1 and table 13-1 (when SSE instructions
// raise #UD or #NM).
#include "lib/sha_ni.h"

#include "lib/cpu.h"
#include "lifeboat/x86.h"

#define LEAF1_ECX_SSSE3 (1U << 9) // PSHUFB, PALIGNR
#define LEAF1_ECX_SSE41 (1U << 19) // PEXTRD
#define LEAF1_EDX_SSE2 (1U << 26)
#define LEAF7_EBX_SHA (1U << 29)

struct lb_sha_ni_state lb_sha_ni_state(void)
{
	struct lb_sha_ni_state state = {.max_leaf = cpu_cpuid(0, 0).eax};
	struct cpu_cpuid leaf1 = cpu_cpuid(1, 0);

	state.leaf1_ecx = leaf1.ecx;
	state.leaf1_edx = leaf1.edx;
	if (state.max_leaf >= 7)
		state.leaf7_ebx = cpu_cpuid(7, 0).ebx;
	state.privileged = (cpu_cs() & 3) == 0;
	if (state.privileged) {
		state.cr0 = cpu_cr0();
		state.cr4 = cpu_cr4();
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
