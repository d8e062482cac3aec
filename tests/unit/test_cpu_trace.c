// SPDX-License-Identifier: BSD-2-Clause
// Which tracing registers are switched off, and in which order, on CPUs made here. A register that does not
// exist faults, even if CPUID says it exists. Each write is recorded.
#include <string.h>

#include "lib/cpu.h"
#include "unit.h"

// Answers CPUID for the CPU under test, in place of the CPU that runs the test.
static struct cpu_cpuid fake_cpuid(uint32_t leaf, uint32_t subleaf);
static struct cpu_cpuid fake_cpuid_extended(uint32_t leaf);
#define cpu_cpuid(leaf, subleaf) fake_cpuid(leaf, subleaf)
#define cpu_cpuid_extended(leaf) fake_cpuid_extended(leaf)
#include "lib/cpu_trace.c"

#define REGISTERS_MAX 24
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct leaf {
	uint32_t number;
	struct cpu_cpuid words;
};

struct msr {
	uint32_t number;
	uint64_t value;
};

static struct {
	struct leaf leaves[12];
	struct msr registers[REGISTERS_MAX];
	struct msr writes[REGISTERS_MAX]; // in the order of the writes
	uint32_t read_only; // number of a register that faults when it is written
	unsigned int leaf_count, register_count, write_count, reads, faults;
} cpu;

// For a leaf above the highest, Intel's CPUs answer with the highest leaf's data, not with zeroes.
static struct cpu_cpuid fake_cpuid(uint32_t leaf, uint32_t subleaf)
{
	assert_int_equal(subleaf, 0);
	for (unsigned int i = 0; i < cpu.leaf_count; i++)
		if (cpu.leaves[i].number == leaf)
			return cpu.leaves[i].words;
	return leaf > cpu.leaves[0].words.eax ? (struct cpu_cpuid){~0U, ~0U, ~0U, ~0U}
					      : (struct cpu_cpuid){0};
}

static struct cpu_cpuid fake_cpuid_extended(uint32_t leaf)
{
	return fake_cpuid(0x80000000, 0).eax >= leaf ? fake_cpuid(leaf, 0) : (struct cpu_cpuid){0};
}

static struct msr *find(uint32_t number)
{
	for (unsigned int i = 0; i < cpu.register_count; i++)
		if (cpu.registers[i].number == number)
			return &cpu.registers[i];
	cpu.faults++;
	return NULL;
}

bool lb_msr_read(uint32_t msr, uint64_t *ret_value)
{
	const struct msr *found = find(msr);

	cpu.reads++;
	if (!found)
		return false;
	*ret_value = found->value;
	return true;
}

bool lb_msr_write(uint32_t msr, uint64_t value)
{
	struct msr *found = find(msr);

	if (!found)
		return false;
	if (msr == cpu.read_only) {
		cpu.faults++;
		return false;
	}
	assert_true(cpu.write_count < REGISTERS_MAX);
	cpu.writes[cpu.write_count++] = (struct msr){.number = msr, .value = value};
	found->value = value;
	return true;
}

static void add_leaf(uint32_t number, struct cpu_cpuid words)
{
	assert_true(cpu.leaf_count < COUNT(cpu.leaves));
	cpu.leaves[cpu.leaf_count++] = (struct leaf){number, words};
}

static struct cpu_cpuid *words_of(uint32_t leaf)
{
	for (unsigned int i = 0; i < cpu.leaf_count; i++)
		if (cpu.leaves[i].number == leaf)
			return &cpu.leaves[i].words;
	fail_msg("no leaf 0x%x", leaf);
	return NULL;
}

static void add_msr(uint32_t number, uint64_t value)
{
	assert_true(cpu.register_count < REGISTERS_MAX);
	cpu.registers[cpu.register_count++] = (struct msr){.number = number, .value = value};
}

// An Ice Lake server under `perf record` and processor trace: everything is switched on.
static void start_intel(void)
{
	memset(&cpu, 0, sizeof(cpu));
	add_leaf(0, (struct cpu_cpuid){0x1b, 0x756e6547, 0x6c65746e, 0x49656e69});
	add_leaf(1, (struct cpu_cpuid){.edx = 1U << 21 | 1});
	add_leaf(7, (struct cpu_cpuid){.ebx = 1U << 25});
	add_leaf(0xa, (struct cpu_cpuid){.eax = 0x08300805});
	add_leaf(0x14, (struct cpu_cpuid){.ebx = 0xf, .ecx = 7});
	add_leaf(0x80000000, (struct cpu_cpuid){.eax = 0x80000008});
	add_msr(0x186, 0x4300c0);
	add_msr(0x1a0, 0x850089);
	add_msr(0x1d9, 0x45c3); // DEBUGCTL: FREEZE_WHILE_SMM, BTS_OFF_USR, BTINT, BTS, TR, BTF, LBR
	add_msr(0x38f, 0x70000000f);
	add_msr(0x3f1, 0xf);
	add_msr(0x570, 0x200d);
	add_msr(0x600, 0xfffffe0000010000);
}

