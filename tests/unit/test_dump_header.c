// SPDX-License-Identifier: BSD-2-Clause
// crash/disk/dump_header.c: the two slots of the header, lost sectors in them, and headers of version 1.
#include <string.h>

#include "crash/disk/dump_header.h"
#include "lib/sha256.h"
#include "unit.h"

#define SECTOR 512

static struct lb_dump_slots slots;
static struct lb_dump_header found;
static struct lb_error err;

// Puts `header` as a writer does: makes it the next one, and writes it into its slot.
static void put(struct lb_dump_header *header)
{
	uint32_t offset = lb_dump_header_advance(header);

	assert_int_equal(offset % LB_DUMP_BLOCK, 0);
	assert_true(offset < sizeof(slots));
	memset((uint8_t *)&slots + offset, 0, LB_DUMP_BLOCK);
	memcpy((uint8_t *)&slots + offset, header, sizeof(*header));
}

// Writes what version 1 wrote: one header, then the log.
static void put_version_1(uint32_t state, uint32_t saved)
{
	struct lb_dump_header header = {.version = 1, .state = state, .saved = saved};

	memset(&slots, 'l', sizeof(slots));
	lb_dump_header_seal(&header);
	assert_int_equal(header.version, 1);
	slots.slot[0].header = header;
}

static int choose(void)
{
	memset(&found, 0, sizeof(found));
	err.text[0] = '\0';
	return lb_dump_header_choose(&slots, &found, &err);
}

static void test_seal(void **state)
{
	struct lb_dump_header header = {.state = LB_DUMP_COMPLETE};
	uint8_t sha256[LB_SHA256_BYTES];

	(void)state;
	lb_dump_header_seal(&header);
	assert_memory_equal(&header.magic, "LBATDUMP", 8);
	assert_int_equal(header.version, 2);
	assert_int_equal(header.bytes, 880);
	lb_sha256(&header, 848, sha256);
	assert_memory_equal(header.sha256, sha256, sizeof(sha256));
	assert_int_equal(lb_dump_header_check(&header, &err), 0);
}

static void test_every_byte_counts(void **state)
{
	struct lb_dump_header whole = {.state = LB_DUMP_COMPLETE};

	(void)state;
	lb_dump_header_seal(&whole);
	for (size_t at = 0; at < sizeof(whole); at++) {
		struct lb_dump_header header = whole;

		((uint8_t *)&header)[at] ^= 0x10;
		assert_int_equal(lb_dump_header_check(&header, &err), -1);
	}
}

static void test_versions(void **state)
{
	static const struct {
		uint32_t version, bytes;
		int result;
	} cases[] = {{0, 880, -1}, {1, 880, 0}, {2, 880, 0}, {3, 880, -1}, {1, 872, -1}, {2, 888, -1}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct lb_dump_header header = {
			.magic = LB_DUMP_MAGIC, .version = cases[i].version, .bytes = cases[i].bytes};

		lb_sha256(&header, 848, header.sha256);
		assert_int_equal(lb_dump_header_check(&header, &err), cases[i].result);
	}
	assert_string_equal(err.text, "dump header: version 2 of 888 bytes, wanted version 1 or 2 of 880");
}

static void test_blank(void **state)
{
	(void)state;
	memset(&slots, 0, sizeof(slots));
	assert_int_equal(choose(), -1);
	assert_string_equal(err.text, "dump header: neither slot has Lifeboat's magic");
	memset(&slots, 0xee, sizeof(slots));
	assert_int_equal(choose(), -1);
}

// Each write leaves the header before it as it was, and is the one that is chosen.
static void test_slots_take_turns(void **state)
{
	struct lb_dump_header header = {0};
	uint32_t before = LB_DUMP_BLOCK * LB_DUMP_SLOTS;

	(void)state;
	memset(&slots, 0xee, sizeof(slots));
	for (uint32_t i = 1; i < 6; i++) {
		uint32_t offset;

		header.checkpoints = i;
		put(&header);
		offset = (uint32_t)(header.sequence % 2 * LB_DUMP_BLOCK);
		assert_int_equal(header.sequence, i);
		assert_int_not_equal(offset, before);
		assert_memory_equal((uint8_t *)&slots + offset, &header, sizeof(header));
		before = offset;
		assert_int_equal(choose(), 0);
		assert_memory_equal(&found, &header, sizeof(found));
	}
	assert_int_equal(lb_dump_header_room(&found), 2 * LB_DUMP_BLOCK);
}

