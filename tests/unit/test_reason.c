// SPDX-License-Identifier: BSD-2-Clause
// Lines of a log: which of them tell why a kernel died, and the class of crash that they name.
#include "crash/report/reason.h"
#include "unit.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void tells_reasons_and_their_classes(void **state)
{
	static const struct {
		const char *message;
		enum lb_reason_kind kind;
		const char *class;
	} cases[] = {
		{"Kernel panic - not syncing: sysrq triggered crash", LB_REASON_CAUSE, "sysrq"},
		{"sysrq: Trigger a crash", LB_REASON_CAUSE, "sysrq"},
		{"BUG: kernel NULL pointer dereference, address: 0000000000000008", LB_REASON_CAUSE,
		 "null-pointer"},
		{"BUG: unable to handle page fault for address: ffffffffc0000000", LB_REASON_CAUSE,
		 "page-fault"},
		{"Oops: 0002 [#1] PREEMPT SMP NOPTI", LB_REASON_FOLLOWS, "oops"},
		{"Oops: general protection fault, kernel NULL: 0000 [#1] SMP", LB_REASON_CAUSE,
		 "protection-fault"},
		{"general protection fault, probably for non-canonical address 0xdead: 0000 [#1]",
		 LB_REASON_CAUSE, "protection-fault"},
		{"divide error: 0000 [#1] PREEMPT SMP", LB_REASON_CAUSE, "divide-error"},
		{"kernel BUG at mm/slub.c:379!", LB_REASON_CAUSE, "bug"},
		{"invalid opcode: 0000 [#1] PREEMPT SMP", LB_REASON_CAUSE, "invalid-opcode"},
		{"traps: PANIC: double fault, error_code: 0x0", LB_REASON_CAUSE, "double-fault"},
		{"watchdog: BUG: soft lockup - CPU#1 stuck for 26s! [cat:77]", LB_REASON_CAUSE,
		 "soft-lockup"},
		{"NMI watchdog: Watchdog detected hard LOCKUP on cpu 2", LB_REASON_CAUSE, "hard-lockup"},
		{"INFO: task cat:77 blocked for more than 122 seconds.", LB_REASON_CAUSE, "hung-task"},
		{"rcu: INFO: rcu_preempt self-detected stall on CPU", LB_REASON_CAUSE, "rcu-stall"},
		{"mce: [Hardware Error]: Machine check: Processor context corrupt", LB_REASON_CAUSE,
		 "machine-check"},
		{"WARNING: CPU: 0 PID: 1 at kernel/fork.c:100 fork+0x1/0x2", LB_REASON_WARNING, "warning"},
		{"Kernel panic - not syncing: Fatal exception in interrupt", LB_REASON_FOLLOWS, "panic"},
		{"Kernel panic - not syncing: hung_task: blocked tasks", LB_REASON_FOLLOWS, "panic"},
		{"Kernel panic - not syncing: kernel: panic_on_warn set ...", LB_REASON_FOLLOWS, "panic"},
		{"Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000000", LB_REASON_CAUSE,
		 "init-killed"},
		{"Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)",
		 LB_REASON_CAUSE, "no-root"},
		{"Kernel panic - not syncing: Out of memory: compulsory panic_on_oom", LB_REASON_CAUSE,
		 "out-of-memory"},
		{"Kernel panic - not syncing: stack-protector: Kernel stack is corrupted in: f",
		 LB_REASON_CAUSE, "stack-protector"},
		{"Kernel panic - not syncing: whatever else", LB_REASON_CAUSE, "panic"},
		{"Run /init as init process", LB_REASON_NONE, "unknown"},
		{"CPU: 0 PID: 1 Comm: x Tainted: G [#a", LB_REASON_NONE, "oops"},
		{"", LB_REASON_NONE, "unknown"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(lb_reason_kind(cases[i].message), cases[i].kind);
		assert_string_equal(lb_reason_class(cases[i].message), cases[i].class);
	}
	assert_true(lb_reason_is_of_warning("Kernel panic - not syncing: panic_on_warn set ..."));
	assert_false(lb_reason_is_of_warning("Kernel panic - not syncing: Fatal exception"));
	assert_false(lb_reason_is_of_warning("panic_on_warn set"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_reasons_and_their_classes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
