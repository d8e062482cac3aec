// SPDX-License-Identifier: BSD-2-Clause
// virtio-blk over PCI, by the modern interface, which a transitional device has too, with one queue. The
// device gets physical addresses, whatever VIRTIO_F_ACCESS_PLATFORM says: the IOMMU is off by then. Each
// request has its own run of descriptors: header, data, status.
// Source: Virtual I/O Device 1.1, 3.1 (initialisation), 5.2 (block).
#include "crash/disk/disk.h"
#include "crash/disk/target_check.h"
#include "crash/disk/target_kind.h"
#include "crash/platform/pcidev.h"
#include "crash/platform/platform.h"
#include "crash/platform/virtio_pci.h"
#include "crash/platform/virtio_queue.h"
#include "lib/mem.h"
#include "lifeboat/range.h"

#define VIRTIO_BLK_TRANSITIONAL 0x1001
#define VIRTIO_BLK_MODERN 0x1042

#define FEATURE(bit) LB_VIRTIO_FEATURE(bit)
#define BLK_SIZE_MAX FEATURE(1)
#define BLK_SEG_MAX FEATURE(2)
#define BLK_READ_ONLY FEATURE(5)
#define BLK_BLK_SIZE FEATURE(6)
#define BLK_FLUSH FEATURE(9)
// x86's own ordering is enough, but a device may not accept a driver without this feature
#define ORDER_PLATFORM FEATURE(36)
#define WANTED                                                                                               \
	(BLK_SIZE_MAX | BLK_SEG_MAX | BLK_BLK_SIZE | BLK_FLUSH | LB_VIRTIO_VERSION_1 |                       \
	 LB_VIRTIO_ACCESS_PLATFORM | ORDER_PLATFORM)

// 5.2.4, up to the last field that is used.
struct block_config {
	uint32_t capacity[2]; // in 512-byte sectors, whatever blk_size says
	uint32_t size_max, seg_max;
	uint32_t geometry;
	uint32_t blk_size;
};
#define SECTOR 512U

// 5.2.6
#define REQUEST_IN 0
#define REQUEST_OUT 1
#define REQUEST_FLUSH 4
#define REQUEST_OK 0
#define REQUEST_IO_ERROR 1
#define REQUEST_UNSUPPORTED 2
#define REQUEST_NO_ANSWER 0xff // not the device's: it has not written the status yet

struct request {
	uint32_t type, reserved;
	uint64_t sector;
	uint8_t status;
	uint8_t padding[15];
};

#define USUAL_BYTES (128 * LB_KIB) // size of the usual request of partition.c
#define LOOK_MS 100 // between two reads of the status register; each read is an exit from a guest

struct virtio_blk {
	struct lb_virtio_queue queue; // comes first: its rings are page-aligned
	volatile struct request requests[LB_DISK_MAX_DEPTH] __attribute__((aligned(64)));

	struct lb_pci_address pci;
	char name[32]; // "virtio-blk 0000:00:03.0"
	volatile struct lb_virtio_common *common;
	volatile struct block_config *config;
	uint64_t features; // the negotiated features
	uint32_t segments, segment_bytes; // limits of a request's data
	uint32_t chain; // descriptors of each request
	uint32_t in_flight; // a bit for each tag
	// the part of in_flight that are flushes for a device without a cache; the device does not get
	// them
	uint32_t flushed;
	struct lb_deadline next_look;
};

static int map_registers(struct virtio_blk *blk, struct lb_error *err)
{
	struct lb_virtio_place common, config;

	if (lb_virtio_find(blk->pci, blk->name, LB_VIRTIO_COMMON, sizeof(*blk->common), &common, err) != 0 ||
	    lb_virtio_find(blk->pci, blk->name, LB_VIRTIO_NOTIFY, sizeof(uint16_t), &blk->queue.doorbells,
			   err) != 0 ||
	    lb_virtio_find(blk->pci, blk->name, LB_VIRTIO_DEVICE, sizeof(*blk->config), &config, err) != 0)
		return -1;
	blk->common = lb_device_map(common.phys, sizeof(*blk->common));
	blk->config = lb_device_map(config.phys, sizeof(*blk->config));
	if (!blk->common || !blk->config)
		return lb_fail(err, "%s: registers at 0x%lx and 0x%lx cannot be mapped", blk->name,
			       common.phys, config.phys);
	blk->queue.name = blk->name;
	blk->queue.common = blk->common;
	return 0;
}

