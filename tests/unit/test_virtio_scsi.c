// SPDX-License-Identifier: BSD-2-Clause
// The virtio-scsi transport and its queue against a device in memory, which changes state when its status is
// looked at: what they write, and what they do with wrong answers. The disk's answers are tested in
// test_scsi.c. All numbers are from the specification (Virtio 1.2).
#include <string.h>

#include "capture_platform.h"
#include "crash/plan/capturesize.h"
#include "crash/platform/pcidev.h"
#include "unit.h"

static volatile void *fake_device_map(uint64_t phys, uint64_t bytes);
static uint32_t fake_pcidev_read(struct lb_pci_address at, uint32_t reg);
static void fake_pcidev_enable(struct lb_pci_address at, bool master);
static uint8_t fake_pcidev_capability(struct lb_pci_address at, uint8_t id, uint8_t after);
static int fake_pcidev_bar(struct lb_pci_address at, unsigned int index, uint64_t *ret_phys,
			   struct lb_error *err);
static char *fake_pcidev_name(struct lb_pci_address at, char *text);
static bool device_moves(struct lb_deadline deadline);

#define lb_device_map fake_device_map
#define lb_pcidev_read fake_pcidev_read
#define lb_pcidev_enable fake_pcidev_enable
#define lb_pcidev_capability fake_pcidev_capability
#define lb_pcidev_bar fake_pcidev_bar
#define lb_pcidev_name fake_pcidev_name
#define lb_deadline_passed device_moves
#include "crash/disk/virtio_scsi.c"
#undef lb_deadline_passed
#include "crash/platform/virtio_pci.c"
#include "crash/platform/virtio_queue.c"

#define BAR_PHYS 0xfe000000ULL
#define COMMON_AT 0
#define NOTIFY_AT 0x100
#define CONFIG_AT 0x200
#define REGISTERS_BYTES 0x1000
#define MULTIPLIER 4
#define NOTIFY_OFF 3
// The register of features is memory, so both halves read the same: bit 0 is also VERSION_1.
#define FEATURES 1U
#define UNIT LB_SCSI_UNIT(7, 0x123)

static _Alignas(64) uint8_t registers[REGISTERS_BYTES];
static uint32_t config_space[64];
static bool mastering;
static bool moves; // the device answers requests by itself
static uint16_t taken; // requests taken since the last reset
static uint32_t answered; // requests answered since make_device()
static uint8_t first_cdb[16]; // CDB of the first request
static struct response first_response; // given to the first request if its field `response` is not 0
static struct lb_target target;
static struct lb_disk disk;
static uint8_t data[0x20000] __attribute__((aligned(4096)));

static volatile void *fake_device_map(uint64_t phys, uint64_t bytes)
{
	assert_true(phys >= BAR_PHYS && phys + bytes <= BAR_PHYS + REGISTERS_BYTES);
	return registers + (phys - BAR_PHYS);
}

static uint32_t fake_pcidev_read(struct lb_pci_address at, uint32_t reg)
{
	(void)at;
	return config_space[reg / 4];
}

static void fake_pcidev_enable(struct lb_pci_address at, bool master)
{
	(void)at;
	mastering = master;
}

static uint8_t fake_pcidev_capability(struct lb_pci_address at, uint8_t id, uint8_t after)
{
	assert_int_equal(id, LB_PCI_CAP_VENDOR);
	return (uint8_t)(after ? fake_pcidev_read(at, after) >> 8 : 0x40);
}

static int fake_pcidev_bar(struct lb_pci_address at, unsigned int index, uint64_t *ret_phys,
			   struct lb_error *err)
{
	(void)at;
	if (index != 4)
		return lb_fail(err, "no such BAR");
	*ret_phys = BAR_PHYS;
	return 0;
}

static char *fake_pcidev_name(struct lb_pci_address at, char *text)
{
	(void)at;
	return memcpy(text, "0000:00:03.0", 13);
}

