// SPDX-License-Identifier: BSD-2-Clause
#include <stdlib.h>
#include <string.h>

#include "crash/plan/place.h"
#include "unit.h"

#define M(mib) ((mib)*LB_MIB)

static const struct lb_place_request usual = {
	.bytes = 256 * LB_MIB, .align = 2 * LB_MIB, .min = 16 * LB_MIB, .max = 4 * LB_GIB};

static struct boot_e820_entry room[8];

static struct lb_e820 map_of_ram(struct lb_range first, struct lb_range second)
{
	struct lb_e820 map = {.entries = room, .capacity = 8};

	assert_int_equal(lb_e820_add(&map, (struct lb_range){0, 0x9f000}, LB_E820_RAM, NULL), 0);
	assert_int_equal(lb_e820_add(&map, first, LB_E820_RAM, NULL), 0);
	assert_int_equal(lb_e820_add(&map, (struct lb_range){0xfec00000, 0xfec01000}, LB_E820_RESERVED, NULL),
			 0);
	assert_int_equal(lb_e820_add(&map, second, LB_E820_RAM, NULL), 0);
	assert_int_equal(lb_e820_tidy(&map, NULL), 0);
	return map;
}

static void check_place(const struct lb_e820 *map, struct lb_place_request request, lb_place_usable *usable,
			void *ctx, uint64_t wanted)
{
	struct lb_range region = {0, 0};
	struct lb_error err = {""};

	if (lb_place(map, &request, usable, ctx, &region, &err))
		fail_msg("%s", err.text);
	assert_int_equal(region.start, wanted);
	assert_int_equal(region.end, wanted + request.bytes);
}

static void check_refused(const struct lb_e820 *map, struct lb_place_request request, lb_place_usable *usable,
			  void *ctx, const char *wanted)
{
	struct lb_range region = {1, 2};
	struct lb_error err = {""};

	assert_int_equal(lb_place(map, &request, usable, ctx, &region, &err), -1);
	if (!strstr(err.text, wanted))
		fail_msg("\"%s\" does not say \"%s\"", err.text, wanted);
	assert_true(region.start == 1 && region.end == 2);
}

static void test_highest(void **state)
{
	struct lb_place_request request = usual;
	struct lb_e820 map =
		map_of_ram((struct lb_range){LB_MIB, 0x7ffdd000}, (struct lb_range){LB_4GIB, 2 * LB_4GIB});

	(void)state;
	check_place(&map, request, NULL, NULL, 0x7fe00000 - M(256));
	request.align = M(16);
	check_place(&map, request, NULL, NULL, 0x6f000000);
	request.max = 2 * LB_4GIB;
	check_place(&map, request, NULL, NULL, 2 * LB_4GIB - M(256));
}

static void test_gib_border(void **state)
{
	struct lb_place_request request = usual;
	// RAM ends 100 MiB above 2 GiB. The highest place crosses a GiB border. The next lower place does
	// not, and is taken.
	struct lb_e820 map =
		map_of_ram((struct lb_range){LB_MIB, 2 * LB_GIB + M(100)}, (struct lb_range){0, 0});

	(void)state;
	check_place(&map, request, NULL, NULL, 2 * LB_GIB - M(256));
	// A region of a GiB crosses a border anywhere, so it takes the highest place.
	request.bytes = LB_GIB;
	check_place(&map, request, NULL, NULL, LB_GIB + M(100));
	// No other place is left, so the region crosses the border.
	request.bytes = M(256);
	request.min = 2 * LB_GIB - M(200);
	check_place(&map, request, NULL, NULL, 2 * LB_GIB + M(100) - M(256));
}

static void test_exact_fit(void **state)
{
	struct lb_e820 map =
		map_of_ram((struct lb_range){M(32), M(288)}, (struct lb_range){M(512), M(768) - 1});

	(void)state;
	check_place(&map, usual, NULL, NULL, M(32));
}

static void test_too_large(void **state)
{
	struct lb_place_request request = usual;
	struct lb_e820 map =
		map_of_ram((struct lb_range){LB_MIB, M(128)}, (struct lb_range){M(200) - 5, M(320) + 5});

	(void)state;
	check_refused(&map, request, NULL, NULL, "largest RAM area there is 120 MiB at 0xc800000");
	request.bytes = UINT64_MAX - 2 * LB_MIB + 1;
	check_refused(&map, request, NULL, NULL, "no place");
	request = usual;
	request.max = M(16);
	check_refused(&map, request, NULL, NULL, "0 B at 0x0");
}