static void test_a_sequence_that_begins_again(void **state)
{
	struct lb_dump_header header = {.sequence = UINT64_MAX - 1};

	(void)state;
	memset(&slots, 0, sizeof(slots));
	for (uint32_t i = 0; i < 4; i++) {
		header.checkpoints = i;
		put(&header);
		assert_int_equal(choose(), 0);
		assert_int_equal(found.checkpoints, i);
	}
	assert_int_equal(found.sequence, 2);
}

// One sector of a slot is lost. The chosen header is the later one if that is whole, else the earlier one.
static void test_any_lost_sector(void **state)
{
	struct lb_dump_header header = {0};
	struct lb_dump_slots whole;

	(void)state;
	memset(&slots, 0, sizeof(slots));
	for (uint32_t i = 1; i <= 2; i++) {
		header.checkpoints = i;
		put(&header);
	}
	whole = slots;
	for (size_t at = 0; at < sizeof(slots); at += SECTOR) {
		size_t in_slot = at % LB_DUMP_BLOCK;
		bool later_lost = at / LB_DUMP_BLOCK == header.sequence % 2 && in_slot < sizeof(header);

		for (int fill = 0; fill < 256; fill += 255) {
			slots = whole;
			memset((uint8_t *)&slots + at, fill, SECTOR);
			assert_int_equal(choose(), 0);
			assert_int_equal(found.checkpoints, later_lost ? 1 : 2);
		}
	}
}

// After one slot was torn, the next header is written into the torn slot.
static void test_a_torn_slot_is_written_next(void **state)
{
	struct lb_dump_header header = {0};

	(void)state;
	memset(&slots, 0, sizeof(slots));
	put(&header);
	put(&header);
	slots.slot[header.sequence % 2].header.state ^= 1;
	assert_int_equal(choose(), 0);
	assert_int_equal(lb_dump_header_advance(&found), header.sequence % 2 * LB_DUMP_BLOCK);
}

// No header can be read, but a slot has the magic: the partition may hold a dump.
static void test_unreadable(void **state)
{
	struct lb_dump_header header = {.state = LB_DUMP_COMPLETE};
	struct lb_dump_slots whole;

	(void)state;
	memset(&slots, 0, sizeof(slots));
	put(&header);
	put(&header);
	whole = slots;
	for (unsigned int lost = 0; lost < 2; lost++) { // the other slot is torn
		slots = whole;
		memset(&slots.slot[lost], 0, SECTOR);
		memset((uint8_t *)&slots.slot[1 - lost] + SECTOR, 0, SECTOR);
		assert_int_equal(choose(), LB_DUMP_UNREADABLE);
		assert_string_equal(err.text, "dump header: its digest does not match its content");
		assert_int_equal(found.magic, 0);
	}
	slots = whole;
	for (unsigned int i = 0; i < 2; i++) {
		slots.slot[i].header.version = 3;
		lb_dump_header_seal(&slots.slot[i].header);
	}
	assert_int_equal(choose(), LB_DUMP_UNREADABLE);
	assert_string_equal(err.text, "dump header: version 3 of 880 bytes, wanted version 1 or 2 of 880");
}

static void test_a_header_in_the_other_slot(void **state)
{
	struct lb_dump_header header = {0};

	(void)state;
	memset(&slots, 0, sizeof(slots));
	put(&header);
	slots.slot[0] = slots.slot[1];
	memset(&slots.slot[1], 0, sizeof(slots.slot[1]));
	assert_int_equal(choose(), LB_DUMP_UNREADABLE);
	assert_string_equal(err.text, "dump header: sequence 1 in slot 0");
}

// The log of a dump of version 1 lies where the second slot is now. The header stays in the first slot.
static void test_version_1(void **state)
{
	(void)state;
	put_version_1(LB_DUMP_COMPLETE, 0);
	assert_int_equal(choose(), 0);
	assert_true(lb_dump_header_unsaved(&found));
	assert_int_equal(lb_dump_header_room(&found), LB_DUMP_BLOCK);
	assert_int_equal(found.report_bytes | found.kernel_bytes | found.flags, 0);
	found.saved = 1;
	assert_int_equal(lb_dump_header_advance(&found), 0);
	assert_int_equal(found.version, 1);
	assert_int_equal(lb_dump_header_check(&found, &err), 0);

	slots.slot[0].header.state ^= 1;
	assert_int_equal(choose(), LB_DUMP_UNREADABLE);
}

