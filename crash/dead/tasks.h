// SPDX-License-Identifier: BSD-2-Clause
// The tasks of a dead kernel: which one each CPU ran, all of them, and what a sleeping one's
// backtrace begins with.
//
// A CPU's task is a per-CPU pointer, current_task; from 6.2 to 6.14 one in the per-CPU pcpu_hot.
// Processes are a list through task_struct.tasks that begins at init_task; a process' threads are a
// list through thread_node that begins at its signal's thread_head. A task that is not on a CPU left
// its registers below thread.sp, as __switch_to_asm() pushed them.
// Source: include/linux/sched.h, arch/x86/include/asm/switch_to.h of 5.10 to 7.2.
#ifndef LIFEBOAT_CRASH_DEAD_TASKS_H
#define LIFEBOAT_CRASH_DEAD_TASKS_H

#include "crash/dead/btf.h"
#include "crash/dead/symbols.h"
#include "crash/dead/unwind.h"

#define LB_TASK_NAME_MAX 17 // TASK_COMM_LEN, and a NUL whatever stands there
#define LB_TASKS_MAX 65536U // steps of a walk, over processes and threads

// Offsets out of BTF; LB_TASKS_NONE: the kernel does not have it, or BTF does not say.
#define LB_TASKS_NONE UINT64_MAX
struct lb_tasks_layout {
	uint64_t comm, pid, tgid, state, exit_state; // of task_struct
	uint64_t tasks, signal, thread_node; // of task_struct
	uint64_t thread_head; // of signal_struct
	uint64_t sp; // task_struct.thread.sp
	uint64_t saved_bp, saved_ip, saved_bytes; // of inactive_task_frame
};

struct lb_tasks {
	struct lb_deadmem *mem;
	struct lb_tasks_layout layout;
	uint64_t init_task; // virtual; 0: kallsyms does not say
	bool has_current;
	uint64_t current; // per-CPU address of the pointer
	uint64_t per_cpu_offset; // virtual, __per_cpu_offset[]
	uint32_t cpus;
};

struct lb_task {
	uint64_t address; // virtual, its task_struct
	int32_t pid, tgid; // tgid: its process'; 0: not known
	char name[LB_TASK_NAME_MAX]; // NUL-terminated, printable
	char state; // as ps has it: one of RSDTtXZPI; '?': not known
};

// Fails where BTF or kallsyms do not say what a task is; then `tasks` must not be used. What is
// missing beside that is found out by the functions below. `mem` is that of `symbols` and `btf`.
extern const char *const lb_tasks_symbols[]; // that lb_tasks_open() asks for; NULL ends them
extern const char *const lb_tasks_types[]; // and names in BTF
int lb_tasks_open(struct lb_tasks *tasks, struct lb_symbols *symbols, struct lb_btf *btf,
		  const struct lb_deadkernel *kernel, struct lb_error *err);

// The task at `address`. False when it cannot be read.
bool lb_tasks_read(struct lb_tasks *tasks, uint64_t address, struct lb_task *ret_task);
// The task that CPU `cpu` ran.
bool lb_tasks_current(struct lb_tasks *tasks, uint32_t cpu, struct lb_task *ret_task);

// A walk over every task, processes in the order in which they began, each with its threads.
struct lb_tasks_walk {
	uint64_t leader; // the process it is at; 0: before the first
	uint64_t head, node; // of the list of its threads; head 0: none
	uint32_t left; // steps
	bool cut; // some are missing: there are too many, or a list cannot be read
};

void lb_tasks_begin(const struct lb_tasks *tasks, struct lb_tasks_walk *walk);
// False at the end.
bool lb_tasks_next(struct lb_tasks *tasks, struct lb_tasks_walk *walk, struct lb_task *ret_task);

// Finds the beginning of the backtrace of a task that is on no CPU.
bool lb_tasks_sleeping(struct lb_tasks *tasks, uint64_t address, struct lb_unwind_start *ret_start);

#endif