static void test_bad_requests(void **state)
{
	struct lb_e820 map = map_of_ram((struct lb_range){LB_MIB, 2 * LB_GIB}, (struct lb_range){0, 0});
	struct lb_place_request request = usual;

	(void)state;
	request.bytes = M(3);
	check_refused(&map, request, NULL, NULL, "0x300000 was asked for, wanted a multiple of 2 MiB");
	request.bytes = 0;
	check_refused(&map, request, NULL, NULL, "multiple of 2 MiB");
	request = usual;
	request.align = LB_MIB;
	check_refused(&map, request, NULL, NULL, "power of two");
	request.align = M(6);
	check_refused(&map, request, NULL, NULL, "power of two");
	request = usual;
	request.min = M(8);
	check_refused(&map, request, NULL, NULL, "wanted 16 MiB or more");
}

static void test_offset(void **state)
{
	struct lb_e820 map =
		map_of_ram((struct lb_range){LB_MIB, 2 * LB_GIB}, (struct lb_range){LB_4GIB, 2 * LB_4GIB});
	struct lb_place_request request = usual;

	(void)state;
	request.offset = M(64);
	check_place(&map, request, NULL, NULL, M(64));
	request.offset = M(1000); // crosses a GiB border, as was asked
	check_place(&map, request, NULL, NULL, M(1000));
	request.offset = M(65);
	check_refused(&map, request, NULL, NULL, "not a multiple of 0x200000");
	request.offset = M(8);
	check_refused(&map, request, NULL, NULL, "do not lie between");
	request.offset = LB_4GIB;
	check_refused(&map, request, NULL, NULL, "do not lie between");
	request.offset = 2 * LB_GIB - M(128);
	check_refused(&map, request, NULL, NULL, "not all RAM");
	request.offset = UINT64_MAX - M(2) + 1;
	check_refused(&map, request, NULL, NULL, "do not lie between");
}

// A range that the firmware uses, and what was asked about it.
struct firmware {
	struct lb_range used;
	struct lb_range last;
	unsigned int asked;
};

static bool firmware_has(void *ctx, struct lb_range candidate)
{
	struct firmware *firmware = ctx;

	if (firmware->asked++)
		assert_true(candidate.start < firmware->last.start); // places are tried from the top down
	firmware->last = candidate;
	return !lb_range_overlaps(candidate, firmware->used);
}

static void test_usable(void **state)
{
	struct lb_e820 map = map_of_ram((struct lb_range){LB_MIB, LB_GIB}, (struct lb_range){0, 0});
	struct lb_place_request request = usual;
	struct firmware firmware = {.used = {M(900), M(900) + 1}};

	(void)state;
	check_place(&map, request, firmware_has, &firmware, M(900) - M(256));
	assert_int_equal(firmware.asked, (1024 - 900) / 2 + 1);

	firmware = (struct firmware){.used = {M(900), M(900) + 1}};
	request.offset = M(700);
	check_refused(&map, request, firmware_has, &firmware, "the firmware uses");
}

static bool refuse(void *ctx, struct lb_range candidate)
{
	(void)ctx;
	(void)candidate;
	return false;
}

static void test_nothing_usable(void **state)
{
	struct lb_e820 map = map_of_ram((struct lb_range){LB_MIB, LB_GIB}, (struct lb_range){0, 0});

	(void)state;
	check_refused(&map, usual, refuse, NULL, "no place for 256 MiB");
	check_refused(&map, usual, refuse, NULL, "the firmware uses a part of each of 377 places");
	check_refused(&map, usual, refuse, NULL, "1008 MiB at 0x1000000");
}

#define AVOID(...)                                                                                           \
	.avoid = (const struct lb_range[]){__VA_ARGS__},                                                     \
	.avoid_count = sizeof((const struct lb_range[]){__VA_ARGS__}) / sizeof(struct lb_range)