// Configuration space tells of an unplugged device: its registers may read as ones, but in some virtual
// machines as zeroes.
static int check_there(const struct virtio_blk *blk, struct lb_error *err)
{
	if (lb_pcidev_read(blk->pci, LB_PCI_ID) == UINT32_MAX)
		return lb_fail(err, "%s: the device is gone", blk->name);
	return 0;
}

// Resets the device. If the reset does not end, bus mastering goes off.
static int reset_device(struct virtio_blk *blk, struct lb_error *err)
{
	if (lb_virtio_reset(blk->common, LB_DISK_TIMEOUT_MS))
		return 0;
	lb_pcidev_enable(blk->pci, false);
	return lb_fail(err, "%s: device status is 0x%x %u ms after a reset, wanted 0", blk->name,
		       blk->common->status, LB_DISK_TIMEOUT_MS);
}

// 3.1.1, steps 1 to 6.
static int negotiate(struct virtio_blk *blk, uint64_t *ret_features, struct lb_error *err)
{
	uint64_t features;

	if (check_there(blk, err) != 0 || reset_device(blk, err) != 0)
		return -1;
	lb_pcidev_enable(blk->pci, true);
	features = lb_virtio_begin(blk->common);
	if (!(features & LB_VIRTIO_VERSION_1))
		return lb_fail(err, "%s: offers features 0x%lx, not bit 32 (VERSION_1)", blk->name, features);
	if (features & BLK_READ_ONLY)
		return lb_fail(err, "%s: the disk is read-only", blk->name);
	features &= WANTED;
	if (!lb_virtio_agree(blk->common, features))
		return lb_fail(err, "%s: refuses features 0x%lx, all of which it offered", blk->name,
			       features);
	*ret_features = features;
	return 0;
}

// Reads the configuration. 2.4.1: it is consistent if the generation counter is the same before and
// after.
static int read_config(struct virtio_blk *blk, struct block_config *ret_config, struct lb_error *err)
{
	struct block_config config = {0};

	for (unsigned int attempt = 0; attempt < 16; attempt++) {
		uint8_t generation = blk->common->config_generation;

		config.capacity[0] = blk->config->capacity[0];
		config.capacity[1] = blk->config->capacity[1];
		config.size_max = blk->features & BLK_SIZE_MAX ? blk->config->size_max : UINT32_MAX;
		config.seg_max = blk->features & BLK_SEG_MAX ? blk->config->seg_max : 1;
		config.blk_size = blk->features & BLK_BLK_SIZE ? blk->config->blk_size : SECTOR;
		if (generation == blk->common->config_generation) {
			*ret_config = config;
			return 0;
		}
	}
	return lb_fail(err, "%s: its configuration keeps changing", blk->name);
}

static int measure_disk(const struct virtio_blk *blk, const struct block_config *config,
			const struct lb_target *target, struct lb_disk *disk, struct lb_error *err)
{
	uint64_t sectors = (uint64_t)config->capacity[1] << 32 | config->capacity[0];

	disk->block_bytes = config->blk_size;
	if (config->blk_size >= SECTOR)
		disk->blocks = sectors / (config->blk_size / SECTOR);
	return lb_target_is_disk(target, blk->name, disk, err);
}

// Makes a request one segment if a segment has room for USUAL_BYTES. Otherwise a request has as many
// segments as that takes, within the limits of the device.
static int size_requests(struct virtio_blk *blk, const struct block_config *config, struct lb_disk *disk,
			 struct lb_error *err)
{
	uint32_t room = config->size_max < LB_MIB ? config->size_max : (uint32_t)LB_MIB;
	uint32_t segments = 1, depth, size;

	if (lb_virtio_queue_measure(&blk->queue, err) != 0)
		return -1;
	size = blk->queue.size;
	room = (uint32_t)lb_align_down(room, LB_PAGE);
	if (size < 4 || !room || !config->seg_max)
		return lb_fail(err,
			       "%s: queue of %u, segments of %u bytes, %u segments: too few for a request",
			       blk->name, size, config->size_max, config->seg_max);
	while (segments * room < USUAL_BYTES && segments < config->seg_max && segments + 3 <= size)
		segments++;
	blk->segments = segments;
	blk->segment_bytes = room;
	blk->chain = segments + 2;
	depth = size / blk->chain;
	disk->depth = depth < LB_DISK_MAX_DEPTH ? depth : LB_DISK_MAX_DEPTH;
	disk->max_bytes = segments * room;
	return 0;
}

