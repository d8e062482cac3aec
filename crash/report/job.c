// SPDX-License-Identifier: BSD-2-Clause
#include "crash/report/job.h"

#include "crash/dead/deadkernel.h"
#include "crash/dead/dmesg.h"
#include "crash/dead/percpu.h"
#include "crash/dead/uts.h"
#include "lib/mem.h"

// A report needs both ends of a log: the kernel names its machine first, and says last why it died. Reading a
// record takes some 100 microseconds under emulation.
#define FIRST_RECORDS 512U
#define LAST_RECORDS 4096U
#define END_BYTES (256 * LB_KIB) // of text, at each end

static bool take_log(void *ctx, const char *text, size_t bytes)
{
	struct lb_report_job *job = ctx;

	return lb_lastlog_add(&job->log, text, bytes) && lb_out_go_on(&job->out);
}

static void open_log(struct lb_report_job *job)
{
	static const struct lb_dmesg_ends ends = {FIRST_RECORDS, LAST_RECORDS, END_BYTES};

	lb_lastlog_begin(&job->log);
	job->has_log = lb_dmesg_read_ends(&job->kernel.space, ends, take_log, job, &job->log_gaps,
					  &job->why_no_log) == 0;
	lb_lastlog_end(&job->log);
}

static void find_host(struct lb_report_job *job)
{
	struct lb_uts uts;

	lb_uts_read(&job->kernel.space, &uts);
	if (lb_strcmp(uts.nodename, "(none)") != 0 && lb_strcmp(uts.nodename, "localhost") != 0)
		lb_snprintf(job->host, sizeof(job->host), "%s", uts.nodename);
}

void lb_job_open(struct lb_report_job *job, const struct lb_report_source *source, char *text, uint32_t room)
{
	memset(job, 0, sizeof(*job));
	job->source = source;
	job->kernel = *source->kernel;
	job->cpu = source->cpu;
	lb_out_open(&job->out, text, room);
	job->out.mask = source->mask;
	job->out.host = job->host;
	job->out.go_on = source->go_on;
	job->out.ctx = source->ctx;
	if (!lb_out_enter(&job->out, "log"))
		return;
	open_log(job);
	find_host(job);
}

