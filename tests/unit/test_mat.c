// SPDX-License-Identifier: BSD-2-Clause
// The copy of the memory attributes table has what the hook needs. Nothing else is changed.
#include <stdlib.h>
#include <string.h>

#include "loader/hook/mat.c"
#include "unit.h"

#define RO 0x20000ULL
#define XP 0x4000ULL
#define RUNTIME 0x8000000000000000ULL
#define WB 0x8ULL

static const struct lb_range text = {0x7e001000, 0x7e003000}, data = {0x7e003000, 0x7e006000};

struct table {
	struct lb_mat_header header;
	uint8_t entries[64 * 48];
};

static EFI_MEMORY_DESCRIPTOR *entry(struct table *table, uint32_t index)
{
	return (EFI_MEMORY_DESCRIPTOR *)(table->entries + (size_t)index * table->header.entry_bytes);
}

static void start(struct table *table)
{
	memset(table, 0, sizeof(*table));
	table->header = (struct lb_mat_header){.version = 2, .entry_bytes = 48, .flags = 1};
}

static void add(struct table *table, uint32_t type, uint64_t start_at, uint64_t end, uint64_t attribute)
{
	*entry(table, table->header.entries++) = (EFI_MEMORY_DESCRIPTOR){
		.Type = type,
		.PhysicalStart = start_at,
		.NumberOfPages = (end - start_at) / 4096,
		.Attribute = attribute | RUNTIME,
	};
}

static uint64_t attribute_at(struct table *table, uint64_t phys)
{
	for (uint32_t i = 0; i < table->header.entries; i++) {
		EFI_MEMORY_DESCRIPTOR *e = entry(table, i);

		if (phys >= e->PhysicalStart && phys < e->PhysicalStart + e->NumberOfPages * 4096)
			return e->Attribute;
	}
	return UINT64_MAX;
}

static void test_one_entry_around_the_image(void **state)
{
	struct table in, out;

	(void)state;
	start(&in);
	add(&in, EfiRuntimeServicesData, 0x7d000000, 0x7d010000, XP);
	add(&in, EfiRuntimeServicesCode, 0x7e000000, 0x7e010000, XP);
	add(&in, EfiRuntimeServicesData, 0x7f000000, 0x7f010000, XP);
	assert_int_equal(lb_mat_split(&in.header, text, data, &out, sizeof(out)), LB_MAT_SPLIT);
	assert_int_equal(out.header.version, 2);
	assert_int_equal(out.header.flags, 1);
	assert_int_equal(out.header.entry_bytes, 48);
	assert_int_equal(out.header.entries, 6);
	for (uint64_t phys = 0x7e000000; phys < 0x7e010000; phys += 4096) {
		uint64_t wanted = XP;

		if (phys >= text.start && phys < text.end)
			wanted = RO;
		assert_int_equal(attribute_at(&out, phys), wanted | RUNTIME);
	}
	assert_int_equal(attribute_at(&out, 0x7e010000), UINT64_MAX);
	assert_memory_equal(entry(&out, 0), entry(&in, 0), 48);
	assert_memory_equal(entry(&out, 5), entry(&in, 2), 48);
	for (uint32_t i = 1; i < 5; i++) {
		assert_int_equal(entry(&out, i)->Type, EfiRuntimeServicesCode);
		assert_int_equal(entry(&out, i)->PhysicalStart,
				 i == 1 ? 0x7e000000
					: entry(&out, i - 1)->PhysicalStart +
						  entry(&out, i - 1)->NumberOfPages * 4096);
	}
}

static void test_entries_that_meet_inside_the_image(void **state)
{
	struct table in, out;

	(void)state;
	start(&in);
	add(&in, EfiRuntimeServicesCode, 0x7e000000, 0x7e002000, XP);
	add(&in, EfiRuntimeServicesCode, 0x7e002000, 0x7e004000, XP);
	add(&in, EfiRuntimeServicesCode, 0x7e004000, 0x7e006000, RO); // no-execute and read-only are swapped
	assert_int_equal(lb_mat_split(&in.header, text, data, &out, sizeof(out)), LB_MAT_SPLIT);
	assert_int_equal(out.header.entries, 5);
	assert_int_equal(attribute_at(&out, 0x7e000000), XP | RUNTIME);
	assert_int_equal(attribute_at(&out, 0x7e001000), RO | RUNTIME);
	assert_int_equal(attribute_at(&out, 0x7e002000), RO | RUNTIME);
	assert_int_equal(attribute_at(&out, 0x7e003000), XP | RUNTIME);
	assert_int_equal(attribute_at(&out, 0x7e005000), XP | RUNTIME);
}

static void test_what_needs_no_change(void **state)
{
	struct table in, out;

	(void)state;
	start(&in); // the image is not listed: Linux leaves it executable
	add(&in, EfiRuntimeServicesData, 0x7d000000, 0x7d010000, XP);
	assert_int_equal(lb_mat_split(&in.header, text, data, &out, sizeof(out)), LB_MAT_UNCHANGED);

	start(&in); // the image is listed rightly, as edk2 does from November 2025 on
	add(&in, EfiRuntimeServicesCode, text.start, text.end, RO);
	add(&in, EfiRuntimeServicesCode, data.start, data.end, XP);
	assert_int_equal(lb_mat_split(&in.header, text, data, &out, sizeof(out)), LB_MAT_UNCHANGED);

	start(&in); // a table that lb_mat_split() has made
	add(&in, EfiRuntimeServicesCode, 0x7e000000, 0x7e010000, XP);
	assert_int_equal(lb_mat_split(&in.header, text, data, &out, sizeof(out)), LB_MAT_SPLIT);
	assert_int_equal(lb_mat_split(&out.header, text, data, &in, sizeof(in)), LB_MAT_UNCHANGED);
}

