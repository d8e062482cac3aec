// SPDX-License-Identifier: BSD-2-Clause
// The virtio-blk driver against a device in memory: what the driver writes, and what it does with wrong
// answers. Machines with devices that work are in tests/vm.
#include <string.h>

#include "capture_platform.h"
#include "crash/platform/pcidev.h"
#include "unit.h"

static volatile void *fake_device_map(uint64_t phys, uint64_t bytes);
static uint32_t fake_pcidev_read(struct lb_pci_address at, uint32_t reg);
static void fake_pcidev_enable(struct lb_pci_address at, bool master);
static uint8_t fake_pcidev_capability(struct lb_pci_address at, uint8_t id, uint8_t after);
static int fake_pcidev_bar(struct lb_pci_address at, unsigned int index, uint64_t *ret_phys,
			   struct lb_error *err);
static char *fake_pcidev_name(struct lb_pci_address at, char *text);

#define lb_device_map fake_device_map
#define lb_pcidev_read fake_pcidev_read
#define lb_pcidev_enable fake_pcidev_enable
#define lb_pcidev_capability fake_pcidev_capability
#define lb_pcidev_bar fake_pcidev_bar
#define lb_pcidev_name fake_pcidev_name
#include "crash/disk/virtio_blk.c"
#include "crash/platform/virtio_pci.c"
#include "crash/platform/virtio_queue.c"

#define BAR_PHYS 0xfe000000ULL
#define COMMON_AT 0
#define NOTIFY_AT 0x100
#define CONFIG_AT 0x200
#define REGISTERS_BYTES 0x1000
#define MULTIPLIER 4
#define NOTIFY_OFF 3
// The register of features is memory, so both halves read the same. Bit 0 is therefore also VERSION_1, and
// bits 1 and 9 (SIZE_MAX, FLUSH) appear also as bits that nobody uses.
#define FEATURES (1U | (uint32_t)(BLK_SEG_MAX | BLK_BLK_SIZE | BLK_FLUSH))

static _Alignas(64) uint8_t registers[REGISTERS_BYTES];
static uint32_t config_space[64];
static bool mastering;
static struct lb_target target;
static struct lb_disk disk;
static uint8_t data[0x40000] __attribute__((aligned(4096)));

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
		return lb_fail(err, index == 0 ? "BAR 0 is I/O space" : "no such BAR");
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

static struct block_config *config(void)
{
	return (struct block_config *)(void *)(registers + CONFIG_AT);
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
	mastering = false;
	config_space[0] = VIRTIO_BLK_MODERN << 16 | LB_VIRTIO_VENDOR;
	put_capability(0x40, 0x54, LB_VIRTIO_COMMON, COMMON_AT, sizeof(struct lb_virtio_common));
	put_capability(0x54, 0x68, LB_VIRTIO_NOTIFY, NOTIFY_AT, 0x40);
	put_capability(0x68, 0, LB_VIRTIO_DEVICE, CONFIG_AT, 0x40);
	common()->device_feature = FEATURES;
	common()->queue_size = 256;
	common()->queue_notify_off = NOTIFY_OFF;
	config()->capacity[0] = 8000;
	config()->seg_max = 126;
	config()->blk_size = 512;
	target = (struct lb_target){.kind = LB_TARGET_VIRTIO_BLK,
				    .block_bytes = 512,
				    .pci_id = config_space[0],
				    .last_block = 7999};
}

static void open_well(void)
{
	struct lb_error err = {""};

	if (lb_virtio_blk_open(&target, &disk, &err))
		fail_msg("%s", err.text);
}

