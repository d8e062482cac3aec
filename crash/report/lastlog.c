// SPDX-License-Identifier: BSD-2-Clause
#include "crash/report/lastlog.h"

#include "crash/report/reason.h"
#include "crash/report/taint.h"
#include "lib/format.h"
#include "lib/mem.h"
#include "lib/number.h"

void lb_lastlog_begin(struct lb_lastlog *log)
{
	memset(log, 0, sizeof(*log));
	log->cpu = -1;
	log->pid = -1;
	log->stuck_pid = -1;
}

static const char *behind(const char *text, const char *word)
{
	size_t bytes = lb_strlen(word);

	for (; *text; text++) {
		if (lb_strncmp(text, word, bytes) == 0)
			return text + bytes;
	}
	return NULL;
}

// Returns -1 if there is no number.
static int64_t number_at(const char *text)
{
	int64_t number = 0;
	uint32_t digits = 0;

	while (digits < 10 && lb_is_decimal(text[digits]))
		number = 10 * number + (text[digits++] - '0');
	return digits ? number : -1;
}

// Reads PID in "COMM:PID". COMM may contain colons.
static int64_t number_after_last_colon(const char *text, const char *end)
{
	const char *colon = NULL;

	for (const char *at = text; at < end; at++) {
		if (*at == ':')
			colon = at;
	}
	return colon ? number_at(colon + 1) : -1;
}

// Reads the time in "[    1.234567] [   T12] message", and returns where the message begins. The further
// lines of a record have no time.
static const char *read_stamp(struct lb_lastlog *log, const char *line)
{
	const char *at = line + 1;
	int64_t seconds, fraction;

	if (*line != '[')
		return line;
	while (*at == ' ')
		at++;
	seconds = number_at(at);
	while (lb_is_decimal(*at))
		at++;
	fraction = *at == '.' ? number_at(at + 1) : -1;
	at = behind(at, "] ");
	if (seconds < 0 || fraction < 0 || !at)
		return line;
	log->microseconds = (uint64_t)seconds * 1000000 + (uint64_t)fraction;
	if (at[0] == '[' && behind(at, "] ") && (behind(at, "] ") - at == 11))
		at += 11; // the caller: eight characters in brackets and a blank
	return at;
}

static void keep_text(char *to, size_t room, const char *text)
{
	lb_snprintf(to, room, "%.*s", (int)room - 1, text);
}

static void keep_reason(struct lb_lastlog *log, const char *message)
{
	enum lb_reason_kind kind = lb_reason_kind(message);
	struct lb_lastlog_reason *reason;

	if (kind == LB_REASON_NONE)
		return;
	if (log->reason_count == LB_LASTLOG_REASONS) {
		memmove(log->reasons, log->reasons + 1, sizeof(log->reasons) - sizeof(log->reasons[0]));
		log->reason_count--;
	}
	reason = &log->reasons[log->reason_count++];
	reason->seconds = log->microseconds / 1000000;
	reason->warning = kind == LB_REASON_WARNING;
	reason->follows = kind == LB_REASON_FOLLOWS;
	keep_text(reason->text, sizeof(reason->text), message);
}

// Reads "CPU: 1 PID: 92 Comm: busybox Tainted: G ..." or "... Not tainted ...". Since 6.13 "UID: 0" stands
// before PID.
static void read_who(struct lb_lastlog *log, const char *message)
{
	const char *cpu = behind(message, "CPU: "), *pid = cpu ? behind(cpu, " PID: ") : NULL;
	const char *command = pid ? behind(pid, " Comm: ") : NULL;
	size_t bytes = 0;

	if (!command)
		return;
	log->cpu = number_at(cpu);
	log->pid = number_at(pid);
	while (command[bytes] && lb_strncmp(command + bytes, " Tainted: ", 10) != 0 &&
	       lb_strncmp(command + bytes, " Not tainted", 12) != 0)
		bytes++;
	lb_snprintf(log->command, sizeof(log->command), "%.*s", (int)bytes, command);
}

static void read_function(struct lb_lastlog *log, const char *message)
{
	const char *name = behind(message, "RIP: 0010:");
	size_t bytes = 0;

	if (!name || lb_strncmp(name, "0x", 2) == 0)
		return;
	while (name[bytes] && name[bytes] != '+' && name[bytes] != ' ')
		bytes++;
	lb_snprintf(log->function, sizeof(log->function), "%.*s", (int)bytes, name);
}