static void start_amd(uint32_t vendor)
{
	memset(&cpu, 0, sizeof(cpu));
	add_leaf(0, (struct cpu_cpuid){0x10, vendor, 0x444d4163, 0x69746e65});
	add_leaf(1, (struct cpu_cpuid){.edx = 1});
	add_leaf(0x80000000, (struct cpu_cpuid){.eax = 0x80000028});
	add_leaf(0x80000001, (struct cpu_cpuid){.ecx = 1U << 23 | 1U << 10});
	add_leaf(0x8000001b, (struct cpu_cpuid){.eax = 0x3ff});
	add_leaf(0x80000022, (struct cpu_cpuid){.eax = 1, .ebx = 6});
	for (uint32_t i = 0; i < 6; i++)
		add_msr(0xc0010200 + 2 * i, i & 1 ? 0x530076 : 0x130076);
	for (uint32_t i = 0; i < 4; i++)
		add_msr(0xc0010000 + i, i == 2 ? 0x530076 : 0);
	add_msr(0xc0000301, 0x3f);
	add_msr(0xc0011030, 0x0003000000001000);
	add_msr(0xc0011033, 0x00000000000e1000);
}

#define CHECK_WRITES(...)                                                                                    \
	check_writes((const struct msr[]){__VA_ARGS__},                                                      \
		     sizeof((const struct msr[]){__VA_ARGS__}) / sizeof(struct msr))

static void check_writes(const struct msr *wanted, size_t count)
{
	lb_cpu_trace_off();
	assert_int_equal(cpu.write_count, count);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(cpu.writes[i].number, wanted[i].number);
		assert_int_equal(cpu.writes[i].value, wanted[i].value);
	}
}

static void check_untouched(unsigned int most_reads)
{
	lb_cpu_trace_off();
	assert_int_equal(cpu.write_count, 0);
	assert_true(cpu.reads <= most_reads);
	assert_int_equal(cpu.faults, 0);
}

static void test_intel_in_order(void **state)
{
	(void)state;
	start_intel();
	CHECK_WRITES({0x38f, 0}, {0x3f1, 0}, {0x1d9, 0x4000}, {0x600, 0}, {0x570, 0x200c});
	assert_int_equal(cpu.faults, 0);
	// When all is off, a second call writes nothing.
	cpu.write_count = cpu.reads = 0;
	check_untouched(6);
}

static void test_what_is_unavailable_is_not_touched(void **state)
{
	(void)state;
	start_intel();
	find(0x1a0)->value |= 1U << 12; // IA32_MISC_ENABLE: no PEBS
	CHECK_WRITES({0x38f, 0}, {0x1d9, 0x4000}, {0x600, 0}, {0x570, 0x200c});
	start_intel();
	find(0x1a0)->value |= 1U << 11; // IA32_MISC_ENABLE: no BTS
	CHECK_WRITES({0x38f, 0}, {0x3f1, 0}, {0x600, 0}, {0x570, 0x200c});
	start_intel();
	find(0x1a0)->value |= 3U << 11;
	CHECK_WRITES({0x38f, 0}, {0x570, 0x200c});
	start_intel();
	words_of(1)->edx = 1; // CPUID: no debug store
	CHECK_WRITES({0x38f, 0}, {0x570, 0x200c});
	start_intel();
	words_of(7)->ebx = 0;
	CHECK_WRITES({0x38f, 0}, {0x3f1, 0}, {0x1d9, 0x4000}, {0x600, 0});
	start_intel();
	// Leaf 7 still has bit 25 (processor trace), but there is no output for a trace.
	words_of(0x14)->ecx = 0;
	CHECK_WRITES({0x38f, 0}, {0x3f1, 0}, {0x1d9, 0x4000}, {0x600, 0});
}

