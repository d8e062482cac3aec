// SPDX-License-Identifier: BSD-2-Clause
// virtio-scsi over PCI, by the modern interface: a transport for the commands of scsi.c, with the first
// request queue. The queues for task management and events stay off. The device gets physical addresses,
// whatever VIRTIO_F_ACCESS_PLATFORM says: the IOMMU is off by then.
// Source: Virtual I/O Device 1.2, 3.1 (initialisation), 5.6 (SCSI host).
#include "crash/disk/disk.h"
#include "crash/disk/scsi.h"
#include "crash/disk/target_check.h"
#include "crash/disk/target_kind.h"
#include "crash/platform/pcidev.h"
#include "crash/platform/platform.h"
#include "crash/platform/virtio_pci.h"
#include "crash/platform/virtio_queue.h"
#include "lib/mem.h"
#include "lifeboat/range.h"

#define VIRTIO_SCSI_TRANSITIONAL 0x1004
#define VIRTIO_SCSI_MODERN 0x1048
#define ORDER_PLATFORM LB_VIRTIO_FEATURE(36) // see virtio_blk.c
#define WANTED (LB_VIRTIO_VERSION_1 | LB_VIRTIO_ACCESS_PLATFORM | ORDER_PLATFORM)

// 5.6.4
struct scsi_config {
	uint32_t queue_count, segments_max, sectors_max, commands_per_unit;
	uint32_t event_bytes, sense_bytes, cdb_bytes;
	uint16_t channel_max, target_max;
	uint32_t lun_max;
};
#define SECTOR 512U
#define REQUEST_QUEUE 2 // 0 is for task management, 1 for events

#define TARGET_MAX 255 // 5.6.6.1: a byte
#define LUN_MAX 16383 // flat addressing, SAM-5 4.7.3

// 5.6.6.1: the device reads the request's header, with 32 bytes for the command, and writes the
// response, with 96 bytes for sense data.
#define CDB_ROOM 32
#define SENSE_ROOM 96
struct __attribute__((packed)) header {
	uint8_t lun[8];
	uint64_t id;
	uint8_t attribute, priority, reference;
	uint8_t cdb[CDB_ROOM];
};
struct __attribute__((packed)) response {
	uint32_t sense_bytes, residual;
	uint16_t qualifier;
	uint8_t status, response;
	uint8_t sense[SENSE_ROOM];
};
_Static_assert(sizeof(struct header) == 51 && sizeof(struct response) == 108, "5.6.6.1");
#define RESPONSE_OK 0
#define RESPONSE_BUSY 5
#define RESPONSE_NONE 0xff // not the device's: it has not written the response yet

struct request {
	struct header header;
	uint8_t padding[13];
	struct response response;
	uint8_t end[20];
	uint32_t bytes; // of data
};
_Static_assert(offsetof(struct request, response) == 64, "in lines of their own");

#define CHAIN 3U // descriptors of a request: header, data, response
#define LOOK_MS 100 // between two reads of the status register; each read is an exit from a guest

struct virtio_scsi {
	struct lb_virtio_queue queue; // comes first: its rings are page-aligned
	volatile struct request requests[LB_DISK_MAX_DEPTH] __attribute__((aligned(64)));

	struct lb_scsi scsi;
	struct lb_pci_address pci;
	char name[32]; // "virtio-scsi 0000:00:03.0"
	uint8_t lun[8]; // in the device's format
	volatile struct lb_virtio_common *common;
	volatile struct scsi_config *config;
	uint64_t features; // the negotiated features
	uint32_t in_flight; // a bit for each tag
	struct lb_deadline next_look;
};

static int map_registers(struct virtio_scsi *host, struct lb_error *err)
{
	struct lb_virtio_place common, config;

	if (lb_virtio_find(host->pci, host->name, LB_VIRTIO_COMMON, sizeof(*host->common), &common, err) !=
		    0 ||
	    lb_virtio_find(host->pci, host->name, LB_VIRTIO_NOTIFY, sizeof(uint16_t), &host->queue.doorbells,
			   err) != 0 ||
	    lb_virtio_find(host->pci, host->name, LB_VIRTIO_DEVICE, sizeof(*host->config), &config, err) != 0)
		return -1;
	host->common = lb_device_map(common.phys, sizeof(*host->common));
	host->config = lb_device_map(config.phys, sizeof(*host->config));
	if (!host->common || !host->config)
		return lb_fail(err, "%s: registers at 0x%lx and 0x%lx cannot be mapped", host->name,
			       common.phys, config.phys);
	host->queue.name = host->name;
	host->queue.common = host->common;
	host->queue.number = REQUEST_QUEUE;
	return 0;
}

