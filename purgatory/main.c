// SPDX-License-Identifier: BSD-2-Clause
// From the hook to the second kernel, stage by stage. The point of no return was passed in the hook: on an
// error the purgatory prints it and follows the policy.
#include "crash/plan/kernel_arguments.h"
#include "lib/cpu.h"
#include "lib/format.h"
#include "lib/mem.h"
#include "lifeboat/x86.h"
#include "purgatory/purgatory.h"

// The stages' names. tsc[LB_STAGE_ARMED] is the time at which the hook was entered.
const char lb_stage_names[LB_STAGE_COUNT][16] = {"hook",     "entry", "verify", "quiesce",
						 "describe", "swap",  "jump"};

static void enter(struct lb_handoff_live *live, enum lb_stage stage)
{
	live->stage = stage;
	live->tsc[stage] = cpu_tsc();
	lb_say("%s", lb_stage_names[stage]);
}

static void fault(struct lb_handoff_live *live, enum lb_fault fault, uint64_t detail)
{
	live->fault = fault;
	live->fault_detail = detail;
}

// The configured console may itself be damaged, so the message goes to the likeliest other console, too.
static void say_unsound(const struct lb_handoff *handoff)
{
	do
		lb_say("fault: the handoff at 0x%lx is not what was armed", (uint64_t)(uintptr_t)handoff);
	while (lb_console_com1());
}

static void verify(const struct lb_handoff *handoff, struct lb_handoff_live *live)
{
	uint32_t bad = lb_verify_segments(handoff);
	const struct lb_segment *segment;

	if (!bad)
		return;
	segment = &handoff->segments[bad - 1];
	fault(live, LB_FAULT_SEGMENT, bad - 1);
	lb_say("fault: segment %s, %lu bytes at 0x%lx, is not what was armed (SHA-256 differs)",
	       segment->name, segment->bytes, segment->phys);
	if (handoff->on_mismatch != LB_POLICY_BOOT)
		lb_stop(handoff->on_mismatch);
	lb_say("going on all the same, as told by --on-fault");
}

// Keeps the dead kernel's four levels on a CPU that may have five: the second kernel must not change that.
// Room was left behind its command line.
static void keep_four_levels(const struct lb_handoff *handoff, const struct lb_handoff_live *live)
{
	static const char word[] = LB_CMDLINE_NO5LVL;
	char *cmdline = (char *)(uintptr_t)handoff->cmdline;
	size_t length;

	if (live->cpu.cr4 & X86_CR4_LA57)
		return;
	length = lb_strlen(cmdline);
	if (length + sizeof(word) <= handoff->cmdline_room)
		memcpy(cmdline + length, word, sizeof(word));
}

_Noreturn void lb_purgatory_main(const struct lb_handoff *handoff, const struct lb_cpu_state *cpu)
{
	static const char speaker[] = "lifeboat-purgatory";
	struct lb_handoff_live *live = (struct lb_handoff_live *)(uintptr_t)handoff->live;
	uint64_t begun = cpu_tsc();
	bool sound;

	lb_console_open(handoff, false, speaker); // for a fault while verifying
	sound = lb_verify_handoff(handoff);
	lb_console_open(handoff, sound, speaker);
	if (!sound) { // `live` may be damaged, too
		say_unsound(handoff);
		lb_stop(LB_POLICY_RESET);
	}
	live->attempts++;
	live->cpu = *cpu;
	live->tsc[LB_STAGE_ARMED] = cpu->tsc;
	lb_trap_watch(handoff, live);
	enter(live, LB_STAGE_ENTRY);
	live->tsc[LB_STAGE_ENTRY] = begun;

	enter(live, LB_STAGE_VERIFY);
	verify(handoff, live);

	if (lb_encrypts(handoff))
		lb_trap_at_end(NULL); // at the end there is nothing to do, but registers are not shown

	enter(live, LB_STAGE_QUIESCE);
	lb_quiesce(handoff);

	enter(live, LB_STAGE_DESCRIBE);
	memset((void *)(uintptr_t)handoff->notes, 0, handoff->notes_bytes); // no digest guards the notes
	if (!lb_describe(handoff, live)) {
		fault(live, LB_FAULT_ENCRYPTED, cpu->cr3);
		lb_say("fault: the dead kernel's memory is encrypted (CR3 0x%lx)", cpu->cr3);
		lb_stop(handoff->on_fault);
	}

	enter(live, LB_STAGE_SWAP);
	lb_swap(handoff->swap, handoff->swap_count);

	enter(live, LB_STAGE_JUMP);
	if (!handoff->capture)
		keep_four_levels(handoff, live);
	lb_describe_finish(handoff, live);
	lb_jump(handoff->kernel_entry, handoff->boot_params, handoff);
}
