// SPDX-License-Identifier: BSD-2-Clause
// Finds which firmware runs: entry points and tables as DSP0134 describes them, and damaged ones.
#include "crash/plan/smbios.h"

#include <stdlib.h>
#include <string.h>

#include "unit.h"

static uint8_t entry[40];

static void sum(uint8_t bytes, unsigned int at)
{
	uint8_t total = 0;

	entry[at] = 0;
	for (unsigned int i = 0; i < bytes; i++)
		total = (uint8_t)(total + entry[i]);
	entry[at] = (uint8_t)-total;
}

static void put_entry3(uint64_t phys, uint32_t bytes)
{
	memset(entry, 0, sizeof(entry));
	memcpy(entry, "_SM3_", 5);
	entry[6] = 24;
	memcpy(entry + 12, &bytes, sizeof(bytes));
	memcpy(entry + 16, &phys, sizeof(phys));
	sum(24, 5);
}

static void put_entry2(uint32_t phys, uint16_t bytes)
{
	memset(entry, 0, sizeof(entry));
	memcpy(entry, "_SM_", 4);
	entry[5] = 31;
	memcpy(entry + 16, "_DMI_", 5);
	memcpy(entry + 22, &bytes, sizeof(bytes));
	memcpy(entry + 24, &phys, sizeof(phys));
	sum(31, 4);
}

static void entry_points(void **state)
{
	struct lb_smbios_table table;

	(void)state;
	put_entry3(0x1234567890, 500);
	assert_true(lb_smbios_entry(entry, &table));
	assert_int_equal(table.phys, 0x1234567890);
	assert_int_equal(table.bytes, 500);
	entry[20]++; // the checksum is no longer right
	assert_false(lb_smbios_entry(entry, &table));
	put_entry3(0x1000, UINT32_MAX); // in SMBIOS 3 the size is a maximum
	assert_true(lb_smbios_entry(entry, &table));
	assert_int_equal(table.bytes, LB_SMBIOS_TABLE_MAX);
	put_entry3(0, 500);
	assert_false(lb_smbios_entry(entry, &table));
	put_entry3(0x1000, 0);
	assert_false(lb_smbios_entry(entry, &table));
	for (uint8_t bytes = 23; bytes <= 33; bytes += 10) {
		put_entry3(0x1000, 500);
		entry[6] = bytes;
		sum(bytes, 5);
		assert_false(lb_smbios_entry(entry, &table));
	}
	put_entry2(0x7f000000, 700);
	assert_true(lb_smbios_entry(entry, &table));
	assert_int_equal(table.phys, 0x7f000000);
	assert_int_equal(table.bytes, 700);
	entry[25]++;
	assert_false(lb_smbios_entry(entry, &table));
	memcpy(entry, "_SMX", 4);
	assert_false(lb_smbios_entry(entry, &table));
}

// A structure of type 1. The next is of type 0 with 24 bytes and three strings, followed by the end.
static const char chassis[] = "\x01\x08\x00\x01\x01\x00\x00\x00maker\0";
static const char firmware[] = "\x00\x18\x00\x00\x01\x02\x00\xe8\x03\x10\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
			       "Vendor\0"
			       "1.20\0"
			       "07/09/2026\0";
static const char end[] = "\x7f\x04\x02\x00\0";

// Makes a table on the heap, so that ASan sees a read beyond its end.
static uint8_t *table_of(uint32_t *ret_bytes, const char *first, size_t first_bytes)
{
	const size_t bytes = first_bytes + sizeof(firmware) + sizeof(end);
	uint8_t *table = malloc(bytes);

	assert_non_null(table);
	memcpy(table, first, first_bytes);
	memcpy(table + first_bytes, firmware, sizeof(firmware));
	memcpy(table + first_bytes + sizeof(firmware), end, sizeof(end));
	*ret_bytes = (uint32_t)bytes;
	return table;
}

static void the_firmware_s_own_structure(void **state)
{
	uint32_t bytes, found_bytes = 0;
	uint8_t *table = table_of(&bytes, chassis, sizeof(chassis));
	const uint8_t *found = lb_smbios_firmware(table, bytes, &found_bytes);

	(void)state;
	assert_ptr_equal(found, table + sizeof(chassis));
	assert_int_equal(found_bytes, sizeof(firmware));
	free(table);
}

static void cut_anywhere(void **state)
{
	uint32_t bytes, found_bytes;
	uint8_t *table = table_of(&bytes, chassis, sizeof(chassis));

	(void)state;
	for (uint32_t cut = 0; cut <= bytes; cut++) {
		uint8_t *part = malloc(cut + 1); // never 0, because malloc(0) may return NULL

		assert_non_null(part);
		memcpy(part + 1, table, cut);
		assert_int_equal(lb_smbios_firmware(part + 1, cut, &found_bytes) != NULL,
				 cut >= sizeof(chassis) + sizeof(firmware));
		free(part);
	}
	free(table);
}

static void none_of_its_kind(void **state)
{
	uint32_t bytes, found_bytes;
	uint8_t *table = table_of(&bytes, end, sizeof(end)); // only the end structure

	(void)state;
	assert_null(lb_smbios_firmware(table, bytes, &found_bytes));
	table[0] = 1;
	assert_non_null(lb_smbios_firmware(table, bytes, &found_bytes));
	table[1] = 3; // shorter than its own header
	assert_null(lb_smbios_firmware(table, bytes, &found_bytes));
	free(table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entry_points),
		cmocka_unit_test(the_firmware_s_own_structure),
		cmocka_unit_test(cut_anywhere),
		cmocka_unit_test(none_of_its_kind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