static int check_there(const struct virtio_scsi *host, struct lb_error *err)
{
	if (lb_pcidev_read(host->pci, LB_PCI_ID) == UINT32_MAX)
		return lb_fail(err, "%s: the device is gone", host->name);
	return 0;
}

// Resets the device. If the reset does not end, bus mastering goes off.
static int reset_device(struct virtio_scsi *host, struct lb_error *err)
{
	if (lb_virtio_reset(host->common, LB_DISK_TIMEOUT_MS))
		return 0;
	lb_pcidev_enable(host->pci, false);
	return lb_fail(err, "%s: device status is 0x%x %u ms after a reset, wanted 0", host->name,
		       host->common->status, LB_DISK_TIMEOUT_MS);
}

// Sets the sizes of command and sense data: the dead kernel may have changed them, and some devices keep
// them over a reset.
static int set_sizes(struct virtio_scsi *host, struct lb_error *err)
{
	host->config->sense_bytes = SENSE_ROOM;
	host->config->cdb_bytes = CDB_ROOM;
	if (host->config->sense_bytes == SENSE_ROOM && host->config->cdb_bytes == CDB_ROOM)
		return 0;
	return lb_fail(err, "%s: wants commands of %u bytes and sense data of %u, not %u and %u", host->name,
		       host->config->cdb_bytes, host->config->sense_bytes, CDB_ROOM, SENSE_ROOM);
}

// 3.1.1, steps 1 to 6.
static int negotiate(struct virtio_scsi *host, uint64_t *ret_features, struct lb_error *err)
{
	uint64_t features;

	if (check_there(host, err) != 0 || reset_device(host, err) != 0)
		return -1;
	lb_pcidev_enable(host->pci, true);
	features = lb_virtio_begin(host->common);
	if (!(features & LB_VIRTIO_VERSION_1))
		return lb_fail(err, "%s: offers features 0x%lx, not bit 32 (VERSION_1)", host->name,
			       features);
	features &= WANTED;
	if (!lb_virtio_agree(host->common, features))
		return lb_fail(err, "%s: refuses features 0x%lx, all of which it offered", host->name,
			       features);
	*ret_features = features;
	return set_sizes(host, err);
}

// Steps 7 and 8 of 3.1.1.
static int start_queue(struct virtio_scsi *host, struct lb_error *err)
{
	host->in_flight = 0;
	host->next_look = lb_deadline_in(LOOK_MS);
	if (lb_virtio_queue_start(&host->queue, err) != 0)
		return -1;
	lb_virtio_go(host->common);
	return 0;
}

static int size_requests(struct virtio_scsi *host, struct lb_error *err)
{
	uint32_t sectors = host->config->sectors_max, commands = host->config->commands_per_unit;
	struct lb_scsi *scsi = &host->scsi;

	if (lb_virtio_queue_measure(&host->queue, err) != 0)
		return -1;
	if (host->queue.size <= CHAIN || sectors < LB_PAGE / SECTOR || !host->config->segments_max)
		return lb_fail(err, "%s: queue of %u, %u segments, %u sectors: too few for a request",
			       host->name, host->queue.size, host->config->segments_max, sectors);
	scsi->depth = host->queue.size / CHAIN;
	if (scsi->depth > LB_DISK_MAX_DEPTH)
		scsi->depth = LB_DISK_MAX_DEPTH;
	if (commands && scsi->depth > commands)
		scsi->depth = commands;
	scsi->max_bytes = (uint32_t)LB_MIB;
	if (sectors < LB_MIB / SECTOR)
		scsi->max_bytes = (uint32_t)lb_align_down(sectors * SECTOR, LB_PAGE);
	return 0;
}

static int host_submit(struct lb_scsi *scsi, uint32_t tag, const struct lb_scsi_command *command,
		       struct lb_error *err)
{
	struct virtio_scsi *host = scsi->state;
	volatile struct request *request = &host->requests[tag];
	struct header header = {.id = tag};
	uint32_t head = tag * CHAIN, at = head;

