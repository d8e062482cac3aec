// SPDX-License-Identifier: BSD-2-Clause
// The PVSCSI transport against an adapter in memory, which changes state when it is looked at. Tested: what
// the transport writes, and what it does with wrong answers. The disk's answers are tested in test_scsi.c,
// adapters that work in tests/vm. All numbers are those of the interface.
#include <string.h>

#include "capture_platform.h"
#include "crash/plan/capturesize.h"
#include "crash/platform/pcidev.h"
#include "unit.h"

static volatile void *fake_device_map(uint64_t phys, uint64_t bytes);
static uint32_t fake_pcidev_read(struct lb_pci_address at, uint32_t reg);
static void fake_pcidev_enable(struct lb_pci_address at, bool master);
static int fake_pcidev_bar(struct lb_pci_address at, unsigned int index, uint64_t *ret_phys,
			   struct lb_error *err);
static char *fake_pcidev_name(struct lb_pci_address at, char *text);
static bool adapter_moves(struct lb_deadline deadline);
static void *fake_heap_pages(uint64_t bytes);

#define lb_device_map fake_device_map
#define lb_pcidev_read fake_pcidev_read
#define lb_pcidev_enable fake_pcidev_enable
#define lb_pcidev_bar fake_pcidev_bar
#define lb_pcidev_name fake_pcidev_name
#define lb_deadline_passed adapter_moves
#define lb_heap_pages fake_heap_pages
#include "crash/disk/pvscsi.c"
#undef lb_deadline_passed
#undef lb_heap_pages

#define BAR_PHYS 0xfe000000ULL
#define PVSCSI 0x07c015ad
#define UNIT LB_SCSI_UNIT(7, 3)

static _Alignas(64) uint8_t registers[0x8000];
static uint32_t config_space[64];
static bool mastering;
static bool moves; // the adapter answers requests by itself
static uint32_t taken; // requests taken since the last reset
static uint32_t answered; // requests answered since make_adapter()
static uint8_t first_cdb[16]; // CDB of the first request
static uint16_t first_host_status; // host status that the first request gets
static uint32_t request_log2, completion_log2; // sizes of the rings as the adapter reports them
static bool knows_count; // the adapter counts the bytes moved
static struct lb_target target;
static struct lb_disk disk;
static uint8_t data[0x20000] __attribute__((aligned(4096)));

static volatile void *fake_device_map(uint64_t phys, uint64_t bytes)
{
	assert_true(phys == BAR_PHYS && bytes == sizeof(registers));
	return registers;
}

static uint32_t fake_pcidev_read(struct lb_pci_address at, uint32_t reg_at)
{
	(void)at;
	return config_space[reg_at / 4];
}

static void fake_pcidev_enable(struct lb_pci_address at, bool master)
{
	(void)at;
	mastering = master;
}

static int fake_pcidev_bar(struct lb_pci_address at, unsigned int index, uint64_t *ret_phys,
			   struct lb_error *err)
{
	(void)at;
	if (config_space[4 + index] != ((uint32_t)BAR_PHYS | 4))
		return lb_fail(err, "no such BAR");
	*ret_phys = BAR_PHYS;
	return 0;
}

static char *fake_pcidev_name(struct lb_pci_address at, char *text)
{
	(void)at;
	return memcpy(text, "0000:00:03.0", 13);
}

static uint32_t *fake_reg(uint32_t at)
{
	return (uint32_t *)(void *)(registers + at);
}

static void make_adapter(void)
{
	capture_reset();
	memset(registers, 0, sizeof(registers));
	memset(config_space, 0, sizeof(config_space));
	mastering = false;

	moves = true;
	taken = answered = 0;
	first_host_status = 0;
	request_log2 = 5;
	completion_log2 = 7;
	knows_count = true;
	config_space[0] = PVSCSI;
	config_space[4] = (uint32_t)BAR_PHYS | 4;
	*fake_reg(0x2010) = 3;
	target = (struct lb_target){.kind = LB_TARGET_PVSCSI,
				    .block_bytes = 512,
				    .pci_id = PVSCSI,
				    .unit = UNIT,
				    .last_block = 7999};
}

static void *memory(uint64_t address)
{
	return (void *)(uintptr_t)address; // NOLINT: a device knows addresses as numbers only
}

static struct pvscsi *adapter; // the driver's memory

static void *fake_heap_pages(uint64_t bytes)
{
	adapter = lb_heap_pages(bytes);
	return adapter;
}

static void say_done(struct completion completion)
{
	uint32_t index = adapter->rings.completion_produced;

	memcpy((void *)(uintptr_t)&adapter->completions[index % 128], &completion, sizeof(completion));
	adapter->rings.completion_produced = index + 1;
}

