// SPDX-License-Identifier: BSD-2-Clause
// crash/disk/scsi.c over a transport that is a disk by itself, or gives wrong answers.
#include <string.h>

#include "capture_platform.h"
#include "crash/disk/scsi.h"
#include "unit.h"

#define READ_6_GROUP_END 0x20
#define FEW 4 // answers that a test gives in the disk's place
#define ANY 0x100

static struct {
	uint64_t blocks;
	uint32_t block_bytes;
	uint8_t peripheral; // first byte of INQUIRY's data
	const char *names; // vendor, product and revision: 28 characters
	bool write_protected, knows_modes, knows_limits, knows_cache;
	uint32_t most_blocks; // the most blocks of one command
	bool silent; // the disk never answers
	// Answers given instead of the disk's own, `times` times each.
	struct {
		uint32_t opcode; // an operation code, or ANY
		uint32_t times;
		int result;
		struct lb_scsi_answer answer;
	} instead[FEW];

	bool busy[LB_DISK_MAX_DEPTH];
	struct lb_scsi_command commands[LB_DISK_MAX_DEPTH];
	uint32_t sent[256]; // commands sent, by operation code
	uint32_t resets, stops;
	bool refuses_commands, refuses_resets;
} fake;

static struct lb_scsi scsi;
static struct lb_disk disk;
static struct lb_target target;
static uint8_t data[LB_PAGE] __attribute__((aligned(4096)));

static void put(uint8_t *to, uint32_t bytes, uint64_t value)
{
	while (bytes--) {
		to[bytes] = (uint8_t)value;
		value >>= 8;
	}
}

static uint64_t get(const uint8_t *from, uint32_t bytes)
{
	uint64_t value = 0;

	while (bytes--)
		value = value << 8 | *from++;
	return value;
}

static int fake_submit(struct lb_scsi *of, uint32_t tag, const struct lb_scsi_command *command,
		       struct lb_error *err)
{
	uint8_t opcode = command->cdb[0];

	assert_ptr_equal(of, &scsi);
	assert_true(tag < of->depth && !fake.busy[tag]);
	assert_int_equal(command->cdb_bytes, opcode < READ_6_GROUP_END ? 6 : opcode < 0x80 ? 10 : 16);
	for (uint32_t i = command->cdb_bytes; i < LB_SCSI_CDB; i++)
		assert_int_equal(command->cdb[i], 0);
	if (fake.refuses_commands)
		return lb_fail(err, "fake: takes nothing");
	fake.busy[tag] = true;
	fake.commands[tag] = *command;
	fake.sent[opcode]++;
	return 0;
}

static void decline(struct lb_scsi_answer *answer, uint8_t code)
{
	answer->status = LB_SCSI_CHECK_CONDITION;
	answer->moved = 0;
	answer->sense_bytes = 18;
	answer->sense[0] = 0x70;
	answer->sense[2] = 5;
	answer->sense[7] = 10;
	answer->sense[12] = code;
}

static void answer_inquiry(const struct lb_scsi_command *command, struct lb_scsi_answer *answer)
{
	uint8_t *to = command->data;

	if (!command->cdb[1]) {
		assert_int_equal(command->cdb[4], command->bytes);
		to[0] = fake.peripheral;
		memcpy(to + 8, fake.names, 28);
	} else if (fake.knows_limits) {
		assert_int_equal(command->cdb[2], 0xb0);
		to[1] = 0xb0;
		put(to + 2, 2, 0x3c);
		put(to + 8, 4, fake.most_blocks);
	} else {
		decline(answer, 0x24);
	}
}

// Answers as a disk in good order does.
static void obey(const struct lb_scsi_command *command, struct lb_scsi_answer *answer)
{
	uint64_t last = fake.blocks - 1;
	uint8_t *to = command->data;

	answer->moved = command->bytes;
	switch (command->cdb[0]) {
	case 0x12:
		answer_inquiry(command, answer);
		break;
	case 0x1a:
		if (fake.knows_modes)
			to[2] = fake.write_protected ? 0x80 : 0x10; // write-protected, or DPO and FUA
		else
			decline(answer, 0x20);
		break;
	case 0x25:
		assert_int_equal(command->bytes, 8);
		put(to, 4, last < UINT32_MAX ? last : UINT32_MAX);
		put(to + 4, 4, fake.block_bytes);
		break;
	case 0x9e:
		assert_int_equal(command->cdb[1], 0x10);
		assert_int_equal(get(command->cdb + 10, 4), 32);
		put(to, 8, last);
		put(to + 8, 4, fake.block_bytes);
		break;
	case 0x35:
		if (!fake.knows_cache)
			decline(answer, 0x20);
		break;
	default:
		break;
	}
}

