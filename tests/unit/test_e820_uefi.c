// SPDX-License-Identifier: BSD-2-Clause
#include <string.h>

#include "crash/plan/e820_uefi.h"
#include "map_entries.h"
#include "unit.h"

static void test_types_of_uefi(void **state)
{
	static const uint32_t wanted[] = {2, 1, 1, 1, 1, 2, 2, 1, 5, 3, 4, 2, 2, 2, 7, 2, 2};

	(void)state;
	for (uint32_t type = 0; type < sizeof(wanted) / sizeof(wanted[0]); type++)
		assert_int_equal(lb_e820_type_of_uefi(type, 0xf), wanted[type]);
	// Unaccepted memory, a type not defined yet, and the ranges of types for OEMs and loaders.
	assert_int_equal(lb_e820_type_of_uefi(15, 0xf), LB_E820_RESERVED);
	assert_int_equal(lb_e820_type_of_uefi(16, 0xf), LB_E820_RESERVED);
	assert_int_equal(lb_e820_type_of_uefi(0x70000000, 0), LB_E820_RESERVED);
	assert_int_equal(lb_e820_type_of_uefi(0x80000001, 0), LB_E820_RESERVED);
	assert_int_equal(lb_e820_type_of_uefi(UINT32_MAX, UINT64_MAX), LB_E820_RESERVED);
	// EFI_MEMORY_SP counts only where the type would be RAM.
	for (uint32_t type = 0; type < sizeof(wanted) / sizeof(wanted[0]); type++)
		assert_int_equal(lb_e820_type_of_uefi(type, 0x4000f),
				 wanted[type] == LB_E820_RAM ? LB_E820_SOFT_RESERVED : wanted[type]);
}

static void test_from_uefi(void **state)
{
	const struct lb_uefi_range ranges[] = {{0x5000, 1, 0xf, 9}, {0x1000, 2, 0xf, 7}, {0x3000, 2, 0xf, 4}};
	struct lb_e820 map = empty_map(3);
	struct lb_error err = {""};

	(void)state;
	assert_int_equal(lb_e820_from_uefi(&map, ranges, 3, &err), 0);
	CHECK(&map, {0x1000, 0x5000, 1}, {0x5000, 0x6000, 3});
}

// The EFI stub joins adjacent descriptors of one type if they follow each other in the firmware's order.
// Otherwise the kernel keeps devices' ranges apart. A descriptor of 0 pages is ignored.
static void test_from_uefi_joins(void **state)
{
	const struct lb_uefi_range in_order[] = {
		{0x1000, 1, 0x4000f, 7}, {0x2000, 1, 0x4000f, 4}, {0, 0, 0, 0},
		{0x3000, 1, 0x4000f, 7}, {0x9000, 0, 0xf, 7},     {0x3000, 1, 0xf, 0}};
	const struct lb_uefi_range other[] = {{0x2000, 1, 0x4000f, 7}, {0x1000, 1, 0x4000f, 7}};
	struct lb_e820 map = empty_map(2);
	struct lb_error err = {""};

	(void)state;
	assert_int_equal(lb_e820_from_uefi(&map, in_order, 6, &err), 0);
	CHECK(&map, {0x1000, 0x4000, LB_E820_SOFT_RESERVED});
	assert_int_equal(lb_e820_from_uefi(&map, other, 2, &err), 0);
	CHECK(&map, {0x1000, 0x2000, LB_E820_SOFT_RESERVED}, {0x2000, 0x3000, LB_E820_SOFT_RESERVED});
	assert_int_equal(lb_e820_from_uefi(&map, NULL, 0, &err), 0);
	assert_int_equal(map.count, 0);
}

static void test_from_uefi_bad(void **state)
{
	static const struct {
		struct lb_uefi_range range;
		const char *wanted;
	} bad[] = {
		{{0x1001, 1, 0, 7}, "descriptor 1 starts at 0x1001"},
		{{0x1000, 1ULL << 52, 0, 7}, "more than 64 bits"},
		{{0xfffffffffffff000, 1, 0, 7}, "more than 64 bits"},
	};
	struct lb_error err;

	(void)state;
	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct lb_uefi_range ranges[2] = {{0, 1, 0, 7}, bad[i].range};
		struct lb_e820 map = empty_map(8);

		assert_int_equal(lb_e820_from_uefi(&map, ranges, 2, &err), -1);
		if (!strstr(err.text, bad[i].wanted))
			fail_msg("\"%s\" does not say \"%s\"", err.text, bad[i].wanted);
	}
}

static void test_from_uefi_sealed(void **state)
{
	const struct lb_uefi_range uefi = {0, 1, 0, 7};
	struct lb_e820 map = MAP({0, 100, 1});
	struct lb_error err = {""};

	(void)state;
	lb_e820_seal(&map);
	assert_int_equal(lb_e820_from_uefi(&map, &uefi, 1, &err), -1);
	assert_non_null(strstr(err.text, "test_from_uefi_sealed() wanted to fill from a UEFI map a table of "
					 "1 entries that is sealed"));
	CHECK(&map, {0, 100, 1});
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_types_of_uefi),    cmocka_unit_test(test_from_uefi),
		cmocka_unit_test(test_from_uefi_joins),  cmocka_unit_test(test_from_uefi_bad),
		cmocka_unit_test(test_from_uefi_sealed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