// Answers as a disk of 8000 blocks of 512 bytes, as far as the driver needs it.
static void work(void)
{
	static const uint8_t capacity[8] = {0, 0, 0x1f, 0x3f, 0, 0, 2, 0};

	while (taken != adapter->rings.request_produced) {
		volatile struct request *request = &adapter->requests[taken++ % 32];
		struct completion completion = {.context = request->context,
						.data_bytes = knows_count ? request->data_bytes : 0};
		uint8_t *to = memory(request->data);

		if (request->cdb[0] == 0x12 && !request->cdb[1])
			memcpy(to + 8, "VMware  Virtual disk    2.0 ", 28);
		if (request->cdb[0] == 0x25)
			memcpy(to, capacity, sizeof(capacity));
		if (!answered++) {
			memcpy(first_cdb, (void *)(uintptr_t)request->cdb, sizeof(first_cdb));
			completion.host_status = first_host_status;
		}
		say_done(completion);
	}
}

static bool adapter_moves(struct lb_deadline deadline)
{
	if (moves && *fake_reg(0) == 3) {
		if (!adapter->rings.request_log2)
			taken = 0; // the rings are new
		adapter->rings.request_log2 = request_log2;
		adapter->rings.completion_log2 = completion_log2;
		work();
	}
	return lb_deadline_passed(deadline);
}

static void open_well(void)
{
	struct lb_error err = {""};

	if (lb_pvscsi_open(&target, &disk, &err))
		fail_msg("%s", err.text);
}

// Opens the disk. From now on only the test gives answers.
static void opened(void)
{
	make_adapter();
	open_well();
	moves = false;
}

static void assert_says(const struct lb_error *err, const char *part)
{
	if (!strstr(err->text, part))
		fail_msg("\"%s\" does not say \"%s\"", err->text, part);
}

static void submit(uint32_t tag, enum lb_disk_op op, uint64_t block, uint32_t bytes)
{
	const struct lb_disk_request request = {
		.op = op, .tag = tag, .block = block, .buffer = data, .bytes = bytes};
	struct lb_error err;

	assert_int_equal(disk.driver->submit(&disk, &request, &err), 0);
}

static int poll(uint32_t *ret_tag, struct lb_error *err)
{
	return disk.driver->poll(&disk, ret_tag, err);
}

static void test_opening(void **state)
{
	(void)state;
	opened();
	assert_int_equal(disk.blocks, 8000);
	assert_int_equal(disk.max_bytes, 256 * LB_KIB);
	assert_int_equal(disk.depth, 32);
	assert_string_equal(disk.model, "VMware Virtual disk");
	assert_string_equal(disk.driver->name, "pvscsi");
	assert_true(lb_heap_used() <= LB_CAPTURE_DISK); // the plan's memory is enough
	assert_int_equal(adapter->setup.request_pages, 1);
	assert_int_equal(adapter->setup.completion_pages, 1);
	assert_int_equal(adapter->setup.state_page * 4096, (uintptr_t)&adapter->rings);
	assert_int_equal(adapter->setup.requests[0] * 4096, (uintptr_t)adapter->requests);
	assert_int_equal(adapter->setup.completions[0] * 4096, (uintptr_t)adapter->completions);
	assert_int_equal(*fake_reg(0), 3);
	assert_int_equal(*fake_reg(0x2010), 0); // no interrupts
	assert_int_equal(first_cdb[0], 0x12);
	assert_true(mastering);
	disk.driver->stop(&disk);
	assert_false(mastering);
	assert_int_equal(*fake_reg(0), 1); // the adapter was reset

	make_adapter(); // a BAR of I/O ports comes first, as in VMware
	config_space[5] = config_space[4];
	config_space[4] = 0x4001;
	open_well();
}

static void test_a_request(void **state)
{
	static const uint8_t cdb[16] = {0x2a, 0, 0, 0, 0, 77, 0, 0, 16}, lun[8] = {0, 3};
	const volatile struct request *request;
	uint32_t index;

	(void)state;
	opened();
	index = adapter->rings.request_produced;
	*fake_reg(0x3014) = *fake_reg(0x4018) = 0xffff;
	submit(5, LB_DISK_WRITE, 77, 8192);
	request = &adapter->requests[index % 32];
	assert_int_equal(request->context, 6);
	assert_int_equal(request->data, (uintptr_t)data);
	assert_int_equal(request->data_bytes, 8192);
	assert_int_equal(request->sense, (uintptr_t)adapter->sense[5]);
	assert_int_equal(request->sense_bytes, 32);
	assert_int_equal(request->flags, 1 << 4);
	assert_memory_equal((const void *)(uintptr_t)request->cdb, cdb, 16);
	assert_int_equal(request->cdb_bytes, 10);
	assert_memory_equal((const void *)(uintptr_t)request->lun, lun, 8);
	assert_int_equal(request->tag, 0x20);
	assert_int_equal(request->bus, 0);
	assert_int_equal(request->target, 7);
	assert_int_equal(adapter->rings.request_produced, index + 1);
	assert_int_equal(*fake_reg(0x4018), 0);
	assert_int_equal(*fake_reg(0x3014), 0xffff);

	submit(0, LB_DISK_READ, 7, 4096);
	assert_int_equal(adapter->requests[(index + 1) % 32].flags, 1 << 3);
	submit(1, LB_DISK_FLUSH, 0, 0);
	request = &adapter->requests[(index + 2) % 32];
	assert_int_equal(request->flags, 1 << 2);
	assert_int_equal(request->data, 0);
	assert_int_equal(*fake_reg(0x3014), 0);
}

