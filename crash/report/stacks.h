// SPDX-License-Identifier: BSD-2-Clause
// The report's sections with backtraces: of the CPU that panicked, of other CPUs, of waiting tasks. Also the
// signature, which is made from a backtrace.
#ifndef LIFEBOAT_CRASH_REPORT_STACKS_H
#define LIFEBOAT_CRASH_REPORT_STACKS_H

#include "crash/report/job.h"

// Writes the head's last lines: the CPU and the task that panicked, and the signature.
void lb_stacks_write_head(struct lb_report_job *job);

void lb_stacks_write_panic(struct lb_report_job *job);
void lb_stacks_write_cpus(struct lb_report_job *job);
// Writes the task that the log's hung-task or soft-lockup lines name, and the tasks in state D.
void lb_stacks_write_tasks(struct lb_report_job *job);

// Writes "function+0x12/0x34 [module]" into `text`, of LB_FRAME_TEXT bytes. A frame that is not certain has
// "? " in front. Returns `text`.
#define LB_FRAME_TEXT 256U
char *lb_stacks_frame(struct lb_report_job *job, const struct lb_frame *frame, char *text);

#endif
