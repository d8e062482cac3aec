// SPDX-License-Identifier: BSD-2-Clause
// The C of the crossing from the dead kernel's world to ours. Called by entry.asm;
// uses nothing but this image's own data.
#include "loader/hook/state.h"

struct lb_hook_sealed lb_hook_sealed;
struct lb_cpu_state lb_hook_cpu;
struct lb_tables lb_hook_tables;
EFI_RESET_SYSTEM lb_hook_original;
uint8_t lb_hook_armed;
uint8_t lb_hook_fired;

#define STACK_BYTES 1024

extern uint8_t lb_hook_stack_top[]; // the linker script's, above the stacks
static uint8_t ist_stacks[LB_IST_COUNT][STACK_BYTES] __attribute__((aligned(16)));

// FNV-1a, 64 bits: tells an accident from what arm() wrote.
uint64_t lb_hook_sum(const struct lb_hook_sealed *sealed)
{
	const uint8_t *bytes = (const uint8_t *)sealed;
	uint64_t sum = 0xcbf29ce484222325ULL;

	for (size_t i = 0; i < offsetof(struct lb_hook_sealed, sum); i++)
		sum = (sum ^ bytes[i]) * 0x100000001b3ULL;
	return sum;
}

bool lb_hook_sound(void)
{
	return lb_hook_sum(&lb_hook_sealed) == lb_hook_sealed.sum;
}

static uint64_t stub(unsigned int vector)
{
	const uint32_t pushes_code = 1U << 8 | 1U << 10 | 1U << 11 | 1U << 12 | 1U << 13 | 1U << 14 |
				     1U << 17 | 1U << 21 | 1U << 29 | 1U << 30; // SDM 3A table 6-1

	if (vector == 2)
		return (uint64_t)(uintptr_t)lb_hook_trap_nmi;
	return (uint64_t)(uintptr_t)(pushes_code >> vector & 1 ? lb_hook_trap_code : lb_hook_trap);
}

void lb_hook_build_tables(void)
{
	uint64_t tops[LB_IST_COUNT];

	for (unsigned int i = 0; i < LB_IST_COUNT; i++)
		tops[i] = (uint64_t)(uintptr_t)(ist_stacks[i] + STACK_BYTES);
	lb_tables_build(&lb_hook_tables, tops, stub, 32);
}
