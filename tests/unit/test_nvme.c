// SPDX-License-Identifier: BSD-2-Clause
// The NVMe driver against a controller in memory, which changes state while the driver waits. Tested: what
// the driver writes to registers and queues, and what it does with wrong answers. All numbers are from the
// specification (NVMe Base 1.4), none from the driver. Controllers that work are in tests/vm.
#include <stdio.h>
#include <string.h>

#include "nvme_controller.h"

static void open_well(void)
{
	struct lb_error err = {""};

	if (lb_nvme_open(&target, &disk, &err) != 0)
		fail_msg("%s", err.text);
}

static struct nvme *opened(void)
{
	make_controller();
	open_well();
	return disk.state;
}

static void assert_says(const struct lb_error *err, const char *part)
{
	if (!strstr(err->text, part))
		fail_msg("\"%s\" does not say \"%s\"", err->text, part);
}

static void assert_said(uint32_t at, uint8_t opcode, uint32_t nsid, uint32_t dw10, uint32_t dw11)
{
	assert_true(at < said_count);
	assert_int_equal(said[at].opcode, opcode);
	assert_int_equal(said[at].nsid, nsid);
	assert_int_equal(said[at].dw10, dw10);
	assert_int_equal(said[at].dw11, dw11);
}

static void test_opening(void **state)
{
	(void)state;
	opened();
	assert_int_equal(disk.depth, 32);
	assert_int_equal(disk.max_bytes, 512 * LB_KIB);
	assert_int_equal(disk.block_bytes, 512);
	assert_int_equal(disk.blocks, BLOCKS);
	assert_string_equal(disk.model, "Some drive");
	assert_true(mastering);
	assert_int_equal(*REG_CC, 0x00460001);
	assert_int_equal(said_count, 5);
	assert_said(0, 0x06, 0, 1, 0); // Identify, of the controller
	assert_said(1, 0x06, NSID, 0, 0); // Identify, of the namespace
	assert_said(2, 0x09, 0, 0x07, 0); // Set Features: one queue of each kind
	assert_said(3, 0x05, 0, 32U << 16 | 1, 1); // Create I/O Completion Queue, with 33 entries
	assert_said(4, 0x01, 0, 32U << 16 | 1, 1U << 16 | 1); // Create I/O Submission Queue
	assert_int_equal(*doorbell(0, true), 5);
	assert_int_equal(*doorbell(1, false), 0);
	assert_int_equal(function_resets, 0);
}

static void test_what_it_says_of_itself(void **state)
{
	static const struct {
		uint32_t mqes, stride;
		uint8_t mdts;
		uint32_t depth, bytes;
	} rows[] = {
		{0, 0, 1, 1, 8192},
		{1, 0, 1, 1, 8192},
		{2, 1, 2, 2, 16384},
		{31, 2, 5, 31, 131072},
		{32, 3, 0, 32, LB_MIB},
		{33, 4, 9, 32, LB_MIB},
		{0xffff, 15, 255, 32, LB_MIB},
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		make_controller();
		*REG_CAP_LOW = rows[i].mqes;
		*REG_CAP_HIGH = 0x20 | rows[i].stride;
		controller_page[77] = rows[i].mdts;
		open_well();
		assert_int_equal(disk.depth, rows[i].depth);
		assert_int_equal(disk.max_bytes, rows[i].bytes);
		assert_int_equal(io.entries, rows[i].depth + 1);
	}
	make_controller();
	controller_page[111] = 0; // controllers before 1.4 do not give their type
	memset(controller_page + 24, 0, 40);
	memcpy(controller_page + 24, "\x01\x7f\xff", 4); // bytes that are not printable
	namespace_page[26] = 1; // the second format of two
	target.block_bytes = 4096;
	put32(namespace_page + 4, 1); // 2^32 blocks more
	target.last_block = 0x100000000ULL + BLOCKS - 1;
	open_well();
	assert_string_equal(disk.model, "???");
	assert_int_equal(disk.block_bytes, 4096);
	assert_int_equal(disk.blocks, 0x100000000ULL + BLOCKS);
}

