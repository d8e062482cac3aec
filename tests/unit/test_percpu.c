// SPDX-License-Identifier: BSD-2-Clause
// Finds a dead kernel's CPUs and their notes: by symbols, by pattern, and with parts missing.
#include "crash/dead/percpu.h"
#include "dead_kernel_image.h"

static void finds_cpus_by_pattern(void **state)
{
	(void)state;
	for (uint32_t variant = 0; variant < 4 * CPUS; variant++) {
		struct machine m = usual;
		struct lb_deadkernel dead;

		m.la57 = variant / CPUS & 1;
		m.zero_based = variant / CPUS & 2;
		m.symbols = NONE;
		m.this_cpu = variant % CPUS;
		m = build(m);
		dead = read_kernel(&m);
		assert_note(&dead);
		assert_cpus(&m, &dead);
	}
}

// Bytes like a note in one CPU's unit do not count unless all CPUs' units have them.
static void pattern_wants_all_cpus_to_agree(void **state)
{
	struct machine m = usual;
	struct lb_deadkernel dead;

	(void)state;
	m.symbols = NONE;
	m = build(m);
	memcpy(unit_at(0, 0x3000), unit_at(0, NOTES_AT), 368);
	memset(unit_at(2, 0x3000), 0x55, 368);
	dead = read_kernel(&m);
	assert_cpus(&m, &dead);

	// At the wrong place two CPUs' units have a note, at the right place three.
	memcpy(unit_at(2, 0x3000), unit_at(0, NOTES_AT), 368);
	dead = read_kernel(&m);
	assert_cpus(&m, &dead);
}

static void one_cpu(void **state)
{
	(void)state;
	for (enum symbols symbols = NONE; symbols <= PLACE_RELATIVE; symbols++) {
		struct machine m = usual;
		struct lb_deadkernel dead;
		struct lb_user_regs regs;
		int32_t pid;

		m.symbols = symbols;
		m.cpus = 1;
		m.this_cpu = 0;
		m = build(m);
		dead = read_kernel(&m);
		assert_note(&dead);
		assert_true(dead.has_cpus);
		assert_int_equal(dead.cpu_count, 1);
		assert_int_equal(dead.this_cpu, 0);
		assert_int_equal(dead.per_cpu_offset, OFFSETS);
		assert_int_equal(dead.crash_notes, symbols == NONE ? 0 : NOTES_AT);
		assert_false(lb_deadkernel_cpu_regs(&dead, 0, &regs, &pid));
	}
}

// If no CPU has the GS base, nothing is said of CPUs.
static void foreign_gs_base(void **state)
{
	(void)state;
	for (enum symbols symbols = NONE; symbols <= PLACE_RELATIVE; symbols++) {
		struct machine m = usual;
		struct lb_deadkernel dead;

		m.symbols = symbols;
		m = build(m);
		m.gs_base += LB_PAGE;
		dead = read_kernel(&m);
		assert_note(&dead);
		assert_false(dead.has_cpus);
		assert_int_equal(dead.crash_notes, 0);
		m.gs_base = 0;
		dead = read_kernel(&m);
		assert_false(dead.has_cpus);
	}
}

static void buffers_without_a_whole_note(void **state)
{
	static const struct {
		unsigned int at;
		uint32_t word;
	} wrong[] = {{0, 0},           {0, 6},  {4, 335}, {4, 340}, {8, 0},  {8, 2},
		     {12, 0x454b4146}, {16, 1}, {356, 5}, {360, 1}, {364, 1}};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct machine m = build(usual);
		struct lb_deadkernel dead = read_kernel(&m);
		struct lb_user_regs regs;
		int32_t pid = 4711;

		memset(&regs, 0xee, sizeof(regs));
		memcpy(unit_at(2, NOTES_AT) + wrong[i].at, &wrong[i].word, sizeof(wrong[i].word));
		assert_false(lb_deadkernel_cpu_regs(&dead, 2, &regs, &pid));
		assert_int_equal(pid, 4711);
		assert_int_equal(regs.r15, 0xeeeeeeeeeeeeeeeeULL);
		assert_true(lb_deadkernel_cpu_regs(&dead, 0, &regs, &pid));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_cpus_by_pattern),
		cmocka_unit_test(pattern_wants_all_cpus_to_agree),
		cmocka_unit_test(one_cpu),
		cmocka_unit_test(foreign_gs_base),
		cmocka_unit_test(buffers_without_a_whole_note),
	};

	return cmocka_run_group_tests(tests, take_ram, free_ram);
}
