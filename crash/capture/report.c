// SPDX-License-Identifier: BSD-2-Clause
// The report on why the kernel died, made once and kept for every target. Making it reads many of the
// dead kernel's pointers and tables, so it has a time limit and runs under the guard: a fault or a loop
// in it does not cost the dump.
#include "crash/report/report.h"

#include "crash/capture/capture.h"
#include "crash/dead/deadkernel.h"
#include "crash/plan/dumpsize.h"
#include "crash/platform/guard.h"
#include "crash/platform/platform.h"
#include "crash/platform/watchdog.h"
#include "crash/report/job.h"
#include "lib/cpu.h"
#include "lib/mem.h"
#include "lifeboat/version.h"

_Static_assert(LB_REPORT_MEMORY_MAX <= LB_CAPTURE_SCRATCH, "it works in scratch");
_Static_assert(LB_REPORT_MAX <= LB_CAPTURE_REPORT, "as planned");

// The report is asked to end after the first limit, and interrupted after the second.
#define BUDGET_MS 2000
#define BROKEN_OFF_MS 2500
// What the console gets of the report: half a second at 115200 baud. The disk has all of it.
#define PRINT_BYTES (6 * LB_KIB)
#define LOG "log: "

#define LIFEBOAT_BYTES 1536U // the longest text about what Lifeboat did
#define SECTIONS_MAX 24U

// The time when a section of the report began.
struct section_time {
	const char *section;
	uint64_t tsc;
};

// The limit of the second report, for when kdump's kernel died, too. Its last lines are part of the
// first report.
#define KDUMP_BYTES (4 * LB_KIB)
#define KDUMP_INDENT 2U
_Static_assert(KDUMP_BYTES < LB_REPORT_MAX / 2, "most of it is the first kernel's");

struct telling {
	const struct lb_run *run;
	const struct lb_deadspace *dead;
	const struct lb_deadspace *kdump; // of kdump's kernel; equal to `dead` if there was none
	struct lb_deadkernel kernel;
	struct lb_report_source source;
	struct lb_deadline end;
	char *text;
	uint32_t bytes; // of the whole report
	// The section that the report began last, for a report that is interrupted.
	const char *section;
	uint32_t complete; // bytes
	bool begun; // the scratch memory holds a job
	enum lb_display display;
	struct lb_error display_why;
	struct section_time times[SECTIONS_MAX];
	uint32_t time_count;
	char ours[LIFEBOAT_BYTES];
	uint32_t ours_bytes;
};

static void add_time(struct telling *telling, const char *what, const char *name, uint64_t tsc)
{
	const uint64_t hook = telling->run->live->cpu.tsc, khz = telling->run->capture->tsc_khz;
	const uint32_t room = sizeof(telling->ours) - telling->ours_bytes;

	if (khz && tsc >= hook)
		telling->ours_bytes +=
			(uint32_t)lb_snprintf(telling->ours + telling->ours_bytes, room,
					      "after %lu ms: %s%s\n", (tsc - hook) / khz, what, name);
	if (telling->ours_bytes >= sizeof(telling->ours))
		telling->ours_bytes = sizeof(telling->ours) - 1; // the text is truncated
}

// Adds the times of the stages from the panic until now.
static void tell_times(struct telling *telling)
{
	static const char stages[LB_STAGE_COUNT][16] = {"hook",     "entry", "verify", "quiesce",
							"describe", "swap",  "jump"};
	const struct lb_run *run = telling->run;

	for (uint32_t i = LB_STAGE_ENTRY; i < LB_STAGE_COUNT; i++)
		add_time(telling, "purgatory-", stages[i], run->live->tsc[i]);
	add_time(telling, "", "capture-kernel", run->tsc_begun);
	add_time(telling, "", "memory-mapped", run->tsc_prepared);
	add_time(telling, "", "log-on-disk", run->tsc_log);
	for (uint32_t i = 0; i < telling->time_count; i++)
		add_time(telling, "report-", telling->times[i].section, telling->times[i].tsc);
}

// Notes the time of a section. Only its first beginning counts.
static void take_time(struct telling *telling, const char *section)
{
	for (uint32_t i = 0; i < telling->time_count; i++) {
		if (lb_strcmp(telling->times[i].section, section) == 0)
			return;
	}
	if (telling->time_count < SECTIONS_MAX)
		telling->times[telling->time_count++] = (struct section_time){section, cpu_tsc()};
	if (lb_strcmp(section, "lifeboat") == 0)
		tell_times(telling);
}

