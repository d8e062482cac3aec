// SPDX-License-Identifier: BSD-2-Clause
// Test only: a firmware driver for the disk at target 5 of a PVSCSI adapter with blocks of 512 bytes, which
// Debian's firmware does not have. It uses the capture kernel's own driver. The firmware then shows the disk
// like any other.
#include <efi.h>
#include <efipciio.h>

#include "crash/disk/disk.h"
#include "crash/platform/pcidev.h"
#include "crash/platform/platform.h"
#include "disktest.h"

#define ID 0x07c015adU
#define TARGET 5
#define PIECE LB_PAGE // the most bytes of a transfer, which goes through a page of the driver's
#define PATH_MAX 256

static EFI_BOOT_SERVICES *bs;
static struct lb_disk disk;
static uint8_t *page;
static EFI_BLOCK_IO io;
static EFI_BLOCK_IO_MEDIA media;
static uint8_t path[PATH_MAX];

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system);

static EFI_STATUS run(enum lb_disk_op op, uint64_t block, uint32_t bytes)
{
	const struct lb_disk_request request = {.op = op, .block = block, .buffer = page, .bytes = bytes};
	struct lb_deadline deadline = lb_deadline_in(LB_DISK_TIMEOUT_MS);
	struct lb_error err;
	uint32_t tag;
	int result;

	if (disk.driver->submit(&disk, &request, &err) != 0)
		return EFI_DEVICE_ERROR;
	do {
		result = disk.driver->poll(&disk, &tag, &err);
	} while (!result && !lb_deadline_passed(deadline));
	return result == 1 ? EFI_SUCCESS : EFI_DEVICE_ERROR;
}

static EFI_STATUS transfer(enum lb_disk_op op, uint64_t block, UINTN bytes, uint8_t *data)
{
	for (UINTN done = 0, piece; done < bytes; done += piece) {
		piece = bytes - done < PIECE ? bytes - done : PIECE;
		if (op == LB_DISK_WRITE)
			bs->CopyMem(page, data + done, piece);
		if (run(op, block + done / disk.block_bytes, (uint32_t)piece) != EFI_SUCCESS)
			return EFI_DEVICE_ERROR;
		if (op == LB_DISK_READ)
			bs->CopyMem(data + done, page, piece);
	}
	return EFI_SUCCESS;
}

static EFI_STATUS EFIAPI reset_disk(EFI_BLOCK_IO *this, BOOLEAN extended)
{
	(void)this;
	(void)extended;
	return EFI_SUCCESS;
}

static EFI_STATUS EFIAPI read_blocks(EFI_BLOCK_IO *this, UINT32 id, EFI_LBA block, UINTN bytes, VOID *data)
{
	(void)this;
	(void)id;
	return transfer(LB_DISK_READ, block, bytes, data);
}

static EFI_STATUS EFIAPI write_blocks(EFI_BLOCK_IO *this, UINT32 id, EFI_LBA block, UINTN bytes, VOID *data)
{
	(void)this;
	(void)id;
	return transfer(LB_DISK_WRITE, block, bytes, data);
}

static EFI_STATUS EFIAPI flush_blocks(EFI_BLOCK_IO *this)
{
	(void)this;
	return run(LB_DISK_FLUSH, 0, 0);
}

// Makes the adapter's path with Scsi(5,0) behind it: UEFI 2.10, 10.3.4.2.
static EFI_STATUS make_path(EFI_HANDLE adapter)
{
	static const uint8_t end[] = {3, 2, 8, 0, TARGET, 0, 0, 0, 0x7f, 0xff, 4, 0};
	EFI_GUID guid = DEVICE_PATH_PROTOCOL;
	EFI_DEVICE_PATH *node;
	UINTN used = 0;
	EFI_STATUS status = bs->HandleProtocol(adapter, &guid, (void **)&node);

	while (!EFI_ERROR(status) && node->Type != 0x7f) {
		UINTN bytes = node->Length[0] | (UINTN)node->Length[1] << 8;

		if (bytes < 4 || used + bytes + sizeof(end) > sizeof(path))
			return EFI_BUFFER_TOO_SMALL;
		bs->CopyMem(path + used, node, bytes);
		used += bytes;
		node = (EFI_DEVICE_PATH *)((UINT8 *)node + bytes);
	}
	bs->CopyMem(path + used, (void *)(UINTN)end, sizeof(end));
	return status;
}

static EFI_STATUS show_disk(EFI_HANDLE adapter)
{
	EFI_GUID path_guid = DEVICE_PATH_PROTOCOL, block_guid = EFI_BLOCK_IO_PROTOCOL_GUID;
	EFI_HANDLE handle = NULL;
	EFI_STATUS status = make_path(adapter);

	media = (EFI_BLOCK_IO_MEDIA){
		.MediaPresent = TRUE, .BlockSize = disk.block_bytes, .LastBlock = disk.blocks - 1};
	io = (EFI_BLOCK_IO){.Revision = EFI_BLOCK_IO_INTERFACE_REVISION,
			    .Media = &media,
			    .Reset = reset_disk,
			    .ReadBlocks = read_blocks,
			    .WriteBlocks = write_blocks,
			    .FlushBlocks = flush_blocks};
	if (!EFI_ERROR(status))
		status = bs->InstallProtocolInterface(&handle, &path_guid, EFI_NATIVE_INTERFACE, path);
	if (!EFI_ERROR(status))
		status = bs->InstallProtocolInterface(&handle, &block_guid, EFI_NATIVE_INTERFACE, &io);
	return status;
}

static EFI_STATUS drive(EFI_HANDLE handle, EFI_PCI_IO_PROTOCOL *pci)
{
	struct lb_target target = {
		.kind = LB_TARGET_PVSCSI, .block_bytes = 512, .pci_id = ID, .unit = LB_SCSI_UNIT(TARGET, 0)};
	UINTN segment, bus, device, function;
	struct lb_error err;

	if (EFI_ERROR(pci->GetLocation(pci, &segment, &bus, &device, &function)))
		return EFI_DEVICE_ERROR;
	target.pci = (struct lb_pci_address){.segment = (uint16_t)segment,
					     .bus = (uint8_t)bus,
					     .device = (uint8_t)device,
					     .function = (uint8_t)function};
	if (lb_pvscsi_open(&target, &disk, &err) != 0) {
		lb_say("%s", err.text);
		return EFI_DEVICE_ERROR;
	}
	return show_disk(handle);
}

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system)
{
	EFI_GUID guid = EFI_PCI_IO_PROTOCOL_GUID;
	EFI_HANDLE *handles;
	UINTN count = 0;
	EFI_STATUS status;

	(void)image;
	bs = system->BootServices;
	platform_open(bs);
	lb_pcidev_open(NULL, 0);
	page = lb_heap_pages(LB_PAGE);
	status = bs->LocateHandleBuffer(ByProtocol, &guid, NULL, &count, &handles);
	if (EFI_ERROR(status) || !page)
		return EFI_OUT_OF_RESOURCES;
	for (UINTN i = 0; i < count; i++) {
		EFI_PCI_IO_PROTOCOL *pci;
		uint32_t id = 0;

		if (EFI_ERROR(bs->HandleProtocol(handles[i], &guid, (void **)&pci)) ||
		    EFI_ERROR(pci->Pci.Read(pci, EfiPciIoWidthUint32, 0, 1, &id)) || id != ID)
			continue;
		return drive(handles[i], pci);
	}
	return EFI_NOT_FOUND;
}
