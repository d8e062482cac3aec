// SPDX-License-Identifier: BSD-2-Clause
// Names the modules, the tasks and the frames of each CPU's and each sleeping task's stack of a dump, with
// the capture kernel's code. For comparison with crash on the same dump.
//
//	frames_verdict VMCORE
//
// Prints a line for each:
//
//	missing REASON
//	module NAME BASE BYTES TAINTS STATE
//	cpu NUMBER TASK PID NAME          followed by its frames, for the panicking one from below panic()
//	task TASK PID STATE NAME          followed by its frames, unless it was on a CPU
//	  frame ADDRESS FLAGS FUNCTION+OFFSET/BYTES [MODULE]
//	  end REASON
//
// FLAGS: ? uncertain, i interrupted, u in a program, s on another stack than the frame before, or -.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crash/dead/percpu.h"
#include "crash/dead/tasks.h"
#include "tools/report/dumpfile.h"
#include "tools/report/kernel.h"

#define CPUS_MAX 64U
#define MODULES_MAX 512U

static struct dumpfile dump;
static struct kernel kernel;
static struct lb_report_source source;
static struct lb_deadmem mem;
static struct lb_symbols symbols;
static struct lb_btf btf;
static struct lb_module room[MODULES_MAX];
static struct lb_modules modules;
static struct lb_tasks tasks;
static struct lb_unwinder unwinder;
static uint64_t on_cpu[CPUS_MAX];

static void missing(const char *what)
{
	printf("missing %s\n", what);
}

static void fail(const char *what)
{
	fprintf(stderr, "frames_verdict: %s: %s\n", dump.name, what);
	exit(2);
}

static void open_dump(const char *path)
{
	struct lb_error err;

	if (dumpfile_open(&dump, path, &err) != 0) {
		dump.name = path;
		fail(err.text);
	}
	kernel_find(&dump, &kernel, &source);
	if (!kernel.dead.has_text)
		fail("has no kernel's image");
	if (!source.registers)
		fail("has no registers of the CPU that panicked");
	lb_deadmem_open(&mem, &kernel.dead.space);
	lb_percpu_find(&mem, source.registers->gs_base, &kernel.dead);
}

static void open_readers(void)
{
	struct lb_symbol_wanted wanted[] = {{.name = "__start_BTF"}, {.name = "__stop_BTF"}};
	struct lb_error err;

	if (lb_symbols_open(&symbols, &mem, &kernel.dead, NULL, &err) != 0)
		fail(err.text);
	lb_symbols_find(&symbols, wanted, 2);
	if (lb_btf_open(&btf, &mem, wanted[0].address, wanted[1].address, &err) != 0)
		fail(err.text);
	if (lb_modules_open(&modules, &symbols, &btf, room, MODULES_MAX, &err) != 0)
		missing(err.text);
	if (lb_tasks_open(&tasks, &symbols, &btf, &kernel.dead, &err) != 0)
		fail(err.text);
	lb_unwinder_open(&unwinder, &mem, &kernel.dead, &symbols, &modules);
	if (!unwinder.has_orc)
		missing(unwinder.why_no_orc.text);
}

static void print_modules(void)
{
	char taints[LB_MODULE_TAINTS];

	for (uint32_t i = 0; i < modules.count; i++)
		printf("module %s %lx %lu %s %u\n", room[i].name, room[i].text.start, room[i].bytes,
		       room[i].taints ? lb_taint_letters(room[i].taints, taints) : "-", room[i].state);
	if (modules.cut)
		missing("the list of modules is cut");
}

static void print_frame(const struct lb_frame *frame)
{
	struct lb_function function;
	char flags[8] = "";

	snprintf(flags, sizeof(flags), "%s%s%s%s", frame->certain ? "" : "?", frame->interrupted ? "i" : "",
		 frame->user ? "u" : "", frame->other_stack ? "s" : "");
	printf("  frame %lx %s ", frame->ip, *flags ? flags : "-");
	if (lb_unwind_function(&unwinder, frame, &function))
		printf("%s+0x%lx/0x%lx%s%s\n", *function.name ? function.name : "-", function.offset,
		       function.bytes, function.module ? " " : "",
		       function.module ? function.module->name : "");
	else
		printf("-\n");
}

static void print_frames(const struct lb_unwind_start *start, bool panicking)
{
	struct lb_frame frames[LB_UNWIND_FRAMES_MAX];
	uint32_t count = lb_unwind(&unwinder, start, frames, LB_UNWIND_FRAMES_MAX);
	struct lb_unwinder ended = unwinder;

	for (uint32_t i = panicking ? lb_unwind_below_panic(&unwinder, frames, count) : 0; i < count; i++)
		print_frame(&frames[i]);
	if (ended.end != LB_UNWIND_WHOLE)
		printf("  end %s\n", ended.end == LB_UNWIND_FULL ? "no more room" : ended.why.text);
}

static void print_cpus(void)
{
	for (uint32_t cpu = 0; cpu < kernel.dead.cpu_count && cpu < CPUS_MAX; cpu++) {
		struct lb_unwind_start start;
		struct lb_user_regs registers;
		struct lb_task task;

		if (!lb_tasks_current(&tasks, cpu, &task)) {
			missing("the task of a CPU");
			continue;
		}
		on_cpu[cpu] = task.address;
		printf("cpu %u %lx %d %s\n", cpu, task.address, task.pid, task.name);
		if (!dumpfile_registers(&dump, cpu, kernel.dead.cpu_count, &registers))
			continue;
		start = lb_unwind_from(&registers);
		print_frames(&start, cpu == source.cpu);
	}
}

static bool is_on_cpu(uint64_t address)
{
	for (uint32_t cpu = 0; cpu < CPUS_MAX; cpu++)
		if (on_cpu[cpu] == address)
			return true;
	return false;
}

static void print_tasks(void)
{
	struct lb_tasks_walk walk;
	struct lb_task task;

	lb_tasks_begin(&tasks, &walk);
	while (lb_tasks_next(&tasks, &walk, &task)) {
		struct lb_unwind_start start;

		printf("task %lx %d %c %s\n", task.address, task.pid, task.state, task.name);
		if (is_on_cpu(task.address))
			continue;
		if (lb_tasks_sleeping(&tasks, task.address, &start))
			print_frames(&start, false);
		else
			printf("  end no saved registers\n");
	}
	if (walk.cut)
		missing("the list of tasks is cut");
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: frames_verdict VMCORE\n");
		return 2;
	}
	open_dump(argv[1]);
	open_readers();
	print_modules();
	print_cpus();
	print_tasks();
	dumpfile_close(&dump);
	return 0;
}