static void find_symbols(struct lb_report_job *job)
{
	static const char *const names[LB_JOB_SYMBOLS + 1] = {
		[LB_JOB_BTF_START] = "__start_BTF",
		[LB_JOB_BTF_STOP] = "__stop_BTF",
		[LB_JOB_TAINTED_MASK] = "tainted_mask",
		[LB_JOB_COMMAND_LINE] = "saved_command_line",
		[LB_JOB_LOCKED_DOWN] = "kernel_locked_down",
		[LB_JOB_PER_CPU_OFFSET] = "__per_cpu_offset",
		[LB_JOB_PANIC_CPU] = "panic_cpu",
		[LB_JOB_ZONE_STAT] = "vm_zone_stat",
		[LB_JOB_NODE_STAT] = "vm_node_stat",
		[LB_JOB_TOTAL_PAGES] = "_totalram_pages",
		[LB_JOB_SYMBOLS] = NULL,
	};
	static const char *const per_cpu[] = {"crash_notes", NULL};
	static const char *const *const lists[] = {names, per_cpu, lb_modules_symbols, lb_tasks_symbols,
						   lb_unwind_symbols};

	if (!job->kernel.has_text) {
		lb_fail(&job->why_no_symbols, "the kernel's image was not found");
		return;
	}
	lb_deadmem_open(&job->mem, &job->kernel.space);
	for (uint32_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		lb_symbols_will_ask(&job->known, lists[i]);
	job->has_symbols = lb_symbols_open(&job->symbols, &job->mem, &job->kernel, &job->known,
					   &job->why_no_symbols) == 0;
	for (uint32_t i = 0; i < LB_JOB_SYMBOLS; i++)
		job->wanted[i] = (struct lb_symbol_wanted){.name = names[i]};
	if (job->has_symbols)
		lb_symbols_find(&job->symbols, job->wanted, LB_JOB_SYMBOLS);
}

// Finds the CPU that panicked, and the list of CPUs. panic_cpu is -1 in a kernel that did not panic.
static void find_cpus(struct lb_report_job *job)
{
	uint64_t offset;
	int32_t cpu;

	if (job->cpu == LB_REPORT_NO_CPU && job->kernel.has_cpus)
		job->cpu = job->kernel.this_cpu;
	if (job->cpu == LB_REPORT_NO_CPU && job->wanted[LB_JOB_PANIC_CPU].address &&
	    lb_deadmem_copy(&job->mem, job->wanted[LB_JOB_PANIC_CPU].address, &cpu, sizeof(cpu)) && cpu >= 0)
		job->cpu = (uint32_t)cpu;
	if (job->kernel.has_cpus || job->cpu == LB_REPORT_NO_CPU ||
	    !job->wanted[LB_JOB_PER_CPU_OFFSET].address)
		return;
	if (lb_deadmem_u64(&job->mem, job->wanted[LB_JOB_PER_CPU_OFFSET].address + 8ULL * job->cpu, &offset))
		lb_percpu_find_by(&job->symbols, offset, &job->kernel);
}

static void find_types(struct lb_report_job *job)
{
	static const char *const *const lists[] = {lb_modules_types, lb_tasks_types, lb_job_memory_types,
						   lb_job_lockdown_types, NULL};
	uint64_t start = job->wanted[LB_JOB_BTF_START].address, stop = job->wanted[LB_JOB_BTF_STOP].address;

	job->modules = (struct lb_modules){.mem = &job->mem, .list = job->room, .capacity = LB_JOB_MODULES};
	if (!job->has_symbols)
		job->why_no_btf = job->why_no_symbols;
	else if (!start || !stop)
		lb_fail(&job->why_no_btf, "BTF: kallsyms has no __start_BTF and __stop_BTF");
	else
		job->has_btf = lb_btf_open(&job->btf, &job->mem, start, stop, &job->why_no_btf) == 0;
	if (!job->has_btf) {
		job->why_no_modules = job->why_no_btf;
		job->why_no_tasks = job->why_no_btf;
		return;
	}
	lb_btf_learn_all(&job->btf, lists);
	job->has_modules = lb_modules_open(&job->modules, &job->symbols, &job->btf, job->room, LB_JOB_MODULES,
					   &job->why_no_modules) == 0;
	job->has_tasks =
		lb_tasks_open(&job->tasks, &job->symbols, &job->btf, &job->kernel, &job->why_no_tasks) == 0;
	job->has_current = job->has_tasks && job->cpu != LB_REPORT_NO_CPU &&
			   lb_tasks_current(&job->tasks, job->cpu, &job->current);
}

// Puts `task` first. The task that was first moves to the end, or is dropped if there is no room.
static void keep_first(struct lb_job_waiting *waiting, const struct lb_task *task)
{
	if (waiting->kept < LB_JOB_WAITING)
		waiting->tasks[waiting->kept++] = waiting->tasks[0];
	waiting->tasks[0] = *task;
}

static void find_tasks(struct lb_report_job *job)
{
	struct lb_job_waiting *waiting = &job->waiting;
	struct lb_tasks_walk walk;
	struct lb_task task;

	if (!job->has_tasks)
		return;
	lb_tasks_begin(&job->tasks, &walk);
	while (lb_out_go_on(&job->out) && lb_tasks_next(&job->tasks, &walk, &task)) {
		bool stuck = task.pid > 0 && task.pid == job->log.stuck_pid && !waiting->stuck;

		waiting->all++;
		waiting->waiting += task.state == 'D';
		waiting->stuck |= stuck;
		if (stuck)
			keep_first(waiting, &task);
		else if (task.state == 'D' && waiting->kept < LB_JOB_WAITING)
			waiting->tasks[waiting->kept++] = task;
	}
	waiting->cut = walk.cut;
}

static void find_frames(struct lb_report_job *job)
{
	struct lb_unwind_start start;
	int32_t pid;

	if (job->source->registers) {
		job->registers = *job->source->registers;
		job->has_registers = true;
	} else if (job->cpu != LB_REPORT_NO_CPU) {
		job->has_registers = lb_deadkernel_cpu_regs(&job->kernel, job->cpu, &job->registers, &pid);
	}
	if (!job->kernel.has_text)
		return;
	lb_unwinder_open(&job->unwinder, &job->mem, &job->kernel, job->has_symbols ? &job->symbols : NULL,
			 &job->modules);
	if (!job->has_registers)
		return;
	start = lb_unwind_from(&job->registers);
	job->frame_count = lb_unwind(&job->unwinder, &start, job->frames, LB_JOB_FRAMES);
	job->ended = job->unwinder;
	job->below_panic = lb_unwind_below_panic(&job->unwinder, job->frames, job->frame_count);
}

void lb_job_find(struct lb_report_job *job)
{
	static const struct {
		const char *name;
		void (*run)(struct lb_report_job *job);
	} steps[] = {
		{"symbols", find_symbols}, {"cpus", find_cpus},        {"types", find_types},
		{"tasks", find_tasks},     {"backtrace", find_frames},
	};

	for (uint32_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && lb_out_enter(&job->out, steps[i].name);
	     i++)
		steps[i].run(job);
	lb_out_enter(&job->out, "head");
}

bool lb_job_text(struct lb_report_job *job, enum lb_job_symbol symbol, char *ret_text, uint32_t room)
{
	uint64_t address = job->wanted[symbol].address, text;
	uint32_t bytes = 0;

	if (!address || !lb_deadmem_u64(&job->mem, address, &text))
		return false;
	while (bytes + 1 < room && lb_deadmem_copy(&job->mem, text + bytes, ret_text + bytes, 1) &&
	       ret_text[bytes])
		bytes++;
	ret_text[bytes] = '\0';
	return bytes != 0;
}
