// SPDX-License-Identifier: BSD-2-Clause
#include "acpi_made.h"
#include "crash/plan/dsdt.h"

static struct lb_dsdt dsdt;

static int read_dsdt(const void *table, uint64_t bytes, struct lb_error *err)
{
	int status;

	POISON(dsdt);
	status = lb_dsdt_read(table, bytes, &dsdt, err);
	if (status != 0)
		assert_poisoned(&dsdt, sizeof(dsdt));
	return status;
}

static struct made made_dsdt(const char *aml, size_t bytes)
{
	struct made made = made_table("DSDT", 36);

	memcpy(made.bytes + extend(&made, (uint32_t)bytes), aml, bytes);
	seal(&made);
	return made;
}

// Looks for _S5_ in a DSDT with these bytes and a right header.
static bool look(const char *aml, size_t bytes)
{
	struct made made = made_dsdt(aml, bytes);
	struct lb_error err;
	bool found = read_exact(read_dsdt, &made, made.used, &err) == 0;

	if (!found)
		assert_string_equal(err.text, "ACPI table DSDT: no \\_S5 that names two sleep types, wanted "
					      "constants of 0 to 7");
	return found;
}

#define LOOK(text) look(text, sizeof(text) - 1)

static void test_found(void **state)
{
	static const struct {
		const char *aml;
		size_t bytes;
		uint8_t a, b;
	} cases[] = {
#define CASE(text, a_, b_) {text, sizeof(text) - 1, a_, b_}
		CASE("\x08_S5_\x12\x06\x04\x00\x00\x00\x00", 0, 0), // as QEMU has it
		CASE("\x08_S5_\x12\x07\x04\x0a\x05\x00\x00\x00", 5, 0),
		CASE("\x08_S5_\x12\x08\x04\x0a\x07\x0a\x07\x00\x00", 7, 7),
		CASE("\x08_S5_\x12\x05\x02\x01\x01", 1, 1),
		CASE("\x08\\_S5_\x12\x0a\x04\x0a\x05\x0a\x05\x00\x00", 5, 5),
		CASE("\x08_S5_\x12\x40\x00\x04\x0b\x05\x00\x0c\x06\x00\x00\x00", 5, 6), // two bytes of length
		CASE("xyz_S5_\x08_S5_\x12\x06\x04\x01\x00\x00\x00tail", 1, 0), // used before it is named
		CASE("\x08_S5_\x11\x05\x02\x01\x01\x08_S5_\x12\x05\x02\x00\x01", 0,
		     1), // the first object of that name is a buffer
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_true(look(cases[i].aml, cases[i].bytes));
		assert_int_equal(dsdt.s5a, cases[i].a);
		assert_int_equal(dsdt.s5b, cases[i].b);
	}
}

static void test_not_found(void **state)
{
	static const char whole[] = "\x08_S5_\x12\x08\x04\x0a\x07\x0a\x07";

	(void)state;
	for (size_t bytes = 0; bytes < sizeof(whole) - 1; bytes++)
		assert_false(look(whole, bytes)); // truncated at any byte
	assert_true(look(whole, sizeof(whole) - 1));
	assert_false(LOOK("_S5_\x12\x06\x04\x00\x00\x00\x00")); // a use without a definition
	assert_false(LOOK("\x08_S4_\x12\x06\x04\x00\x00\x00\x00"));
	assert_false(LOOK("\x08_S5_\x12\x05\x01\x00\x00")); // a package of one element
	assert_false(LOOK("\x08_S5_\x12\x07\x04\x0a\x08\x00\x00\x00")); // four bits
	assert_false(LOOK("\x08_S5_\x12\x08\x04\x0b\x05\x01\x00\x00\x00")); // a sleep type of a word, above 7
	assert_false(LOOK("\x08_S5_\x12\x06\x04\xff\x00\x00\x00")); // AML's Ones as a sleep type
	assert_false(LOOK("\x08_S5_\x12\xc0\x00")); // the package's length reaches beyond the table
}

static void test_header(void **state)
{
	static const char aml[] = "\x08_S5_\x12\x06\x04\x00\x00\x00\x00";
	struct made made = made_dsdt(aml, sizeof(aml) - 1);

	(void)state;
	check_header(read_dsdt, &made, "DSDT", 36);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_found),
		cmocka_unit_test(test_not_found),
		cmocka_unit_test(test_header),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
