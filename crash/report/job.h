// SPDX-License-Identifier: BSD-2-Clause
// The state of one report that is being written, shared by its parts. It lies in the memory that
// lb_report_write() is given.
#ifndef LIFEBOAT_CRASH_REPORT_JOB_H
#define LIFEBOAT_CRASH_REPORT_JOB_H

#include "crash/dead/dmesg.h"
#include "crash/dead/tasks.h"
#include "crash/report/lastlog.h"
#include "crash/report/out.h"
#include "crash/report/source.h"

#define LB_JOB_MODULES 1024U
#define LB_JOB_WAITING 8U // waiting tasks that are kept
#define LB_JOB_FRAMES 128U // of the CPU that panicked, including panic() and what it calls

// Symbols that are looked up in one pass.
enum lb_job_symbol {
	LB_JOB_BTF_START,
	LB_JOB_BTF_STOP,
	LB_JOB_TAINTED_MASK,
	LB_JOB_COMMAND_LINE,
	LB_JOB_LOCKED_DOWN,
	LB_JOB_PER_CPU_OFFSET,
	LB_JOB_PANIC_CPU,
	LB_JOB_ZONE_STAT,
	LB_JOB_NODE_STAT,
	LB_JOB_TOTAL_PAGES,
	LB_JOB_SYMBOLS,
};

// First the task that the log's hung-task or soft-lockup lines name, then the tasks in state D.
struct lb_job_waiting {
	struct lb_task tasks[LB_JOB_WAITING];
	uint32_t kept, waiting, all; // `all`: the number of tasks; `waiting`: of those in state D
	bool stuck; // tasks[0] is the one that the log names
	bool cut; // there are more tasks than `all`
};

struct lb_report_job {
	const struct lb_report_source *source;
	struct lb_deadkernel kernel; // the source's, with CPUs added where it has none
	struct lb_out out;
	char host[65]; // the machine's name; "": not known
	uint32_t cpu; // the CPU that panicked; LB_REPORT_NO_CPU: not known

	bool has_log;
	struct lb_dmesg_gaps log_gaps; // records of the log that were lost or left out
	struct lb_error why_no_log;
	struct lb_lastlog log;

	// Each of these needs the one before. why_no_... is one sentence, empty where has_... is true.
	struct lb_deadmem mem;
	bool has_symbols, has_btf, has_modules, has_tasks, has_current;
	struct lb_error why_no_symbols, why_no_btf, why_no_modules, why_no_tasks;
	struct lb_symbols symbols;
	struct lb_symbols_known known; // every name that is looked up
	struct lb_symbol_wanted wanted[LB_JOB_SYMBOLS];
	struct lb_btf btf;
	struct lb_modules modules; // empty without has_modules
	struct lb_module room[LB_JOB_MODULES];
	struct lb_tasks tasks;
	struct lb_task current; // of the CPU that panicked
	struct lb_job_waiting waiting; // empty without has_tasks

	// Of the CPU that panicked.
	bool has_registers;
	struct lb_user_regs registers; // when it left Linux
	struct lb_unwinder unwinder;
	struct lb_frame frames[LB_JOB_FRAMES];
	uint32_t frame_count, below_panic; // frames from below_panic on are the backtrace
	struct lb_unwinder ended; // how that backtrace ended
};

// The enumerators that the section "memory" asks BTF for, in its order; NULL ends them.
extern const char *const lb_job_memory_types[];
// The enumerators that the head asks BTF for; NULL ends them.
extern const char *const lb_job_lockdown_types[];

// Begins the text and reads the log, which the head's first lines need.
void lb_job_open(struct lb_report_job *job, const struct lb_report_source *source, char *text, uint32_t room);
// Finds symbols, types, modules, tasks, and the panicking CPU's frames. Always returns.
void lb_job_find(struct lb_report_job *job);

// Reads the text at the pointer at `symbol`, printable or not. False: the text cannot be read or is empty.
bool lb_job_text(struct lb_report_job *job, enum lb_job_symbol symbol, char *ret_text, uint32_t room);

#endif