static int fake_poll(struct lb_scsi *of, struct lb_scsi_answer *ret_answer, struct lb_error *err)
{
	uint32_t tag = 0;

	while (tag < of->depth && !fake.busy[tag])
		tag++;
	if (tag == of->depth || fake.silent)
		return 0;
	*ret_answer = (struct lb_scsi_answer){.tag = tag};
	for (uint32_t i = 0; i < FEW; i++) {
		if (!fake.instead[i].times ||
		    (fake.instead[i].opcode != ANY && fake.instead[i].opcode != fake.commands[tag].cdb[0]))
			continue;
		fake.instead[i].times--;
		fake.busy[tag] = false;
		*ret_answer = fake.instead[i].answer;
		if (!ret_answer->tag)
			ret_answer->tag = tag;
		if (fake.instead[i].result < 0)
			lb_fail(err, "fake: no way to the disk");
		return fake.instead[i].result;
	}
	fake.busy[tag] = false;
	obey(&fake.commands[tag], ret_answer);
	return 1;
}

static int fake_reset(struct lb_scsi *of, struct lb_error *err)
{
	(void)of;
	memset(fake.busy, 0, sizeof(fake.busy));
	fake.resets++;
	return fake.refuses_resets ? lb_fail(err, "fake: no reset") : 0;
}

static void fake_stop(struct lb_scsi *of)
{
	(void)of;
	fake.stops++;
}

static const struct lb_scsi_transport transport = {
	.name = "fake",
	.submit = fake_submit,
	.poll = fake_poll,
	.reset = fake_reset,
	.stop = fake_stop,
};

static void make(void)
{
	capture_reset();
	memset(&fake, 0, sizeof(fake));
	fake.blocks = 8000;
	fake.block_bytes = 512;
	fake.names = "VENDOR  Product no. 1   rev1";
	fake.knows_modes = fake.knows_limits = fake.knows_cache = true;
	memset(&scsi, 0, sizeof(scsi));
	scsi.transport = &transport;
	strcpy(scsi.name, "fake target 0 LUN 1");
	scsi.max_bytes = (uint32_t)LB_MIB;
	scsi.depth = 8;
	target = (struct lb_target){.block_bytes = 512, .last_block = 7999};
	memset(&disk, 0, sizeof(disk));
}

static void open_well(void)
{
	struct lb_error err = {""};

	if (lb_scsi_open(&scsi, &target, &disk, &err))
		fail_msg("%s", err.text);
}

static void opened(void)
{
	make();
	open_well();
}

static void assert_says(const struct lb_error *err, const char *part)
{
	if (!strstr(err->text, part))
		fail_msg("\"%s\" does not say \"%s\"", err->text, part);
}

// The next `times` answers to `opcode` are the one returned here, for the test to fill in.
static struct lb_scsi_answer *instead(uint32_t slot, uint32_t opcode, uint32_t times)
{
	fake.instead[slot].opcode = opcode;
	fake.instead[slot].times = times;
	fake.instead[slot].result = 1;
	memset(&fake.instead[slot].answer, 0, sizeof(fake.instead[slot].answer));
	return &fake.instead[slot].answer;
}

// Answers with a check condition and fixed sense data.
static struct lb_scsi_answer *sense(uint32_t slot, uint32_t opcode, uint32_t times, uint32_t key_code)
{
	struct lb_scsi_answer *answer = instead(slot, opcode, times);

	decline(answer, (uint8_t)(key_code >> 8));
	answer->sense[2] = (uint8_t)(key_code >> 16);
	answer->sense[13] = (uint8_t)key_code;
	return answer;
}

static int submit(uint32_t tag, enum lb_disk_op op, uint64_t block, uint32_t bytes, struct lb_error *err)
{
	const struct lb_disk_request request = {
		.op = op, .tag = tag, .block = block, .buffer = data, .bytes = bytes};

	return disk.driver->submit(&disk, &request, err);
}

