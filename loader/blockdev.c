// SPDX-License-Identifier: BSD-2-Clause
#include "loader/blockdev.h"

#include "lib/mem.h"
#include "lifeboat/pci.h"
#include "loader/pci_io.h"

// Class code register, bits 31:8: PCI Code and ID Assignment 1.15.
#define CLASS_STORAGE 0x01
#define CLASS_AHCI 0x0106
#define CLASS_NVME 0x0108

// Virtio 1.2, 4.1.2: the block device, transitional and modern.
#define ID_VIRTIO_BLK_OLD 0x10011af4U
#define ID_VIRTIO_BLK 0x10421af4U
// The SCSI host, the same.
#define ID_VIRTIO_SCSI_OLD 0x10041af4U
#define ID_VIRTIO_SCSI 0x10481af4U
#define ID_PVSCSI 0x07c015adU // VMware's

// Messaging nodes behind a PCI function; UEFI 2.10, 10.3.4.
#define NODE_MESSAGING 3
#define NODE_SCSI 2
#define NODE_SATA 18
#define NODE_NVME 23
#define SATA_DIRECT 0x8000 // no port multiplier: its bit 15 says so

struct __attribute__((packed)) node {
	uint8_t type, subtype;
	uint16_t bytes;
	union {
		struct __attribute__((packed)) {
			uint16_t target, lun;
		} scsi;
		struct __attribute__((packed)) {
			uint16_t port, multiplier, lun;
		} sata;
		struct __attribute__((packed)) {
			uint32_t namespace;
			uint64_t eui64;
		} nvme;
	} u;
};

static EFI_GUID pci_guid = EFI_PCI_IO_PROTOCOL_GUID;
static EFI_GUID block_guid = EFI_BLOCK_IO_PROTOCOL_GUID;
static EFI_GUID path_guid = DEVICE_PATH_PROTOCOL;

static void connect_controllers(void)
{
	LB_CLEANUP(lb_pool_free) EFI_HANDLE *handles = NULL;
	UINTN count = 0;

	if (EFI_ERROR(BS->LocateHandleBuffer(ByProtocol, &pci_guid, NULL, &count, &handles)))
		return;
	for (UINTN i = 0; i < count; i++) {
		void *pci;

		// A controller that has a driver, or for which there is none, stays as it is.
		if (!EFI_ERROR(BS->HandleProtocol(handles[i], &pci_guid, &pci)) &&
		    lb_pci_io_read(pci, LB_PCI_CLASS) >> 24 == CLASS_STORAGE) {
			lb_step_begin();
			BS->ConnectController(handles[i], NULL, NULL, TRUE);
		}
	}
}

int lb_blockdev_list(struct lb_blockdev **ret_devices, UINTN *ret_count, struct lb_error *err)
{
	LB_CLEANUP(lb_pool_free) EFI_HANDLE *handles = NULL;
	struct lb_blockdev *devices;
	UINTN handle_count = 0, count = 0;

	connect_controllers();
	if (EFI_ERROR(BS->LocateHandleBuffer(ByProtocol, &block_guid, NULL, &handle_count, &handles)))
		handle_count = 0;
	devices = lb_pool_alloc((handle_count + 1) * sizeof(*devices));
	if (!devices)
		return lb_fail(err, "firmware: no memory for a list of %lu disks",
			       (unsigned long)handle_count);
	for (UINTN i = 0; i < handle_count; i++) {
		void *protocol;
		EFI_BLOCK_IO *io;

		if (EFI_ERROR(BS->HandleProtocol(handles[i], &block_guid, &protocol)))
			continue;
		io = protocol;
		if (io->Media->MediaPresent && !io->Media->LogicalPartition)
			devices[count++] = (struct lb_blockdev){handles[i], io};
	}
	*ret_devices = devices;
	*ret_count = count;
	return 0;
}