static void test_avoid(void **state)
{
	struct lb_e820 map =
		map_of_ram((struct lb_range){LB_MIB, 2 * LB_GIB}, (struct lb_range){LB_4GIB, 2 * LB_4GIB});
	struct lb_place_request request = usual;

	(void)state;
	// One byte to avoid is enough. The region ends 2 MiB below it.
	request =
		(struct lb_place_request){M(256), M(2), M(16), LB_4GIB, 0, AVOID({M(2047) + 5, M(2047) + 6})};
	check_place(&map, request, NULL, NULL, M(2046) - M(256));
	// Ranges to avoid in any order, overlapping, empty, outside of RAM, and covering a whole entry.
	request = (struct lb_place_request){M(256),
					    M(2),
					    M(16),
					    UINT64_MAX,
					    0,
					    AVOID({M(1000), M(1100)}, {LB_4GIB - 1, UINT64_MAX},
						  {M(1990), M(2048)}, {M(1100), M(1995)}, {M(800), M(800)},
						  {M(3000), M(3500)}, {M(1050), M(1060)})};
	check_place(&map, request, NULL, NULL, M(1000) - M(256));
	// A region may touch ranges to avoid on both sides.
	request = (struct lb_place_request){M(256),  M(2), M(16),
					    LB_4GIB, 0,    AVOID({M(1536), UINT64_MAX}, {0, M(1280)})};
	check_place(&map, request, NULL, NULL, M(1280));
	request.min = M(1282);
	check_refused(&map, request, NULL, NULL,
		      "the largest RAM area there is 254 MiB at 0x50200000, 2 hot-pl");
	request.bytes = LB_GIB;
	request.min = M(16);
	check_refused(&map, request, NULL, NULL, "the largest RAM area there is 256 MiB at 0x50000000");
	request = (struct lb_place_request){M(256), M(2), M(16), LB_4GIB, 0, AVOID({0, UINT64_MAX})};
	check_refused(&map, request, NULL, NULL, "the largest RAM area there is 0 B at 0x0");
}

static void test_avoid_at_offset(void **state)
{
	struct lb_e820 map = map_of_ram((struct lb_range){LB_MIB, 2 * LB_GIB}, (struct lb_range){0, 0});
	struct lb_place_request request = {M(256),  M(2),   M(16),
					   LB_4GIB, M(512), AVOID({0, M(512)}, {M(768), M(800)})};

	(void)state;
	check_place(&map, request, NULL, NULL, M(512));
	request.offset = M(514);
	check_refused(&map, request, NULL, NULL,
		      "0x20200000-0x30200000 was asked for, but 0x30000000-0x32000000 is hot-pluggable");
}

// Terabytes to avoid are skipped at once, not step by step.
static void test_avoid_terabytes(void **state)
{
	struct lb_e820 map =
		map_of_ram((struct lb_range){LB_MIB, 2 * LB_GIB}, (struct lb_range){LB_4GIB, 64 * LB_TIB});
	struct lb_range avoid[128];
	struct lb_place_request request = {.bytes = M(256),
					   .align = M(2),
					   .min = M(16),
					   .max = 128 * LB_TIB,
					   .avoid = avoid,
					   .avoid_count = 128};

	(void)state;
	for (uint64_t i = 0; i < 128; i++)
		avoid[i] = (struct lb_range){i * LB_TIB / 2 + LB_4GIB, (i + 1) * LB_TIB / 2 + LB_4GIB - M(2)};
	check_place(&map, request, NULL, NULL, 2 * LB_GIB - M(256));
}

// Random maps, requests and ranges to avoid. The judge looks at every place.
#define SPACE_MIB 512U

struct judge {
	// For each 2 MiB: whether all of it is RAM, and whether any of it is to be avoided.
	bool ram[SPACE_MIB / 2], avoid[SPACE_MIB / 2];
};

static uint64_t judge_place(const struct judge *judge, const struct lb_place_request *request, bool may_cross)
{
	uint64_t steps = request->bytes / M(2), best = 0;

	for (uint64_t start = request->min; start + request->bytes <= request->max; start += M(2)) {
		bool good = lb_aligned(start, request->align) &&
			    (may_cross || start / LB_GIB == (start + request->bytes - 1) / LB_GIB);

		for (uint64_t i = start / M(2); good && i < start / M(2) + steps; i++)
			good = i < SPACE_MIB / 2 && judge->ram[i] && !judge->avoid[i];
		if (good)
			best = start;
	}
	return best;
}

static void add_random_ram(struct lb_e820 *map, struct judge *judge)
{
	uint64_t at = 0;

	while (map->count < 7 && at < SPACE_MIB) {
		uint64_t start = at + (uint64_t)rand() % 40, end = start + 1 + (uint64_t)rand() % 200;

		if (end > SPACE_MIB)
			end = SPACE_MIB;
		if (start < end && rand() % 4) {
			assert_int_equal(
				lb_e820_add(map, (struct lb_range){M(start), M(end)}, LB_E820_RAM, NULL), 0);
			for (uint64_t i = (start + 1) / 2; i < end / 2; i++)
				judge->ram[i] = true;
		}
		at = end + 1; // a gap, because adjacent entries would be one
	}
}

