// SPDX-License-Identifier: BSD-2-Clause
// Writes the text of a report. A line is written whole or not at all. Each section has a limit. The caller
// has a budget.
#ifndef LIFEBOAT_CRASH_REPORT_OUT_H
#define LIFEBOAT_CRASH_REPORT_OUT_H

#include <stdbool.h>
#include <stdint.h>

// Bytes kept free for a line "cut: ...", at the end of every section and at the end of the text.
#define LB_OUT_CUT_BYTES 160U
#define LB_OUT_LINE_BYTES 1100U // of one line with its NUL; a longer one ends in "..."

struct lb_out {
	char *text;
	uint32_t room; // of `text` for lines; the last "cut: ..." and the NUL are not in it
	uint32_t bytes; // written so far, whole lines only
	const char *section; // its name, a literal
	uint32_t limit; // the most that `bytes` may become in this section
	uint32_t left_out; // lines for which this section had no room
	bool spent; // go_on() returned false: nothing more is written
	bool mask;
	const char *host; // the name to mask; NULL: not known
	bool (*go_on)(void *ctx, const char *section, uint32_t bytes);
	void *ctx;
};

// `room` is that of lb_report_write(). The caller sets mask, host, go_on and ctx.
void lb_out_open(struct lb_out *out, char *text, uint32_t room);

// Returns false when the budget is spent. This is cheap: every loop over the dead kernel's data asks.
bool lb_out_go_on(struct lb_out *out);

// Makes `name`, a literal, the section that is being written, and returns lb_out_go_on().
bool lb_out_enter(struct lb_out *out, const char *name);

// Writes a line "key: value" of the head. Unprintable characters become '?'. The value is masked if `mask` is
// set.
void lb_out_key(struct lb_out *out, const char *key, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

// Ends the section before, and begins section `name`, of at most `bytes`, with its note. False: the section
// must be left out, because the budget is spent or there is no room.
bool lb_out_section(struct lb_out *out, const char *name, uint32_t bytes, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
// Writes a line of the section. Returns false when there was no room.
bool lb_out_line(struct lb_out *out, const char *format, ...) __attribute__((format(printf, 2, 3)));
// Ends the section. If lines had no room, or the caller left out `more`, the last line is "cut: N more
// `what`". N is left_out + `more`.
void lb_out_end(struct lb_out *out, uint32_t more, const char *what);

// Returns how many bytes there are for the lines of a section that begins now.
uint32_t lb_out_left(const struct lb_out *out);

#endif