// Reads PID in "INFO: task NAME:PID blocked for" and "soft lockup - CPU#1 stuck for 26s! [NAME:PID]".
static void read_stuck(struct lb_lastlog *log, const char *message)
{
	const char *task = behind(message, "INFO: task "), *end = task ? behind(task, " blocked for ") : NULL;
	int64_t pid = -1;

	if (end) {
		pid = number_after_last_colon(task, end);
	} else if ((task = behind(message, "soft lockup - CPU#"))) {
		task = behind(task, "! [");
		pid = task ? number_after_last_colon(task, task + lb_strlen(task)) : -1;
	}
	if (pid >= 0)
		log->stuck_pid = pid;
}

static void read_facts(struct lb_lastlog *log, const char *message)
{
	const char *text;

	if ((text = behind(message, "Hardware name: ")))
		keep_text(log->hardware, sizeof(log->hardware), text);
	else if (lb_strncmp(message, "DMI: ", 5) == 0 && !log->hardware[0])
		keep_text(log->hardware, sizeof(log->hardware), message + 5);
	if (!log->firmware[0] && lb_strncmp(message, "efi: EFI v", 10) == 0)
		keep_text(log->firmware, sizeof(log->firmware), message + 5);
	if (!log->command_line[0] && (text = behind(message, "ommand line: ")))
		keep_text(log->command_line, sizeof(log->command_line), text);
	if (lb_taint_read(message, &log->taint))
		log->has_taint = true;
	read_who(log, message);
	read_function(log, message);
	read_stuck(log, message);
}

static void end_line(struct lb_lastlog *log)
{
	const char *message;

	log->line[log->line_bytes] = '\0';
	message = read_stamp(log, log->line);
	keep_reason(log, message);
	read_facts(log, message);
	log->lines++;
	log->line_bytes = 0;
}

bool lb_lastlog_add(void *ctx, const char *text, size_t bytes)
{
	struct lb_lastlog *log = ctx;

	for (size_t i = 0; i < bytes; i++) {
		log->ring[log->bytes++ % LB_LASTLOG_BYTES] = text[i];
		if (text[i] == '\n')
			end_line(log);
		else if (log->line_bytes < sizeof(log->line) - 1)
			log->line[log->line_bytes++] = text[i] ? text[i] : ' ';
	}
	return true;
}

void lb_lastlog_end(struct lb_lastlog *log)
{
	uint32_t from = log->reason_count, kept = 0;
	bool of_warning;

	if (log->line_bytes)
		lb_lastlog_add(log, "\n", 1);
	of_warning = from && lb_reason_is_of_warning(log->reasons[from - 1].text);
	while (from && log->reasons[log->reason_count - 1].seconds - log->reasons[from - 1].seconds <=
			       LB_LASTLOG_APART)
		from--;
	for (uint32_t i = from; i < log->reason_count; i++) {
		if (!log->reasons[i].warning || of_warning)
			log->reasons[kept++] = log->reasons[i];
	}
	log->reason_count = kept;
}

const struct lb_lastlog_reason *lb_lastlog_reason(const struct lb_lastlog *log)
{
	for (uint32_t i = log->reason_count; i-- > 0;) {
		if (!log->reasons[i].follows)
			return &log->reasons[i];
	}
	return log->reason_count ? &log->reasons[log->reason_count - 1] : NULL;
}

uint32_t lb_lastlog_tail(const struct lb_lastlog *log, uint32_t bytes, uint32_t more, uint64_t *ret_at)
{
	uint64_t first = log->bytes > LB_LASTLOG_BYTES ? log->bytes - LB_LASTLOG_BYTES : 0;
	uint64_t used = 0;
	uint32_t lines = 0;

	*ret_at = log->bytes;
	for (uint64_t at = log->bytes; at-- > first;) {
		bool begins = at == 0 || (at > first && log->ring[(at - 1) % LB_LASTLOG_BYTES] == '\n');

		if (!begins)
			continue;
		used = log->bytes - at + (uint64_t)more * (lines + 1);
		if (used > bytes)
			break;
		lines++;
		*ret_at = at;
	}
	return lines;
}

bool lb_lastlog_line(const struct lb_lastlog *log, uint64_t *at, char *ret_line, uint32_t room)
{
	uint32_t used = 0;

	if (*at >= log->bytes)
		return false;
	while (*at < log->bytes) {
		char c = log->ring[(*at)++ % LB_LASTLOG_BYTES];

		if (c == '\n')
			break;
		if (used + 1 < room)
			ret_line[used++] = c ? c : ' ';
	}
	ret_line[used] = '\0';
	return true;
}