static void submit_at(uint32_t tag, enum lb_disk_op op, uint64_t block, void *buffer, uint32_t bytes)
{
	const struct lb_disk_request request = {
		.op = op, .tag = tag, .block = block, .buffer = buffer, .bytes = bytes};
	struct lb_error err;

	assert_int_equal(disk.driver->submit(&disk, &request, &err), 0);
}

static void submit(uint32_t tag)
{
	submit_at(tag, LB_DISK_WRITE, 8 * tag, data, 4096);
}

static int poll(uint32_t *ret_tag, struct lb_error *err)
{
	return disk.driver->poll(&disk, ret_tag, err);
}

// Returns the last entry that was put into the submission queue.
static const uint8_t *last_command(void)
{
	uint32_t tail = *doorbell(1, false);

	return (const uint8_t *)(uintptr_t)io.sq + 64 * ((tail + io.entries - 1) % io.entries);
}

static uint32_t last_id(void)
{
	return dword(last_command(), 0) >> 16;
}

static void test_commands(void **state)
{
	const uint8_t *command;

	(void)state;
	opened();
	submit_at(7, LB_DISK_WRITE, 0x123456789a, data, 4096);
	command = last_command();
	assert_int_equal(*doorbell(1, false), 1);
	assert_int_equal(command[0], 0x01);
	assert_int_equal(command[1], 0);
	assert_int_equal(dword(command, 1), NSID);
	assert_int_equal(qword(command, 16), 0); // no metadata pointer
	assert_int_equal(qword(command, 24), (uintptr_t)data);
	assert_int_equal(qword(command, 32), 0);
	assert_int_equal(dword(command, 10), 0x3456789a);
	assert_int_equal(dword(command, 11), 0x12);
	assert_int_equal(dword(command, 12), 7); // number of blocks minus one
	submit_at(0, LB_DISK_READ, 1, data, 512);
	command = last_command();
	assert_int_equal(*doorbell(1, false), 2);
	assert_int_equal(command[0], 0x02);
	assert_int_equal(dword(command, 12), 0);
	submit_at(9, LB_DISK_FLUSH, 55, data, 4096);
	command = last_command();
	assert_int_equal(command[0], 0x00);
	assert_int_equal(dword(command, 1), NSID);
	for (uint32_t i = 2; i < 16; i++)
		assert_int_equal(dword(command, i), 0);
}

// NVMe 4.3: a second page is named in the command. For more pages the command names a list of all but the
// first.
static void test_data_pointers(void **state)
{
	static const uint32_t sizes[] = {8192, 4096 + 512, 12288, 128 * 1024, 512 * 1024};

	(void)state;
	opened();
	for (unsigned int i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		uint32_t pages = (sizes[i] + 4095) / 4096, tag = 31 - i;
		const uint8_t *command;
		uint64_t list;

		submit_at(tag, LB_DISK_WRITE, 0, data + 4096 * i, sizes[i]);
		command = last_command();
		list = qword(command, 32);
		assert_int_equal(qword(command, 24), (uintptr_t)data + 4096 * i);
		if (pages == 2) {
			assert_int_equal(list, (uintptr_t)data + 4096 * (i + 1));
			continue;
		}
		assert_int_equal(list % 8, 0);
		// The list lies within one page, without a chain.
		assert_true(list % 4096 + 8 * (pages - 1) <= 4096);
		for (uint32_t page = 1; page < pages; page++)
			assert_int_equal(qword((const uint8_t *)(uintptr_t)list, 8 * (page - 1)),
					 (uintptr_t)data + 4096 * (i + page));
	}
	// Each tag has its own list.
	submit_at(3, LB_DISK_WRITE, 0, data, 12288);
	submit_at(4, LB_DISK_WRITE, 0, data + 16384, 12288);
	assert_int_equal(qword((const uint8_t *)(uintptr_t)qword(last_command(), 32), 0),
			 (uintptr_t)data + 20480);
	assert_int_equal(qword((const uint8_t *)(uintptr_t)qword(last_command() - 64, 32), 0),
			 (uintptr_t)data + 4096);
}