// Waits until a request is done, as long as a partition would wait.
static int finish(uint32_t *ret_tag, struct lb_error *err)
{
	struct lb_deadline deadline = lb_deadline_in(LB_DISK_TIMEOUT_MS);
	int result;

	do {
		result = disk.driver->poll(&disk, ret_tag, err);
		lb_pause();
	} while (!result && !lb_deadline_passed(deadline));
	return result;
}

static int run(enum lb_disk_op op, struct lb_error *err)
{
	uint32_t tag = LB_DISK_NO_TAG;
	int result;

	assert_int_equal(submit(3, op, 5, op == LB_DISK_FLUSH ? 0 : 512, err), 0);
	result = finish(&tag, err);
	if (result)
		assert_int_equal(tag, 3);
	return result;
}

static void test_opening(void **state)
{
	(void)state;
	opened();
	assert_int_equal(disk.blocks, 8000);
	assert_int_equal(disk.block_bytes, 512);
	assert_int_equal(disk.max_bytes, LB_MIB);
	assert_int_equal(disk.depth, 8);
	assert_string_equal(disk.model, "VENDOR Product no. 1");
	assert_string_equal(disk.driver->name, "fake");
	assert_int_equal(fake.sent[0x9e], 0);

	make();
	fake.block_bytes = target.block_bytes = 4096;
	fake.most_blocks = 33; // 132 KiB
	open_well();
	assert_int_equal(disk.block_bytes, 4096);
	assert_int_equal(disk.max_bytes, 33 * 4096);

	make(); // the limit is rounded down to whole pages
	fake.most_blocks = 129;
	open_well();
	assert_int_equal(disk.max_bytes, 64 * 1024);

	make(); // a disk of more than 2 TiB
	fake.blocks = 1ULL << 33;
	target.last_block = fake.blocks - 1;
	open_well();
	assert_int_equal(disk.blocks, 1ULL << 33);
	assert_int_equal(fake.sent[0x9e], 1);

	make(); // the largest size that the shorter command can tell, and the next one
	fake.blocks = 0xffffffff;
	open_well();
	assert_int_equal(disk.blocks, 0xffffffff);
	assert_int_equal(fake.sent[0x9e], 0);
	make();
	fake.blocks = 0x100000000;
	open_well();
	assert_int_equal(disk.blocks, 0x100000000);
	assert_int_equal(fake.sent[0x9e], 1);

	make(); // a disk that has only what it must have
	fake.knows_modes = fake.knows_limits = false;
	open_well();
	assert_int_equal(disk.max_bytes, LB_MIB);
	disk.driver->stop(&disk);
	assert_int_equal(fake.stops, 1);
}

static void test_commands(void **state)
{
	static const uint8_t read_10[16] = {0x28, 0, 0x00, 0x00, 0x01, 0x23, 0, 0, 8};
	static const uint8_t write_10[16] = {0x2a, 0, 0xff, 0xff, 0xff, 0xf8, 0, 0, 8};
	static const uint8_t write_16[16] = {0x8a, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xf9, 0, 0, 0, 8};
	static const uint8_t read_16[16] = {0x88, 0, 0, 0, 0, 0x01, 0x23, 0x45, 0x67, 0x89, 0, 0, 0, 1};
	static const uint8_t flush[16] = {0x35};
	struct lb_error err;
	uint32_t tag;

	(void)state;
	make();
	fake.blocks = 1ULL << 33;
	open_well();
	assert_int_equal(submit(0, LB_DISK_READ, 0x123, 4096, &err), 0);
	assert_int_equal(submit(1, LB_DISK_WRITE, 0xfffffff8, 4096, &err), 0);
	assert_int_equal(submit(2, LB_DISK_WRITE, 0xfffffff9, 4096, &err), 0);
	assert_int_equal(submit(3, LB_DISK_READ, 0x123456789, 512, &err), 0);
	assert_int_equal(submit(4, LB_DISK_FLUSH, 0, 0, &err), 0);
	assert_memory_equal(fake.commands[0].cdb, read_10, 16);
	assert_memory_equal(fake.commands[1].cdb, write_10, 16);
	assert_memory_equal(fake.commands[2].cdb, write_16, 16);
	assert_memory_equal(fake.commands[3].cdb, read_16, 16);
	assert_memory_equal(fake.commands[4].cdb, flush, 16);
	assert_false(fake.commands[0].to_device);
	assert_true(fake.commands[1].to_device);
	assert_ptr_equal(fake.commands[2].data, data);
	assert_int_equal(fake.commands[2].bytes, 4096);
	assert_int_equal(fake.commands[4].bytes, 0);
	for (uint32_t i = 0; i < 5; i++) {
		assert_int_equal(disk.driver->poll(&disk, &tag, &err), 1);
		assert_int_equal(tag, i);
	}
	assert_int_equal(disk.driver->poll(&disk, &tag, &err), 0);
}

