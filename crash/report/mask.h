// SPDX-License-Identifier: BSD-2-Clause
// What a report that leaves the house should not say: the values of words that look like secrets
// ("password=..."), MAC and IP addresses, host names.
#ifndef LIFEBOAT_CRASH_REPORT_MASK_H
#define LIFEBOAT_CRASH_REPORT_MASK_H

#include <stdint.h>

// What stands in place of what is masked: as many letters as fit, never more than were there, so that a
// line never grows.
#define LB_MASK_LETTER 'X'

// Masks one line of text, NUL-terminated, in place; at most `bytes` of it are looked at.
void lb_mask_line(char *line, uint32_t bytes);

#endif
