// SPDX-License-Identifier: BSD-2-Clause
// One report being written: what its parts know of each other. Lies in the memory that
// lb_report_write() is given.
#ifndef LIFEBOAT_CRASH_REPORT_JOB_H
#define LIFEBOAT_CRASH_REPORT_JOB_H

#include "crash/report/lastlog.h"
#include "crash/report/out.h"
#include "crash/report/source.h"
#include "lib/format.h"

struct lb_report_job {
	const struct lb_report_source *source;
	const struct lb_deadkernel *kernel; // the source's
	struct lb_out out;
	char host[65]; // the machine's name; "": not known

	bool has_log;
	struct lb_error why_no_log;
	struct lb_lastlog log;
};

// Reads the log and finds out what the sections want, and begins the text. Always returns.
void lb_job_open(struct lb_report_job *job, const struct lb_report_source *source, char *text, uint32_t room);

#endif