// Steps 7 and 8 of 3.1.1. A device's other queues stay off.
static int start_queue(struct virtio_blk *blk, struct lb_error *err)
{
	blk->in_flight = blk->flushed = 0;
	blk->next_look = lb_deadline_in(LOOK_MS);
	if (lb_virtio_queue_start(&blk->queue, err) != 0)
		return -1;
	lb_virtio_go(blk->common);
	return 0;
}

static int blk_submit(struct lb_disk *disk, const struct lb_disk_request *wanted, struct lb_error *err)
{
	static const uint32_t types[] = {
		[LB_DISK_READ] = REQUEST_IN, [LB_DISK_WRITE] = REQUEST_OUT, [LB_DISK_FLUSH] = REQUEST_FLUSH};
	struct virtio_blk *blk = disk->state;
	volatile struct request *request = &blk->requests[wanted->tag];
	uint32_t head = wanted->tag * blk->chain, at = head;
	uint32_t bytes = wanted->op == LB_DISK_FLUSH ? 0 : wanted->bytes;
	uint16_t direction = wanted->op == LB_DISK_READ ? LB_VIRTIO_DEVICE_WRITES : 0;

	(void)err;
	blk->in_flight |= 1U << wanted->tag;
	if (wanted->op == LB_DISK_FLUSH && !(blk->features & BLK_FLUSH)) {
		// 5.2.6.2: a device without FLUSH has no cache, or a safe one
		blk->flushed |= 1U << wanted->tag;
		return 0;
	}
	request->type = types[wanted->op];
	request->reserved = 0;
	request->sector = wanted->op == LB_DISK_FLUSH ? 0 : wanted->block * (disk->block_bytes / SECTOR);
	request->status = REQUEST_NO_ANSWER;
	lb_virtio_queue_describe(&blk->queue, at++, request, offsetof(struct request, status),
				 LB_VIRTIO_NEXT);
	for (uint32_t done = 0; done < bytes; at++) {
		uint32_t piece = bytes - done < blk->segment_bytes ? bytes - done : blk->segment_bytes;

		lb_virtio_queue_describe(&blk->queue, at, (const uint8_t *)wanted->buffer + done, piece,
					 (uint16_t)(LB_VIRTIO_NEXT | direction));
		done += piece;
	}
	lb_virtio_queue_describe(&blk->queue, at, &request->status, sizeof(request->status),
				 LB_VIRTIO_DEVICE_WRITES);
	lb_virtio_queue_give(&blk->queue, head);
	return 0;
}

static int whole_device(uint32_t *ret_tag)
{
	*ret_tag = LB_DISK_NO_TAG;
	return -1;
}

// Checks whether the device has failed or is gone. Checks only every LOOK_MS: without it such a device
// would be found when the request times out.
static int look_at_status(struct virtio_blk *blk, uint32_t *ret_tag, struct lb_error *err)
{
	uint8_t status;

	if (!lb_deadline_passed(blk->next_look))
		return 0;
	blk->next_look = lb_deadline_in(LOOK_MS);
	status = blk->common->status;
	if ((status & (LB_VIRTIO_DRIVER_OK | LB_VIRTIO_NEEDS_RESET)) == LB_VIRTIO_DRIVER_OK)
		return 0;
	if (check_there(blk, err) == 0)
		lb_fail(err, "%s: device status 0x%x: %s", blk->name, status,
			status & LB_VIRTIO_NEEDS_RESET ? "it gave up and needs a reset"
						       : "it was reset, and not by Lifeboat");
	return whole_device(ret_tag);
}

static int decode_status(const struct virtio_blk *blk, uint32_t tag, struct lb_error *err)
{
	uint8_t status = blk->requests[tag].status;

	switch (status) {
	case REQUEST_OK:
		return 1;
	case REQUEST_IO_ERROR:
		return lb_fail(err, "%s: I/O error (status 1)", blk->name);
	case REQUEST_UNSUPPORTED:
		return lb_fail(err, "%s: request not supported (status 2)", blk->name);
	default:
		return lb_fail(err, "%s: ended a request with status 0x%x, wanted 0 to 2", blk->name, status);
	}
}

