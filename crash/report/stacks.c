// SPDX-License-Identifier: BSD-2-Clause
#include "crash/report/stacks.h"

#include "crash/dead/deadkernel.h"
#include "crash/plan/cmdline.h"
#include "crash/report/reason.h"
#include "crash/report/signature.h"
#include "lib/format.h"

#define PANIC_BYTES 3072U
#define CPUS_BYTES 3072U
#define TASKS_BYTES 2560U
#define OTHER_FRAMES 24U // of another CPU or of a task
#define SAME_CPUS 256U // CPUs whose backtraces are compared
#define DEEPER "  " // indent of frames below the line of their CPU or task

char *lb_stacks_frame(struct lb_report_job *job, const struct lb_frame *frame, char *text)
{
	const char *unsure = frame->certain ? "" : "? ", *how = frame->interrupted ? " (interrupted)" : "";
	struct lb_function function;

	if (frame->user)
		lb_snprintf(text, LB_FRAME_TEXT, "%s0x%lx (program)", unsure, frame->ip);
	else if (!lb_unwind_function(&job->unwinder, frame, &function) ||
		 (!function.name[0] && !function.module))
		lb_snprintf(text, LB_FRAME_TEXT, "%s0x%lx%s", unsure, frame->ip, how);
	else if (!function.name[0])
		lb_snprintf(text, LB_FRAME_TEXT, "%s+0x%lx [%s]%s", unsure, function.offset,
			    function.module->name, how);
	else
		lb_snprintf(text, LB_FRAME_TEXT, "%s%s+0x%lx/0x%lx%s%s%s%s", unsure, function.name,
			    function.offset, function.bytes, function.module ? " [" : "",
			    function.module ? function.module->name : "", function.module ? "]" : "", how);
	return text;
}

static void write_frames(struct lb_report_job *job, const struct lb_frame *frames, uint32_t count,
			 const char *indent)
{
	char text[LB_FRAME_TEXT];

	for (uint32_t i = 0; i < count && lb_out_go_on(&job->out); i++)
		lb_out_line(&job->out, "%s%s", indent, lb_stacks_frame(job, &frames[i], text));
}

// Writes why a backtrace does not end where it should.
static void write_end(struct lb_report_job *job, const struct lb_unwinder *ended, const char *indent)
{
	if (ended->end == LB_UNWIND_FULL)
		lb_out_line(&job->out, "%send: there are more frames", indent);
	else if (ended->end == LB_UNWIND_BROKEN)
		lb_out_line(&job->out, "%send: %s", indent, ended->why.text);
}

static void sign(struct lb_report_job *job, struct lb_signature *signature, const struct lb_frame *frames,
		 uint32_t count)
{
	for (uint32_t i = 0; i < count && lb_out_go_on(&job->out); i++) {
		const struct lb_frame *frame = &frames[i];
		struct lb_function function;

		if (frame->user || !lb_unwind_function(&job->unwinder, frame, &function))
			continue;
		lb_signature_add(signature,
				 function.name[0] || !function.module ? function.name : function.module->name,
				 frame->certain, frame->interrupted);
	}
}

// Unwinds a task that is on no CPU. Returns the number of frames.
static uint32_t unwind_task(struct lb_report_job *job, const struct lb_task *task,
			    struct lb_frame *ret_frames)
{
	struct lb_unwind_start start;
	uint32_t count;

	if (!lb_tasks_sleeping(&job->tasks, task->address, &start))
		return 0;
	count = lb_unwind(&job->unwinder, &start, ret_frames, OTHER_FRAMES);
	job->ended = job->unwinder;
	return count;
}

// The signature of a hung task is made from the frames in which the task waits, which tell one cause from
// another.
static void write_signature(struct lb_report_job *job)
{
	const struct lb_lastlog_reason *reason = lb_lastlog_reason(&job->log);
	const char *reason_class = reason ? lb_reason_class(reason->text) : "unknown";
	struct lb_frame frames[OTHER_FRAMES];
	struct lb_signature signature;
	char text[LB_SIGNATURE_BYTES];

	lb_signature_begin(&signature);
	if (job->waiting.stuck && lb_strcmp(reason_class, LB_REASON_HUNG_TASK) == 0)
		sign(job, &signature, frames, unwind_task(job, &job->waiting.tasks[0], frames));
	else
		sign(job, &signature, job->frames + job->below_panic, job->frame_count - job->below_panic);
	lb_signature_fallback(&signature, job->log.function);
	lb_out_key(&job->out, "signature", "%s", lb_signature_text(&signature, reason_class, text));
}

