// SPDX-License-Identifier: BSD-2-Clause
// The head of a report: who died, when, and of what.
#ifndef LIFEBOAT_CRASH_REPORT_HEAD_H
#define LIFEBOAT_CRASH_REPORT_HEAD_H

#include "crash/report/job.h"

// Writes the lines from reason to command-line, and calls lb_job_find() in between.
void lb_head_write(struct lb_report_job *job);

#endif