// Goes several times around both queues, with pairs answered in reverse order. Phase and doorbells must
// follow.
static void test_completions(void **state)
{
	struct lb_error err;
	uint32_t tag;

	(void)state;
	make_controller();
	*REG_CAP_LOW = 4;
	open_well();
	assert_int_equal(poll(&tag, &err), 0);
	for (uint32_t turn = 0; turn < 13; turn++) {
		uint32_t ids[2];

		for (uint32_t i = 0; i < 2; i++) {
			submit(2 * (turn % 2) + i);
			ids[i] = last_id();
		}
		assert_int_equal(*doorbell(1, false), 2 * (turn + 1) % 5);
		assert_int_equal(poll(&tag, &err), 0);
		post(&io, 1, ids[1], 0);
		post(&io, 1, ids[0], 0);
		for (uint32_t i = 2; i--;) {
			assert_int_equal(poll(&tag, &err), 1);
			assert_int_equal(tag, 2 * (turn % 2) + i);
		}
		assert_int_equal(*doorbell(1, true), 2 * (turn + 1) % 5);
		assert_int_equal(poll(&tag, &err), 0);
	}
}

// Answers to no command, and second answers, are ignored. The true answer is still awaited.
static void test_lies(void **state)
{
	struct lb_error err;
	uint32_t tag, id;

	(void)state;
	opened();
	submit(5);
	id = last_id();
	post(&io, 1, id ^ 1, 0); // the identifier of a tag that is not in flight
	post(&io, 1, id ^ 0x8000, 0); // an old identifier of this tag
	post(&io, 1, id ^ 0x20, 0x281);
	post(&io, 1, 0xffff, 0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(poll(&tag, &err), 0);
	assert_int_equal(*doorbell(1, true), 4);
	post(&io, 1, id, 0);
	post(&io, 1, id, 0); // the same answer twice
	assert_int_equal(poll(&tag, &err), 1);
	assert_int_equal(tag, 5);
	assert_int_equal(poll(&tag, &err), 0);
	// The next request with the same tag has another identifier.
	submit(5);
	assert_true(last_id() != id);
	post(&io, 1, id, 0);
	assert_int_equal(poll(&tag, &err), 0);
	post(&io, 1, last_id(), 0);
	assert_int_equal(poll(&tag, &err), 1);
	// An entry with the phase of the last round is old, whatever else it holds.
	submit(6);
	io.phase ^= 1;
	post(&io, 1, last_id(), 0);
	assert_int_equal(poll(&tag, &err), 0);
}

static void test_errors(void **state)
{
	static const struct {
		uint32_t status; // SCT in bits 10:8, SC in bits 7:0
		const char *says;
	} rows[] = {
		{0x281, "0000:00:04.0: a request failed: status type 2 code 0x81 (unrecovered read error)"},
		{0x280, "(write fault)"},
		{0x080, "status type 0 code 0x80 (block out of range)"},
		{0x004, "(data transfer error)"},
		{0x7ff, "status type 7 code 0xff (not in our list)"},
		{0x4000 | 0x006, "status type 0 code 0x06 (internal error)"}, // with the bit "do not retry"
	};
	struct lb_error err;
	uint32_t tag;

	(void)state;
	opened();
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint32_t id;

		submit(i);
		id = last_id();
		submit(31);
		post(&io, 1, id, rows[i].status);
		assert_int_equal(poll(&tag, &err), -1);
		assert_int_equal(tag, i);
		assert_says(&err, rows[i].says);
		post(&io, 1, last_id(), 0);
		assert_int_equal(poll(&tag, &err), 1); // the other request goes on
		assert_int_equal(tag, 31);
	}
}

