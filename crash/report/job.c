// SPDX-License-Identifier: BSD-2-Clause
#include "crash/report/job.h"

#include "crash/dead/dmesg.h"
#include "crash/dead/uts.h"
#include "lib/mem.h"

static void open_log(struct lb_report_job *job)
{
	uint64_t records;

	lb_lastlog_begin(&job->log);
	job->has_log = lb_dmesg_read(&job->kernel->space, lb_lastlog_add, &job->log, &records,
				     &job->why_no_log) == 0;
	lb_lastlog_end(&job->log);
}

static void find_host(struct lb_report_job *job)
{
	struct lb_uts uts;

	lb_uts_read(&job->kernel->space, &uts);
	if (lb_strcmp(uts.nodename, "(none)") != 0 && lb_strcmp(uts.nodename, "localhost") != 0)
		lb_snprintf(job->host, sizeof(job->host), "%s", uts.nodename);
}

void lb_job_open(struct lb_report_job *job, const struct lb_report_source *source, char *text, uint32_t room)
{
	memset(job, 0, sizeof(*job));
	job->source = source;
	job->kernel = source->kernel;
	lb_out_open(&job->out, text, room);
	job->out.mask = source->mask;
	job->out.host = job->host;
	job->out.go_on = source->go_on;
	job->out.ctx = source->ctx;
	lb_out_go_on(&job->out);
	open_log(job);
	find_host(job);
}