	(void)err;
	memcpy(header.lun, host->lun, sizeof(header.lun));
	memcpy(header.cdb, command->cdb, sizeof(command->cdb));
	memcpy((void *)(uintptr_t)&request->header, &header, sizeof(header));
	memset((void *)(uintptr_t)&request->response, 0, sizeof(request->response));
	request->response.response = RESPONSE_NONE;
	request->bytes = command->bytes;
	host->in_flight |= 1U << tag;

	// 5.6.6.1: data that the device reads comes before the response, data that it writes comes
	// after.
	lb_virtio_queue_describe(&host->queue, at++, &request->header, sizeof(header), LB_VIRTIO_NEXT);
	if (command->bytes && command->to_device)
		lb_virtio_queue_describe(&host->queue, at++, command->data, command->bytes, LB_VIRTIO_NEXT);
	if (command->bytes && !command->to_device) {
		lb_virtio_queue_describe(&host->queue, at++, &request->response, sizeof(request->response),
					 LB_VIRTIO_DEVICE_WRITES | LB_VIRTIO_NEXT);
		lb_virtio_queue_describe(&host->queue, at, command->data, command->bytes,
					 LB_VIRTIO_DEVICE_WRITES);
	} else {
		lb_virtio_queue_describe(&host->queue, at, &request->response, sizeof(request->response),
					 LB_VIRTIO_DEVICE_WRITES);
	}
	lb_virtio_queue_give(&host->queue, head);
	return 0;
}

// Checks whether the device has failed or is gone.
static int look_at_status(struct virtio_scsi *host, struct lb_error *err)
{
	uint8_t status;

	if (!lb_deadline_passed(host->next_look))
		return 0;
	host->next_look = lb_deadline_in(LOOK_MS);
	status = host->common->status;
	if ((status & (LB_VIRTIO_DRIVER_OK | LB_VIRTIO_NEEDS_RESET)) == LB_VIRTIO_DRIVER_OK)
		return 0;
	if (check_there(host, err) == 0)
		lb_fail(err, "%s: device status 0x%x: %s", host->name, status,
			status & LB_VIRTIO_NEEDS_RESET ? "it gave up and needs a reset"
						       : "it was reset, and not by Lifeboat");
	return -1;
}

// 5.6.6.1: decodes the device's response, which tells whether the command reached the disk.
static int decode_response(const struct virtio_scsi *host, uint32_t tag, struct lb_scsi_answer *ret_answer,
			   struct lb_error *err)
{
	static const char *const names[] = {
		"ok",   "overrun",           "aborted",        "no such target", "reset",
		"busy", "transport failure", "target failure", "nexus failure",  "failure"};
	const volatile struct request *request = &host->requests[tag];
	struct response response;

	memcpy(&response, (const void *)(uintptr_t)&request->response, sizeof(response));
	ret_answer->tag = tag;
	ret_answer->status = response.status;
	if (response.response == RESPONSE_BUSY) {
		ret_answer->status = LB_SCSI_BUSY;
		return 1;
	}
	if (response.response >= sizeof(names) / sizeof(names[0]))
		return lb_fail(err, "%s: ended a request with response 0x%x, wanted 0 to 9", host->name,
			       response.response);
	if (response.response != RESPONSE_OK)
		return lb_fail(err, "%s: %s (response %u)", host->scsi.name, names[response.response],
			       response.response);
	if (response.residual > request->bytes || response.sense_bytes > SENSE_ROOM)
		return lb_fail(err,
			       "%s: %u of %u bytes not moved, %u bytes of sense data: more than is possible",
			       host->name, response.residual, request->bytes, response.sense_bytes);
	ret_answer->moved = request->bytes - response.residual;
	ret_answer->sense_bytes = response.sense_bytes < LB_SCSI_SENSE ? response.sense_bytes : LB_SCSI_SENSE;
	memcpy(ret_answer->sense, response.sense, ret_answer->sense_bytes);
	return 1;
}

