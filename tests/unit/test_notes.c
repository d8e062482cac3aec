// SPDX-License-Identifier: BSD-2-Clause
// Reads back the notes area that lb_elfcore_note() fills, and areas with wrong content.
#include <stdlib.h>
#include <string.h>

#include "crash/dead/notes.h"
#include "crash/plan/elfcore.h"
#include "unit.h"

#define AREA 4096
#define TEXT "OSRELEASE=6.1.0\nPAGESIZE=4096\n"

static void add(void *area, uint64_t *at, const char *name, uint32_t type, const void *desc, uint32_t bytes)
{
	const struct lb_elf_note note = {name, type, desc, bytes};
	struct lb_error err;

	if (lb_elfcore_note(area, AREA, at, &note, &err) != 0)
		fail_msg("%s", err.text);
}

static void notes_are_found(void **state)
{
	_Alignas(8) static uint8_t area[AREA];
	struct lb_prstatus prstatus = {.pid = 1};
	struct lb_notes notes;
	uint64_t at = 0;

	(void)state;
	add(area, &at, "CORE", NT_PRSTATUS, &prstatus, sizeof(prstatus));
	add(area, &at, "CORE", NT_PRSTATUS, &prstatus, sizeof(prstatus));
	add(area, &at, "VMCOREINFO", 0, TEXT, sizeof(TEXT) - 1);
	add(area, &at, LB_NOTE_NAME, LB_NOTE_TYPE, "VERSION=1\n", 10);
	lb_notes_read(area, sizeof(area), &notes);
	assert_int_equal(notes.bytes, at);
	assert_int_equal(notes.prstatus, 2);
	assert_int_equal(notes.vmcoreinfo_bytes, sizeof(TEXT) - 1);
	assert_memory_equal(area + notes.vmcoreinfo, TEXT, sizeof(TEXT) - 1);
}

// The area is in memory of exactly its size, so that ASan sees a read beyond it.
static void cut_areas_are_read_to_their_end(void **state)
{
	_Alignas(8) static uint8_t area[AREA];
	struct lb_prstatus prstatus = {.pid = 1};
	uint64_t at = 0, whole;

	(void)state;
	add(area, &at, "CORE", NT_PRSTATUS, &prstatus, sizeof(prstatus));
	whole = at;
	add(area, &at, "VMCOREINFO", 0, TEXT, sizeof(TEXT) - 1);
	for (uint64_t bytes = 0; bytes <= at; bytes++) {
		uint8_t *copy = malloc(bytes + 1);
		struct lb_notes notes;

		assert_non_null(copy);
		memmove(copy, area, bytes);
		copy = realloc(copy, bytes ? bytes : 1);
		assert_non_null(copy);
		lb_notes_read(copy, bytes, &notes);
		assert_int_equal(notes.prstatus, bytes >= whole);
		assert_int_equal(notes.vmcoreinfo != 0, bytes >= at);
		free(copy);
	}
}

static void text_is_replaced(void **state)
{
	static const char *const texts[] = {"", "A=1\n", TEXT "B=22\n", TEXT TEXT TEXT};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		const uint32_t bytes = (uint32_t)strlen(texts[i]);
		_Alignas(8) uint8_t area[AREA], wanted[AREA];
		struct lb_prstatus prstatus = {.pid = 1};
		struct lb_notes notes, again;
		uint64_t at = 0, wanted_at = 0;

		memset(area, 0xee, sizeof(area));
		memset(wanted, 0, sizeof(wanted));
		add(area, &at, "CORE", NT_PRSTATUS, &prstatus, sizeof(prstatus));
		add(area, &at, "VMCOREINFO", 0, TEXT, sizeof(TEXT) - 1);
		add(area, &at, LB_NOTE_NAME, LB_NOTE_TYPE, "VERSION=1\n", 10);
		add(wanted, &wanted_at, "CORE", NT_PRSTATUS, &prstatus, sizeof(prstatus));
		add(wanted, &wanted_at, "VMCOREINFO", 0, texts[i], bytes);
		add(wanted, &wanted_at, LB_NOTE_NAME, LB_NOTE_TYPE, "VERSION=1\n", 10);
		lb_notes_read(area, at, &notes);
		assert_true(lb_notes_replace(area, wanted_at + 12, texts[i], bytes, &notes));
		assert_int_equal(notes.bytes, wanted_at);
		assert_memory_equal(area, wanted, wanted_at + 12); // up to the header of zeroes, included
		lb_notes_read(area, sizeof(area), &again);
		assert_memory_equal(&again, &notes, sizeof(notes));
	}
}

static void what_does_not_fit_changes_nothing(void **state)
{
	_Alignas(8) static uint8_t area[AREA], before[AREA];
	struct lb_notes notes;
	uint64_t at = 0;

	(void)state;
	add(area, &at, LB_NOTE_NAME, LB_NOTE_TYPE, "VERSION=1\n", 10);
	lb_notes_read(area, sizeof(area), &notes);
	// There is no VMCOREINFO note to replace.
	assert_false(lb_notes_replace(area, sizeof(area), TEXT, sizeof(TEXT) - 1, &notes));
	add(area, &at, "VMCOREINFO", 0, TEXT, sizeof(TEXT) - 1);
	memcpy(before, area, sizeof(area));
	lb_notes_read(area, sizeof(area), &notes);
	assert_false(lb_notes_replace(area, at + 4 + 11, TEXT "A=1\n", sizeof(TEXT) + 3, &notes));
	assert_memory_equal(area, before, sizeof(area));
	assert_int_equal(notes.bytes, at);
	assert_true(lb_notes_replace(area, at + 4 + 12, TEXT "A=1\n", sizeof(TEXT) + 3, &notes));
}

static void nonsense_ends_it(void **state)
{
	_Alignas(8) uint8_t area[64];
	struct lb_notes notes;

	(void)state;
	memset(area, 0xff, sizeof(area));
	lb_notes_read(area, sizeof(area), &notes);
	assert_int_equal(notes.bytes, 0);
	memset(area, 0, sizeof(area));
	lb_notes_read(area, sizeof(area), &notes);
	assert_int_equal(notes.bytes, 0);
	assert_int_equal(notes.vmcoreinfo, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(notes_are_found),  cmocka_unit_test(cut_areas_are_read_to_their_end),
		cmocka_unit_test(text_is_replaced), cmocka_unit_test(what_does_not_fit_changes_nothing),
		cmocka_unit_test(nonsense_ends_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
