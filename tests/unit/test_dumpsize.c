// SPDX-License-Identifier: BSD-2-Clause
// crash/plan/dumpsize.c. test_dump.c compares it with a dump that was written.
#include "crash/plan/dumpsize.h"
#include "lifeboat/dumpdisk.h"
#include "lifeboat/range.h"
#include "unit.h"

// the rule of docs/install.md
static uint64_t rule(uint64_t ram)
{
	return ram + ram / 100 + 32 * LB_MIB;
}

// The partition size of docs/install.md holds any dump, also of a machine whose RAM ends 4 GiB higher because
// of holes.
static void test_rule(void **state)
{
	(void)state;
	for (uint64_t ram = 16 * LB_MIB; ram <= 64 * LB_TIB; ram += ram / 3 + LB_PAGE) {
		uint64_t pages = ram / LB_PAGE, end = pages + 4 * LB_GIB / LB_PAGE;

		assert_in_range(lb_dump_size_largest(pages, end), ram, rule(ram));
	}
}

// The terms of the largest dump, one by one: fixed parts, 4096 and 24 bytes a page, two bits a page number.
static void test_parts(void **state)
{
	uint64_t least = lb_dump_size_largest(0, 0);

	(void)state;
	assert_int_equal(least, (16 + 4) * LB_MIB + LB_DUMP_REPORT_MAX + 7 * LB_PAGE);
	assert_int_equal(lb_dump_size_largest(LB_PAGE, 0) - least, LB_PAGE * (4096 + 24));
	assert_int_equal(lb_dump_size_largest(0, 8 * 16 * LB_PAGE) - least, 2 * 16 * LB_PAGE);
}

// The estimate for an idle machine is near the measured one, and never above the largest dump. More CPUs
// never take longer.
static void test_estimate(void **state)
{
	static const struct {
		uint64_t ram, measured;
	} rows[] = {{512 * LB_MIB, 18 * LB_MIB}, {2 * LB_GIB, 28 * LB_MIB}, {8 * LB_GIB, 52 * LB_MIB}};
	struct lb_dump_estimate estimate;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		estimate = lb_dump_estimate(rows[i].ram / LB_PAGE, LB_DUMP_ZSTD, 2);
		assert_in_range(estimate.bytes, rows[i].measured / 2, rows[i].measured * 3 / 2);
	}
	for (uint64_t ram = LB_MIB; ram <= 64 * LB_TIB; ram *= 2) {
		for (uint32_t format = LB_DUMP_ZSTD; format <= LB_DUMP_ELF; format++) {
			uint32_t before = UINT32_MAX;

			for (uint32_t cpus = 0; cpus <= 64; cpus += 16) {
				estimate = lb_dump_estimate(ram / LB_PAGE, format, cpus);
				assert_true(estimate.bytes <= estimate.largest);
				assert_in_range(estimate.seconds, 1, estimate.most_seconds);
				assert_true(estimate.most_seconds <= before);
				before = estimate.most_seconds;
			}
		}
	}
	estimate = lb_dump_estimate(64 * LB_GIB / LB_PAGE, LB_DUMP_ELF, 1);
	assert_int_equal(estimate.bytes, 64 * LB_GIB);
	assert_in_range(estimate.seconds, 320, 340); // the disk is slower than the CPU
	estimate = lb_dump_estimate(64 * LB_GIB / LB_PAGE, LB_DUMP_RAW, 1);
	assert_int_equal(estimate.bytes, 80 * LB_MIB + LB_GIB);
}

// A page that is RAM in part counts whole. Memory that is not RAM does not count.
static void test_of_a_map(void **state)
{
	struct boot_e820_entry entries[] = {
		{0, 0x9fc00, LB_E820_RAM},
		{0x9fc00, 0x400, LB_E820_RESERVED},
		{LB_MIB, 15 * LB_MIB, LB_E820_RAM},
		{LB_4GIB, LB_GIB, LB_E820_SOFT_RESERVED},
	};
	const struct lb_e820 map = {entries, 4, 4, true};

	(void)state;
	assert_int_equal(lb_dump_size_of(&map),
			 lb_dump_size_largest(0xa0 + 15 * LB_MIB / LB_PAGE, 16 * LB_MIB / LB_PAGE));
}

// An encrypted dump is never smaller than its content, and at most half a percent larger, plus fixed parts.
static void test_encrypted(void **state)
{
	(void)state;
	for (uint64_t bytes = 0; bytes <= 64 * LB_TIB; bytes += bytes / 3 + LB_PAGE) {
		const uint64_t pages = bytes / LB_PAGE, chunks = bytes / (64 * LB_KIB);

		assert_in_range(lb_dump_size_encrypted(bytes), bytes + pages * 16 + chunks * 16,
				bytes + bytes / 200 + LB_MIB);
	}
	for (uint64_t ram = 64 * LB_MIB; ram <= 64 * LB_TIB; ram += ram / 3 + LB_PAGE) {
		const uint64_t pages = ram / LB_PAGE, end = pages + 4 * LB_GIB / LB_PAGE;

		assert_in_range(lb_dump_size_encrypted(lb_dump_size_largest(pages, end)), ram,
				ram + ram / 200 * 3 + 32 * LB_MIB); // as docs/encrypt.md says
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rule),      cmocka_unit_test(test_parts),
		cmocka_unit_test(test_estimate),  cmocka_unit_test(test_of_a_map),
		cmocka_unit_test(test_encrypted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