static void test_unit_attentions(void **state)
{
	struct lb_error err;

	(void)state;
	make(); // power on, then a bus reset; INQUIRY is always answered
	sense(0, 0x00, 2, 0x062900);
	sense(1, 0x25, 1, 0x063f0e);
	open_well();
	assert_int_equal(fake.sent[0x00], 3);
	assert_int_equal(fake.sent[0x25], 2);

	sense(0, 0x2a, 8, 0x062902);
	assert_int_equal(run(LB_DISK_WRITE, &err), 1);
	assert_int_equal(fake.sent[0x2a], 9);
	sense(0, 0x2a, 9, 0x062902);
	assert_int_equal(run(LB_DISK_WRITE, &err), -1);
	assert_says(&err, "fake target 0 LUN 1: unit attention (sense 6/29/02)");
	assert_int_equal(run(LB_DISK_WRITE, &err), 1); // the count begins anew for each command
}

// The disk may be another one. While it is opened this does not matter, because nothing is known of it yet.
static void test_changed_disks(void **state)
{
	static const uint32_t codes[] = {0x062800, 0x062a09, 0x063f03};
	struct lb_error err;

	(void)state;
	for (uint32_t i = 0; i < 3; i++) {
		make();
		sense(0, 0x00, 1, codes[i]);
		open_well();
		sense(0, 0x2a, 1, codes[i]);
		assert_int_equal(run(LB_DISK_WRITE, &err), -1);
		assert_says(&err, "unit attention");
		sense(0, 0x00, 1, codes[i]);
		assert_int_equal(disk.driver->reset(&disk, &err), 0);
		assert_int_equal(run(LB_DISK_WRITE, &err), 1);
		fake.blocks--;
		assert_int_equal(disk.driver->reset(&disk, &err), -1);
		assert_says(&err, "has 7999 blocks of 512 bytes after a reset, before it 8000 of 512");
	}
}

static void test_a_busy_disk(void **state)
{
	static const uint8_t statuses[] = {0x08, 0x28};
	struct lb_error err;
	uint64_t start;
	uint32_t tag;

	(void)state;
	for (uint32_t i = 0; i < 2; i++) {
		opened();
		instead(0, 0x2a, 3)->status = statuses[i];
		start = lb_clock_ms();
		assert_int_equal(run(LB_DISK_WRITE, &err), 1);
		assert_in_range(lb_clock_ms() - start, 60, 70);
		assert_int_equal(fake.sent[0x2a], 4);
	}
	// Requests that wait to be sent again are kept, and so are later ones.
	opened();
	instead(0, 0x2a, 2)->status = 0x28;
	assert_int_equal(submit(0, LB_DISK_WRITE, 0, 512, &err), 0);
	assert_int_equal(submit(1, LB_DISK_WRITE, 8, 512, &err), 0);
	assert_int_equal(disk.driver->poll(&disk, &tag, &err), 0);
	assert_int_equal(disk.driver->poll(&disk, &tag, &err), 0);
	assert_int_equal(submit(2, LB_DISK_WRITE, 16, 512, &err), 0);
	assert_int_equal(disk.driver->poll(&disk, &tag, &err), 1);
	assert_int_equal(tag, 2);
	assert_int_equal(disk.driver->poll(&disk, &tag, &err), 0);
	capture_clock_move(20);
	assert_int_equal(disk.driver->poll(&disk, &tag, &err), 1);
	assert_int_equal(tag, 0);
	assert_int_equal(disk.driver->poll(&disk, &tag, &err), 1);
	assert_int_equal(tag, 1);
	// A disk that stays busy is given up by the caller's timeout. A reset drops the waiting requests.
	instead(0, 0x2a, UINT32_MAX)->status = 0x08;
	assert_int_equal(run(LB_DISK_WRITE, &err), 0);
	fake.instead[0].times = 0;
	assert_int_equal(disk.driver->reset(&disk, &err), 0);
	capture_clock_move(1000);
	assert_int_equal(disk.driver->poll(&disk, &tag, &err), 0);
}

