// SPDX-License-Identifier: BSD-2-Clause
// Where the trampoline of the further CPUs may lie.

#include "crash/platform/smp_trampoline.c"
#include "unit.h"

#define COUNT(array) (uint32_t)(sizeof(array) / sizeof((array)[0]))

static void pc_with_ebda(void **state)
{
	const struct lb_swap_range ranges[] = {{.phys = 0x1000, .bytes = 0x9e000}};

	(void)state;
	assert_int_equal(lb_smp_trampoline_pages(ranges, COUNT(ranges)), 0x10000);
}

static void not_below_64k_nor_near_the_bios(void **state)
{
	const struct lb_swap_range low[] = {{.phys = 0, .bytes = 0x11000}};
	const struct lb_swap_range high[] = {{.phys = 0x9e000, .bytes = 0x62000}};
	const struct lb_swap_range just[] = {{.phys = 0x9d000, .bytes = 0x2000}};

	(void)state;
	assert_int_equal(lb_smp_trampoline_pages(low, COUNT(low)), 0);
	assert_int_equal(lb_smp_trampoline_pages(high, COUNT(high)), 0);
	assert_int_equal(lb_smp_trampoline_pages(just, COUNT(just)), 0x9d000);
}

static void the_first_that_has_two_pages(void **state)
{
	const struct lb_swap_range ranges[] = {
		{.phys = 0x8000, .bytes = 0x4000},
		{.phys = 0x20000, .bytes = 0x1000},
		{.phys = 0x30000, .bytes = 0x2000},
		{.phys = 0x40000, .bytes = 0x8000},
	};

	(void)state;
	assert_int_equal(lb_smp_trampoline_pages(ranges, COUNT(ranges)), 0x30000);
	assert_int_equal(lb_smp_trampoline_pages(ranges, 2), 0);
	assert_int_equal(lb_smp_trampoline_pages(NULL, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pc_with_ebda),
		cmocka_unit_test(not_below_64k_nor_near_the_bios),
		cmocka_unit_test(the_first_that_has_two_pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
