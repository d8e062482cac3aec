// SPDX-License-Identifier: BSD-2-Clause
// Symbols by name, and tables that lie.
#include "crash/dead/kallsyms.h"
#include "dead_kernel_image.h"

// Tables and counts that lie. Whatever is found, it ends, and within the budget.
static void hostile_kallsyms(void **state)
{
	const uint32_t huge = UINT32_MAX, many = 1U << 22;
	struct lb_deadkernel dead;
	struct machine m;

	(void)state;
	m = build(usual);
	memcpy(image_at(NUM_SYMS), &huge, sizeof(huge));
	dead = read_kernel(&m);
	assert_note(&dead);
	assert_cpus(&m, &dead); // by pattern

	// Names that go on to the end of the image.
	m = build(usual);
	memcpy(image_at(NUM_SYMS), &many, sizeof(many));
	memset(image_at(NAMES), 0, TEXT + IMAGE_BYTES - NAMES);
	dead = read_kernel(&m);
	assert_cpus(&m, &dead);
	m = build(usual);
	memcpy(image_at(NUM_SYMS), &many, sizeof(many));
	memset(image_at(NAMES), 0xff, TEXT + IMAGE_BYTES - NAMES);
	dead = read_kernel(&m);
	assert_cpus(&m, &dead);

	// Tokens without end, and tokens outside of anything.
	m = build(usual);
	memset(image_at(TOKEN_TABLE), 'c', 0x1000);
	dead = read_kernel(&m);
	assert_cpus(&m, &dead);
	m = build(usual);
	memset(image_at(TOKEN_INDEX), 0xff, 512);
	memset(image_at(TOKEN_TABLE + 0xffff), 0, 1);
	dead = read_kernel(&m);
	assert_cpus(&m, &dead);

	// Symbols outside the image.
	m = build(usual);
	put64(RELATIVE_BASE, 0x1000);
	dead = read_kernel(&m);
	assert_cpus(&m, &dead);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hostile_kallsyms),
	};

	return cmocka_run_group_tests(tests, take_ram, free_ram);
}
