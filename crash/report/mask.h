// SPDX-License-Identifier: BSD-2-Clause
// Masks what a report should not give away: values of words that look like secrets ("password=..."), MAC and
// IP addresses, and the machine's host name. This is Lifeboat's only list of them.
#ifndef LIFEBOAT_CRASH_REPORT_MASK_H
#define LIFEBOAT_CRASH_REPORT_MASK_H

// The text that replaces what is masked. A shorter text is replaced by fewer of these letters.
#define LB_MASKED "XXXX"

// Masks one NUL-terminated line in place; the line never grows. `host` is the machine's name, masked where it
// is a word of its own; NULL or "": not known.
void lb_mask_line(char *line, const char *host);

#endif
