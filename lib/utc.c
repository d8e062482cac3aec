// SPDX-License-Identifier: BSD-2-Clause
#include "lib/utc.h"

#include "lib/format.h"

#define FIRST_YEAR 1970
#define LAST_YEAR 9999
#define DAY 86400

static bool is_leap(uint32_t year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static uint32_t days_of_year(uint32_t year)
{
	return is_leap(year) ? 366 : 365;
}

static uint32_t days_of_month(uint32_t year, uint32_t month)
{
	static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	return month == 2 && is_leap(year) ? 29 : days[month - 1];
}

bool lb_utc_seconds(const struct lb_utc *utc, int64_t *ret_seconds)
{
	int64_t days = 0;

	if (utc->year < FIRST_YEAR || utc->year > LAST_YEAR || utc->month < 1 || utc->month > 12 ||
	    utc->day < 1 || utc->day > days_of_month(utc->year, utc->month) || utc->hour > 23 ||
	    utc->minute > 59 || utc->second > 59)
		return false;
	for (uint32_t year = FIRST_YEAR; year < utc->year; year++)
		days += days_of_year(year);
	for (uint32_t month = 1; month < utc->month; month++)
		days += days_of_month(utc->year, month);
	days += utc->day - 1;
	*ret_seconds = days * DAY + utc->hour * 3600 + utc->minute * 60 + utc->second;
	return true;
}

char *lb_utc_text(uint64_t seconds, char text[LB_UTC_TEXT])
{
	uint64_t days = seconds / DAY;
	uint32_t rest = (uint32_t)(seconds % DAY), year = FIRST_YEAR, month = 1;

	for (; year < LAST_YEAR && days >= days_of_year(year); year++)
		days -= days_of_year(year);
	if (days >= days_of_year(year)) {
		days = days_of_year(year) - 1;
		rest = DAY - 1;
	}
	for (; days >= days_of_month(year, month); month++)
		days -= days_of_month(year, month);
	lb_snprintf(text, LB_UTC_TEXT, "%04u-%02u-%02u %02u:%02u:%02u UTC", year, month, (uint32_t)days + 1,
		    rest / 3600, rest / 60 % 60, rest % 60);
	return text;
}