// A leaf above the highest answers with ones here, and must not be used.
static void test_leaves_above_the_highest_are_not_believed(void **state)
{
	(void)state;
	start_intel();
	words_of(0)->eax = 0x13;
	CHECK_WRITES({0x38f, 0}, {0x3f1, 0}, {0x1d9, 0x4000}, {0x600, 0});
	start_intel();
	cpu.leaf_count = 2;
	words_of(0)->eax = 9;
	add_leaf(0x80000000, (struct cpu_cpuid){.eax = 0x80000008});
	CHECK_WRITES({0x3f1, 0}, {0x1d9, 0x4000}, {0x600, 0});
}

static void test_version_1_has_no_switch_for_all(void **state)
{
	(void)state;
	start_intel();
	words_of(0xa)->eax = 0x07280201;
	add_msr(0x187, 0x130000); // a counter that is not enabled
	CHECK_WRITES({0x186, 0x0300c0}, {0x3f1, 0}, {0x1d9, 0x4000}, {0x600, 0}, {0x570, 0x200c});
	assert_int_equal(cpu.faults, 0);
	start_intel();
	words_of(0xa)->eax = 0xff01; // a wrong count: 255 counters
	lb_cpu_trace_off();
	assert_true(cpu.reads < 50);
}

// A hypervisor promises registers that it does not have. A register that faults does not keep the others from
// being written.
static void test_faults(void **state)
{
	static const uint32_t numbers[] = {0x38f, 0x3f1, 0x1d9, 0x600, 0x570};

	(void)state;
	for (size_t i = 0; i < COUNT(numbers); i++) {
		for (int writable = 0; writable < 2; writable++) {
			start_intel();
			if (writable)
				find(numbers[i])->number = 0; // the register does not exist
			else
				cpu.read_only = numbers[i];
			lb_cpu_trace_off();
			assert_int_equal(cpu.write_count, COUNT(numbers) - 1);
			for (size_t j = 0, at = 0; j < COUNT(numbers); j++)
				if (j != i)
					assert_int_equal(cpu.writes[at++].number, numbers[j]);
			assert_int_equal(cpu.faults, 1);
		}
	}
	start_intel();
	cpu.register_count = 0;
	lb_cpu_trace_off();
	assert_int_equal(cpu.write_count, 0);
}

static void test_amd(void **state)
{
	(void)state;
	for (int hygon = 0; hygon < 2; hygon++) {
		start_amd(hygon ? 0x6f677948 : 0x68747541);
		CHECK_WRITES({0xc0000301, 0}, {0xc0011030, 0x0002000000001000}, {0xc0011033, 0xc1000});
		assert_int_equal(cpu.faults, 0);
	}
	start_amd(0x68747541);
	words_of(0x80000000)->eax = 0x80000021; // Zen 3
	CHECK_WRITES({0xc0010202, 0x130076}, {0xc0010206, 0x130076}, {0xc001020a, 0x130076},
		     {0xc0011030, 0x0002000000001000}, {0xc0011033, 0xc1000});
	start_amd(0x68747541);
	words_of(0x80000022)->eax = 0;
	words_of(0x80000001)->ecx = 0;
	CHECK_WRITES({0xc0010002, 0x130076});
	start_amd(0x68747541);
	words_of(0x8000001b)->eax = 1U << 2; // IBS: sampling of operations only
	CHECK_WRITES({0xc0000301, 0}, {0xc0011033, 0xc1000});
}

// QEMU's TCG and hypervisors that hide everything; unknown vendors.
static void test_nothing_there(void **state)
{
	(void)state;
	memset(&cpu, 0, sizeof(cpu));
	add_leaf(0, (struct cpu_cpuid){0x16, 0x756e6547, 0x6c65746e, 0x49656e69});
	check_untouched(0);
	words_of(0)->ebx = 0x746e6543; // "Cent" of "CentaurHauls": only the architectural counters are used
	add_leaf(1, (struct cpu_cpuid){.edx = 1U << 21});
	add_leaf(7, (struct cpu_cpuid){.ebx = 1U << 25});
	add_leaf(0x14, (struct cpu_cpuid){.ecx = 7});
	check_untouched(0);
	add_leaf(0xa, (struct cpu_cpuid){.eax = 0x07300402});
	add_msr(0x38f, 0xf);
	CHECK_WRITES({0x38f, 0});
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_intel_in_order),
		cmocka_unit_test(test_what_is_unavailable_is_not_touched),
		cmocka_unit_test(test_leaves_above_the_highest_are_not_believed),
		cmocka_unit_test(test_version_1_has_no_switch_for_all),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_amd),
		cmocka_unit_test(test_nothing_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