// Goes around both rings many times.
static void test_many_requests(void **state)
{
	struct lb_error err;
	uint32_t tag;

	(void)state;
	opened();
	for (uint32_t i = 0; i < 1000; i++) {
		submit(i % 32, LB_DISK_READ, 0, 512);
		say_done((struct completion){.context = i % 32 + 1, .data_bytes = 512});
		assert_int_equal(poll(&tag, &err), 1);
		assert_int_equal(tag, i % 32);
		assert_int_equal(adapter->rings.completion_consumed, adapter->rings.completion_produced);
	}
}

static void test_answers(void **state)
{
	static const struct {
		struct completion completion;
		int result;
		const char *says;
	} rows[] = {
		{{.data_bytes = 4096}, 1, NULL},
		{{.data_bytes = 0}, 1, NULL}, // an adapter that does not count bytes
		{{.data_bytes = 4096, .host_status = 0x0a}, 1, NULL},
		{{.data_bytes = 4096, .host_status = 0x0b}, 1, NULL},
		{{.data_bytes = 4095}, -1, "moved 4095 of 4096 bytes"},
		{{.data_bytes = 4097}, -1, "moved 4097 of 4096 bytes"},
		{{.data_bytes = 1ULL << 32 | 4096}, -1, "more than is possible"},
		{{.sense_bytes = 33}, -1, "33 bytes of sense data"},
		{{.scsi_status = 0x102}, -1, "status 0x102: more than is possible"},
		{{.host_status = 0x11}, -1, "target 7 LUN 3: no such target (host status 0x11)"},
		{{.host_status = 0x12}, -1, "the adapter failed (host status 0x12)"},
		{{.host_status = 0x0c, .data_bytes = 512}, -1, "the adapter failed (host status 0xc)"},
		{{.host_status = 0x20}, -1, "the adapter failed (host status 0x20)"},
		{{.host_status = 0x20, .scsi_status = 2}, -1, "the adapter failed (host status 0x20)"},
		{{.scsi_status = 2, .sense_bytes = 18}, -1, "medium error (sense 3/11/00)"},
		{{.scsi_status = 2, .sense_bytes = 32}, -1, "medium error (sense 3/11/00)"},
		{{.scsi_status = 2}, -1, "no sense (sense 0/00/00)"},
		{{.host_status = 0x12, .scsi_status = 2, .sense_bytes = 18}, -1, "medium error"},
		{{.host_status = 0x0c, .scsi_status = 2, .sense_bytes = 18}, -1, "medium error"},
	};
	struct lb_error err;
	uint32_t tag;

	(void)state;
	opened();
	for (uint32_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct completion completion = rows[i].completion;

		completion.context = 5;
		submit(4, LB_DISK_READ, 0, 4096);
		adapter->sense[4][0] = 0x70;
		adapter->sense[4][2] = 3;
		adapter->sense[4][7] = 10;
		adapter->sense[4][12] = 0x11;
		say_done(completion);
		assert_int_equal(poll(&tag, &err), rows[i].result);
		assert_int_equal(tag, 4);
		if (rows[i].says)
			assert_says(&err, rows[i].says);
	}
	assert_int_equal(poll(&tag, &err), 0);
}

