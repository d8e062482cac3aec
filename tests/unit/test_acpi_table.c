// SPDX-License-Identifier: BSD-2-Clause
#include "acpi_made.h"
#include "crash/plan/acpi_table.h"

static int open_least36(const void *table, uint64_t bytes, struct lb_error *err)
{
	struct lb_acpi_table opened;
	int status;

	POISON(opened);
	status = lb_acpi_open(table, bytes, "TEST", 36, &opened, err);
	if (status != 0)
		assert_poisoned(&opened, sizeof(opened));
	else
		assert_true(opened.data == table && opened.bytes <= bytes &&
			    strcmp(opened.name, "TEST") == 0);
	return status;
}

static int open_least40(const void *table, uint64_t bytes, struct lb_error *err)
{
	struct lb_acpi_table opened;

	return lb_acpi_open(table, bytes, "TEST", 40, &opened, err);
}

static void test_header(void **state)
{
	struct made made = made_table("TEST", 36);

	(void)state;
	seal(&made);
	check_header(open_least36, &made, "TEST", 36);
	assert_fails(open_least40, &made, 36, "ACPI table TEST: its length is 36, wanted 40 at least");
	extend(&made, 9);
	seal(&made);
	check_header(open_least40, &made, "TEST", 40);
	assert_fails(open_least40, &made, 35, "ACPI table TEST: has 35 bytes, wanted 40 at least");
	assert_fails(open_least40, &made, 44, "ACPI table TEST: its length is 45, wanted 44 at most");
	// Bytes behind the table are not part of the checksum.
	made.bytes[45] = 1;
	made.used = 46;
	assert_reads(open_least40, &made);
}

static void test_bytes(void **state)
{
	struct made made = made_table("TEST", 36);

	(void)state;
	// The length field is 0, the header is still enough to read it.
	assert_int_equal(lb_acpi_bytes(made.bytes), 36);
	put(&made, ACPI_LENGTH_AT, 37, 4);
	assert_int_equal(lb_acpi_bytes(made.bytes), 37);
	put(&made, ACPI_LENGTH_AT, LB_ACPI_MAX_BYTES, 4);
	assert_int_equal(lb_acpi_bytes(made.bytes), LB_ACPI_MAX_BYTES);
	put(&made, ACPI_LENGTH_AT, UINT32_MAX, 4);
	assert_int_equal(lb_acpi_bytes(made.bytes), LB_ACPI_MAX_BYTES);
}

static void test_sum(void **state)
{
	static const uint8_t bytes[] = {0xff, 0x02, 0xff, 0x01};

	(void)state;
	assert_true(lb_acpi_sums_to_zero(bytes, 0));
	assert_false(lb_acpi_sums_to_zero(bytes, 1));
	assert_true(lb_acpi_sums_to_zero(bytes, 3));
	assert_false(lb_acpi_sums_to_zero(bytes, 4));
}

static void check_walk(const struct lb_acpi_table *table, uint32_t width, const char *wanted)
{
	struct lb_acpi_walk walk = lb_acpi_walk(table, 36, width);
	struct lb_acpi_entry entry;
	struct lb_error err;
	char text[128] = "";

	while (lb_acpi_more(&walk)) {
		size_t length = strlen(text);

		POISON(entry);
		if (lb_acpi_next(&walk, &entry, &err) != 0) {
			assert_poisoned(&entry, sizeof(entry));
			assert_string_equal(err.text, wanted);
			return;
		}
		lb_snprintf(text + length, sizeof(text) - length, "%u:%x+%u@%u ", entry.index, entry.type,
			    entry.bytes, (uint32_t)(entry.data - table->data));
	}
	assert_string_equal(text, wanted);
}

static void test_walk(void **state)
{
	struct made made = made_table("TEST", 36);
	struct lb_acpi_table table = {.name = "TEST", .data = made.bytes, .bytes = 36};

	(void)state;
	check_walk(&table, 1, "");
	check_walk(&table, 2, "");
	memcpy(made.bytes + 36, "\x05\x02\xff\x04zz\x06", 7);
	table.bytes = 43;
	check_walk(&table, 1, "0:5+2@36 1:ff+4@38 "); // the last byte is too short for an entry's head
	made.bytes[39] = 6;
	check_walk(&table, 1, "ACPI table TEST: entry 1, of type 255, says it has 6 bytes, wanted 2 to 5");
	made.bytes[39] = 1;
	check_walk(&table, 1, "ACPI table TEST: entry 1, of type 255, says it has 1 bytes, wanted 2 to 5");
	made.bytes[37] = 0;
	check_walk(&table, 1, "ACPI table TEST: entry 0, of type 5, says it has 0 bytes, wanted 2 to 7");
	memcpy(made.bytes + 36, "\x01\x00\x06\x00zz\xfe\x03\x04\x00zzz", 13);
	table.bytes = 49;
	// The last three bytes are too short for an entry's head.
	check_walk(&table, 2, "0:1+6@36 1:3fe+4@42 ");
	made.bytes[45] = 1;
	check_walk(&table, 2, "ACPI table TEST: entry 1, of type 1022, says it has 260 bytes, wanted 4 to 7");
	memcpy(made.bytes + 38, "\x03\x00", 2);
	check_walk(&table, 2, "ACPI table TEST: entry 0, of type 1, says it has 3 bytes, wanted 4 to 13");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_header),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_sum),
		cmocka_unit_test(test_walk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