static void test_becoming_ready(void **state)
{
	struct lb_error err = {""};

	(void)state;
	make();
	sense(0, 0x00, 100, 0x020401);
	open_well();
	assert_in_range(lb_clock_ms(), 2000, 2010);
	make();
	sense(0, 0x00, UINT32_MAX, 0x020401);
	assert_int_equal(lb_scsi_open(&scsi, &target, &disk, &err), -1);
	assert_says(&err, "no answer to command 0x0 in 10000 ms");
	make();
	sense(0, 0x00, 1, 0x023a00); // no medium
	assert_int_equal(lb_scsi_open(&scsi, &target, &disk, &err), -1);
	assert_says(&err, "not ready (sense 2/3a/00)");
	make();
	fake.silent = true;
	assert_int_equal(lb_scsi_open(&scsi, &target, &disk, &err), -1);
	assert_says(&err, "no answer to command 0x12 in 10000 ms");
}

static void test_sense_data(void **state)
{
	static const struct {
		uint32_t bytes;
		uint8_t sense[LB_SCSI_SENSE];
		int result;
		const char *says;
	} rows[] = {
		{18, {0x70, 0, 3, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x11, 4}, -1, "medium error (sense 3/11/04)"},
		{18, {0xf0, 0, 4, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x44}, -1, "hardware error (sense 4/44/00)"},
		{18, {0x70, 0, 7, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x27}, -1, "data protect (sense 7/27/00)"},
		{18,
		 {0x70, 0, 7, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x27, 7},
		 -1,
		 "data protect (sense 7/27/07)"}, // space allocation failed: the disk is full
		// Additional length 5: the data ends at byte 12.
		{18, {0x70, 0, 0xe7, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0x27}, -1, "(sense 7/00/00)"},
		{13, {0x70, 0, 3, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x11, 4}, -1, "(sense 3/00/00)"},
		{2, {0x70, 0, 3}, -1, "no sense (sense 0/00/00)"},
		{8, {0x72, 0xb, 0x4b, 3}, -1, "aborted command (sense b/4b/03)"},
		{3, {0x72, 0xb, 0x4b, 3}, -1, "aborted command (sense b/00/00)"},
		{1, {0x72, 0xb}, -1, "no sense"},
		{0, {0x70, 0, 3}, -1, "no sense"},
		{18, {0x7f, 3, 3, 3}, -1, "no sense"},
		{18, {0, 3, 3, 3}, -1, "no sense"},
		{18, {0x70, 0, 1, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x17, 1}, 1, NULL}, // read after retries
		{18, {0x72, 1, 0x17, 1}, 1, NULL},
		{18, {0x72, 6, 0x29, 0}, 1, NULL},
	};
	struct lb_error err;

	(void)state;
	opened();
	for (uint32_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct lb_scsi_answer *answer = instead(0, 0x28, 1);

		answer->status = LB_SCSI_CHECK_CONDITION;
		answer->moved = 512;
		answer->sense_bytes = rows[i].bytes;
		memcpy(answer->sense, rows[i].sense, LB_SCSI_SENSE);
		assert_int_equal(run(LB_DISK_READ, &err), rows[i].result);
		if (rows[i].says)
			assert_says(&err, rows[i].says);
	}
	// A recovered error counts as success, but only for the bytes moved.
	sense(0, 0x28, 1, 0x011701)->moved = 511;
	assert_int_equal(run(LB_DISK_READ, &err), -1);
	assert_says(&err, "moved 511 of 512 bytes");
}

// A write that the disk had reported as done has failed. Such a disk is not used any more.
static void test_deferred_errors(void **state)
{
	struct lb_error err;

	(void)state;
	for (uint8_t form = 0x71; form <= 0x73; form += 2) {
		opened();
		// A deferred error that was recovered does not matter.
		sense(0, 0x28, 1, 0x010000)->sense[0] = form;
		fake.instead[0].answer.sense[1] = 1;
		assert_int_equal(run(LB_DISK_READ, &err), 1);
		assert_int_equal(fake.sent[0x28], 2);
		sense(0, 0x28, 1, 0x030c00)->sense[0] = form;
		fake.instead[0].answer.sense[1] = 3;
		assert_int_equal(run(LB_DISK_READ, &err), -1);
		assert_says(&err, "an earlier write failed after all: medium error");
		assert_int_equal(disk.driver->reset(&disk, &err), -1);
		assert_says(&err, "a write that it said was done has failed");
		assert_int_equal(fake.resets, 0);
	}
}