// While no request is answered, the driver checks now and then that the controller is still there.
static void test_a_controller_that_goes(void **state)
{
	static const struct {
		uint32_t csts;
		const char *says;
	} rows[] = {{UINT32_MAX, "0000:00:04.0: the controller is gone: its registers read all ones"},
		    {RDY | CFS, "reports a fatal status (CSTS 0x3)"},
		    {0, "is no longer ready (CSTS 0x0)"}};
	struct lb_error err;
	uint32_t tag;

	(void)state;
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		opened();
		submit(1);
		*REG_CSTS = rows[i].csts;
		capture_clock_move(11);
		tag = 1;
		assert_int_equal(poll(&tag, &err), -1);
		assert_int_equal(tag, LB_DISK_NO_TAG);
		assert_says(&err, rows[i].says);
	}
	opened();
	submit(1);
	capture_clock_move(11);
	assert_int_equal(poll(&tag, &err), 0);
	pci_id = UINT32_MAX;
	assert_int_equal(disk.driver->reset(&disk, &err), -1);
	assert_says(&err, "gone from its slot");
	tag = 1;
	assert_int_equal(poll(&tag, &err), -1);
	assert_int_equal(tag, LB_DISK_NO_TAG);
	assert_says(&err, "takes no requests: its reset failed");
	assert_int_equal(disk.driver->submit(&disk, &(struct lb_disk_request){.op = LB_DISK_FLUSH}, &err),
			 -1);
	assert_says(&err, "takes no requests: its reset failed");
}

static void assert_works(void)
{
	struct lb_error err;
	uint32_t tag;

	submit(2);
	assert_int_equal(*doorbell(1, false), 1); // doorbells begin at 0 again with the new queues
	post(&io, 1, last_id(), 0);
	assert_int_equal(poll(&tag, &err), 1);
	assert_int_equal(tag, 2);
}

static void test_reset_in_flight(void **state)
{
	struct lb_error err;
	uint32_t tag, id = 0;

	(void)state;
	opened();
	for (uint32_t i = 0; i < 32; i++) {
		submit(i);
		id = i == 2 ? last_id() : id;
	}
	post(&io, 1, id, 0); // an answer before the reset, which nobody reads
	said_count = 0;
	assert_int_equal(disk.driver->reset(&disk, &err), 0);
	assert_int_equal(said_count, 3);
	assert_said(0, 0x09, 0, 0x07, 0);
	assert_said(1, 0x05, 0, 32U << 16 | 1, 1);
	assert_said(2, 0x01, 0, 32U << 16 | 1, 1U << 16 | 1);
	assert_true(mastering);
	assert_int_equal(poll(&tag, &err), 0);
	post(&io, 1, id, 0); // a late answer, before and after the tag is used again
	assert_int_equal(poll(&tag, &err), 0);
	submit(2);
	post(&io, 1, id, 0);
	assert_int_equal(poll(&tag, &err), 0);
	post(&io, 1, last_id(), 0);
	assert_int_equal(poll(&tag, &err), 1);
	assert_int_equal(tag, 2);
}

static void test_resets(void **state)
{
	static const enum stuck failures[] = {READY_STUCK, FATAL, ADMIN_STUCK, ADMIN_DIES};
	struct lb_error err;

	(void)state;
	opened();
	stuck = OFF_WANTS_BUS;
	assert_int_equal(disk.driver->reset(&disk, &err), 0);
	assert_int_equal(function_resets, 0);
	assert_works();
	opened();
	stuck = OFF_WANTS_RESET;
	assert_int_equal(disk.driver->reset(&disk, &err), 0);
	assert_int_equal(function_resets, 1);
	assert_works();
	opened();
	stuck = OFF_STUCK;
	assert_int_equal(disk.driver->reset(&disk, &err), -1);
	assert_says(&err, "switching the controller off: CSTS is still 0x1 after 10000 ms");
	assert_false(mastering);
	for (unsigned int i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
		opened();
		stuck = failures[i];
		assert_int_equal(disk.driver->reset(&disk, &err), -1);
		assert_false(mastering);
		assert_int_equal(*REG_CC & 1, 0);
	}
}