static bool go_on(void *ctx, const char *section, uint32_t bytes)
{
	struct telling *telling = ctx;

	if (section != telling->section)
		take_time(telling, section);
	telling->section = section;
	telling->complete = bytes;
	telling->begun = true;
	return !lb_deadline_passed(telling->end);
}

// Asks who has the screen. The answer needs what the report has found, so ask before that memory is
// reused.
static void ask_display(struct telling *telling)
{
	struct lb_report_job *job = telling->source.memory;

	if (job->has_modules)
		telling->display =
			lb_display_owner(&job->modules, &job->symbols, &job->btf, &telling->display_why);
	else
		telling->display_why = job->why_no_modules;
}

// Goes on with the report on kdump's kernel. The first kernel's report is complete by then and is never
// truncated.
static bool go_on_kdump(void *ctx, const char *section, uint32_t bytes)
{
	struct telling *telling = ctx;

	(void)section;
	(void)bytes;
	telling->section = "kdump";
	telling->complete = telling->bytes;
	return !lb_deadline_passed(telling->end);
}

// Keeps what the report found out about modules, even if it was interrupted. A name takes
// LB_MODULE_NAME_MAX bytes, with its NUL.
static void use_modules(const struct lb_run *run)
{
	const struct lb_report_job *job = run->scratch;

	for (uint32_t i = 0; job->has_modules && i < job->modules.count && i < LB_JOB_MODULES; i++)
		lb_watchdog_stop_of_module(run->capture, job->room[i].name);
}

// Adds a section of `text`, `bytes` bytes in lines that already have the form of a report.
static void add_section(struct telling *telling, const char *text, uint32_t bytes)
{
	char *to = telling->text;
	uint32_t at = telling->bytes;

	at += (uint32_t)lb_snprintf(to + at, LB_REPORT_MAX - at,
				    "\nkdump: its kernel was to save this one, and died\n");
	for (uint32_t from = 0; from < bytes;) {
		uint32_t end = from;

		while (end < bytes && text[end] != '\n')
			end++;
		if (at + KDUMP_INDENT + (end - from) + 2 > LB_REPORT_MAX)
			break;
		if (end > from)
			at += (uint32_t)lb_snprintf(to + at, LB_REPORT_MAX - at, "  %.*s\n",
						    (int)(end - from), text + from);
		from = end + 1;
	}
	telling->bytes = at;
}

static void tell_of_kdump(struct telling *telling, const struct lb_user_regs *registers)
{
	static char text[KDUMP_BYTES];
	struct lb_report_source source = telling->source;
	uint32_t bytes;

	source.registers = registers;
	source.lifeboat = NULL;
	source.go_on = go_on_kdump;
	lb_deadkernel_open(telling->kdump, &telling->kernel);
	bytes = lb_report_write(&source, text, sizeof(text));
	if (telling->display == LB_DISPLAY_FIRMWARE)
		ask_display(telling); // the firmware's only if neither kernel took it
	add_section(telling, text, bytes);
}

static void tell(void *ctx)
{
	struct telling *telling = ctx;
	const struct lb_user_regs *registers = telling->source.registers;
	const bool two = telling->kdump->cr3 != telling->dead->cr3;

	lb_deadkernel_open(telling->dead, &telling->kernel);
	if (two)
		telling->source.registers = NULL; // the registers are of the CPU that kdump's kernel ran on
	telling->bytes = lb_report_write(&telling->source, telling->text,
					 two ? LB_REPORT_MAX - KDUMP_BYTES - KDUMP_BYTES / 4 : LB_REPORT_MAX);
	ask_display(telling);
	if (!two)
		return;
	use_modules(telling->run); // the next report reuses the memory of the modules' names
	tell_of_kdump(telling, registers);
}

// Adds an end to a text that was interrupted. A report that stopped at its time limit says so itself.
static void end_text(struct telling *telling, enum lb_guard_end end, const struct lb_guard_fault *fault)
{
	char why[96];

	if (end == LB_GUARD_FAULT)
		lb_snprintf(why, sizeof(why), "exception %lu at 0x%lx of the capture kernel, cr2 0x%lx",
			    fault->vector, fault->rip, fault->cr2);
	else
		lb_snprintf(why, sizeof(why), "no end after %u ms, at 0x%lx of the capture kernel",
			    BROKEN_OFF_MS, fault->rip);
	telling->bytes =
		lb_report_cut(telling->text, LB_REPORT_MAX, telling->complete, telling->section, why);
	lb_say("warning: the report ends in its section \"%s\": %s", telling->section, why);
}

