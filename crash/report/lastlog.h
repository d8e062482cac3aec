// SPDX-License-Identifier: BSD-2-Clause
// What a report takes out of the dead kernel's log, in one reading: its last lines, why it died, and what
// else only the log tells where kallsyms or BTF are missing.
#ifndef LIFEBOAT_CRASH_REPORT_LASTLOG_H
#define LIFEBOAT_CRASH_REPORT_LASTLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LB_LASTLOG_BYTES 16384U // of its end that are kept
#define LB_LASTLOG_LINE 1024U // of a line; what is longer is cut
#define LB_LASTLOG_REASONS 8U
// Further apart than this, in seconds, the earlier of two reasons is another story.
#define LB_LASTLOG_APART 10U

struct lb_lastlog_reason {
	uint64_t seconds; // since boot
	bool warning, follows; // kinds of reason.h
	char text[240]; // the message, cut
};

struct lb_lastlog {
	char ring[LB_LASTLOG_BYTES]; // byte n of the log is at n % LB_LASTLOG_BYTES
	uint64_t bytes, lines; // of the whole log
	char line[LB_LASTLOG_LINE]; // that is not at its end yet
	uint32_t line_bytes;

	uint64_t microseconds; // since boot, of the last line that says so
	struct lb_lastlog_reason reasons[LB_LASTLOG_REASONS]; // the last ones, in order
	uint32_t reason_count;
	bool has_taint;
	uint64_t taint; // the last
	char hardware[160], firmware[160]; // "" where the log does not say
	char command_line[LB_LASTLOG_LINE];
	// "CPU: 1 PID: 92 Comm: busybox", the last; cpu -1: there was none.
	int64_t cpu, pid;
	char command[32];
	char function[128]; // of the last "RIP: 0010:function+0x..."; "": none
	int64_t stuck_pid; // of the task that hung-task or soft-lockup lines named last; -1: none
};

void lb_lastlog_begin(struct lb_lastlog *log);
// Takes lines from lb_dmesg_read(); always true.
bool lb_lastlog_add(void *ctx, const char *text, size_t bytes);
// After the last piece: ends the line, leaves of the reasons those that belong together.
void lb_lastlog_end(struct lb_lastlog *log);

// The reason to name first: the last that says what happened. NULL: there is none.
const struct lb_lastlog_reason *lb_lastlog_reason(const struct lb_lastlog *log);

// Counts the last lines, of those that are kept whole, that take at most `bytes`, with `more` bytes each.
// *ret_at: their beginning in the log.
uint32_t lb_lastlog_tail(const struct lb_lastlog *log, uint32_t bytes, uint32_t more, uint64_t *ret_at);
// Copies the line at *at, without its line feed and cut, and goes on to the next. False at the end.
bool lb_lastlog_line(const struct lb_lastlog *log, uint64_t *at, char *ret_line, uint32_t room);

#endif