static void test_flushing(void **state)
{
	struct lb_error err;

	(void)state;
	opened();
	assert_int_equal(run(LB_DISK_FLUSH, &err), 1);
	assert_int_equal(fake.sent[0x35], 1);
	fake.knows_cache = false; // no cache, so there is nothing to flush
	assert_int_equal(run(LB_DISK_FLUSH, &err), 1);
	sense(0, 0x35, 1, 0x052400); // the disk knows the command, but not a field of it
	assert_int_equal(run(LB_DISK_FLUSH, &err), -1);
	sense(0, 0x35, 1, 0x030c00);
	assert_int_equal(run(LB_DISK_FLUSH, &err), -1);
	sense(0, 0x2a, 1, 0x052000); // a disk that does not know WRITE has not written
	assert_int_equal(run(LB_DISK_WRITE, &err), -1);
	assert_says(&err, "illegal request (sense 5/20/00)");
}

static void test_statuses(void **state)
{
	static const struct {
		uint8_t status;
		const char *says;
	} rows[] = {{0x18, "reserved by another host"},
		    {0x40, "another host aborted the command"},
		    {0x04, "ended a command with status 0x4"},
		    {0x01, "ended a command with status 0x1"},
		    {0xff, "ended a command with status 0xff"}};
	struct lb_error err;

	(void)state;
	opened();
	for (uint32_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		instead(0, 0x2a, 1)->status = rows[i].status;
		fake.instead[0].answer.moved = 512;
		assert_int_equal(run(LB_DISK_WRITE, &err), -1);
		assert_says(&err, rows[i].says);
	}
	instead(0, 0x2a, 1)->moved = 511; // good status with a residual
	assert_int_equal(run(LB_DISK_WRITE, &err), -1);
	assert_says(&err, "moved 511 of 512 bytes");
	instead(0, 0x2a, 1)->moved = 513;
	assert_int_equal(run(LB_DISK_WRITE, &err), -1);
}

static void test_a_transport_that_lies(void **state)
{
	static const uint32_t tags[] = {4, 7, 8, 31, 32, LB_DISK_NO_TAG}; // tag 3 is in flight
	struct lb_error err;
	uint32_t tag;

	(void)state;
	for (uint32_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++) {
		opened();
		assert_int_equal(submit(3, LB_DISK_WRITE, 0, 512, &err), 0);
		instead(0, 0x2a, 1)->tag = tags[i];
		assert_int_equal(disk.driver->poll(&disk, &tag, &err), -1);
		assert_int_equal(tag, LB_DISK_NO_TAG);
		assert_says(&err, "is reported as done, which is not in flight");
		assert_int_equal(disk.driver->reset(&disk, &err), 0);
		assert_int_equal(fake.resets, 1);
		assert_int_equal(run(LB_DISK_WRITE, &err), 1);
	}
	// A request is reported as done while it waits to be sent again.
	opened();
	assert_int_equal(submit(3, LB_DISK_WRITE, 0, 512, &err), 0);
	instead(0, 0x2a, 1)->status = 0x08;
	assert_int_equal(disk.driver->poll(&disk, &tag, &err), 0);
	fake.busy[3] = true;
	assert_int_equal(disk.driver->poll(&disk, &tag, &err), -1);
	assert_int_equal(tag, LB_DISK_NO_TAG);
}