static struct lb_virtio_common *common(void)
{
	return (struct lb_virtio_common *)(void *)(registers + COMMON_AT);
}

static struct scsi_config *config(void)
{
	return (struct scsi_config *)(void *)(registers + CONFIG_AT);
}

static uint16_t *notified(void)
{
	return (uint16_t *)(void *)(registers + NOTIFY_AT + NOTIFY_OFF * MULTIPLIER);
}

static void put_capability(uint8_t at, uint8_t next, uint8_t type, uint32_t offset, uint32_t bytes)
{
	config_space[at / 4] = (uint32_t)type << 24 | 20U << 16 | (uint32_t)next << 8 | LB_PCI_CAP_VENDOR;
	config_space[at / 4 + 1] = 4;
	config_space[at / 4 + 2] = offset;
	config_space[at / 4 + 3] = bytes;
	config_space[at / 4 + 4] = MULTIPLIER;
}

static void make_device(void)
{
	capture_reset();
	memset(registers, 0, sizeof(registers));
	memset(config_space, 0, sizeof(config_space));
	memset(&first_response, 0, sizeof(first_response));
	mastering = false;
	moves = true;
	taken = 0;
	answered = 0;
	config_space[0] = 0x1048U << 16 | 0x1af4;
	put_capability(0x40, 0x54, LB_VIRTIO_COMMON, COMMON_AT, sizeof(struct lb_virtio_common));
	put_capability(0x54, 0x68, LB_VIRTIO_NOTIFY, NOTIFY_AT, 0x40);
	put_capability(0x68, 0, LB_VIRTIO_DEVICE, CONFIG_AT, 0x40);
	common()->device_feature = FEATURES;
	common()->queue_size = 256;
	common()->queue_notify_off = NOTIFY_OFF;
	config()->segments_max = 126;
	config()->sectors_max = 0xffff;
	config()->commands_per_unit = 128;
	config()->sense_bytes = 20; // values that another driver left
	config()->cdb_bytes = 16;
	target = (struct lb_target){.kind = LB_TARGET_VIRTIO_SCSI,
				    .block_bytes = 512,
				    .pci_id = config_space[0],
				    .unit = UNIT,
				    .last_block = 7999};
}

static void *descriptor_at(uint64_t address)
{
	return (void *)(uintptr_t)address; // NOLINT: a device knows addresses as numbers only
}

// Answers as a disk of 8000 blocks of 512 bytes, as far as the driver needs it.
static void fill_in(const uint8_t *cdb, uint8_t *to)
{
	static const uint8_t capacity[8] = {0, 0, 0x1f, 0x3f, 0, 0, 2, 0};

	if (cdb[0] == 0x12 && !cdb[1])
		memcpy(to + 8, "QEMU    QEMU HARDDISK   2.5+", 28);
	if (cdb[0] == 0x25)
		memcpy(to, capacity, sizeof(capacity));
}

static void say_done(struct virtio_scsi *host, uint32_t id)
{
	uint16_t index = host->queue.used.index;

	host->queue.used.ring[index % host->queue.size].id = id;
	host->queue.used.index = (uint16_t)(index + 1);
}

// Works off the queue, by the addresses that the device was given.
static void work(void)
{
	struct virtio_scsi *host;
	uint64_t rings;

	memcpy(&rings, common()->queue_desc, sizeof(rings));
	host = descriptor_at(rings);
	if (host->queue.available.index < taken)
		taken = 0; // the device was reset
	while (taken != host->queue.available.index) {
		uint16_t head = host->queue.available.ring[taken++ % host->queue.size];
		const struct lb_virtio_descriptor *at = &host->queue.descriptors[head];
		const struct header *header = descriptor_at(at->address);
		struct response *response = NULL;

		for (; at->flags & 1; at = &host->queue.descriptors[at->next]) {
			if (at->bytes == 108)
				response = descriptor_at(at->address);
		}
		if (!response)
			response = descriptor_at(at->address);
		else
			fill_in(header->cdb, descriptor_at(at->address));
		memset(response, 0, 12);
		if (!answered++) {
			memcpy(first_cdb, header->cdb, sizeof(first_cdb));
			if (first_response.response)
				*response = first_response;
		}
		say_done(host, head);
	}
}

