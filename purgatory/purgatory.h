// SPDX-License-Identifier: BSD-2-Clause
// The purgatory's own parts. Everything runs once, on one CPU, with interrupts off,
// on the crash page tables: nothing may fail for good, nothing may allocate, every
// wait is bounded.
#ifndef LIFEBOAT_PURGATORY_PURGATORY_H
#define LIFEBOAT_PURGATORY_PURGATORY_H

#include <stdbool.h>
#include <stdint.h>

#include "crash/bare/bare.h"
#include "lifeboat/handoff.h"

// entry.asm
extern uint8_t lb_stack_top[];
_Noreturn void lb_jump(uint64_t entry, uint64_t boot_params, const struct lb_handoff *handoff);

// verify.c
bool lb_verify_handoff(const struct lb_handoff *handoff);
uint32_t lb_verify_segments(const struct lb_handoff *handoff);

// quiesce.c
void lb_quiesce(const struct lb_handoff *handoff);

// describe.c
bool lb_describe(const struct lb_handoff *handoff, struct lb_handoff_live *live);
// Whether the dump is encrypted: nothing of the dead machine may be shown then.
bool lb_encrypts(const struct lb_handoff *handoff);
void lb_describe_finish(const struct lb_handoff *handoff, const struct lb_handoff_live *live);

// swap.c: its own inverse.
void lb_swap(const struct lb_swap_range *ranges, uint32_t count);

// main.c
extern const char lb_stage_names[LB_STAGE_COUNT][16]; // as the console and our note name them
_Noreturn void lb_purgatory_main(const struct lb_handoff *handoff, const struct lb_cpu_state *cpu);

#endif