static void test_a_transport_that_fails(void **state)
{
	struct lb_error err;
	uint32_t tag;

	(void)state;
	opened();
	instead(0, 0x2a, 1);
	fake.instead[0].result = -1;
	assert_int_equal(run(LB_DISK_WRITE, &err), -1);
	assert_says(&err, "no way to the disk");
	instead(0, 0x2a, 1)->tag = LB_DISK_NO_TAG;
	fake.instead[0].result = -1;
	assert_int_equal(submit(3, LB_DISK_WRITE, 0, 512, &err), 0);
	assert_int_equal(disk.driver->poll(&disk, &tag, &err), -1);
	assert_int_equal(tag, LB_DISK_NO_TAG);
	assert_says(&err, "no way to the disk");
	// A request can fail when it is sent again. The failure is reported for this request.
	assert_int_equal(disk.driver->reset(&disk, &err), 0);
	assert_int_equal(submit(3, LB_DISK_WRITE, 0, 512, &err), 0);
	instead(0, 0x2a, 1)->status = 0x08;
	assert_int_equal(disk.driver->poll(&disk, &tag, &err), 0);
	capture_clock_move(20);
	fake.refuses_commands = true;
	assert_int_equal(disk.driver->poll(&disk, &tag, &err), -1);
	assert_int_equal(tag, 3);
	assert_says(&err, "takes nothing");
	assert_int_equal(submit(4, LB_DISK_WRITE, 0, 512, &err), -1);
	assert_int_equal(disk.driver->reset(&disk, &err), -1);
	assert_says(&err, "takes nothing");
	fake.refuses_resets = true;
	assert_int_equal(disk.driver->reset(&disk, &err), -1);
	assert_says(&err, "no reset");
}

static void assert_refused(const char *says)
{
	struct lb_disk untouched = {0};
	struct lb_error err = {""};

	assert_int_equal(lb_scsi_open(&scsi, &target, &untouched, &err), -1);
	assert_says(&err, says);
	assert_null(untouched.driver);
	make();
}

static void test_what_is_refused(void **state)
{
	(void)state;
	make();
	fake.peripheral = 0x7f; // the target exists, the unit does not
	assert_refused("there is no such logical unit (qualifier 3, type 0x1f)");
	fake.peripheral = 0x20;
	assert_refused("there is no such logical unit (qualifier 1, type 0x0)");
	fake.peripheral = 5;
	assert_refused("is of type 0x5, wanted a disk's, 0");
	fake.write_protected = true;
	assert_refused("the disk is write-protected");
	fake.block_bytes = 520;
	assert_refused("blocks of 520 bytes, the target was chosen with 512");
	fake.block_bytes = 4096;
	assert_refused("blocks of 4096 bytes, the target was chosen with 512");
	fake.blocks = 7999;
	assert_refused("has 7999 blocks, the target's last is 7999");
	fake.blocks = 0; // so that the last block's number is all ones
	assert_refused("its last block is 0xffffffffffffffff");
	fake.most_blocks = 7;
	assert_refused("takes 3584 bytes at once, wanted 4096 or more");
	sense(0, 0x25, 1, 0x043e00);
	assert_refused("hardware error");
	sense(0, 0x12, 1, 0x043e00);
	assert_refused("hardware error");
	sense(0, 0x1a, 1, 0x043e00);
	assert_refused("hardware error");
	instead(0, 0x12, 1)->moved = 35;
	assert_refused("moved 35 of 36 bytes");
	capture_heap_limit(0);
	assert_refused("no memory");
}

// Names are text from the disk. Whatever bytes they have, they are printable afterwards.
static void test_names(void **state)
{
	static const struct {
		const char *names, *model;
	} rows[] = {
		{"                            ", ""},
		{"        only a product  rev1", "only a product"},
		{"VENDOR                  rev1", "VENDOR"},
		{"eightLTRsixteen letters.rev1", "eightLTR sixteen letters."},
		{"\n\x1b[2J\x7f\xff\x80\r a\tb\nc            rev1", "  [2J   a b c"},
	};

	(void)state;
	for (uint32_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		make();
		fake.names = rows[i].names;
		open_well();
		assert_string_equal(disk.model, rows[i].model);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_opening),
		cmocka_unit_test(test_commands),
		cmocka_unit_test(test_unit_attentions),
		cmocka_unit_test(test_changed_disks),
		cmocka_unit_test(test_a_busy_disk),
		cmocka_unit_test(test_becoming_ready),
		cmocka_unit_test(test_sense_data),
		cmocka_unit_test(test_deferred_errors),
		cmocka_unit_test(test_flushing),
		cmocka_unit_test(test_statuses),
		cmocka_unit_test(test_a_transport_that_lies),
		cmocka_unit_test(test_a_transport_that_fails),
		cmocka_unit_test(test_what_is_refused),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
