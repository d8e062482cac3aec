// SPDX-License-Identifier: BSD-2-Clause
#include "loader/blockdev.h"

#include "crash/disk/target_kind.h"
#include "lib/mem.h"
#include "lifeboat/pci.h"
#include "loader/budget.h"
#include "loader/pci_io.h"
#include "loader/print.h"

#define PATH_END 0x7f // a node of this type ends a device path; UEFI 2.10, 10.3.1

static EFI_GUID pci_guid = EFI_PCI_IO_PROTOCOL_GUID;
static EFI_GUID block_guid = EFI_BLOCK_IO_PROTOCOL_GUID;
static EFI_GUID path_guid = DEVICE_PATH_PROTOCOL;

static void say_connecting(EFI_PCI_IO_PROTOCOL *pci)
{
	UINTN segment, bus, slot, function;

	if (!EFI_ERROR(pci->GetLocation(pci, &segment, &bus, &slot, &function)))
		lb_print_verbose("firmware: asked to drive the disks of %04lx:%02lx:%02lx.%lx\n",
				 (unsigned long)segment, (unsigned long)bus, (unsigned long)slot,
				 (unsigned long)function);
}

// Leaves a function alone that has a driver already, or for which the firmware has none.
static bool connect(EFI_HANDLE handle)
{
	void *pci;

	if (EFI_ERROR(BS->HandleProtocol(handle, &pci_guid, &pci)) ||
	    !lb_target_driven(lb_pci_io_read(pci, LB_PCI_ID), lb_pci_io_read(pci, LB_PCI_CLASS) >> 8))
		return false;
	say_connecting(pci);
	lb_step_begin();
	lb_budget_wait();
	BS->ConnectController(handle, NULL, NULL, TRUE);
	lb_budget_waited();
	return true;
}

bool lb_blockdev_connect_next(struct lb_controllers *controllers)
{
	if (!controllers->handles &&
	    EFI_ERROR(BS->LocateHandleBuffer(ByProtocol, &pci_guid, NULL, &controllers->count,
					     &controllers->handles)))
		controllers->count = 0;
	while (controllers->next < controllers->count && !lb_budget_spent()) {
		if (connect(controllers->handles[controllers->next++]))
			return true;
	}
	return false;
}

int lb_blockdev_list(struct lb_blockdev **ret_devices, UINTN *ret_count, struct lb_error *err)
{
	LB_CLEANUP(lb_pool_free) EFI_HANDLE *handles = NULL;
	struct lb_blockdev *devices;
	UINTN handle_count = 0, count = 0;

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

// Finds the PCI function that the disk hangs on, and the first path node behind it.
static EFI_PCI_IO_PROTOCOL *find_controller(const struct lb_blockdev *device, EFI_DEVICE_PATH **ret_node)
{
	EFI_DEVICE_PATH *path;
	void *protocol;
	EFI_HANDLE handle;

	if (EFI_ERROR(BS->HandleProtocol(device->handle, &path_guid, &protocol)))
		return NULL;
	path = protocol;
	if (EFI_ERROR(BS->LocateDevicePath(&pci_guid, &path, &handle)) ||
	    EFI_ERROR(BS->HandleProtocol(handle, &pci_guid, &protocol)))
		return NULL;
	*ret_node = path;
	return protocol;
}

int lb_blockdev_locate(const struct lb_blockdev *device, bool named, struct lb_target *target,
		       struct lb_error *err)
{
	UINTN segment, bus, slot, function;
	struct lb_disk_place place = {.named = named};
	EFI_PCI_IO_PROTOCOL *pci;
	EFI_DEVICE_PATH *node;

	pci = find_controller(device, &node);
	if (!pci || EFI_ERROR(pci->GetLocation(pci, &segment, &bus, &slot, &function)))
		return lb_fail(err, "its disk is not behind a PCI function");
	place.class = lb_pci_io_read(pci, LB_PCI_CLASS) >> 8;
	place.id = lb_pci_io_read(pci, LB_PCI_ID);
	place.node = (const uint8_t *)node;
	place.node_bytes = node->Type == PATH_END ? 0 : node->Length[0] | (UINTN)node->Length[1] << 8;
	if (lb_target_classify(&place, target, err) != 0)
		return -1;
	target->pci_id = place.id;
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
	EFI_STATUS status;

	if (lb_budget_spent())
		return EFI_TIMEOUT;
	lb_step_begin();
	lb_budget_wait();
	status = io->ReadBlocks(io, io->Media->MediaId, block, bytes, data);
	lb_budget_waited();
	return status;
}

EFI_STATUS lb_blockdev_write(const struct lb_blockdev *device, uint64_t block, void *data, UINTN bytes)
{
	EFI_BLOCK_IO *io = device->io;
	EFI_STATUS status;

	if (lb_budget_spent())
		return EFI_TIMEOUT;
	lb_step_begin();
	lb_budget_wait();
	status = io->WriteBlocks(io, io->Media->MediaId, block, bytes, data);
	if (!EFI_ERROR(status))
		status = io->FlushBlocks(io);
	lb_budget_waited();
	return status;
}
