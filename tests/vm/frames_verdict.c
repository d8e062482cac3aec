// SPDX-License-Identifier: BSD-2-Clause
// Does with a dump what the capture kernel does with a dead machine's RAM: names its modules, its
// tasks, and the frames of each CPU's and each sleeping task's stack. For comparison with crash on
// the same dump.
//
//	frames_verdict VMCORE
//
// Prints a line for each:
//
//	missing REASON
//	module NAME BASE BYTES TAINTS STATE
//	cpu NUMBER TASK PID NAME          then its frames; the panicking one's from below panic()
//	task TASK PID STATE NAME          then its frames, unless it was on a CPU
//	  frame ADDRESS FLAGS FUNCTION+OFFSET/BYTES [MODULE]
//	  end REASON
//
// FLAGS: ? uncertain, i interrupted, u a program's, s on another stack than the one before, or -.
#include "crash/dead/deadkernel.h"
#include "crash/dead/tasks.h"
#include "crash/plan/elfcore.h"
#include "dump_file.h"

#define CPUS_MAX 64U
#define MODULES_MAX 512U

static struct dump_file file;
static struct lb_deadkernel kernel;
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

static bool cpu_note(uint32_t cpu, struct lb_prstatus *ret_status)
{
	uint32_t bytes;
	const void *note = dump_note(&file, "CORE", NT_PRSTATUS, cpu, &bytes);

	if (!note || bytes != sizeof(*ret_status))
		return false;
	memcpy(ret_status, note, sizeof(*ret_status));
	return true;
}

// The CPU that our note says panicked; UINT32_MAX: there is no such note.
static uint32_t panicking_cpu(void)
{
	uint32_t bytes;
	const char *text = dump_note(&file, LB_NOTE_NAME, LB_NOTE_TYPE, 0, &bytes);
	const struct lb_vmcoreinfo keys = {text, bytes};
	uint64_t cpu;

	return text && lb_vmcoreinfo_number(&keys, "CPU=0x", 16, &cpu) ? (uint32_t)cpu : UINT32_MAX;
}

static void open_kernel(const struct lb_physmem *physmem, uint32_t cpu)
{
	static char text[LB_VMCOREINFO_MAX];
	struct lb_prstatus status;
	struct lb_deadspace space;

	if (!cpu_note(cpu == UINT32_MAX ? 0 : cpu, &status))
		dump_fail(&file, "has no registers of the CPU that panicked");
	dump_space(&file, physmem, &space);
	lb_deadkernel_read(&space, status.regs.gs_base, text, &kernel);
	if (!kernel.has_text)
		dump_fail(&file, "has no kernel image");
	kernel.space.vmcoreinfo = space.vmcoreinfo;
	lb_deadmem_open(&mem, &kernel.space);
}

static void open_readers(void)
{
	struct lb_symbol_wanted wanted[] = {{.name = "__start_BTF"}, {.name = "__stop_BTF"}};
	struct lb_error err;

	if (lb_symbols_open(&symbols, &mem, &kernel, &err) != 0)
		dump_fail(&file, err.text);
	lb_symbols_find(&symbols, wanted, 2);
	if (lb_btf_open(&btf, &mem, wanted[0].address, wanted[1].address, &err) != 0)
		dump_fail(&file, err.text);
	if (lb_modules_open(&modules, &symbols, &btf, room, MODULES_MAX, &err) != 0)
		missing(err.text);
	if (lb_tasks_open(&tasks, &symbols, &btf, &kernel, &err) != 0)
		dump_fail(&file, err.text);
	lb_unwinder_open(&unwinder, &mem, &kernel, &symbols, &modules);
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

static void print_cpus(uint32_t panicking)
{
	for (uint32_t cpu = 0; cpu < kernel.cpu_count && cpu < CPUS_MAX; cpu++) {
		struct lb_unwind_start start;
		struct lb_prstatus status;
		struct lb_task task;

		if (!lb_tasks_current(&tasks, cpu, &task)) {
			missing("the task of a CPU");
			continue;
		}
		on_cpu[cpu] = task.address;
		printf("cpu %u %lx %d %s\n", cpu, task.address, task.pid, task.name);
		if (!cpu_note(cpu, &status))
			continue;
		start = lb_unwind_from(&status.regs);
		print_frames(&start, cpu == panicking);
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
	const struct lb_physmem physmem = {.page = dump_page, .ctx = &file};
	uint32_t panicking;

	if (argc != 2) {
		fprintf(stderr, "usage: frames_verdict VMCORE\n");
		return 2;
	}
	dump_open(&file, argv[1]);
	panicking = panicking_cpu();
	open_kernel(&physmem, panicking);
	open_readers();
	print_modules();
	print_cpus(panicking);
	print_tasks();
	dump_close(&file);
	return 0;
}
