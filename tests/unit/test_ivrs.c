// SPDX-License-Identifier: BSD-2-Clause
#include "acpi_made.h"
#include "crash/plan/ivrs.h"

static struct lb_ivrs ivrs;
static struct lb_error left_out;

static int read_ivrs(const void *table, uint64_t bytes, struct lb_error *err)
{
	int status;

	POISON(ivrs);
	POISON(left_out);
	status = lb_ivrs_read(table, bytes, &ivrs, &left_out, err);
	if (status != 0) {
		assert_poisoned(&ivrs, sizeof(ivrs));
		assert_poisoned(&left_out, sizeof(left_out));
	}
	return status;
}

// Adds a unit's block with `devices` bytes of device entries. The size of its head depends on `type`.
static void add_unit(struct made *made, uint8_t type, uint64_t registers, uint16_t segment, uint16_t devices)
{
	const uint16_t bytes = (uint16_t)((type == 0x10 ? 24 : 40) + devices);
	uint32_t at = extend(made, bytes);

	put(made, at, type, 1);
	put(made, at + 1, 0xb0, 1); // flags that do not matter
	put(made, at + 2, bytes, 2);
	put(made, at + 4, 0x0002, 2); // IOMMU at 00:00.2
	put(made, at + 6, 0x40, 2);
	put(made, at + 8, registers, 8);
	put(made, at + 16, segment, 2);
}

// Adds a block of memory that a device must be able to reach. It is no unit.
static void add_memory(struct made *made, uint8_t type)
{
	uint32_t at = extend(made, 32);

	put(made, at, type, 1);
	put(made, at + 1, 8, 1);
	put(made, at + 2, 32, 2);
}

// The table of a machine with two sockets: each unit has a block of each type, ordered by type. One unit has
// another segment. A memory block and a block of an unknown type lie between them.
static struct made good(void)
{
	static const uint8_t types[] = {0x10, 0x11, 0x40};
	struct made made = made_table("IVRS", 48);

	for (unsigned int i = 0; i < sizeof(types); i++) {
		add_unit(&made, types[i], 0xf7300000, 0, 8);
		add_unit(&made, types[i], 0xec100000, 0, 0);
		add_memory(&made, (uint8_t)(0x20 + i));
		add_unit(&made, types[i], 0x10021b00000, 1, 16);
	}
	add_unit(&made, 0x41, 0xdead0000, 0, 0);
	seal(&made);
	return made;
}

static void check_unit(uint32_t index, uint64_t registers, uint16_t segment)
{
	assert_int_equal(ivrs.iommu[index].registers, registers);
	assert_int_equal(ivrs.iommu[index].kind, LB_IOMMU_AMD);
	assert_int_equal(ivrs.iommu[index].segment, segment);
	assert_int_equal(ivrs.iommu[index].flags, 0);
}

static void test_a_unit_counts_once(void **state)
{
	struct made made = good();

	(void)state;
	assert_reads(read_ivrs, &made);
	assert_int_equal(ivrs.count, 3);
	check_unit(0, 0xf7300000, 0);
	check_unit(1, 0xec100000, 0);
	check_unit(2, 0x10021b00000, 1);
	assert_string_equal(left_out.text, "");
}

static void test_each_type_alone(void **state)
{
	static const uint8_t types[] = {0x10, 0x11, 0x40};

	(void)state;
	for (unsigned int i = 0; i < sizeof(types); i++) {
		struct made made = made_table("IVRS", 48);

		add_unit(&made, types[i], 0xfed80000, 0, 0);
		seal(&made);
		assert_reads(read_ivrs, &made);
		assert_int_equal(ivrs.count, 1);
		check_unit(0, 0xfed80000, 0);
	}
}

static void test_header(void **state)
{
	struct made made = good();

	(void)state;
	check_header(read_ivrs, &made, "IVRS", 48);
}

static void test_left_out(void **state)
{
	struct made made = good();

	(void)state;
	put(&made, 48 + 32 + 2, 3, 2); // length of the second block
	seal(&made);
	assert_reads(read_ivrs, &made);
	assert_int_equal(ivrs.count, 1);
	assert_non_null(
		strstr(left_out.text, "ACPI table IVRS: entry 1, of type 45072, says it has 3 bytes"));
	assert_non_null(strstr(left_out.text, "; it and what follows are not used"));
	made = made_table("IVRS", 48);
	extend(&made, 16); // a block too short for a unit
	put(&made, 48, 0x10, 2);
	put(&made, 50, 16, 2);
	seal(&made);
	assert_reads(read_ivrs, &made);
	assert_int_equal(ivrs.count, 0);
	assert_string_equal(left_out.text, "");
}

// A unit with registers at 0, or not on a page, is left out, so that no other memory is taken for registers.
static void test_registers(void **state)
{
	static const uint64_t wrong[] = {0, 0xfed80004};

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		struct made made = made_table("IVRS", 48);
		char text[160];

		add_unit(&made, 0x10, 0xfed80000, 0, 0);
		add_unit(&made, 0x10, wrong[i], 0, 0);
		seal(&made);
		assert_reads(read_ivrs, &made);
		assert_int_equal(ivrs.count, 1);
		lb_snprintf(text, sizeof(text),
			    "ACPI table IVRS: block 1 has registers at 0x%lx, wanted a page; it and what "
			    "follows are not used",
			    wrong[i]);
		assert_string_equal(left_out.text, text);
	}
}

static void test_many(void **state)
{
	struct made made = made_table("IVRS", 48);

	(void)state;
	for (uint32_t i = 0; i < 2 * LB_MAX_IOMMUS; i++)
		add_unit(&made, i & 1 ? 0x40 : 0x10, 0xfe000000 + i / 2 * 0x4000, 0, 0);
	seal(&made);
	assert_reads(read_ivrs, &made);
	assert_int_equal(ivrs.count, LB_MAX_IOMMUS);
	check_unit(LB_MAX_IOMMUS - 1, 0xfe000000 + (LB_MAX_IOMMUS - 1) * 0x4000, 0);
	assert_string_equal(left_out.text, "");
	add_unit(&made, 0x11, 0xfd000000, 0, 0);
	seal(&made);
	assert_reads(read_ivrs, &made);
	assert_int_equal(ivrs.count, LB_MAX_IOMMUS);
	assert_string_equal(
		left_out.text,
		"ACPI table IVRS: block 128 is one more IOMMU than 64; it and what follows are not used");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_unit_counts_once),
		cmocka_unit_test(test_each_type_alone),
		cmocka_unit_test(test_header),
		cmocka_unit_test(test_left_out),
		cmocka_unit_test(test_registers),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