void lb_stacks_write_head(struct lb_report_job *job)
{
	if (job->cpu != LB_REPORT_NO_CPU)
		lb_out_key(&job->out, "cpu", "%u", job->cpu);
	else if (job->log.cpu >= 0)
		lb_out_key(&job->out, "cpu", "%ld", job->log.cpu);
	if (job->has_current) {
		lb_out_key(&job->out, "pid", "%d", job->current.pid);
		lb_out_key(&job->out, "command", "%s", job->current.name);
	} else if (job->log.pid >= 0) {
		lb_out_key(&job->out, "pid", "%ld", job->log.pid);
		lb_out_key(&job->out, "command", "%s", job->log.command);
	}
	write_signature(job);
}

void lb_stacks_write_panic(struct lb_report_job *job)
{
	struct lb_out *out = &job->out;

	if (!job->frame_count) {
		lb_out_section(out, "backtrace", PANIC_BYTES, "none: %s",
			       job->has_registers ? job->why_no_symbols.text
						  : "the registers of the CPU that panicked are not known");
	} else if (lb_out_section(out, "backtrace", PANIC_BYTES, "%s%s%s",
				  job->below_panic ? "from below panic()" : "there is no panic() in it",
				  job->unwinder.has_orc ? "" : "; ", job->unwinder.why_no_orc.text)) {
		write_frames(job, job->frames + job->below_panic, job->frame_count - job->below_panic, "");
		write_end(job, &job->ended, "");
	}
	lb_out_end(out, 0, "frames");
}

// ---- Other CPUs ------------------------------------------------------------------

// Returns a hash of the frames' addresses, never 0. CPUs with the same hash do the same.
static uint64_t hash_of(const struct lb_frame *frames, uint32_t count)
{
	uint64_t hash = 0xcbf29ce484222325ULL;

	for (uint32_t i = 0; i < count; i++)
		hash = (hash ^ frames[i].ip) * 0x100000001b3ULL;
	return hash | 1;
}

static void write_cpu(struct lb_report_job *job, uint32_t cpu, uint64_t hashes[SAME_CPUS])
{
	struct lb_frame frames[OTHER_FRAMES];
	struct lb_unwind_start start;
	struct lb_user_regs registers;
	struct lb_task task;
	char who[64] = "";
	uint32_t count, same = cpu;
	int32_t pid;

	if (job->has_tasks && lb_tasks_current(&job->tasks, cpu, &task))
		lb_snprintf(who, sizeof(who), ", pid %d, %s", task.pid, task.name);
	if (!lb_deadkernel_cpu_regs(&job->kernel, cpu, &registers, &pid)) {
		lb_out_line(&job->out, "CPU %u: no registers%s", cpu, who);
		return;
	}
	start = lb_unwind_from(&registers);
	count = lb_unwind(&job->unwinder, &start, frames, OTHER_FRAMES);
	if (cpu < SAME_CPUS) {
		hashes[cpu] = hash_of(frames, count);
		for (same = 0; hashes[same] != hashes[cpu];)
			same++;
	}
	if (same != cpu) {
		lb_out_line(&job->out, "CPU %u: as CPU %u%s", cpu, same, who);
		return;
	}
	lb_out_line(&job->out, "CPU %u%s", cpu, who);
	job->ended = job->unwinder;
	write_frames(job, frames, count, DEEPER);
	write_end(job, &job->ended, DEEPER);
}

