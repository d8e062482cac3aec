// SPDX-License-Identifier: BSD-2-Clause
// Finds the note with a CPU's registers (NT_PRSTATUS, "CORE") in an ELF core or a kdump-compressed file.
//
//   Lifeboat's, QEMU's (a note "LIFEBOAT" or      pr_pid is the CPU's number plus one
//   "QEMU" is among them)
//   the kernel's own (crash_notes, by kdump)      in the order of the CPUs. pr_pid is the task's. A CPU that
//                                                 left none has none: with fewer notes than CPUs nothing
//                                                 tells whose they are
//
// Source: kernel/crash_core.c, fs/proc/vmcore.c; makedumpfile 1.7.2's IMPLEMENTATION.
#ifndef LIFEBOAT_TOOLS_COMMON_CPU_NOTES_H
#define LIFEBOAT_TOOLS_COMMON_CPU_NOTES_H

#include <stdbool.h>
#include <stdint.h>

#define CPU_NOTES_MAX 8192U // CPUs; NR_CPUS is no larger

struct cpu_notes {
	bool are_read; // false: a dump of another format, or one whose notes cannot be read
	bool by_pid; // Lifeboat's or QEMU's
	uint32_t count;
	int32_t pids[CPU_NOTES_MAX]; // pr_pid of each
};

// Reads the notes of `file`, which is open on the dump. The dump is not trusted.
void cpu_notes_read(int file, struct cpu_notes *ret_notes);

// Finds the number, from 0 on, of the note of CPU `cpu`, of `cpus` that the kernel had (0: not known).
// False: there is none, or it cannot be told. Notes that could not be read count as being in the order of
// the CPUs.
bool cpu_notes_find(const struct cpu_notes *notes, uint32_t cpu, uint32_t cpus, uint32_t *ret_number);

#endif
