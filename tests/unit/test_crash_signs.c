// SPDX-License-Identifier: BSD-2-Clause
// Signs of a crash are found wherever the log is cut into pieces, and not where there are none.
#include <string.h>

#include "crash/dead/crash_signs.h"
#include "unit.h"

static bool shows(const char *log, size_t cut, size_t piece)
{
	struct lb_crash_signs signs = {.tail_bytes = 0};
	size_t length = strlen(log), at = cut < length ? cut : length;

	lb_crash_signs_add(&signs, log, at);
	for (; at < length; at += piece)
		lb_crash_signs_add(&signs, log + at, piece < length - at ? piece : length - at);
	return signs.found;
}

static void every_cut(const char *log, bool wanted)
{
	for (size_t cut = 0; cut <= strlen(log); cut++) {
		for (size_t piece = 1; piece < 80; piece++) {
			if (shows(log, cut, piece) != wanted)
				fail_msg("cut at %zu, pieces of %zu: %s", cut, piece, log);
		}
	}
}

static void crashes_are_found(void **state)
{
	(void)state;
	every_cut("[    1.000000] Linux version 6.1\n[    5.000000] Kernel panic - not syncing: VFS\n", true);
	every_cut("[    1.000000] something\n[    5.000000] Oops: 0002 [#1] PREEMPT SMP\n[    6.000000] x\n",
		  true);
	every_cut("BUG: kernel NULL pointer dereference", true);
	every_cut("a line that is a good deal longer than what is kept between two pieces of the log, then "
		  "[   12.000000] sysrq: Trigger a crash",
		  true);
	every_cut("general protection fault", true);
}

static void reboots_are_not(void **state)
{
	(void)state;
	every_cut("", false);
	every_cut("[    9.000000] reboot: Restarting system\n[    9.100000] reboot: machine restart\n",
		  false);
	every_cut("Kernel pani\nc DEBUG Oop s, general protection faul sysrq: Trigger a cras\n", false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(crashes_are_found),
		cmocka_unit_test(reboots_are_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