// Returns true where no other CPU has registers because crash_kexec_post_notifiers is missing. Beside
// crashkernel= Lifeboat leaves this word out, because it lowers kdump's odds (crash/plan/kernel_arguments.h).
static bool spared_notifiers(struct lb_report_job *job)
{
	char line[LB_LASTLOG_LINE];
	struct lb_user_regs registers;
	struct lb_word value;
	size_t at = 0;
	int32_t pid;

	for (uint32_t cpu = 0; cpu < job->kernel.cpu_count && lb_out_go_on(&job->out); cpu++) {
		if (cpu != job->cpu && lb_deadkernel_cpu_regs(&job->kernel, cpu, &registers, &pid))
			return false;
	}
	if (!lb_job_text(job, LB_JOB_COMMAND_LINE, line, sizeof(line)))
		lb_snprintf(line, sizeof(line), "%s", job->log.command_line);
	if (job->kernel.cpu_count < 2 || !lb_cmdline_next_value(line, "crashkernel", &at, &value))
		return false;
	at = 0;
	return !lb_cmdline_next_value(line, "crash_kexec_post_notifiers", &at, &value);
}

void lb_stacks_write_cpus(struct lb_report_job *job)
{
	uint64_t hashes[SAME_CPUS] = {0};
	struct lb_out *out = &job->out;
	uint32_t cpu = 0;

	if (!job->kernel.has_cpus) {
		lb_out_section(out, "cpus", CPUS_BYTES, "none: the kernel's CPUs were not found");
		return;
	}
	if (!lb_out_section(
		    out, "cpus", CPUS_BYTES, "%u, all but the one that panicked%s", job->kernel.cpu_count - 1,
		    spared_notifiers(job)
			    ? "; no registers: crash_kexec_post_notifiers is left out beside crashkernel="
			    : ""))
		return;
	for (; cpu < job->kernel.cpu_count && !out->left_out && lb_out_go_on(out); cpu++) {
		if (cpu != job->cpu)
			write_cpu(job, cpu, hashes);
	}
	lb_out_end(out, job->kernel.cpu_count - cpu, "lines and CPUs");
}

// ---- Tasks -----------------------------------------------------------------------

// Returns the CPU that the task is on; LB_REPORT_NO_CPU: none.
static uint32_t cpu_of(struct lb_report_job *job, const struct lb_task *task)
{
	for (uint32_t cpu = 0; cpu < job->kernel.cpu_count && lb_out_go_on(&job->out); cpu++) {
		struct lb_task current;

		if (lb_tasks_current(&job->tasks, cpu, &current) && current.address == task->address)
			return cpu;
	}
	return LB_REPORT_NO_CPU;
}

static void write_task(struct lb_report_job *job, const struct lb_task *task)
{
	struct lb_frame frames[OTHER_FRAMES];
	uint32_t count, cpu = cpu_of(job, task);

	lb_out_line(&job->out, "pid %d, state %c, %s", task->pid, task->state, task->name);
	if (cpu != LB_REPORT_NO_CPU) {
		lb_out_line(&job->out, DEEPER "end: it is on CPU %u", cpu);
		return;
	}
	count = unwind_task(job, task, frames);
	if (!count) {
		lb_out_line(&job->out, DEEPER "end: it has left no registers");
		return;
	}
	write_frames(job, frames, count, DEEPER);
	write_end(job, &job->ended, DEEPER);
}

void lb_stacks_write_tasks(struct lb_report_job *job)
{
	const struct lb_job_waiting *waiting = &job->waiting;
	struct lb_out *out = &job->out;
	char stuck[64] = "";
	uint32_t done = 0, waits = 0;

	if (!job->has_tasks) {
		lb_out_section(out, "tasks", TASKS_BYTES, "none: %s", job->why_no_tasks.text);
		return;
	}
	if (waiting->stuck)
		lb_snprintf(stuck, sizeof(stuck), "; the log says that pid %ld is stuck", job->log.stuck_pid);
	if (!lb_out_section(out, "tasks", TASKS_BYTES, "%u%s, of them in state D %u%s", waiting->all,
			    waiting->cut ? " and more" : "", waiting->waiting, stuck))
		return;
	for (; done < waiting->kept && !out->left_out && lb_out_go_on(out); done++) {
		write_task(job, &waiting->tasks[done]);
		waits += waiting->tasks[done].state == 'D';
	}
	lb_out_end(out, waiting->waiting - waits, "lines and tasks");
}