// The controller gets a normal shutdown, then is switched off (NVMe 7.6.2). If the shutdown does not end, it
// is switched off.
static void test_stopping(void **state)
{
	(void)state;
	for (int hangs = 0; hangs < 2; hangs++) {
		opened();
		if (hangs)
			stuck = SHUTDOWN_STUCK;
		submit(1);
		disk.driver->stop(&disk);
		assert_false(mastering);
		assert_int_equal(*REG_CC, 0x00460000);
		assert_int_equal(*REG_CSTS & RDY, 0);
		assert_in_range(lb_clock_ms(), hangs ? 10000 : 0, hangs ? 12000 : 1000);
	}
	opened();
	*REG_CSTS = UINT32_MAX;
	*REG_CC = UINT32_MAX;
	disk.driver->stop(&disk); // returns soon, although the controller is gone
	assert_false(mastering);
	assert_in_range(lb_clock_ms(), 0, 1000);
}

static void assert_refused(const char *says)
{
	struct lb_disk untouched = {0};
	struct lb_error err;

	assert_int_equal(lb_nvme_open(&target, &untouched, &err), -1);
	assert_says(&err, says);
	assert_null(untouched.driver);
	assert_in_range(lb_clock_ms(), 0, 4 * LB_DISK_TIMEOUT_MS);
	make_controller();
}

// Expects a refusal by what only a running controller tells. The controller must be switched off again.
static void assert_refused_and_off(const char *says)
{
	struct lb_disk untouched = {0};
	struct lb_error err;

	assert_int_equal(lb_nvme_open(&target, &untouched, &err), -1);
	assert_says(&err, says);
	assert_null(untouched.driver);
	assert_false(mastering);
	assert_int_equal(*REG_CC & 1, 0);
	make_controller();
}

static void test_controllers_that_are_refused(void **state)
{
	(void)state;
	make_controller();
	pci_id = UINT32_MAX;
	assert_refused("0000:00:04.0: nothing answers there");
	pci_id = 0x00111b36;
	assert_refused("PCI ID is 0x111b36, the target was chosen with 0x101b36");
	pci_class = 0x010803;
	assert_refused("PCI class is 0x10803, wanted 0x10802");
	*REG_CAP_LOW = *REG_CAP_HIGH = UINT32_MAX;
	assert_refused("the controller is gone");
	*REG_CAP_HIGH = 1U << (44 - 32); // CSS: only admin commands
	assert_refused("it has no NVM command set (CAP 0x000010000f0107ff)");
	*REG_CAP_HIGH = 0x00010020;
	assert_refused("its pages are larger than 4 KiB");
	capture_heap_limit(0);
	assert_refused("no memory for the driver");
	capture_heap_limit(32 * LB_KIB);
	assert_refused("no memory for the queues of 32 requests");
	stuck = OFF_STUCK;
	assert_refused("switching the controller off: CSTS is still 0x1 after 10000 ms");
	stuck = READY_STUCK;
	assert_refused_and_off("switching the controller on: CSTS is still 0x0 after 10000 ms");
	stuck = FATAL;
	assert_refused_and_off(
		"switching the controller on: the controller reports a fatal status (CSTS 0x2)");
	stuck = ADMIN_STUCK;
	assert_refused_and_off("identifying the controller: no answer in 10000 ms");
	stuck = ADMIN_DIES;
	assert_refused_and_off("the controller reports a fatal status (CSTS 0x3)");
	controller_page[111] = 2;
	assert_refused_and_off("its controller type is 2, not I/O (1)");
	admin_status[0x09] = 0x002;
	assert_refused_and_off(
		"setting the number of queues failed: status type 0 code 0x02 (invalid field)");
	admin_status[0x05] = 0x102;
	assert_refused_and_off("creating a completion queue failed: status type 1 code 0x02");
	admin_status[0x01] = 0x101;
	assert_refused_and_off("creating a submission queue failed: status type 1 code 0x01");
}

