// SPDX-License-Identifier: BSD-2-Clause
#include "loader/clock.h"

#include "lib/cpu.h"
#include "lib/utc.h"
#include "loader/firmware.h"

#define MEASURE_US 20000

uint64_t lb_clock_tsc(void)
{
	uint64_t tsc;

	// The fence keeps the TSC from being read too early or too late.
	cpu_lfence();
	tsc = cpu_tsc();
	cpu_lfence();
	return tsc;
}

static uint64_t measure_once(void)
{
	uint64_t begun = lb_clock_tsc();

	BS->Stall(MEASURE_US);
	return (lb_clock_tsc() - begun) * 1000 / MEASURE_US;
}

uint64_t lb_clock_tsc_khz(void)
{
	static uint64_t khz;
	uint64_t first, second;

	if (khz)
		return khz;
	// A delay may take longer than asked (timers, hypervisors), never shorter.
	first = measure_once();
	second = measure_once();
	khz = first < second ? first : second;
	return khz;
}

uint64_t lb_clock_time(void)
{
	EFI_TIME now;
	int64_t seconds;

	if (EFI_ERROR(RT->GetTime(&now, NULL)) ||
	    !lb_utc_seconds(&(struct lb_utc){now.Year, now.Month, now.Day, now.Hour, now.Minute, now.Second},
			    &seconds))
		return 0;
	// UEFI 2.10, 8.3: local time is UTC minus TimeZone, in minutes.
	if (now.TimeZone >= -1440 && now.TimeZone <= 1440)
		seconds += now.TimeZone * 60;
	return seconds > 0 ? (uint64_t)seconds : 0;
}
