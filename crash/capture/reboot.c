// SPDX-License-Identifier: BSD-2-Clause
// Tells an ordinary reboot, which enters the hook as well, from a panic. In doubt it was a panic.
#include "crash/capture/capture.h"
#include "crash/dead/crash_signs.h"
#include "crash/dead/deadkernel.h"
#include "crash/dead/dmesg.h"
#include "crash/dead/system_state.h"
#include "crash/platform/guard.h"
#include "crash/platform/platform.h"

// Time limit for the search of the two variables: ten times what it takes under emulation.
#define JUDGE_MS 5000

struct judging {
	const struct lb_deadspace *dead;
	struct lb_deadkernel kernel;
	struct lb_system_state_work *work;
	enum lb_system_verdict verdict;
	struct lb_error why;
};

static void judge(void *ctx)
{
	struct judging *judging = ctx;

	lb_deadkernel_open(judging->dead, &judging->kernel);
	judging->verdict = lb_system_state_judge(&judging->kernel, judging->work, &judging->why);
}

// Decides by the kernel's variables when the log cannot be read. A fault or a loop in the search leaves
// the answer in doubt.
static bool variables_say_reboot(struct lb_run *run)
{
	struct judging judging = {.dead = &run->last, .work = run->scratch};
	struct lb_guard_fault fault;
	enum lb_guard_end end = LB_GUARD_DONE;

	_Static_assert(sizeof(*judging.work) <= LB_CAPTURE_SCRATCH, "it works in scratch");
	lb_fail(&judging.why, "there is no memory to look further");
	if (judging.work)
		end = lb_guard_run(judge, &judging, JUDGE_MS, &fault);
	if (end != LB_GUARD_DONE) {
		judging.verdict = LB_SYSTEM_UNKNOWN;
		lb_fail(&judging.why, "looking for panic_cpu failed at 0x%lx of the capture kernel",
			fault.rip);
	}
	if (judging.verdict == LB_SYSTEM_REBOOT) {
		lb_say("no dump: nothing panicked: panic_cpu is -1 and system_state is that of a reboot");
		return true;
	}
	if (judging.verdict == LB_SYSTEM_PANIC) {
		lb_say_of_dead(run, "a panic, says panic_cpu");
		return false;
	}
	run->job.doubt = "no sign of a panic: the log cannot be read";
	lb_say_of_dead(run, "%s, and %s: dumping", run->job.doubt, judging.why.text);
	return false;
}

// The last records of the log to read. A reboot's words are the last ones, and a panic prints hardly
// more records than this. Reading all of a long log would take too long while none of it is on a disk.
#define LAST_RECORDS 4096U
#define LAST_BYTES LB_MIB

static bool look(void *ctx, const char *text, size_t bytes)
{
	struct lb_crash_signs *signs = ctx;

	lb_crash_signs_add(signs, text, bytes);
	return true;
}

bool lb_was_reboot(struct lb_run *run)
{
	static const struct lb_dmesg_ends ends = {.last = LAST_RECORDS, .bytes = LAST_BYTES};
	struct lb_crash_signs signs = {.bytes = 0};
	enum lb_crash_verdict verdict;
	struct lb_error why;
	struct lb_dmesg_gaps gaps;

	run->job.doubt = NULL;
	if (lb_dmesg_read_ends(&run->last, ends, look, &signs, &gaps, &why) != 0) {
		lb_say_of_dead(run, "warning: the dead kernel's log: %s", why.text);
		return variables_say_reboot(run);
	}
	verdict = lb_crash_signs_judge(&signs);
	if (verdict == LB_CRASH_NO_SIGN) {
		run->job.doubt = "no sign of a panic in the log";
		lb_say_of_dead(run, "%s, nor of a reboot at its end: dumping", run->job.doubt);
	}
	if (verdict == LB_CRASH_REBOOT)
		lb_say("no dump: nothing panicked: the log ends in an ordinary (warm) reboot");
	return verdict == LB_CRASH_REBOOT;
}