static void test_namespaces_that_are_refused(void **state)
{
	(void)state;
	make_controller();
	target.unit = 0;
	assert_refused_and_off("namespace 0: the controller has 1 to 2");
	target.unit = 3;
	assert_refused_and_off("namespace 3: the controller has 1 to 2");
	admin_status[0x06] = 0x00b;
	assert_refused_and_off("identifying the controller failed: status type 0 code 0x0b");
	put32(namespace_page, 0);
	assert_refused_and_off("namespace 1 is not active");
	for (uint32_t shift = 0; shift < 256; shift += shift < 16 ? 1 : 60) {
		if (shift == 9 || shift == 12)
			continue;
		put32(namespace_page + 128, shift << 16);
		assert_refused_and_off("not 512 or 4096");
	}
	namespace_page[26] = 2; // the formats are 0 and 1
	put32(namespace_page + 136, 9U << 16);
	assert_refused_and_off("namespace 1: format 2 of 2 has blocks of 2^9 bytes");
	put32(namespace_page + 128, 9U << 16 | 8);
	assert_refused_and_off("namespace 1 has 8 bytes of metadata with each block");
	namespace_page[99] = 1;
	assert_refused_and_off("namespace 1 is write protected");
	target.block_bytes = 4096;
	assert_refused_and_off("blocks of 512 bytes, the target was chosen with 4096");
	namespace_page[26] = 1;
	assert_refused_and_off("blocks of 4096 bytes, the target was chosen with 512");
	target.last_block = BLOCKS;
	assert_refused_and_off("has 2097152 blocks, the target's last is 2097152");
}

// The limit is the larger of CAP.TO (bits 31:24 of the lower half) and CRTO.CRWMT (bits 15:0 of 68h, where
// CAP has bit 59), in half seconds, at most 127.5 s. A limit shorter than 10 s becomes 10 s.
static void test_how_long_it_may_take(void **state)
{
	static const struct {
		uint32_t to, crto;
		bool has_crto;
		uint32_t ms;
	} rows[] = {
		{0, 0, false, 10000},        {20, 0, false, 10000},   {21, 0, false, 10500},
		{90, 200, false, 45000},     {90, 200, true, 100000}, {90, 10, true, 45000},
		{255, 0xffff, true, 127500}, {255, 0, false, 127500},
	};
	char text[96];

	(void)state;
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (int late = 0; late < 2; late++) {
			make_controller();
			*REG_CAP_LOW = rows[i].to << 24 | 0x107ff;
			*REG_CAP_HIGH |= rows[i].has_crto ? 1U << 27 : 0;
			*reg(0x68) = 0xffff0000 | rows[i].crto;
			stuck = READY_SLOW;
			slow_ms = late ? 3 * rows[i].ms : rows[i].ms - 50;
			if (late) {
				struct lb_error err;

				snprintf(text, sizeof(text), "CSTS is still 0x0 after %u ms", rows[i].ms);
				assert_int_equal(lb_nvme_open(&target, &disk, &err), -1);
				assert_says(&err, text);
				assert_false(mastering);
				continue;
			}
			open_well();
			snprintf(text, sizeof(text),
				 "0000:00:04.0: switching the controller on: waiting for up to %u s\n",
				 rows[i].ms / 1000);
			assert_string_equal(capture_said(), text);
		}
	}
	opened();
	assert_string_equal(capture_said(), ""); // a controller that is ready quickly is not mentioned
}