static int host_poll(struct lb_scsi *scsi, struct lb_scsi_answer *ret_answer, struct lb_error *err)
{
	struct virtio_scsi *host = scsi->state;
	uint32_t head = 0, tag;
	int result;

	ret_answer->tag = LB_DISK_NO_TAG;
	if (!host->in_flight)
		return 0;
	result = lb_virtio_queue_take(&host->queue, scsi->depth, &head, err);
	if (!result)
		return look_at_status(host, err);
	if (result < 0)
		return -1;
	tag = head / CHAIN;
	if (head % CHAIN || tag >= scsi->depth || !(host->in_flight & 1U << tag))
		return lb_fail(err, "%s: reports request %u as done, which is not in flight", host->name,
			       head);
	host->in_flight &= ~(1U << tag);
	return decode_response(host, tag, ret_answer, err);
}

static int host_reset(struct lb_scsi *scsi, struct lb_error *err)
{
	struct virtio_scsi *host = scsi->state;
	uint64_t features;

	if (negotiate(host, &features, err) != 0)
		return -1;
	if (features != host->features)
		return lb_fail(err, "%s: offers features 0x%lx after a reset, before it 0x%lx", host->name,
			       features, host->features);
	return start_queue(host, err);
}

static void host_stop(struct lb_scsi *scsi)
{
	struct virtio_scsi *host = scsi->state;

	reset_device(host, NULL);
	lb_pcidev_enable(host->pci, false);
}

static const struct lb_scsi_transport virtio_scsi_transport = {
	.name = "virtio-scsi",
	.submit = host_submit,
	.poll = host_poll,
	.reset = host_reset,
	.stop = host_stop,
};

static int check_identity(const struct virtio_scsi *host, const struct lb_target *target,
			  struct lb_error *err)
{
	uint32_t id = lb_pcidev_read(host->pci, LB_PCI_ID);
	uint32_t device = id >> 16;

	if (lb_target_is_function(target, host->name, id, lb_pcidev_read(host->pci, LB_PCI_CLASS), err) != 0)
		return -1;
	if ((id & 0xffff) != LB_VIRTIO_VENDOR ||
	    (device != VIRTIO_SCSI_MODERN && device != VIRTIO_SCSI_TRANSITIONAL))
		return lb_fail(err, "%s: PCI ID 0x%x is no virtio SCSI host", host->name, id);
	return 0;
}

// Fills the LUN field, 5.6.6.1: the byte 1, the target, and the unit's number in flat addressing.
static int set_lun(struct virtio_scsi *host, uint32_t unit, struct lb_error *err)
{
	uint32_t target = LB_SCSI_UNIT_TARGET(unit), lun = LB_SCSI_UNIT_LUN(unit);

	if (target > TARGET_MAX || lun > LUN_MAX)
		return lb_fail(err, "%s: cannot address target %u LUN %u, wanted up to %u and %u", host->name,
			       target, lun, TARGET_MAX, LUN_MAX);
	host->lun[0] = 1;
	host->lun[1] = (uint8_t)target;
	host->lun[2] = (uint8_t)(0x40 | lun >> 8);
	host->lun[3] = (uint8_t)lun;
	return 0;
}

int lb_virtio_scsi_open(const struct lb_target *target, struct lb_disk *ret_disk, struct lb_error *err)
{
	struct virtio_scsi *host = lb_heap_pages(sizeof(*host));
	char pci[16];

	if (!host)
		return lb_fail(err, "virtio-scsi %s: no memory for its queue, %lu bytes",
			       lb_pcidev_name(target->pci, pci), sizeof(*host));
	host->pci = target->pci;
	lb_snprintf(host->name, sizeof(host->name), "virtio-scsi %s", lb_pcidev_name(target->pci, pci));
	lb_snprintf(host->scsi.name, sizeof(host->scsi.name), "%s target %u LUN %u", host->name,
		    LB_SCSI_UNIT_TARGET(target->unit), LB_SCSI_UNIT_LUN(target->unit));
	host->scsi.transport = &virtio_scsi_transport;
	host->scsi.state = host;
	if (check_identity(host, target, err) != 0 || set_lun(host, target->unit, err) != 0)
		return -1;
	lb_pcidev_enable(host->pci, false);
	if (map_registers(host, err) != 0 || negotiate(host, &host->features, err) != 0 ||
	    size_requests(host, err) != 0 || start_queue(host, err) != 0) {
		lb_pcidev_enable(host->pci, false);
		return -1;
	}
	if (lb_scsi_open(&host->scsi, target, ret_disk, err) != 0) {
		host_stop(&host->scsi);
		return -1;
	}
	return 0;
}
