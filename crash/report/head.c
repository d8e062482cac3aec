// SPDX-License-Identifier: BSD-2-Clause
#include "crash/report/head.h"

#include "crash/report/taint.h"
#include "lib/utc.h"

static void write_reasons(struct lb_report_job *job)
{
	const struct lb_lastlog_reason *first = lb_lastlog_reason(&job->log);

	if (!job->has_log)
		lb_out_key(&job->out, "reason", "not known: %s", job->why_no_log.text);
	else if (!first && job->log_gaps.lost)
		lb_out_key(&job->out, "reason", "not known: log: the text of %lu of its records is lost",
			   job->log_gaps.lost);
	else if (!first)
		lb_out_key(&job->out, "reason", "not known: the log has no line of a panic");
	else
		lb_out_key(&job->out, "reason", "%s", first->text);
	for (uint32_t i = 0; i < job->log.reason_count; i++) {
		if (&job->log.reasons[i] != first)
			lb_out_key(&job->out, "reason", "%s", job->log.reasons[i].text);
	}
}

static void write_kernel(struct lb_report_job *job)
{
	const struct lb_vmcoreinfo *info = &job->kernel.space.vmcoreinfo;
	char text[64], id[2 * LB_BUILD_ID_BYTES + 1];

	if (lb_vmcoreinfo_text(info, "OSRELEASE=", text, sizeof(text)))
		lb_out_key(&job->out, "release", "%s", text);
	else if (job->source->release)
		lb_out_key(&job->out, "release", "%.*s", 64, job->source->release);
	if (lb_vmcoreinfo_text(info, "BUILD-ID=", text, sizeof(text))) {
		lb_out_key(&job->out, "build-id", "%s", text);
	} else if (job->kernel.has_build_id) {
		for (uint32_t i = 0; i < LB_BUILD_ID_BYTES; i++)
			lb_snprintf(id + 2 * i, 3, "%02x", job->kernel.build_id[i]);
		lb_out_key(&job->out, "build-id", "%s", id);
	}
}

static void write_machine(struct lb_report_job *job)
{
	if (job->log.hardware[0])
		lb_out_key(&job->out, "hardware", "%s", job->log.hardware);
	if (job->log.firmware[0])
		lb_out_key(&job->out, "firmware", "%s", job->log.firmware);
}

static void write_times(struct lb_report_job *job)
{
	uint64_t microseconds = job->log.microseconds, time = job->source->time;
	char text[LB_UTC_TEXT];

	if (!time)
		lb_vmcoreinfo_number(&job->kernel.space.vmcoreinfo, "CRASHTIME=", 10, &time);
	if (time)
		lb_out_key(&job->out, "time", "%s", lb_utc_text(time, text));
	if (microseconds)
		lb_out_key(&job->out, "uptime", "%lu.%06lu s", microseconds / 1000000,
			   microseconds % 1000000);
}

static void write_taint(struct lb_report_job *job)
{
	uint64_t address = job->wanted[LB_JOB_TAINTED_MASK].address, flags = job->log.taint;
	char text[512];

	if ((address && lb_deadmem_u64(&job->mem, address, &flags)) || job->log.has_taint)
		lb_out_key(&job->out, "tainted", "%s", lb_taint_text(flags, text, sizeof(text)));
}

// kernel_locked_down is an enumerator (security/lockdown/lockdown.c), since 6.17 a bitmap of what is locked.
// Of the bitmap the report says only whether anything is locked.
const char *const lb_job_lockdown_types[] = {"LOCKDOWN_INTEGRITY_MAX", "LOCKDOWN_CONFIDENTIALITY_MAX", NULL};

static void write_lockdown(struct lb_report_job *job)
{
	static const char *const levels[] = {"integrity", "confidentiality"};
	const uint64_t address = job->wanted[LB_JOB_LOCKED_DOWN].address;
	const char *text = "yes";
	int64_t value;
	uint32_t state;

	if (!address || !lb_deadmem_copy(&job->mem, address, &state, sizeof(state)))
		return;
	for (uint32_t i = 0; job->has_btf && i < sizeof(levels) / sizeof(levels[0]); i++)
		if (lb_btf_enumerator(&job->btf, lb_job_lockdown_types[i], &value) && value == state)
			text = levels[i];
	lb_out_key(&job->out, "lockdown", "%s", state ? text : "no");
}

static void write_command_line(struct lb_report_job *job)
{
	char text[LB_LASTLOG_LINE];

	if (lb_job_text(job, LB_JOB_COMMAND_LINE, text, sizeof(text)))
		lb_out_key(&job->out, "command-line", "%s", text);
	else if (job->log.command_line[0])
		lb_out_key(&job->out, "command-line", "%s", job->log.command_line);
}

void lb_head_write(struct lb_report_job *job)
{
	write_reasons(job);
	write_kernel(job);
	write_machine(job);
	write_times(job);
	lb_job_find(job);
	write_taint(job);
	write_lockdown(job);
	write_command_line(job);
}