static size_t tell_estimate(const struct lb_run *run, char *text, size_t room)
{
	const struct lb_dump_estimate estimate =
		lb_dump_estimate(run->ram.pages, run->job.format, run->capture->cpus);
	char bytes[16], largest[16];

	return lb_snprintf(text, room, "the dump, by estimate: %s in %u s, at most %s in %u s\n",
			   lb_format_size(bytes, sizeof(bytes), estimate.bytes), estimate.seconds,
			   lb_format_size(largest, sizeof(largest), estimate.largest), estimate.most_seconds);
}

// Writes what Lifeboat did until now, in lines. The times are added when the report reaches them.
static void tell_of_us(const struct lb_run *run, struct telling *telling)
{
	const uint32_t room = sizeof(telling->ours);
	char *text = telling->ours;
	size_t at = lb_snprintf(text, room, "lifeboat %s\n", LIFEBOAT_VERSION);

	for (uint32_t i = 0; i < run->capture->target_count && at < room; i++)
		at += lb_snprintf(text + at, room - at, "target %u: %.63s\n", i + 1,
				  run->capture->targets[i].name);
	if (at < room)
		at += lb_snprintf(text + at, room - at, "dump level %u%s%s\n", run->job.level,
				  run->filter_why[0] ? ": " : "", run->filter_why);
	if (at < room)
		at += tell_estimate(run, text + at, room - at);
	if (run->job.doubt && at < room)
		at += lb_snprintf(text + at, room - at, "%s\n", run->job.doubt);
	telling->ours_bytes = at < room ? (uint32_t)at : room - 1;
}

const char *lb_report_make(struct lb_run *run, uint32_t *ret_bytes)
{
	struct lb_guard_fault fault;
	enum lb_guard_end end;
	static struct telling telling;
	uint64_t begun_ms = lb_clock_ms();

	*ret_bytes = run->report_bytes;
	if (run->report_bytes || !run->report || !run->scratch || lb_report_memory() > LB_CAPTURE_SCRATCH)
		return run->report;
	telling = (struct telling){
		.run = run, .dead = &run->dead, .kdump = &run->last, .text = run->report, .section = ""};
	tell_of_us(run, &telling);
	take_time(&telling, "image");
	telling.section = "image";
	telling.end = lb_deadline_in(BUDGET_MS);
	telling.source = (struct lb_report_source){
		.kernel = &telling.kernel,
		.memory = run->scratch,
		.registers = &run->live->cpu.regs,
		.cpu = LB_REPORT_NO_CPU,
		.time = run->job.now,
		.release = run->handoff->first_kernel_release,
		.lifeboat = telling.ours,
		.mask = run->capture->mask_report,
		.go_on = go_on,
		.ctx = &telling,
	};
	end = lb_guard_run(tell, &telling, BROKEN_OFF_MS, &fault);
	if (end != LB_GUARD_DONE)
		end_text(&telling, end, &fault);
	*ret_bytes = run->report_bytes = telling.bytes;
	if (telling.begun)
		use_modules(run);
	if (end == LB_GUARD_DONE) {
		run->display = telling.display;
		run->display_why = telling.display_why;
	}
	lb_say("report: %u bytes, in %lu ms", telling.bytes, lb_clock_ms() - begun_ms);
	return run->report;
}

void lb_report_print(struct lb_run *run)
{
	const char *text = run->report;
	uint32_t bytes = run->report_bytes, end = bytes < PRINT_BYTES ? bytes : (uint32_t)PRINT_BYTES, at = 0;

	if (run->report_printed)
		return;
	run->report_printed = true;
	while (at < end && (bytes - at < sizeof(LOG) || memcmp(text + at, LOG, sizeof(LOG) - 1) != 0)) {
		uint32_t next = at;

		while (next < bytes && text[next] != '\n')
			next++;
		lb_say("> %.*s", (int)(next - at), text + at);
		at = next + 1;
	}
	if (at < bytes)
		lb_say("> and more, %u bytes in all", bytes);
}