static int blk_poll(struct lb_disk *disk, uint32_t *ret_tag, struct lb_error *err)
{
	struct virtio_blk *blk = disk->state;
	uint32_t id = 0, tag;
	int result;

	if (!blk->in_flight)
		return 0;
	if (blk->flushed) {
		*ret_tag = (uint32_t)__builtin_ctz(blk->flushed);
		blk->flushed &= ~(1U << *ret_tag);
		blk->in_flight &= ~(1U << *ret_tag);
		return 1;
	}
	result = lb_virtio_queue_take(&blk->queue, disk->depth, &id, err);
	if (!result)
		return look_at_status(blk, ret_tag, err);
	if (result < 0)
		return whole_device(ret_tag);
	tag = id / blk->chain;
	if (id % blk->chain || tag >= disk->depth || !(blk->in_flight & 1U << tag)) {
		lb_fail(err, "%s: reports request %u as done, which is not in flight", blk->name, id);
		return whole_device(ret_tag);
	}
	blk->in_flight &= ~(1U << tag);
	*ret_tag = tag;
	return decode_status(blk, tag, err);
}

static int blk_reset(struct lb_disk *disk, struct lb_error *err)
{
	struct virtio_blk *blk = disk->state;
	uint64_t features;

	if (negotiate(blk, &features, err) != 0)
		return -1;
	if (features != blk->features)
		return lb_fail(err, "%s: offers features 0x%lx after a reset, before it 0x%lx", blk->name,
			       features, blk->features);
	return start_queue(blk, err);
}

static void blk_stop(struct lb_disk *disk)
{
	struct virtio_blk *blk = disk->state;

	reset_device(blk, NULL);
	lb_pcidev_enable(blk->pci, false);
}

static const struct lb_disk_driver virtio_blk_driver = {
	.name = "virtio-blk",
	.submit = blk_submit,
	.poll = blk_poll,
	.reset = blk_reset,
	.stop = blk_stop,
};

static int check_identity(const struct virtio_blk *blk, const struct lb_target *target, struct lb_error *err)
{
	uint32_t id = lb_pcidev_read(blk->pci, LB_PCI_ID);
	uint32_t class = lb_pcidev_read(blk->pci, LB_PCI_CLASS);
	uint32_t device = id >> 16;

	if (lb_target_is_function(target, blk->name, id, class, err) != 0)
		return -1;
	if ((id & 0xffff) != LB_VIRTIO_VENDOR ||
	    (device != VIRTIO_BLK_MODERN && device != VIRTIO_BLK_TRANSITIONAL))
		return lb_fail(err, "%s: PCI ID 0x%x is no virtio block device", blk->name, id);
	return 0;
}

int lb_virtio_blk_open(const struct lb_target *target, struct lb_disk *ret_disk, struct lb_error *err)
{
	struct lb_disk disk = {.driver = &virtio_blk_driver, .pci = target->pci};
	struct virtio_blk *blk = lb_heap_pages(sizeof(*blk));
	struct block_config config = {0};
	char pci[16];

	if (!blk)
		return lb_fail(err, "virtio-blk %s: no memory for its queue, %lu bytes",
			       lb_pcidev_name(target->pci, pci), sizeof(*blk));
	disk.state = blk;
	blk->pci = target->pci;
	lb_snprintf(blk->name, sizeof(blk->name), "virtio-blk %s", lb_pcidev_name(target->pci, pci));
	if (check_identity(blk, target, err) != 0)
		return -1;
	lb_pcidev_enable(blk->pci, false);
	if (map_registers(blk, err) != 0 || negotiate(blk, &blk->features, err) != 0 ||
	    read_config(blk, &config, err) != 0 || measure_disk(blk, &config, target, &disk, err) != 0 ||
	    size_requests(blk, &config, &disk, err) != 0 || start_queue(blk, err) != 0) {
		lb_pcidev_enable(blk->pci, false);
		return -1;
	}
	*ret_disk = disk;
	return 0;
}
