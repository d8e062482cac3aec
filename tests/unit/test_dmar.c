// SPDX-License-Identifier: BSD-2-Clause
#include "acpi_made.h"
#include "crash/plan/dmar.h"

static struct lb_dmar dmar;
static struct lb_error left_out;

static int read_dmar(const void *table, uint64_t bytes, struct lb_error *err)
{
	int status;

	POISON(dmar);
	POISON(left_out);
	status = lb_dmar_read(table, bytes, &dmar, &left_out, err);
	if (status != 0) {
		assert_poisoned(&dmar, sizeof(dmar));
		assert_poisoned(&left_out, sizeof(left_out));
	}
	return status;
}

static uint32_t add(struct made *made, uint16_t type, uint16_t bytes)
{
	uint32_t at = extend(made, bytes);

	put(made, at, type, 2);
	put(made, at + 2, bytes, 2);
	return at;
}

// Adds a unit with `scope` bytes of device scope behind it.
static void add_unit(struct made *made, uint64_t registers, uint16_t scope)
{
	uint32_t at = add(made, 0, (uint16_t)(16 + scope));

	put(made, at + 6, 7, 2); // PCI segment
	put(made, at + 8, registers, 8);
}

static struct made good(void)
{
	struct made made = made_table("DMAR", 48);

	add_unit(&made, 0xfed90000, 8);
	add(&made, 1, 24); // type 1: reserved memory, which is no unit
	add_unit(&made, 0x123456789000, 0);
	add_unit(&made, 0xfed90000, 0); // the first unit again; it is switched off twice
	seal(&made);
	return made;
}

static void test_good(void **state)
{
	struct made made = good();

	(void)state;
	assert_reads(read_dmar, &made);
	assert_int_equal(dmar.count, 3);
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(dmar.iommu[i].registers, i == 1 ? 0x123456789000 : 0xfed90000);
		assert_int_equal(dmar.iommu[i].kind, LB_IOMMU_VTD);
		assert_int_equal(dmar.iommu[i].segment, 7);
		assert_int_equal(dmar.iommu[i].flags, 0);
	}
	assert_string_equal(left_out.text, "");
	made = made_table("DMAR", 48);
	add(&made, 0, 15); // shorter than a unit
	seal(&made);
	assert_reads(read_dmar, &made);
	assert_int_equal(dmar.count, 0);
	assert_string_equal(left_out.text, "");
}

static void test_header(void **state)
{
	struct made made = good();

	(void)state;
	check_header(read_dmar, &made, "DMAR", 48);
}

static void test_left_out(void **state)
{
	struct made made = good();

	(void)state;
	put(&made, 48 + 24 + 2, 0, 2); // the second entry's length
	seal(&made);
	assert_reads(read_dmar, &made);
	assert_int_equal(dmar.count, 1);
	assert_string_equal(left_out.text, "ACPI table DMAR: entry 1, of type 1, says it has 0 bytes, wanted "
					   "4 to 56; it and what follows are not used");
	put(&made, 48 + 24 + 2, 57, 2);
	seal(&made);
	assert_reads(read_dmar, &made);
	assert_int_equal(dmar.count, 1);
	assert_string_equal(left_out.text, "ACPI table DMAR: entry 1, of type 1, says it has 57 bytes, "
					   "wanted 4 to 56; it and what follows are not used");
}

// A unit with registers at 0 is left out. Its registers would be low memory, and would be written to.
static void test_registers_at_0(void **state)
{
	struct made made = made_table("DMAR", 48);

	(void)state;
	add_unit(&made, 0xfed90000, 0);
	add_unit(&made, 0, 0);
	add_unit(&made, 0xfed91000, 0);
	seal(&made);
	assert_reads(read_dmar, &made);
	assert_int_equal(dmar.count, 1);
	assert_int_equal(dmar.iommu[0].registers, 0xfed90000);
	assert_string_equal(left_out.text, "ACPI table DMAR: entry 1 is an IOMMU with its registers at 0; it "
					   "and what follows are not used");
}

static void test_many(void **state)
{
	struct made made = made_table("DMAR", 48);

	(void)state;
	for (uint32_t i = 0; i < LB_MAX_IOMMUS; i++)
		add_unit(&made, 0xfe000000 + i * LB_PAGE, 0);
	seal(&made);
	assert_reads(read_dmar, &made);
	assert_int_equal(dmar.count, LB_MAX_IOMMUS);
	assert_int_equal(dmar.iommu[LB_MAX_IOMMUS - 1].registers, 0xfe000000 + (LB_MAX_IOMMUS - 1) * LB_PAGE);
	assert_string_equal(left_out.text, "");
	add_unit(&made, 1, 0);
	seal(&made);
	assert_reads(read_dmar, &made);
	assert_int_equal(dmar.count, LB_MAX_IOMMUS);
	assert_string_equal(
		left_out.text,
		"ACPI table DMAR: entry 64 is one more IOMMU than 64; it and what follows are not used");
}

// A laptop's table: the graphics device's unit, then the unit for all other devices. If the first unit
// differs from this form, it is treated like any other.
static void test_graphics(void **state)
{
	static const struct {
		uint8_t flags, segment, type, bus, device, function;
		bool graphics;
	} units[] = {
		{0, 0, 1, 0, 2, 0, true},  {1, 0, 1, 0, 2, 0, false},  {0, 1, 1, 0, 2, 0, false},
		{0, 0, 2, 0, 2, 0, false}, {0, 0, 1, 1, 2, 0, false},  {0, 0, 1, 0, 2, 1, false},
		{0, 0, 1, 0, 3, 0, false}, {1, 0, 3, 0, 30, 7, false},
	};

	(void)state;
	for (uint16_t scopes = 1; scopes < 3; scopes++) {
		struct made made = made_table("DMAR", 48);

		for (uint32_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
			uint32_t at = add(&made, 0, (uint16_t)(16 + 8 * scopes));
			const uint8_t scope[] = {units[i].type,    8, 0, 0, 0, units[i].bus, units[i].device,
						 units[i].function};

			put(&made, at + 4, units[i].flags, 2);
			put(&made, at + 6, units[i].segment, 2);
			put(&made, at + 8, 0xfed90000, 8);
			memcpy(&made.bytes[at + 16], scope, sizeof(scope));
		}
		seal(&made);
		assert_reads(read_dmar, &made);
		assert_int_equal(dmar.count, sizeof(units) / sizeof(units[0]));
		for (uint32_t i = 0; i < dmar.count; i++)
			assert_int_equal(dmar.iommu[i].flags,
					 units[i].graphics && scopes == 1 ? LB_IOMMU_GRAPHICS : 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),     cmocka_unit_test(test_header),
		cmocka_unit_test(test_left_out), cmocka_unit_test(test_registers_at_0),
		cmocka_unit_test(test_many),     cmocka_unit_test(test_graphics),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
