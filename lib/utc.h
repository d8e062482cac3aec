// SPDX-License-Identifier: BSD-2-Clause
// Dates of the Gregorian calendar, and seconds since 1970-01-01 00:00:00 UTC.
#ifndef LIFEBOAT_LIB_UTC_H
#define LIFEBOAT_LIB_UTC_H

#include <stdbool.h>
#include <stdint.h>

struct lb_utc {
	uint32_t year; // 1970 to 9999
	uint32_t month, day; // from 1
	uint32_t hour, minute, second;
};

// False when it is not a date and time of those years.
bool lb_utc_seconds(const struct lb_utc *utc, int64_t *ret_seconds);

// "2026-11-21 07:44:07 UTC"; a time after 9999 prints as the last second of 9999.
#define LB_UTC_TEXT 24
char *lb_utc_text(uint64_t seconds, char text[LB_UTC_TEXT]);

#endif