static struct virtio_blk *opened(void)
{
	make_device();
	open_well();
	return disk.state;
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

// Lets the device report the request with this first descriptor as done.
static void answer(struct virtio_blk *blk, uint32_t id, uint8_t status)
{
	uint16_t index = blk->queue.used.index;

	if (id / blk->chain < LB_DISK_MAX_DEPTH)
		blk->requests[id / blk->chain].status = status;
	blk->queue.used.ring[index % blk->queue.size].id = id;
	blk->queue.used.index = (uint16_t)(index + 1);
}

static int poll(uint32_t *ret_tag, struct lb_error *err)
{
	return disk.driver->poll(&disk, ret_tag, err);
}

static void test_opening(void **state)
{
	struct virtio_blk *blk = opened();
	uint64_t desc, driver_area, device_area;

	(void)state;
	assert_int_equal(disk.blocks, 8000);
	assert_int_equal(disk.block_bytes, 512);
	assert_int_equal(disk.max_bytes, LB_MIB);
	assert_int_equal(disk.depth, 32);
	assert_int_equal(common()->status, 15); // ACKNOWLEDGE, DRIVER, DRIVER_OK, FEATURES_OK
	assert_int_equal(common()->queue_size, LB_VIRTIO_QUEUE_MAX);
	assert_int_equal(common()->queue_enable, 1);
	memcpy(&desc, common()->queue_desc, sizeof(desc));
	memcpy(&driver_area, common()->queue_driver, sizeof(driver_area));
	memcpy(&device_area, common()->queue_device, sizeof(device_area));
	assert_int_equal(desc, (uintptr_t)blk->queue.descriptors);
	assert_int_equal(driver_area, (uintptr_t)&blk->queue.available);
	assert_int_equal(device_area, (uintptr_t)&blk->queue.used);
	assert_int_equal(blk->queue.available.flags, AVAIL_NO_INTERRUPT);
	assert_true(mastering);
	disk.driver->stop(&disk);
	assert_false(mastering);
	assert_int_equal(common()->status, 0);
}

static void test_large_blocks(void **state)
{
	struct virtio_blk *blk;

	(void)state;
	make_device();
	config()->blk_size = target.block_bytes = 4096;
	target.last_block = 999;
	open_well();
	blk = disk.state;
	assert_int_equal(disk.blocks, 1000);
	submit(0, LB_DISK_READ, 999, 4096);
	assert_int_equal(blk->requests[0].sector, 999 * 8); // always in units of 512 bytes
}

static void test_a_request(void **state)
{
	struct virtio_blk *blk = opened();
	const struct lb_virtio_descriptor *descriptor = &blk->queue.descriptors[5 * 3];

	(void)state;
	*notified() = 0xffff;
	submit(5, LB_DISK_WRITE, 77, 8192);
	assert_int_equal(blk->requests[5].type, REQUEST_OUT);
	assert_int_equal(blk->requests[5].sector, 77);
	assert_int_equal(descriptor[0].address, (uintptr_t)&blk->requests[5]);
	assert_int_equal(descriptor[0].bytes, 16);
	assert_int_equal(descriptor[0].flags, LB_VIRTIO_NEXT);
	assert_int_equal(descriptor[0].next, 16);
	assert_int_equal(descriptor[1].address, (uintptr_t)data);
	assert_int_equal(descriptor[1].bytes, 8192);
	assert_int_equal(descriptor[1].flags, LB_VIRTIO_NEXT);
	assert_int_equal(descriptor[1].next, 17);
	assert_int_equal(descriptor[2].address, (uintptr_t)&blk->requests[5].status);
	assert_int_equal(descriptor[2].bytes, 1);
	assert_int_equal(descriptor[2].flags, LB_VIRTIO_DEVICE_WRITES);
	assert_int_equal(blk->queue.available.ring[0], 15);
	assert_int_equal(blk->queue.available.index, 1);
	assert_int_equal(*notified(), 0);

	*notified() = 0xffff;
	blk->queue.used.flags = USED_NO_NOTIFY;
	submit(0, LB_DISK_READ, 7, 4096);
	assert_int_equal(blk->queue.descriptors[1].flags, LB_VIRTIO_NEXT | LB_VIRTIO_DEVICE_WRITES);
	assert_int_equal(blk->queue.available.ring[1], 0);
	assert_int_equal(*notified(), 0xffff);

	submit(1, LB_DISK_FLUSH, 0, 0);
	assert_int_equal(blk->requests[1].type, REQUEST_FLUSH);
	assert_int_equal(blk->queue.descriptors[3].next, 4);
	assert_int_equal(blk->queue.descriptors[4].address, (uintptr_t)&blk->requests[1].status);
}

static void test_answers(void **state)
{
	static const struct {
		uint8_t status;
		const char *says;
	} bad[] = {{1, "I/O error (status 1)"},
		   {2, "not supported (status 2)"},
		   {3, "status 0x3, wanted 0 to 2"},
		   {0xff, "status 0xff, wanted 0 to 2"}};
	struct virtio_blk *blk = opened();
	struct lb_error err;
	uint32_t tag;

	(void)state;
	assert_int_equal(poll(&tag, &err), 0);
	for (uint32_t i = 0; i < 32; i++)
		submit(i, LB_DISK_WRITE, i, 512);
	assert_int_equal(poll(&tag, &err), 0);
	for (uint32_t i = 32; i-- > 4;)
		answer(blk, 3 * i, REQUEST_OK);
	for (uint32_t i = 32; i-- > 4;) {
		assert_int_equal(poll(&tag, &err), 1);
		assert_int_equal(tag, i);
	}
	for (uint32_t i = 0; i < 4; i++) {
		answer(blk, 3 * i, bad[i].status);
		assert_int_equal(poll(&tag, &err), -1);
		assert_int_equal(tag, i);
		assert_says(&err, bad[i].says);
	}
	assert_int_equal(poll(&tag, &err), 0);
}

// The rings' indices wrap after 65536 requests.
static void test_many_requests(void **state)
{
	struct virtio_blk *blk = opened();
	struct lb_error err;
	uint32_t tag;

	(void)state;
	for (uint32_t i = 0; i < 70000; i++) {
		submit(i % 32, LB_DISK_READ, 0, 512);
		assert_int_equal(blk->queue.available.ring[i % LB_VIRTIO_QUEUE_MAX], 3 * (i % 32));
		answer(blk, 3 * (i % 32), REQUEST_OK);
		assert_int_equal(poll(&tag, &err), 1);
		assert_int_equal(tag, i % 32);
	}
}

static void test_a_device_that_lies(void **state)
{
	static const uint32_t ids[] = {0, 7, 8, 3 * 32, 3 * 31, UINT32_MAX};
	struct lb_error err;
	uint32_t tag;

	(void)state;
	// Tag 2 is in flight, with descriptors 6 to 8.
	for (unsigned int i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		struct virtio_blk *blk = opened();

		submit(2, LB_DISK_WRITE, 0, 512);
		answer(blk, ids[i], REQUEST_OK);
		assert_int_equal(poll(&tag, &err), -1);
		assert_int_equal(tag, LB_DISK_NO_TAG);
		assert_says(&err, "which is not in flight");
		// After a reset the device works again.
		assert_int_equal(disk.driver->reset(&disk, &err), 0);
		assert_int_equal(poll(&tag, &err), 0);
		submit(2, LB_DISK_WRITE, 0, 512);
		assert_int_equal(blk->queue.available.index, 1);
		answer(blk, 6, REQUEST_OK);
		assert_int_equal(poll(&tag, &err), 1);
		assert_int_equal(tag, 2);
		// The same answer again, with another request in flight.
		submit(3, LB_DISK_WRITE, 0, 512);
		answer(blk, 6, REQUEST_OK);
		assert_int_equal(poll(&tag, &err), -1);
		assert_int_equal(tag, LB_DISK_NO_TAG);
	}
	for (uint32_t jump = 33; jump < 0x10000; jump *= 3) {
		struct virtio_blk *blk = opened();

		submit(2, LB_DISK_WRITE, 0, 512);
		blk->queue.used.index = (uint16_t)jump;
		assert_int_equal(poll(&tag, &err), -1);
		assert_int_equal(tag, LB_DISK_NO_TAG);
		assert_says(&err, "used index went from 0 to ");
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
	capture_clock_move(LOOK_MS - 1);
	assert_int_equal(poll(&tag, &err), 0);
	capture_clock_move(1);
	assert_int_equal(poll(&tag, &err), -1);
	assert_int_equal(tag, LB_DISK_NO_TAG);
	assert_says(&err, says);
}

static void test_a_device_that_gives_up(void **state)
{
	struct lb_error err;

	(void)state;
	assert_device_fails(0x4f, 0, "device status 0x4f: it gave up and needs a reset");
	assert_int_equal(disk.driver->reset(&disk, &err), 0);
	assert_device_fails(0, 0, "it was reset, and not by Lifeboat");
	assert_device_fails(0xff, UINT32_MAX, "the device is gone");
	assert_int_equal(disk.driver->reset(&disk, &err), -1);
	assert_device_fails(0, UINT32_MAX, "the device is gone");
	assert_int_equal(disk.driver->reset(&disk, &err), -1);
	assert_says(&err, "the device is gone");
}

static void test_no_flush(void **state)
{
	struct virtio_blk *blk;
	struct lb_error err;
	uint32_t tag;

	(void)state;
	make_device();
	common()->device_feature &= ~(uint32_t)BLK_FLUSH;
	open_well();
	blk = disk.state;
	submit(4, LB_DISK_FLUSH, 0, 0);
	assert_int_equal(blk->queue.available.index, 0);
	assert_int_equal(poll(&tag, &err), 1);
	assert_int_equal(tag, 4);
	assert_int_equal(poll(&tag, &err), 0);
}

static void test_small_segments(void **state)
{
	struct virtio_blk *blk;
	uint32_t at;

	(void)state;
	make_device();
	common()->device_feature |= (uint32_t)BLK_SIZE_MAX;
	config()->size_max = 12288 + 4095;
	open_well();
	blk = disk.state;
	assert_int_equal(blk->segments, 11); // the fewest segments that hold 128 KiB
	assert_int_equal(disk.max_bytes, 11 * 12288);
	assert_int_equal(disk.depth, 128 / 13);
	submit(1, LB_DISK_WRITE, 0, 2 * 12288 + 512);
	at = blk->queue.available.ring[0];
	assert_int_equal(at, 13);
	at = blk->queue.descriptors[at].next;
	assert_int_equal(blk->queue.descriptors[at].bytes, 12288);
	at = blk->queue.descriptors[at].next;
	assert_int_equal(blk->queue.descriptors[at].address, (uintptr_t)data + 12288);
	at = blk->queue.descriptors[at].next;
	assert_int_equal(blk->queue.descriptors[at].bytes, 512);
	at = blk->queue.descriptors[at].next;
	assert_int_equal(blk->queue.descriptors[at].address, (uintptr_t)&blk->requests[1].status);
	assert_int_equal(blk->queue.descriptors[at].flags, LB_VIRTIO_DEVICE_WRITES);

	// As many segments as the device takes and its queue has room for.
	make_device();
	common()->device_feature |= (uint32_t)BLK_SIZE_MAX;
	config()->size_max = 4096;
	config()->seg_max = 3;
	open_well();
	assert_int_equal(disk.max_bytes, 3 * 4096);
	make_device();
	common()->device_feature |= (uint32_t)BLK_SIZE_MAX;
	config()->size_max = 4096;
	common()->queue_size = 15; // the driver uses 8, a power of two
	open_well();
	assert_int_equal(disk.max_bytes, 6 * 4096);
	assert_int_equal(disk.depth, 1);
	assert_int_equal(common()->queue_size, 8);
}

static void assert_refused(const char *says)
{
	struct lb_disk untouched = {0};
	struct lb_error err;

	assert_int_equal(lb_virtio_blk_open(&target, &untouched, &err), -1);
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
	assert_refused("PCI ID is 0x10421af4, the target was chosen with 0x10421af5");
	config_space[0] = target.pci_id = 0x10411af4;
	assert_refused("no virtio block device");
	common()->device_feature &= ~1U;
	assert_refused("not bit 32 (VERSION_1)");
	common()->device_feature |= (uint32_t)BLK_READ_ONLY;
	assert_refused("read-only");
	config()->blk_size = 1024;
	assert_refused("blocks of 1024 bytes, the target was chosen with 512");
	target.last_block++;
	assert_refused("has 8000 blocks, the target's last is 8000");
	config()->seg_max = 0;
	assert_refused("too few");
	common()->queue_size = 0;
	assert_refused("too few");
	common()->queue_size = 3;
	assert_refused("too few");
	common()->queue_enable = 1;
	assert_refused("still enabled");
	common()->device_feature |= (uint32_t)BLK_SIZE_MAX;
	config()->size_max = 4095;
	assert_refused("segments of 4095 bytes");
	common()->queue_notify_off = 16;
	assert_refused("notify register is at 0x40 of 0x40 bytes");
	config_space[0x40 / 4] = 5U << 24 | LB_PCI_CAP_VENDOR; // the list of capabilities ends here
	assert_refused("a legacy-only device is not supported");
	config_space[0x68 / 4] = 5U << 24 | 0x4000 | LB_PCI_CAP_VENDOR; // the list of capabilities is a loop
	assert_refused("no capability for the device registers");
	config_space[0x44 / 4] = 6; // a reserved BAR: another capability is looked for
	assert_refused("no capability for the common registers");
	config_space[0x44 / 4] = 2;
	assert_refused("no such BAR");
	config_space[0x4c / 4] = 55;
	assert_refused("the common registers have 55 bytes, wanted 56 or more");
	capture_heap_limit(0);
	assert_refused("no memory");
}

// Each group of registers is offered in I/O space and with too few bytes first, then where it can be used.
static void test_groups_in_io_space(void **state)
{
	struct lb_error err;

	(void)state;
	make_device();
	put_capability(0x80, 0x94, LB_VIRTIO_COMMON, 0, sizeof(struct lb_virtio_common));
	put_capability(0x94, 0xa8, LB_VIRTIO_NOTIFY, 0, 0x40);
	put_capability(0xa8, 0xbc, LB_VIRTIO_DEVICE, 0, 0x40);
	config_space[0x84 / 4] = config_space[0x98 / 4] = config_space[0xac / 4] = 0; // BAR 0
	put_capability(0xbc, 0xd0, LB_VIRTIO_COMMON, 0, 8);
	put_capability(0xd0, 0, LB_VIRTIO_COMMON, COMMON_AT, sizeof(struct lb_virtio_common));
	config_space[0x40 / 4] = config_space[0x80 / 4]; // the list begins here
	config_space[0x44 / 4] = 0;
	config_space[0x94 / 4] = (config_space[0x94 / 4] & ~0xff00U) | 0x5400;
	config_space[0x68 / 4] |= 0xa800;
	open_well();
	assert_int_equal(common()->queue_enable, 1);
	assert_int_equal(disk.blocks, 8000);
	config_space[0xd4 / 4] = 0; // now no offer can be used; the message is that of the first
	assert_int_equal(lb_virtio_blk_open(&target, &disk, &err), -1);
	assert_says(&err, "BAR 0 is I/O space");
}

// After a reset the device must be the same one.
static void test_another_device_after_a_reset(void **state)
{
	struct lb_error err;

	(void)state;
	opened();
	common()->queue_size = 64;
	assert_int_equal(disk.driver->reset(&disk, &err), -1);
	assert_says(&err, "queue 0 has room for 64, it had for 128");
	opened();
	common()->device_feature &= ~(uint32_t)BLK_FLUSH;
	assert_int_equal(disk.driver->reset(&disk, &err), -1);
	assert_says(&err, "after a reset, before it");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_opening),
		cmocka_unit_test(test_large_blocks),
		cmocka_unit_test(test_a_request),
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_many_requests),
		cmocka_unit_test(test_a_device_that_lies),
		cmocka_unit_test(test_a_device_that_gives_up),
		cmocka_unit_test(test_no_flush),
		cmocka_unit_test(test_small_segments),
		cmocka_unit_test(test_what_is_refused),
		cmocka_unit_test(test_groups_in_io_space),
		cmocka_unit_test(test_another_device_after_a_reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