static void test_opened_in_place(void **state)
{
	struct table in, before;

	(void)state;
	start(&in);
	add(&in, EfiRuntimeServicesCode, 0x7d000000, 0x7d010000, XP | RO); // the range of another image
	add(&in, EfiRuntimeServicesCode, 0x7e000000, 0x7e003000, XP | RO);
	add(&in, EfiRuntimeServicesCode, 0x7e003000, 0x7e010000, XP | RO);
	before = in;
	lb_mat_open(&in.header, text, data);
	assert_true(runs(&in.header, text, data));
	assert_int_equal(in.header.entries, 3);
	assert_int_equal(attribute_at(&in, 0x7d000000), XP | RO | RUNTIME);
	assert_int_equal(attribute_at(&in, text.start), RO | RUNTIME);
	assert_int_equal(attribute_at(&in, data.start), XP | RUNTIME);

	before.header.entry_bytes = 8; // a malformed table stays as it is
	in = before;
	lb_mat_open(&in.header, text, data);
	assert_memory_equal(&in, &before, sizeof(in));
}

static void test_no_room(void **state)
{
	struct table in, out;
	size_t enough = sizeof(struct lb_mat_header) + 4 * 48;

	(void)state;
	start(&in);
	add(&in, EfiRuntimeServicesCode, 0x7e000000, 0x7e010000, XP);
	for (size_t bytes = 0; bytes < enough; bytes++)
		assert_int_equal(lb_mat_split(&in.header, text, data, &out, bytes), LB_MAT_FAILED);
	assert_int_equal(lb_mat_split(&in.header, text, data, &out, enough), LB_MAT_SPLIT);
}

static void test_malformed(void **state)
{
	struct table in, out;

	(void)state;
	start(&in);
	add(&in, EfiRuntimeServicesCode, 0x7e000000, 0x7e010000, XP);
	assert_int_equal(lb_mat_room(&in.header, 64), 16 + 65 * 48);
	in.header.entry_bytes = 32;
	assert_int_equal(lb_mat_room(&in.header, 64), 0);
	assert_int_equal(lb_mat_split(&in.header, text, data, &out, sizeof(out)), LB_MAT_FAILED);
	in.header.entry_bytes = 44;
	assert_int_equal(lb_mat_split(&in.header, text, data, &out, sizeof(out)), LB_MAT_FAILED);
	in.header.entry_bytes = 48;
	in.header.entries = 0xffffffff;
	assert_int_equal(lb_mat_room(&in.header, 64), 0);
	assert_int_equal(lb_mat_split(&in.header, text, data, &out, sizeof(out)), LB_MAT_FAILED);

	start(&in); // an entry that wraps around
	add(&in, EfiRuntimeServicesCode, 0x7e000000, 0x7e010000, XP);
	entry(&in, 0)->NumberOfPages = 1ULL << 60;
	assert_int_equal(lb_mat_split(&in.header, text, data, &out, sizeof(out)), LB_MAT_FAILED);

	start(&in); // an entry that does not begin at a page matters only if it must be split
	add(&in, EfiRuntimeServicesCode, 0x7d000800, 0x7d010800, XP);
	add(&in, EfiRuntimeServicesCode, 0x7e000000, 0x7e010000, XP);
	assert_int_equal(lb_mat_split(&in.header, text, data, &out, sizeof(out)), LB_MAT_SPLIT);
	assert_memory_equal(entry(&out, 0), entry(&in, 0), 48);
	entry(&in, 1)->PhysicalStart += 0x800;
	assert_int_equal(lb_mat_split(&in.header, text, data, &out, sizeof(out)), LB_MAT_FAILED);
}

// Random tables that cover memory without gaps. Every page outside of the image keeps its attributes and
// type. Every new entry lies inside an old one.
static void test_random_tables(void **state)
{
	(void)state;
	srand(1);
	for (int round = 0; round < 2000; round++) {
		struct table in, out;
		uint64_t at = 0x7dff0000;

		start(&in);
		while (at < 0x7e020000 && in.header.entries < 40) {
			uint64_t end = at + 4096ULL * (uint64_t)(1 + rand() % 8);

			if (rand() % 4)
				add(&in, rand() % 2 ? EfiRuntimeServicesCode : EfiRuntimeServicesData, at,
				    end, (rand() % 2 ? XP : 0) | (rand() % 2 ? RO : 0) | WB);
			at = end;
		}
		switch (lb_mat_split(&in.header, text, data, &out, sizeof(out))) {
		case LB_MAT_UNCHANGED:
			out = in;
			break;
		case LB_MAT_SPLIT:
			break;
		default:
			fail_msg("round %d: the split failed", round);
		}
		for (uint64_t phys = 0x7dff0000; phys < 0x7e028000; phys += 4096) {
			uint64_t before = attribute_at(&in, phys), after = attribute_at(&out, phys);

			if (before == UINT64_MAX || phys < text.start || phys >= data.end)
				assert_int_equal(after, before);
			else if (phys < text.end)
				assert_false(after & XP);
			else
				assert_false(after & RO);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_entry_around_the_image),
		cmocka_unit_test(test_entries_that_meet_inside_the_image),
		cmocka_unit_test(test_what_needs_no_change),
		cmocka_unit_test(test_opened_in_place),
		cmocka_unit_test(test_no_room),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_random_tables),
	};

	return cmocka_run_group_tests_name("mat", tests, NULL, NULL);
}
