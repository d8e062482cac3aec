// SPDX-License-Identifier: BSD-2-Clause
// The sections of a report with backtraces: of the CPU that panicked, of the others, of tasks that wait; and the
// signature, which is made of the first.
#ifndef LIFEBOAT_CRASH_REPORT_STACKS_H
#define LIFEBOAT_CRASH_REPORT_STACKS_H

#include "crash/report/job.h"

// The head's last lines: the task that panicked, the signature.
void lb_stacks_write_head(struct lb_report_job *job);

void lb_stacks_write_panic(struct lb_report_job *job);
void lb_stacks_write_cpus(struct lb_report_job *job);
// The task that the log's hung-task and soft-lockup lines name, and those in state D.
void lb_stacks_write_tasks(struct lb_report_job *job);

// "function+0x12/0x34 [module]", with "? " before what is not certain. LB_FRAME_TEXT bytes; returns text.
#define LB_FRAME_TEXT 256U
char *lb_stacks_frame(struct lb_report_job *job, const struct lb_frame *frame, char *text);

#endif