// The loader arms over a header of version 1. From the first of its two writes on, the new header is chosen.
static void test_version_2_over_version_1(void **state)
{
	struct lb_dump_header header = {0};

	(void)state;
	put_version_1(LB_DUMP_COMPLETE, 1);
	assert_int_equal(choose(), 0);
	header.sequence = found.sequence;
	for (uint64_t i = 1; i <= 2; i++) {
		put(&header);
		assert_int_equal(choose(), 0);
		assert_int_equal(found.version, 2);
		assert_int_equal(found.sequence, i);
	}
}

// Another program, such as mkswap, has overwritten one slot.
static void test_every_slot(void **state)
{
	static const uint8_t other[16] = {1};
	struct lb_dump_header header = {.partuuid = {2}};
	struct lb_dump_slots whole;

	(void)state;
	memset(&slots, 0, sizeof(slots));
	assert_false(lb_dump_header_in_every_slot(&slots, header.partuuid));
	put(&header);
	assert_false(lb_dump_header_in_every_slot(&slots, header.partuuid));
	put(&header);
	assert_true(lb_dump_header_in_every_slot(&slots, header.partuuid));
	assert_false(lb_dump_header_in_every_slot(&slots, other));
	whole = slots;
	for (unsigned int i = 0; i < 2; i++) {
		slots = whole;
		memset(&slots.slot[i], 0, LB_DUMP_BLOCK);
		assert_false(lb_dump_header_in_every_slot(&slots, header.partuuid));
		assert_int_equal(choose(), 0);
		slots = whole;
		slots.slot[i].header.partuuid[0] = 1;
		lb_dump_header_seal(&slots.slot[i].header);
		assert_false(lb_dump_header_in_every_slot(&slots, header.partuuid));
	}
	put_version_1(LB_DUMP_EMPTY, 0);
	assert_true(lb_dump_header_in_every_slot(&slots, slots.slot[0].header.partuuid));
	assert_false(lb_dump_header_in_every_slot(&slots, other));
}

static void test_unsaved(void **state)
{
	(void)state;
	for (uint32_t i = LB_DUMP_EMPTY; i <= LB_DUMP_PARTIAL; i++) {
		assert_int_equal(lb_dump_header_unsaved(&(struct lb_dump_header){.state = i}),
				 i != LB_DUMP_EMPTY);
		assert_false(lb_dump_header_unsaved(&(struct lb_dump_header){.state = i, .saved = 1}));
	}
}

// The loader and lifeboat-save print these texts. They must contain neither an escape sequence nor a line
// break.
static void test_printable(void **state)
{
	struct lb_dump_header header = {.release = "6.1.0\x1b[2J\nstate=armed", .sequence = 7};

	(void)state;
	memset(header.message, '\a', sizeof(header.message));
	lb_dump_header_printable(&header);
	assert_string_equal(header.release, "6.1.0?[2J?state=armed");
	assert_int_equal(strlen(header.message), sizeof(header.message) - 1);
	assert_int_equal(strspn(header.message, "?"), sizeof(header.message) - 1);
	assert_int_equal(header.sequence, 7);
	strcpy(header.message, "full: caf\xc3\xa9");
	lb_dump_header_printable(&header);
	assert_string_equal(header.message, "full: caf??");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_seal),
		cmocka_unit_test(test_every_byte_counts),
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_blank),
		cmocka_unit_test(test_slots_take_turns),
		cmocka_unit_test(test_a_sequence_that_begins_again),
		cmocka_unit_test(test_any_lost_sector),
		cmocka_unit_test(test_a_torn_slot_is_written_next),
		cmocka_unit_test(test_unreadable),
		cmocka_unit_test(test_a_header_in_the_other_slot),
		cmocka_unit_test(test_version_1),
		cmocka_unit_test(test_version_2_over_version_1),
		cmocka_unit_test(test_every_slot),
		cmocka_unit_test(test_unsaved),
		cmocka_unit_test(test_printable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
