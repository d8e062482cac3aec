// SPDX-License-Identifier: BSD-2-Clause
// Reads the dead kernel's log once, and keeps what a report needs: the last lines, why the kernel died, and
// what only the log tells where kallsyms or BTF are missing.
#ifndef LIFEBOAT_CRASH_REPORT_LASTLOG_H
#define LIFEBOAT_CRASH_REPORT_LASTLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LB_LASTLOG_BYTES 16384U // that are kept of the log's end
#define LB_LASTLOG_LINE 1024U // of a line; a longer one is cut
#define LB_LASTLOG_REASONS 8U
// If two reasons are further apart than this, in seconds, the earlier one does not belong to the crash.
#define LB_LASTLOG_APART 10U

struct lb_lastlog_reason {
	uint64_t seconds; // since boot
	bool warning, follows; // LB_REASON_WARNING, LB_REASON_FOLLOWS
	char text[240]; // the message, cut
};

struct lb_lastlog {
	char ring[LB_LASTLOG_BYTES]; // byte n of the log is at n % LB_LASTLOG_BYTES
	uint64_t bytes, lines; // of the whole log
	char line[LB_LASTLOG_LINE]; // the line whose end is still to come
	uint32_t line_bytes;

	uint64_t microseconds; // since boot, from the last line with a time
	struct lb_lastlog_reason reasons[LB_LASTLOG_REASONS]; // the last ones, in order
	uint32_t reason_count;
	bool has_taint;
	uint64_t taint; // the last one in the log
	char hardware[160], firmware[160]; // "": not in the log
	char command_line[LB_LASTLOG_LINE];
	// From the last line like "CPU: 1 PID: 92 Comm: busybox"; cpu is -1 if there was none.
	int64_t cpu, pid;
	char command[32];
	char function[128]; // of the last "RIP: 0010:function+0x..."; "": none
	int64_t stuck_pid; // the task that a hung-task or soft-lockup line named last; -1: none
};

void lb_lastlog_begin(struct lb_lastlog *log);
// Takes the next piece of the log, from lb_dmesg_read(). Always returns true.
bool lb_lastlog_add(void *ctx, const char *text, size_t bytes);
// Called after the last piece. Ends the last line, and keeps only the reasons that belong to the crash.
void lb_lastlog_end(struct lb_lastlog *log);

// Returns the reason to name first: the last one that says what happened. NULL: there is no reason.
const struct lb_lastlog_reason *lb_lastlog_reason(const struct lb_lastlog *log);

// Returns how many of the kept lines at the log's end take at most `bytes`, with `more` bytes added to each.
// *ret_at: where the first of these lines begins in the log.
uint32_t lb_lastlog_tail(const struct lb_lastlog *log, uint32_t bytes, uint32_t more, uint64_t *ret_at);
// Copies the line at *at without its line feed, cut to `room`, and moves *at to the next line. False at the
// end.
bool lb_lastlog_line(const struct lb_lastlog *log, uint64_t *at, char *ret_line, uint32_t room);

#endif