static bool device_moves(struct lb_deadline deadline)
{
	if (moves && common()->status == 15)
		work();
	return lb_deadline_passed(deadline);
}

static void open_well(void)
{
	struct lb_error err = {""};

	if (lb_virtio_scsi_open(&target, &disk, &err))
		fail_msg("%s", err.text);
}

// Opens the disk. From now on only the test gives answers.
static struct virtio_scsi *opened(void)
{
	struct lb_scsi *scsi;

	make_device();
	open_well();
	moves = false;
	scsi = disk.state;
	return scsi->state;
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

// Lets the device report the request as done, with this response.
static void answer(struct virtio_scsi *host, uint32_t tag, uint8_t response)
{
	memset((void *)(uintptr_t)&host->requests[tag].response, 0, 12);
	host->requests[tag].response.response = response;
	say_done(host, 3 * tag);
}

static void test_opening(void **state)
{
	struct virtio_scsi *host = opened();
	uint64_t desc, driver_area, device_area;

	(void)state;
	assert_int_equal(disk.blocks, 8000);
	assert_int_equal(disk.block_bytes, 512);
	assert_int_equal(disk.max_bytes, LB_MIB);
	assert_int_equal(disk.depth, 32);
	assert_string_equal(disk.model, "QEMU QEMU HARDDISK");
	assert_string_equal(disk.driver->name, "virtio-scsi");
	assert_true(lb_heap_used() <= LB_CAPTURE_DISK); // the plan's memory is enough
	assert_int_equal(common()->status, 15); // ACKNOWLEDGE, DRIVER, DRIVER_OK, FEATURES_OK
	assert_int_equal(common()->queue_select, 2);
	assert_int_equal(common()->queue_size, 128);
	assert_int_equal(common()->queue_enable, 1);
	assert_int_equal(config()->sense_bytes, 96);
	assert_int_equal(config()->cdb_bytes, 32);
	memcpy(&desc, common()->queue_desc, sizeof(desc));
	memcpy(&driver_area, common()->queue_driver, sizeof(driver_area));
	memcpy(&device_area, common()->queue_device, sizeof(device_area));
	assert_int_equal(desc, (uintptr_t)host->queue.descriptors);
	assert_int_equal(desc % 16, 0);
	assert_int_equal(driver_area, (uintptr_t)&host->queue.available);
	assert_int_equal(device_area, (uintptr_t)&host->queue.used);
	assert_int_equal(device_area % 4, 0);
	assert_int_equal(host->queue.available.flags, 1); // no interrupts
	assert_int_equal(first_cdb[0], 0x12);
	assert_true(mastering);
	disk.driver->stop(&disk);
	assert_false(mastering);
	assert_int_equal(common()->status, 0);
}

static void test_a_request(void **state)
{
	static const uint8_t lun[8] = {1, 7, 0x41, 0x23};
	static const uint8_t cdb[32] = {0x2a, 0, 0, 0, 0, 77, 0, 0, 16};
	struct virtio_scsi *host = opened();
	const struct lb_virtio_descriptor *at = &host->queue.descriptors[5 * 3];
	uint16_t index = host->queue.available.index;
	const struct header *header;

	(void)state;
	*notified() = 0xffff;
	submit(5, LB_DISK_WRITE, 77, 8192);
	header = descriptor_at(at[0].address);
	assert_int_equal(at[0].bytes, 51);
	assert_int_equal(at[0].flags, 1);
	assert_int_equal(at[0].next, 16);
	assert_memory_equal(header->lun, lun, 8);
	assert_int_equal(header->id, 5);
	assert_int_equal(header->attribute, 0); // SIMPLE
	assert_memory_equal(header->cdb, cdb, 32);
	assert_int_equal(at[1].address, (uintptr_t)data);
	assert_int_equal(at[1].bytes, 8192);
	assert_int_equal(at[1].flags, 1);
	assert_int_equal(at[1].next, 17);
	assert_int_equal(at[2].address, (uintptr_t)&host->requests[5].response);
	assert_int_equal(at[2].bytes, 108);
	assert_int_equal(at[2].flags, 2);
	assert_int_equal(host->queue.available.ring[index % 128], 15);
	assert_int_equal(host->queue.available.index, index + 1);
	assert_int_equal(*notified(), 2);

	*notified() = 0xffff;
	host->queue.used.flags = 1; // the device needs no notification
	submit(0, LB_DISK_READ, 7, 4096);
	at = host->queue.descriptors;
	assert_int_equal(at[1].address, (uintptr_t)&host->requests[0].response);
	assert_int_equal(at[1].bytes, 108);
	assert_int_equal(at[1].flags, 3);
	assert_int_equal(at[1].next, 2);
	assert_int_equal(at[2].address, (uintptr_t)data);
	assert_int_equal(at[2].bytes, 4096);
	assert_int_equal(at[2].flags, 2);
	assert_int_equal(*notified(), 0xffff);

	submit(1, LB_DISK_FLUSH, 0, 0);
	at = &host->queue.descriptors[3];
	assert_int_equal(at[0].next, 4);
	assert_int_equal(at[1].address, (uintptr_t)&host->requests[1].response);
	assert_int_equal(at[1].flags, 2);
}

static void test_answers(void **state)
{
	static const struct {
		uint8_t response;
		const char *says;
	} bad[] = {{1, "overrun (response 1)"},           {2, "aborted (response 2)"},
		   {3, "no such target (response 3)"},    {4, "reset (response 4)"},
		   {6, "transport failure (response 6)"}, {7, "target failure (response 7)"},
		   {8, "nexus failure (response 8)"},     {9, "failure (response 9)"},
		   {10, "response 0xa, wanted 0 to 9"},   {0xff, "response 0xff, wanted 0 to 9"}};
	struct virtio_scsi *host = opened();
	struct lb_error err;
	uint32_t tag;

	(void)state;
	assert_int_equal(poll(&tag, &err), 0);
	for (uint32_t i = 0; i < 32; i++)
		submit(i, LB_DISK_WRITE, i, 512);
	assert_int_equal(poll(&tag, &err), 0);
	for (uint32_t i = 32; i-- > 10;)
		answer(host, i, 0);
	for (uint32_t i = 32; i-- > 10;) {
		assert_int_equal(poll(&tag, &err), 1);
		assert_int_equal(tag, i);
	}
	for (uint32_t i = 0; i < 10; i++) {
		answer(host, i, bad[i].response);
		assert_int_equal(poll(&tag, &err), -1);
		assert_int_equal(tag, i);
		assert_says(&err, bad[i].says);
	}
	assert_int_equal(poll(&tag, &err), 0);
}

// What the device says of the data is checked before it is used.
static void test_residuals_and_sense(void **state)
{
	static const uint8_t medium_error[18] = {0x70, 0, 3, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x11};
	struct virtio_scsi *host = opened();
	volatile struct response *response = &host->requests[4].response;
	struct lb_error err;
	uint32_t tag;

	(void)state;
	submit(4, LB_DISK_READ, 0, 4096);
	answer(host, 4, 0);
	response->residual = 1;
	assert_int_equal(poll(&tag, &err), -1);
	assert_int_equal(tag, 4);
	assert_says(&err, "moved 4095 of 4096 bytes");
	submit(4, LB_DISK_READ, 0, 4096);
	answer(host, 4, 0);
	response->residual = 4097;
	assert_int_equal(poll(&tag, &err), -1);
	assert_says(&err, "4097 of 4096 bytes not moved, 0 bytes of sense data: more than is possible");
	submit(4, LB_DISK_READ, 0, 4096);
	answer(host, 4, 0);
	response->status = 2;
	response->sense_bytes = 97;
	assert_int_equal(poll(&tag, &err), -1);
	assert_says(&err, "97 bytes of sense data: more than is possible");
	for (uint32_t bytes = 18; bytes <= 96; bytes += 78) {
		submit(4, LB_DISK_READ, 0, 4096);
		answer(host, 4, 0);
		response->status = 2;
		response->sense_bytes = bytes;
		memcpy((void *)(uintptr_t)response->sense, medium_error, sizeof(medium_error));
		assert_int_equal(poll(&tag, &err), -1);
		assert_says(&err, "target 7 LUN 291: medium error (sense 3/11/00)");
	}
	submit(4, LB_DISK_READ, 0, 4096); // the disk is busy, so the request is sent again later
	answer(host, 4, 5);
	assert_int_equal(poll(&tag, &err), 0);
	moves = true;
	capture_clock_move(100);
	assert_int_equal(poll(&tag, &err), 0);
	assert_int_equal(poll(&tag, &err), 1);
	assert_int_equal(tag, 4);
}

static void test_a_device_that_lies(void **state)
{
	static const uint32_t ids[] = {0, 7, 8, 3 * 32, 3 * 31, UINT32_MAX}; // tag 2 has descriptors 6 to 8
	struct lb_error err;
	uint32_t tag;

	(void)state;
	for (unsigned int i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		struct virtio_scsi *host = opened();

		submit(2, LB_DISK_WRITE, 0, 512);
		say_done(host, ids[i]);
		assert_int_equal(poll(&tag, &err), -1);
		assert_int_equal(tag, LB_DISK_NO_TAG);
		assert_says(&err, "which is not in flight");
		moves = true; // after a reset the device works again
		assert_int_equal(disk.driver->reset(&disk, &err), 0);
		moves = false;
		assert_int_equal(poll(&tag, &err), 0);
		submit(2, LB_DISK_WRITE, 0, 512);
		answer(host, 2, 0);
		assert_int_equal(poll(&tag, &err), 1);
		assert_int_equal(tag, 2);
		submit(3, LB_DISK_WRITE, 0, 512); // the same answer again, with another request in flight
		answer(host, 2, 0);
		assert_int_equal(poll(&tag, &err), -1);
		assert_int_equal(tag, LB_DISK_NO_TAG);
	}
	for (uint32_t jump = 33; jump < 0xf000; jump *= 3) {
		struct virtio_scsi *host = opened();

		submit(2, LB_DISK_WRITE, 0, 512);
		host->queue.used.index = (uint16_t)(host->queue.used.index + jump);
		assert_int_equal(poll(&tag, &err), -1);
		assert_int_equal(tag, LB_DISK_NO_TAG);
		assert_says(&err, "used index went from ");
	}
}

static void assert_device_fails(uint8_t status, uint32_t id, const char *says)
{
	struct lb_error err;
	uint32_t tag;

	opened();
	submit(0, LB_DISK_WRITE, 0, 512);
	common()->status = status;
	config_space[0] = id ? id : config_space[0];
	capture_clock_move(100);
	assert_int_equal(poll(&tag, &err), -1);
	assert_int_equal(tag, LB_DISK_NO_TAG);
	assert_says(&err, says);
}

static void test_a_device_that_gives_up(void **state)
{
	struct lb_error err;

	(void)state;
	assert_device_fails(0x4f, 0, "device status 0x4f: it gave up and needs a reset");
	moves = true;
	assert_int_equal(disk.driver->reset(&disk, &err), 0);
	assert_device_fails(0, 0, "it was reset, and not by Lifeboat");
	assert_device_fails(0xff, UINT32_MAX, "the device is gone");
	assert_int_equal(disk.driver->reset(&disk, &err), -1);
	assert_says(&err, "the device is gone");
	opened(); // after a reset the device answers nothing
	assert_int_equal(disk.driver->reset(&disk, &err), -1);
	assert_says(&err, "no answer to command 0x0 in 10000 ms");
}

static void test_sizes(void **state)
{
	(void)state;
	make_device();
	common()->queue_size = 15; // the driver uses 8, a power of two
	open_well();
	assert_int_equal(disk.depth, 2);
	assert_int_equal(common()->queue_size, 8);
	make_device();
	config()->commands_per_unit = 3;
	config()->sectors_max = 31;
	open_well();
	assert_int_equal(disk.depth, 3);
	assert_int_equal(disk.max_bytes, 12288);
	make_device();
	config()->commands_per_unit = 0; // the device gives no limit
	config()->sectors_max = UINT32_MAX;
	open_well();
	assert_int_equal(disk.depth, 32);
	assert_int_equal(disk.max_bytes, LB_MIB);
	make_device();
	config_space[0] = target.pci_id = 0x10041af4; // a transitional device
	open_well();
}

static void assert_refused(const char *says)
{
	struct lb_disk untouched = {0};
	struct lb_error err = {""};

	assert_int_equal(lb_virtio_scsi_open(&target, &untouched, &err), -1);
	assert_says(&err, says);
	assert_null(untouched.driver);
	assert_false(mastering);
	make_device();
}

static void test_what_is_refused(void **state)
{
	(void)state;
	make_device();
	target.pci_id ^= 1;
	assert_refused("PCI ID is 0x10481af4, the target was chosen with 0x10481af5");
	config_space[0] = target.pci_id = 0x10421af4;
	assert_refused("no virtio SCSI host");
	target.unit = LB_SCSI_UNIT(256, 0);
	assert_refused("cannot address target 256 LUN 0, wanted up to 255 and 16383");
	target.unit = LB_SCSI_UNIT(0, 16384);
	assert_refused("cannot address target 0 LUN 16384");
	common()->device_feature = 0;
	assert_refused("not bit 32 (VERSION_1)");
	common()->queue_size = 0;
	assert_refused("too few for a request");
	common()->queue_size = 3;
	assert_refused("too few for a request");
	config()->sectors_max = 7;
	assert_refused("too few for a request");
	config()->segments_max = 0;
	assert_refused("too few for a request");
	common()->queue_enable = 1;
	assert_refused("queue 2 is still enabled after a reset");
	common()->queue_notify_off = 16;
	assert_refused("queue 2's notify register is at 0x40 of 0x40 bytes");
	config_space[0x60 / 4] = 1;
	assert_refused("notify registers have 1 bytes");
	target.last_block = 8000;
	assert_refused("has 8000 blocks, the target's last is 8000");
	first_response.response = 3;
	assert_refused("target 7 LUN 291: no such target (response 3)");
	moves = false;
	assert_refused("no answer to command 0x12 in 10000 ms");
	capture_heap_limit(0);
	assert_refused("no memory");
}

// After a reset the device must be the same one.
static void test_another_device_after_a_reset(void **state)
{
	struct lb_error err;

	(void)state;
	opened();
	common()->queue_size = 64;
	assert_int_equal(disk.driver->reset(&disk, &err), -1);
	assert_says(&err, "queue 2 has room for 64, it had for 128");
	opened();
	common()->device_feature |= 3;
	assert_int_equal(disk.driver->reset(&disk, &err), -1);
	assert_says(&err, "after a reset, before it");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_opening),
		cmocka_unit_test(test_a_request),
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_residuals_and_sense),
		cmocka_unit_test(test_a_device_that_lies),
		cmocka_unit_test(test_a_device_that_gives_up),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_what_is_refused),
		cmocka_unit_test(test_another_device_after_a_reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
