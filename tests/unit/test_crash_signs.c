// SPDX-License-Identifier: BSD-2-Clause
// The end of a log tells a crash from a reboot, wherever the log is cut into pieces.
#include <stdio.h>
#include <string.h>

#include "crash/dead/crash_signs.h"
#include "unit.h"

#define RESTARTING "[    9.000000] reboot: Restarting system\n"
#define PANIC "[    9.100000] Kernel panic - not syncing: Attempted to kill init!\n"
#define TASK "[    9.200000] task:kworker/0:1     state:I stack:0     pid:9\n"
#define TASKS_5 TASK TASK TASK TASK TASK
#define TASKS_15 TASKS_5 TASKS_5 TASKS_5

static enum lb_crash_verdict judge(const char *log, size_t cut, size_t piece)
{
	struct lb_crash_signs signs = {.bytes = 0};
	size_t length = strlen(log), at = cut < length ? cut : length;

	lb_crash_signs_add(&signs, log, at);
	for (; at < length; at += piece)
		lb_crash_signs_add(&signs, log + at, piece < length - at ? piece : length - at);
	return lb_crash_signs_judge(&signs);
}

static void every_cut(const char *log, enum lb_crash_verdict wanted)
{
	for (size_t cut = 0; cut <= strlen(log); cut++) {
		for (size_t piece = 1; piece < 80; piece += 6) {
			if (judge(log, cut, piece) != wanted)
				fail_msg("cut at %zu, pieces of %zu: %s", cut, piece, log);
		}
	}
}

static void crashes_are_found(void **state)
{
	(void)state;
	every_cut("[    1.000000] Linux version 6.1\n" PANIC, LB_CRASH_SIGN);
	every_cut("[    1.000000] something\n[    5.000000] Oops: 0002 [#1] PREEMPT SMP\n[    6.000000] x\n",
		  LB_CRASH_SIGN);
	every_cut("[    1.000000] BUG: kernel NULL pointer dereference", LB_CRASH_SIGN);
	every_cut("[   12.000000] sysrq: Trigger a crash\n", LB_CRASH_SIGN);
	every_cut("[   12.000000] traps: general protection fault", LB_CRASH_SIGN);
}

// The notifiers' messages can push the line of the panic out of the kept end. Such a log is not taken for a
// reboot.
static void pushed_out_panic_is_no_reboot(void **state)
{
	(void)state;
	every_cut(TASKS_15 TASK, LB_CRASH_NO_SIGN);
	every_cut("", LB_CRASH_NO_SIGN);
	every_cut("[    9.000000] Kernel pani\n[    9.000000] c DEBUG Oop s, sysrq: Trigger a cras\n",
		  LB_CRASH_NO_SIGN);
}

static void reboots_are_found(void **state)
{
	static const char *const messages[] = {
		"reboot: Restarting system\n[    9.100000] reboot: machine restart\n",
		"reboot: Restarting system with command 'bootloader'",
		"reboot: Power down\n",
		"reboot: System halted\n",
		"kexec: Starting new kernel\n",
		"kexec_core: Starting new kernel\n",
		"sysrq: Resetting\n",
	};
	char log[200];

	(void)state;
	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		snprintf(log, sizeof(log), "[    1.000000] x\n[    9.000000] %s", messages[i]);
		every_cut(log, LB_CRASH_REBOOT);
		snprintf(log, sizeof(log), "[    9.000000] [      T1] %s", messages[i]);
		every_cut(log, LB_CRASH_REBOOT);
	}
}

static void reboot_after_an_oops_is_one(void **state)
{
	(void)state;
	every_cut("[    5.000000] Oops: 0002 [#1] PREEMPT SMP\n" TASK RESTARTING, LB_CRASH_REBOOT);
}

static void panic_during_a_reboot_is_one(void **state)
{
	(void)state;
	every_cut(RESTARTING PANIC, LB_CRASH_SIGN);
	every_cut(RESTARTING TASK PANIC TASK, LB_CRASH_SIGN);
}

static void only_the_last_lines_count(void **state)
{
	(void)state;
	assert_int_equal(judge(RESTARTING TASKS_15, 0, 100), LB_CRASH_REBOOT);
	assert_int_equal(judge(RESTARTING TASKS_15 TASK, 0, 100), LB_CRASH_NO_SIGN);
	assert_int_equal(judge(RESTARTING TASKS_15 TASK RESTARTING TASK, 0, 100), LB_CRASH_REBOOT);
}

// A message counts only if it begins with the kernel's words, right behind the time.
static void quoted_reboots_are_none(void **state)
{
	(void)state;
	every_cut("[    9.000000] init: say reboot: Restarting system\n", LB_CRASH_NO_SIGN);
	every_cut("[    9.000000] two\n               reboot: Restarting system\n", LB_CRASH_NO_SIGN);
	every_cut("reboot: Restarting system\n", LB_CRASH_NO_SIGN);
	every_cut("[    9.000000] [a] [b] reboot: Restarting system\n", LB_CRASH_NO_SIGN);
}

static void long_lines(void **state)
{
	char log[600] = "[    9.000000] ";

	(void)state;
	memset(log + strlen(log), 'x', 400);
	strcat(log, "\n" RESTARTING);
	every_cut(log, LB_CRASH_REBOOT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(crashes_are_found),
		cmocka_unit_test(pushed_out_panic_is_no_reboot),
		cmocka_unit_test(reboots_are_found),
		cmocka_unit_test(reboot_after_an_oops_is_one),
		cmocka_unit_test(panic_during_a_reboot_is_one),
		cmocka_unit_test(only_the_last_lines_count),
		cmocka_unit_test(quoted_reboots_are_none),
		cmocka_unit_test(long_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
