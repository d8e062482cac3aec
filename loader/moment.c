// SPDX-License-Identifier: BSD-2-Clause
#include "loader/moment.h"

#include <stdbool.h>

#include "lib/mem.h"
#include "lib/sha256.h"
#include "lib/utc.h"
#include "loader/firmware.h"

#define MEASURE_US 20000
#define UNIQUE_BYTES 16

uint64_t lb_moment_tsc(void)
{
	uint32_t low, high;

	// Not before what comes before, not after what follows.
	__asm__ volatile("lfence\n\trdtsc\n\tlfence" : "=a"(low), "=d"(high)::"memory");
	return (uint64_t)high << 32 | low;
}

static uint64_t measure_once(void)
{
	uint64_t begun = lb_moment_tsc();

	BS->Stall(MEASURE_US);
	return (lb_moment_tsc() - begun) * 1000 / MEASURE_US;
}

uint64_t lb_moment_tsc_khz(void)
{
	// A delay may take longer than asked for (timers, hypervisors), never shorter.
	uint64_t first = measure_once(), second = measure_once();

	return first < second ? first : second;
}

uint64_t lb_moment_time(void)
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

static bool random_bytes(uint8_t *out, UINTN bytes)
{
	static EFI_GUID guid = EFI_RNG_PROTOCOL_GUID;
	void *protocol;
	EFI_RNG_PROTOCOL *rng;

	if (EFI_ERROR(BS->LocateProtocol(&guid, NULL, &protocol)))
		return false;
	rng = protocol;
	return !EFI_ERROR(rng->GetRNG(rng, NULL, bytes, out));
}

void lb_moment_unique(const void *salt, size_t bytes, uint8_t ret_id[16])
{
	const uint64_t moment[] = {lb_moment_tsc(), lb_moment_time()};
	uint8_t digest[LB_SHA256_BYTES];
	struct lb_sha256 sha;

	if (random_bytes(ret_id, UNIQUE_BYTES))
		return;
	lb_sha256_begin(&sha);
	lb_sha256_add(&sha, moment, sizeof(moment));
	lb_sha256_add(&sha, salt, bytes);
	lb_sha256_end(&sha, digest);
	memcpy(ret_id, digest, UNIQUE_BYTES);
}
