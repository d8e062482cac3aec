// SPDX-License-Identifier: BSD-2-Clause
// The messages are those of Linux 5.10 to 7.2: kernel/panic.c, kernel/watchdog.c, kernel/hung_task.c,
// kernel/rcu/tree_stall.h, arch/x86/kernel/{dumpstack,traps,nmi}.c, arch/x86/mm/fault.c,
// arch/x86/kernel/cpu/mce/core.c.
#include "crash/report/reason.h"

#include "lib/format.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char panic_words[] = "Kernel panic - not syncing: ";

// A panic whose message begins with one of these does not say its cause. An earlier line says it.
static const char *const following[] = {
	"Fatal exception",
	"Fatal machine check",
	"Fatal hardware error",
	"Fatal local machine check",
	"hung_task: ",
	"softlockup: ",
	"Hard LOCKUP",
	"kernel: panic_on_warn set",
	"panic_on_warn set",
	"RCU Stall",
	"Oops",
	"Timeout: Not all CPUs",
};

static const struct {
	const char *word;
	enum lb_reason_kind kind;
} signs[] = {
	{"BUG: ", LB_REASON_CAUSE},
	{"kernel BUG at ", LB_REASON_CAUSE},
	{"general protection fault", LB_REASON_CAUSE},
	{"PANIC: double fault", LB_REASON_CAUSE},
	{"sysrq: Trigger a crash", LB_REASON_CAUSE},
	{"Watchdog detected hard LOCKUP", LB_REASON_CAUSE},
	{" blocked for more than ", LB_REASON_CAUSE},
	{"self-detected stall on CPU", LB_REASON_CAUSE},
	{"detected stalls on CPUs/tasks", LB_REASON_CAUSE},
	{"mce: [Hardware Error]: Machine check: ", LB_REASON_CAUSE},
	{"WARNING: ", LB_REASON_WARNING},
};

// The first one that fits counts.
static const struct {
	const char *word, *class;
} classes[] = {
	{"soft lockup", "soft-lockup"},
	{"hard LOCKUP", "hard-lockup"},
	{" blocked for more than ", LB_REASON_HUNG_TASK},
	{"stall", "rcu-stall"},
	{"sysrq", "sysrq"},
	{"KASAN: ", "kasan"},
	{"KFENCE: ", "kfence"},
	{"NULL pointer dereference", "null-pointer"},
	{"unable to handle", "page-fault"},
	{"kernel stack overflow", "stack-overflow"},
	{"stack guard page was hit", "stack-overflow"},
	{"kernel BUG at ", "bug"},
	{"general protection fault", "protection-fault"},
	{"double fault", "double-fault"},
	{"divide error", "divide-error"},
	{"invalid opcode", "invalid-opcode"},
	{"stack-protector", "stack-protector"},
	{"scheduling while atomic", "atomic-sleep"},
	{"sleeping function called", "atomic-sleep"},
	{"Bad page", "bad-page"},
	{"Attempted to kill init", "init-killed"},
	{"Unable to mount root", "no-root"},
	{"No working init found", "no-init"},
	{"No init found", "no-init"},
	{"Requested init ", "no-init"},
	{"ut of memory", "out-of-memory"},
	{"deadlocked on memory", "out-of-memory"},
	{"achine check", "machine-check"},
	{"Hardware Error", "machine-check"},
	{"NMI", "nmi"},
	{"WARNING: ", "warning"},
	{"BUG: ", "bug"},
	{"Kernel panic", "panic"},
	{"Oops", "oops"},
	{" [#", "oops"},
};

static const char *find(const char *text, const char *word)
{
	size_t bytes = lb_strlen(word);

	for (; *text; text++) {
		if (lb_strncmp(text, word, bytes) == 0)
			return text;
	}
	return NULL;
}

// Recognizes lines like "Oops: 0002 [#1] PREEMPT SMP" and "divide error: 0000 [#3]". die() numbers them since
// boot.
static enum lb_reason_kind kind_of_die(const char *message)
{
	const char *number = find(message, " [#");

	if (!number || number[3] < '0' || number[3] > '9')
		return LB_REASON_NONE;
	return lb_strncmp(message, "Oops: 0", 7) == 0 ? LB_REASON_FOLLOWS : LB_REASON_CAUSE;
}

enum lb_reason_kind lb_reason_kind(const char *message)
{
	const char *panic = find(message, panic_words);

	if (panic) {
		panic += sizeof(panic_words) - 1;
		for (size_t i = 0; i < COUNT(following); i++) {
			if (lb_strncmp(panic, following[i], lb_strlen(following[i])) == 0)
				return LB_REASON_FOLLOWS;
		}
		return LB_REASON_CAUSE;
	}
	for (size_t i = 0; i < COUNT(signs); i++) {
		if (find(message, signs[i].word))
			return signs[i].kind;
	}
	return kind_of_die(message);
}

bool lb_reason_is_of_warning(const char *message)
{
	return find(message, panic_words) && find(message, "panic_on_warn set");
}

const char *lb_reason_class(const char *message)
{
	for (size_t i = 0; i < COUNT(classes); i++) {
		if (find(message, classes[i].word))
			return classes[i].class;
	}
	return "unknown";
}
