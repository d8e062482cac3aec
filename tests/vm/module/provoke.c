// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
// A Linux module that brings its kernel down in the way that its parameter `how` names, on the CPU where it
// is loaded (`taskset -c N insmod provoke.ko how=irq`). For tests in virtual machines only. No kernel of
// Debian's has such a module.
#include <linux/bug.h>
#include <linux/hrtimer.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/notifier.h>
#include <linux/objtool.h>
#include <linux/panic_notifier.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/smp.h>
#include <linux/timer.h>

#include <asm/apic.h>
#include <asm/nmi.h>

// Not canonical: a push to this stack is a stack fault, whose own frame has no room either.
#define NO_STACK 0xdead000000000000ul
// An address in page 0, which no kernel maps.
#define BAD_POINTER 8ul

static char *how = "";
module_param(how, charp, 0);
MODULE_PARM_DESC(how, "process, softirq, irq, bug, stack, double, soft, hung, nested, nested-oops or in-nmi");

static noinline void oops(void)
{
	*(volatile int *)BAD_POINTER = 1;
}

static void soft_timer_fired(struct timer_list *unused)
{
	oops();
}
static DEFINE_TIMER(soft_timer, soft_timer_fired);

// Waits until an interrupt finds this CPU in the kernel. If it came from user mode it would be handled on the
// task's own stack, and the log would have <TASK> in place of <IRQ>.
static void await_interrupt(void)
{
	for (;;)
		cpu_relax();
}

static void softirq(void)
{
	if (!IS_ENABLED(CONFIG_PREEMPT_RT)) // there a task handles softirqs, and must get the CPU
		preempt_disable();
	soft_timer.expires = jiffies + 1;
	add_timer_on(&soft_timer, smp_processor_id());
	await_interrupt();
}

static enum hrtimer_restart hard_timer_fired(struct hrtimer *unused)
{
	oops();
	return HRTIMER_NORESTART;
}
static struct hrtimer hard_timer;

// Hard: the timer's function runs in the interrupt itself, on a PREEMPT_RT kernel too.
static void irq(void)
{
	preempt_disable();
	hrtimer_init(&hard_timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL_PINNED_HARD);
	hard_timer.function = hard_timer_fired;
	hrtimer_start(&hard_timer, ms_to_ktime(1), HRTIMER_MODE_REL_PINNED_HARD);
	await_interrupt();
}

static void bug(void)
{
	BUG();
}

// Recurses until the stack overflows into the unmapped page below.
static noinline int deeper(int depth)
{
	volatile char room[512];

	room[0] = (char)depth;
	if (depth < 0)
		return room[0];
	return deeper(depth + 1) + room[0];
}

static void stack(void)
{
	deeper(1);
}

static void double_fault(void)
{
	asm volatile("mov %0, %%rsp\n\tpush $0" : : "r"(NO_STACK) : "memory");
}
STACK_FRAME_NON_STANDARD(double_fault);

// Needs softlockup_panic=1.
static void soft(void)
{
	preempt_disable();
	for (;;)
		cpu_relax();
}

static int sleep_for_ever(void *unused)
{
	for (;;) {
		set_current_state(TASK_UNINTERRUPTIBLE);
		schedule();
	}
	return 0;
}

// Needs kernel.hung_task_panic=1.
static void hung(void)
{
	kthread_run(sleep_for_ever, NULL, "lifeboat-hung");
}

static void panic_again(void)
{
	panic("a panic inside a panic");
}

// Called once only, because the second panic comes here too.
static void (*next_disaster)(void);

static int while_panicking(struct notifier_block *unused, unsigned long event, void *message)
{
	void (*disaster)(void) = next_disaster;

	next_disaster = NULL;
	if (disaster)
		disaster();
	return NOTIFY_DONE;
}
static struct notifier_block notifier = {.notifier_call = while_panicking, .priority = INT_MAX};

static void panic_then(void (*disaster)(void))
{
	next_disaster = disaster;
	atomic_notifier_chain_register(&panic_notifier_list, &notifier);
	panic("the first disaster of two");
}

static void nested(void)
{
	panic_then(panic_again);
}

static void nested_oops(void)
{
	panic_then(oops);
}

static int nmi_handler(unsigned int type, struct pt_regs *registers)
{
	panic("a panic inside an NMI");
}

static void panic_in_nmi(void)
{
	register_nmi_handler(NMI_LOCAL, nmi_handler, NMI_FLAG_FIRST, "lifeboat");
	apic->send_IPI(raw_smp_processor_id(), NMI_VECTOR);
}

static const struct {
	const char *name;
	void (*provoke)(void);
} ways[] = {
	{"process", oops},
	{"softirq", softirq},
	{"irq", irq},
	{"bug", bug},
	{"stack", stack},
	{"double", double_fault},
	{"soft", soft},
	{"hung", hung},
	{"nested", nested},
	{"nested-oops", nested_oops},
	{"in-nmi", panic_in_nmi},
};

static int __init provoke_init(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		if (strcmp(how, ways[i].name) == 0) {
			ways[i].provoke();
			return 0; // threads act later
		}
	}
	pr_err("how=%s: no such way; see modinfo\n", how);
	return -EINVAL;
}
module_init(provoke_init);

MODULE_DESCRIPTION("Lifeboat's test module: brings the kernel down on request");
MODULE_LICENSE("Dual BSD/GPL");