// The function that the disk hangs on, and the first node behind it.
static EFI_PCI_IO_PROTOCOL *find_controller(const struct lb_blockdev *device, struct node *ret_node)
{
	EFI_DEVICE_PATH *path;
	void *protocol;
	EFI_HANDLE handle;
	struct node node = {0};

	if (EFI_ERROR(BS->HandleProtocol(device->handle, &path_guid, &protocol)))
		return NULL;
	path = protocol;
	if (EFI_ERROR(BS->LocateDevicePath(&pci_guid, &path, &handle)) ||
	    EFI_ERROR(BS->HandleProtocol(handle, &pci_guid, &protocol)))
		return NULL;
	memcpy(&node, path, 4); // type, subtype, length
	if (node.type == NODE_MESSAGING)
		memcpy(&node, path, node.bytes < sizeof(node) ? node.bytes : sizeof(node));
	*ret_node = node;
	return protocol;
}

// 0: the function is no SCSI adapter that the capture kernel has a driver for.
static uint32_t scsi_kind(uint32_t id)
{
	switch (id) {
	case ID_VIRTIO_SCSI:
	case ID_VIRTIO_SCSI_OLD:
		return LB_TARGET_VIRTIO_SCSI;
	case ID_PVSCSI:
		return LB_TARGET_PVSCSI;
	default:
		return 0;
	}
}

// False: the capture kernel has no driver for it.
static bool classify(uint32_t class, uint32_t id, const struct node *node, struct lb_target *target)
{
	if (id == ID_VIRTIO_BLK || id == ID_VIRTIO_BLK_OLD) {
		target->kind = LB_TARGET_VIRTIO_BLK;
		target->unit = 0;
		return true;
	}
	if (scsi_kind(id) && node->type == NODE_MESSAGING && node->subtype == NODE_SCSI) {
		target->kind = scsi_kind(id);
		target->unit = LB_SCSI_UNIT(node->u.scsi.target, node->u.scsi.lun);
		return true;
	}
	if (class >> 8 == CLASS_NVME && node->type == NODE_MESSAGING && node->subtype == NODE_NVME) {
		target->kind = LB_TARGET_NVME;
		target->unit = node->u.nvme.namespace;
		return true;
	}
	if (class >> 8 == CLASS_AHCI && node->type == NODE_MESSAGING && node->subtype == NODE_SATA &&
	    node->u.sata.multiplier & SATA_DIRECT) {
		target->kind = LB_TARGET_AHCI;
		target->unit = node->u.sata.port;
		return true;
	}
	return false;
}

int lb_blockdev_locate(const struct lb_blockdev *device, struct lb_target *target, struct lb_error *err)
{
	UINTN segment, bus, slot, function;
	EFI_PCI_IO_PROTOCOL *pci;
	uint32_t class, id;
	struct node node;

	pci = find_controller(device, &node);
	if (!pci || EFI_ERROR(pci->GetLocation(pci, &segment, &bus, &slot, &function)))
		return lb_fail(err, "its disk is not behind a PCI function");
	class = lb_pci_io_read(pci, LB_PCI_CLASS) >> 8;
	id = lb_pci_io_read(pci, LB_PCI_ID);
	if (!classify(class, id, &node, target))
		return lb_fail(
			err,
			"its disk's controller (class %06x, %04x:%04x) has no driver in the built-in capture "
			"kernel",
			class, id & 0xffff, id >> 16);
	target->pci_id = id;
	target->pci = (struct lb_pci_address){
		.segment = (uint16_t)segment,
		.bus = (uint8_t)bus,
		.device = (uint8_t)slot,
		.function = (uint8_t)function,
	};
	return 0;
}

EFI_STATUS lb_blockdev_read(const struct lb_blockdev *device, uint64_t block, void *data, UINTN bytes)
{
	EFI_BLOCK_IO *io = device->io;

	lb_step_begin();
	return io->ReadBlocks(io, io->Media->MediaId, block, bytes, data);
}

EFI_STATUS lb_blockdev_write(const struct lb_blockdev *device, uint64_t block, void *data, UINTN bytes)
{
	EFI_BLOCK_IO *io = device->io;
	EFI_STATUS status;

	lb_step_begin();
	status = io->WriteBlocks(io, io->Media->MediaId, block, bytes, data);
	return EFI_ERROR(status) ? status : io->FlushBlocks(io);
}
