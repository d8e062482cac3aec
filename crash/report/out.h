// SPDX-License-Identifier: BSD-2-Clause
// The text of a report as it grows: lines that are whole or not there, sections with a bound each,
// the budget.
#ifndef LIFEBOAT_CRASH_REPORT_OUT_H
#define LIFEBOAT_CRASH_REPORT_OUT_H

#include <stdbool.h>
#include <stdint.h>

// Kept free at the end of every section for its line "cut: ...", and of the text for its own.
#define LB_OUT_CUT_BYTES 160U
#define LB_OUT_LINE_BYTES 1100U // of one line, its NUL included; what is longer ends in "..."

struct lb_out {
	char *text;
	uint32_t room; // of the text, the last line's bytes and the NUL taken off
	uint32_t bytes; // all of them whole lines
	const char *section; // a literal
	uint32_t limit; // of `bytes` in this section
	uint32_t left_out; // lines that this section had no room for
	bool spent; // go_on() said so: nothing more is written
	bool mask;
	const char *host; // to be masked; NULL: not known
	bool (*go_on)(void *ctx, const char *section, uint32_t bytes);
	void *ctx;
};

// `room` as for lb_report_write(). The caller sets mask, host, go_on and ctx.
void lb_out_open(struct lb_out *out, char *text, uint32_t room);

// False when the budget is spent. Cheap: to be asked in every loop over what the dead kernel says.
bool lb_out_go_on(struct lb_out *out);

// The same, before work for section `name`, a literal, begins: where it ends, if the budget does not last.
bool lb_out_enter(struct lb_out *out, const char *name);

// A line "key: value" of the head. What cannot be printed becomes '?', if mask is set the value is masked.
void lb_out_key(struct lb_out *out, const char *key, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

// Begins a section of at most `bytes` with its note; ends the one before it. False: it must be left
// out, since the budget is spent or nothing has room.
bool lb_out_section(struct lb_out *out, const char *name, uint32_t bytes, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
// A line of it. False when it had no room.
bool lb_out_line(struct lb_out *out, const char *format, ...) __attribute__((format(printf, 2, 3)));
// Ends it. Where lines had no room, or the caller stopped short, its last line says so: "cut: N more
// `what`", with left_out + `more` as N.
void lb_out_end(struct lb_out *out, uint32_t more, const char *what);

// Bytes that lines of a section that begins now could have.
uint32_t lb_out_left(const struct lb_out *out);

#endif
