// SPDX-License-Identifier: BSD-2-Clause
#include "crash/dead/system_state.h"

#define PANIC_CPU_INVALID (-1)

enum {
	PANIC_CPU,
	SYSTEM_STATE,
	START_BTF,
	STOP_BTF,
	SYMBOLS,
};

static bool read_number(struct lb_system_state_work *work, uint64_t virt, int32_t *ret_number)
{
	lb_deadmem_refill(&work->mem);
	return virt && lb_deadmem_copy(&work->mem, virt, ret_number, sizeof(*ret_number));
}

// Is `state` one of those that kernel/reboot.c sets?
static bool is_reboot(struct lb_system_state_work *work, int32_t state)
{
	static const char *const names[] = {"SYSTEM_RESTART", "SYSTEM_POWER_OFF", "SYSTEM_HALT", NULL};

	lb_btf_learn(&work->btf, names);
	for (uint32_t i = 0; names[i]; i++) {
		int64_t value;

		if (lb_btf_enumerator(&work->btf, names[i], &value) && value == state)
			return true;
	}
	return false;
}

enum lb_system_verdict lb_system_state_judge(const struct lb_deadkernel *kernel,
					     struct lb_system_state_work *work, struct lb_error *why)
{
	struct lb_symbol_wanted wanted[SYMBOLS] = {
		[PANIC_CPU] = {.name = "panic_cpu"},
		[SYSTEM_STATE] = {.name = "system_state"},
		[START_BTF] = {.name = "__start_BTF"},
		[STOP_BTF] = {.name = "__stop_BTF"},
	};
	int32_t cpu, state;

	lb_deadmem_open(&work->mem, &kernel->space);
	if (lb_symbols_open(&work->symbols, &work->mem, kernel, NULL, why) != 0)
		return LB_SYSTEM_UNKNOWN;
	lb_symbols_find(&work->symbols, wanted, SYMBOLS);
	if (!read_number(work, wanted[PANIC_CPU].address, &cpu)) {
		lb_fail(why, "panic_cpu: kallsyms does not have it, or it cannot be read");
		return LB_SYSTEM_UNKNOWN;
	}
	if (cpu != PANIC_CPU_INVALID)
		return LB_SYSTEM_PANIC;
	if (!read_number(work, wanted[SYSTEM_STATE].address, &state)) {
		lb_fail(why,
			"panic_cpu is -1; system_state: kallsyms does not have it, or it cannot be read");
		return LB_SYSTEM_UNKNOWN;
	}
	if (!wanted[START_BTF].address || !wanted[STOP_BTF].address) {
		lb_fail(why, "panic_cpu is -1; system_state is %d, and without BTF that means nothing",
			state);
		return LB_SYSTEM_UNKNOWN;
	}
	if (lb_btf_open(&work->btf, &work->mem, wanted[START_BTF].address, wanted[STOP_BTF].address, why) !=
	    0)
		return LB_SYSTEM_UNKNOWN;
	if (is_reboot(work, state))
		return LB_SYSTEM_REBOOT;
	lb_fail(why, "panic_cpu is -1; system_state is %d, which is no reboot", state);
	return LB_SYSTEM_UNKNOWN;
}
