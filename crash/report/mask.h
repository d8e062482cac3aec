// SPDX-License-Identifier: BSD-2-Clause
// Takes out of a report what should not leave the house: values of words that look like secrets
// ("password=..."), MAC and IP addresses, which tell of a network, and the machine's host name. Lifeboat's
// one list of them.
#ifndef LIFEBOAT_CRASH_REPORT_MASK_H
#define LIFEBOAT_CRASH_REPORT_MASK_H

// Stands in place of whatever is masked; what was shorter gives fewer of its letters.
#define LB_MASKED "XXXX"

// Masks one NUL-terminated line in place; it never grows. `host`: the machine's name, masked where it is
// a word of its own; NULL or "": not known.
void lb_mask_line(char *line, const char *host);

#endif