static void test_an_adapter_that_lies(void **state)
{
	// The context of tag 2 is 3.
	static const uint64_t contexts[] = {0, 2, 4, 32, 33, 1ULL << 32 | 3, UINT64_MAX};
	struct lb_error err;
	uint32_t tag;

	(void)state;
	for (uint32_t i = 0; i < sizeof(contexts) / sizeof(contexts[0]); i++) {
		opened();
		submit(2, LB_DISK_WRITE, 0, 512);
		say_done((struct completion){.context = contexts[i]});
		assert_int_equal(poll(&tag, &err), -1);
		assert_int_equal(tag, LB_DISK_NO_TAG);
		assert_says(&err, "which is not in flight");
		moves = true; // after a reset the adapter works again
		assert_int_equal(disk.driver->reset(&disk, &err), 0);
		moves = false;
		assert_int_equal(poll(&tag, &err), 0);
		submit(2, LB_DISK_WRITE, 0, 512);
		say_done((struct completion){.context = 3});
		assert_int_equal(poll(&tag, &err), 1);
		assert_int_equal(tag, 2);
		submit(3, LB_DISK_WRITE, 0, 512); // the same answer again, with another request in flight
		say_done((struct completion){.context = 3});
		assert_int_equal(poll(&tag, &err), -1);
		assert_int_equal(tag, LB_DISK_NO_TAG);
	}
	for (uint64_t jump = 33; jump <= UINT32_MAX; jump *= 3) {
		opened();
		submit(2, LB_DISK_WRITE, 0, 512);
		adapter->rings.completion_produced += (uint32_t)jump;
		assert_int_equal(poll(&tag, &err), -1);
		assert_int_equal(tag, LB_DISK_NO_TAG);
		assert_says(&err, "completions went from ");
	}
	// The driver does not read its own indices back from the shared page.
	opened();
	adapter->rings.request_produced = adapter->rings.completion_consumed = 0x55555555;
	adapter->rings.request_log2 = adapter->rings.completion_log2 = 31;
	submit(2, LB_DISK_WRITE, 0, 512);
	say_done((struct completion){.context = 3});
	assert_int_equal(poll(&tag, &err), 1);
	assert_int_equal(tag, 2);
}

static void test_an_adapter_that_is_gone(void **state)
{
	struct lb_error err;
	uint32_t tag;

	(void)state;
	opened();
	submit(0, LB_DISK_WRITE, 0, 512);
	config_space[0] = UINT32_MAX;
	assert_int_equal(poll(&tag, &err), 0);
	capture_clock_move(100);
	assert_int_equal(poll(&tag, &err), -1);
	assert_int_equal(tag, LB_DISK_NO_TAG);
	assert_says(&err, "the adapter is gone");
	assert_int_equal(disk.driver->reset(&disk, &err), -1);
	assert_says(&err, "the adapter is gone");

	opened(); // after a reset the adapter makes no rings
	assert_int_equal(disk.driver->reset(&disk, &err), -1);
	assert_says(&err, "made rings of 2^0 and 2^0 entries, wanted 2^5 and 2^7");
	opened(); // the adapter refuses a reset; bus mastering is then switched off
	*fake_reg(8) = UINT32_MAX;
	assert_int_equal(disk.driver->reset(&disk, &err), -1);
	assert_says(&err, "refuses a reset");
	assert_false(mastering);
}

static void assert_refused(const char *says)
{
	struct lb_disk untouched = {0};
	struct lb_error err = {""};

	assert_int_equal(lb_pvscsi_open(&target, &untouched, &err), -1);
	assert_says(&err, says);
	assert_null(untouched.driver);
	assert_false(mastering);
	make_adapter();
}

static void test_what_is_refused(void **state)
{
	(void)state;
	make_adapter();
	target.pci_id ^= 1;
	assert_refused("PCI ID is 0x7c015ad, the target was chosen with 0x7c015ac");
	config_space[0] = target.pci_id = 0x07b015ad;
	assert_refused("is no PVSCSI adapter");
	target.unit = LB_SCSI_UNIT(256, 0);
	assert_refused("cannot address target 256 LUN 0, wanted up to 255 and 255");
	target.unit = LB_SCSI_UNIT(0, 256);
	assert_refused("cannot address target 0 LUN 256");
	config_space[4] = 0x4001;
	assert_refused("it has no memory BAR");
	*fake_reg(8) = UINT32_MAX;
	assert_refused("refuses a reset");
	request_log2 = 6;
	assert_refused("made rings of 2^6 and 2^7 entries, wanted 2^5 and 2^7");
	completion_log2 = 5;
	assert_refused("made rings of 2^5 and 2^5 entries, wanted 2^5 and 2^7");
	target.last_block = 8000;
	assert_refused("has 8000 blocks, the target's last is 8000");
	first_host_status = 0x11;
	assert_refused("target 7 LUN 3: no such target (host status 0x11)");
	moves = false;
	assert_refused("made rings of 2^0 and 2^0");
	capture_heap_limit(0);
	assert_refused("no memory");
	knows_count = false; // an adapter that does not count bytes is accepted
	open_well();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_opening),
		cmocka_unit_test(test_a_request),
		cmocka_unit_test(test_many_requests),
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_an_adapter_that_lies),
		cmocka_unit_test(test_an_adapter_that_is_gone),
		cmocka_unit_test(test_what_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