// The kernel died while it switched the controller on. It may be switched off only after it is ready or has
// failed.
static void test_died_while_switching_on(void **state)
{
	struct lb_error err;

	(void)state;
	make_controller();
	*REG_CSTS = 0;
	stuck = READY_SLOW;
	slow_ms = 4000;
	open_well();
	assert_int_equal(off_while_starting, 0);
	assert_non_null(strstr(capture_said(), "it was being switched on: waiting for up to 10 s"));
	make_controller();
	*REG_CSTS = CFS; // the controller has failed and will not be ready
	open_well();
	assert_in_range(lb_clock_ms(), 0, 1000);
	make_controller();
	*REG_CSTS = 0;
	*REG_CAP_LOW = 200U << 24 | 0x7ff; // CAP.TO: 100 s
	stuck = READY_STUCK;
	assert_int_equal(lb_nvme_open(&target, &disk, &err), -1);
	assert_says(&err, "switching the controller on: CSTS is still 0x0 after 10000 ms");
	assert_in_range(lb_clock_ms(), 100000, 130000); // the 100 s are waited once, not twice
}

// From NVMe 2.0 on, with more than 16 formats, the format's number is in bits 6:5 and 3:0.
static void test_many_formats(void **state)
{
	(void)state;
	make_controller();
	namespace_page[25] = 37;
	namespace_page[26] = 2U << 5 | 1U << 4 | 5; // format 37; bit 4 says where metadata would go
	put32(namespace_page + 128 + 4 * 5, 12U << 16);
	put32(namespace_page + 128 + 4 * 37, 9U << 16);
	open_well();
	assert_int_equal(disk.block_bytes, 512);
	make_controller();
	namespace_page[25] = 15; // with 16 formats bits 6:5 do not count
	namespace_page[26] = 2U << 5 | 5;
	put32(namespace_page + 128 + 4 * 5, 9U << 16);
	put32(namespace_page + 128 + 4 * 37, 12U << 16);
	open_well();
	assert_int_equal(disk.block_bytes, 512);
	make_controller();
	namespace_page[25] = 63;
	namespace_page[26] = 3U << 5 | 15;
	put32(namespace_page + 128 + 4 * 63, 9U << 16);
	open_well();
	make_controller();
	namespace_page[25] = 36;
	namespace_page[26] = 2U << 5 | 5;
	put32(namespace_page + 128 + 4 * 37, 9U << 16);
	assert_refused_and_off("namespace 1: format 37 of 37");
}

// NVMe 2.0, 4.1: no command may have the identifier 0xffff. Tag 31 would get it each 2048th time.
static void test_identifiers(void **state)
{
	struct lb_error err;
	uint32_t tag;

	(void)state;
	opened();
	for (uint32_t i = 0; i < 5000; i++) {
		submit(31);
		assert_int_not_equal(last_id(), 0xffff);
		post(&io, 1, last_id(), 0);
		assert_int_equal(poll(&tag, &err), 1);
	}
}

// An answer to a command that was never given is ignored.
static void test_admin_lies(void **state)
{
	(void)state;
	make_controller();
	answers_twice = true;
	open_well();
	assert_int_equal(said_count, 5);
	assert_int_equal(disk.blocks, BLOCKS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_opening),
		cmocka_unit_test(test_what_it_says_of_itself),
		cmocka_unit_test(test_commands),
		cmocka_unit_test(test_data_pointers),
		cmocka_unit_test(test_completions),
		cmocka_unit_test(test_lies),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_a_controller_that_goes),
		cmocka_unit_test(test_reset_in_flight),
		cmocka_unit_test(test_resets),
		cmocka_unit_test(test_stopping),
		cmocka_unit_test(test_controllers_that_are_refused),
		cmocka_unit_test(test_namespaces_that_are_refused),
		cmocka_unit_test(test_admin_lies),
		cmocka_unit_test(test_how_long_it_may_take),
		cmocka_unit_test(test_died_while_switching_on),
		cmocka_unit_test(test_many_formats),
		cmocka_unit_test(test_identifiers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