static void test_random(void **state)
{
	unsigned int placed = 0, refused = 0;

	(void)state;
	srand(4);
	for (unsigned int round = 0; round < 4000; round++) {
		struct lb_range avoid[6], region = {0, 0}, again = {0, 0};
		struct lb_e820 map = {.entries = room, .capacity = 8};
		struct lb_place_request request = {
			.bytes = M(2) * (1 + (uint64_t)rand() % 60),
			.align = M(2) << rand() % 4,
			.min = M(16) + M(2) * ((uint64_t)rand() % 20),
			.max = M(SPACE_MIB) - M(2) * ((uint64_t)rand() % 20),
			.avoid = avoid,
			.avoid_count = (uint32_t)rand() % 7,
		};
		struct judge judge = {0};
		struct lb_error err = {""};
		uint64_t wanted;

		add_random_ram(&map, &judge);
		for (uint32_t i = 0; i < request.avoid_count; i++) {
			uint64_t start = (uint64_t)rand() % M(SPACE_MIB), bytes = (uint64_t)rand() % M(60);

			avoid[i] = (struct lb_range){start, start + bytes};
			for (uint64_t j = start; bytes && j < start + bytes && j < M(SPACE_MIB);
			     j = lb_align_down(j, M(2)) + M(2))
				judge.avoid[j / M(2)] = true;
		}
		wanted = judge_place(&judge, &request, false);
		if (lb_place(&map, &request, NULL, NULL, &region, &err)) {
			assert_int_equal(wanted, 0);
			assert_non_null(strstr(err.text, "largest RAM area there is"));
			refused++;
			continue;
		}
		placed++;
		assert_int_equal(region.start, wanted);
		assert_int_equal(lb_range_size(region), request.bytes);
		// The result depends on map and options only: not on a second call, nor on the order of the
		// ranges to avoid.
		for (uint32_t i = 0; i < request.avoid_count / 2; i++) {
			struct lb_range swap = avoid[i];

			avoid[i] = avoid[request.avoid_count - 1 - i];
			avoid[request.avoid_count - 1 - i] = swap;
		}
		assert_int_equal(lb_place(&map, &request, NULL, NULL, &again, &err), 0);
		assert_memory_equal(&again, &region, sizeof(region));
	}
	assert_true(placed > 1000 && refused > 200);
}

static int place_by_reach(const struct lb_e820 *map, struct lb_place_request request,
			  enum lb_place_reach reach, struct lb_range *ret_region)
{
	struct lb_error err;

	request.reach = reach;
	return lb_place_by_reach(map, request, NULL, NULL, ret_region, &err);
}

// The region lies below 4 GiB if it fits there, else in the first 512 GiB, else below 1 << 47. Each higher
// reach must be allowed.
static void test_reach(void **state)
{
	struct boot_e820_entry entries[] = {
		{LB_MIB, M(63), LB_E820_RAM},
		{LB_4GIB, LB_GIB, LB_E820_RAM},
		{600 * LB_GIB, 4 * LB_GIB, LB_E820_RAM},
		{(1ULL << 47) - LB_GIB, 9 * LB_GIB, LB_E820_RAM},
	};
	const struct lb_e820 map = {.entries = entries, .count = 4, .capacity = 4};
	struct lb_place_request request = {.bytes = M(32), .align = LB_REGION_STEP, .min = LB_REGION_MIN};
	struct lb_range region;

	(void)state;
	assert_int_equal(place_by_reach(&map, request, LB_PLACE_LOWEST, &region), 0);
	assert_int_equal(region.end, M(64));
	assert_int_equal(place_by_reach(&map, request, LB_PLACE_HIGHEST, &region), 0);
	assert_int_equal(region.end, 1ULL << 47);
	request.bytes = M(512);
	assert_int_equal(place_by_reach(&map, request, LB_PLACE_LOWEST, &region), 0);
	assert_int_equal(region.end, LB_4GIB + LB_GIB);
	assert_int_equal(place_by_reach(&map, request, LB_PLACE_BELOW_4GIB, &region), -1);
	request.bytes = 2 * LB_GIB;
	assert_int_equal(place_by_reach(&map, request, LB_PLACE_LOWEST, &region), 0);
	assert_int_equal(region.end, 604 * LB_GIB);
	request.bytes = 8 * LB_GIB;
	assert_int_equal(place_by_reach(&map, request, LB_PLACE_LOWEST, &region), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_highest),         cmocka_unit_test(test_gib_border),
		cmocka_unit_test(test_exact_fit),       cmocka_unit_test(test_too_large),
		cmocka_unit_test(test_bad_requests),    cmocka_unit_test(test_offset),
		cmocka_unit_test(test_usable),          cmocka_unit_test(test_nothing_usable),
		cmocka_unit_test(test_avoid),           cmocka_unit_test(test_avoid_at_offset),
		cmocka_unit_test(test_avoid_terabytes), cmocka_unit_test(test_random),
		cmocka_unit_test(test_reach),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
