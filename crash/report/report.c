// SPDX-License-Identifier: BSD-2-Clause
#include "crash/report/report.h"

#include "crash/report/head.h"
#include "crash/report/job.h"
#include "crash/report/stacks.h"
#include "crash/report/state.h"
#include "lib/format.h"
#include "lib/mem.h"

#define INDENT_BYTES 2U
#define LIFEBOAT_BYTES 2048U

_Static_assert(sizeof(struct lb_report_job) <= LB_REPORT_MEMORY_MAX, "the report's budget of memory");

uint64_t lb_report_memory(void)
{
	return lb_align_up(sizeof(struct lb_report_job), LB_PAGE);
}

uint32_t lb_report_cut(char *text, uint32_t room, uint32_t bytes, const char *section, const char *why)
{
	if (bytes > room - LB_OUT_CUT_BYTES - 1)
		bytes = room - LB_OUT_CUT_BYTES - 1;
	lb_snprintf(text + bytes, LB_OUT_CUT_BYTES, "\ncut: %s: %s", section, why);
	bytes += (uint32_t)lb_strlen(text + bytes);
	memcpy(text + bytes, "\n", sizeof("\n"));
	return bytes + 1;
}

static void write_lifeboat(struct lb_report_job *job)
{
	const char *at = job->source->lifeboat;

	if (!at || !lb_out_section(&job->out, "lifeboat", LIFEBOAT_BYTES, "what it did"))
		return;
	while (*at) {
		const char *end = lb_strchr(at, '\n');
		size_t bytes = end ? (size_t)(end - at) : lb_strlen(at);

		lb_out_line(&job->out, "%.*s", (int)bytes, at);
		at += bytes + (end != NULL);
	}
	lb_out_end(&job->out, 0, "lines");
}

static void write_log(struct lb_report_job *job)
{
	struct lb_out *out = &job->out;
	char line[LB_LASTLOG_LINE];
	uint32_t room = lb_out_left(out), lines;
	uint64_t at;

	if (!job->has_log) {
		lb_out_section(out, "log", room, "none: %s", job->why_no_log.text);
		lb_out_end(out, 0, "lines");
		return;
	}
	lines = lb_lastlog_tail(&job->log, room > LB_OUT_CUT_BYTES ? room - LB_OUT_CUT_BYTES : 0,
				INDENT_BYTES, &at);
	if (!lb_out_section(out, "log", room, "the last %u of %s%lu lines", lines,
			    job->log_gaps.left_out ? "more than " : "",
			    job->log.lines + job->log_gaps.left_out))
		return;
	while (lb_out_go_on(out) && lb_lastlog_line(&job->log, &at, line, sizeof(line)))
		lb_out_line(out, "%s", line);
	lb_out_end(out, 0, "lines");
}

uint32_t lb_report_write(const struct lb_report_source *source, char *text, uint32_t room)
{
	struct lb_report_job *job = source->memory;

	lb_job_open(job, source, text, room);
	lb_head_write(job);
	lb_stacks_write_head(job);
	lb_stacks_write_panic(job);
	lb_state_write_registers(job);
	lb_stacks_write_cpus(job);
	lb_stacks_write_tasks(job);
	lb_state_write_modules(job);
	lb_state_write_memory(job);
	write_lifeboat(job);
	write_log(job);
	if (job->out.spent)
		return lb_report_cut(text, room, job->out.bytes, job->out.section, "the time for it was up");
	return job->out.bytes;
}

bool lb_report_value(const char *text, uint32_t bytes, const char *key, char *ret_value, uint32_t room)
{
	size_t length = lb_strlen(key);
	uint32_t used = 0;

	for (uint32_t at = 0; at < bytes && text[at] != '\n'; at++) { // an empty line ends the head
		bool found = bytes - at > length + 1 && memcmp(text + at, key, length) == 0 &&
			     text[at + length] == ':' && text[at + length + 1] == ' ';

		if (found)
			at += (uint32_t)length + 2;
		for (; at < bytes && text[at] != '\n'; at++) {
			if (found && used + 1 < room)
				ret_value[used++] = text[at] >= ' ' && text[at] <= '~' ? text[at] : '?';
		}
		if (found) {
			ret_value[used] = '\0';
			return true;
		}
	}
	return false;
}
