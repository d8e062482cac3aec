// SPDX-License-Identifier: BSD-2-Clause
// Test only: tries the capture kernel's disk drivers on a machine's disks, without a dead kernel. Started as
// BOOTX64.EFI, it obeys \disktest.conf (disktest_conf.c), prints the result of each line on the serial
// console, and switches the machine off. Results:
//
//   disktest: nvme 0000:00:04.0 unit 1: ok
//   disktest: nvme 0000:00:04.0 unit 1: FAILED: reason
#include "disktest.h"

#include <efipciio.h>

#include "crash/platform/pcidev.h"
#include "crash/platform/platform.h"
#include "lib/mem.h"

#define MAX_TEXT 4096
#define PCIEXBAR 0x60 // of Q35's host bridge: Intel 3 Series MCH, 5.1.15
#define PCIEXBAR_ENABLE 1U
#define PCIEXBAR_LENGTH 6U
#define PCIEXBAR_BASE 0xf0000000U

static EFI_SYSTEM_TABLE *st;
static EFI_BOOT_SERVICES *bs;
static char text[MAX_TEXT];

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system);

static EFI_STATUS read_conf(EFI_HANDLE device)
{
	EFI_GUID guid = SIMPLE_FILE_SYSTEM_PROTOCOL;
	EFI_FILE_IO_INTERFACE *volume;
	EFI_FILE_HANDLE root, file;
	UINTN bytes = sizeof(text) - 1;
	EFI_STATUS status = bs->HandleProtocol(device, &guid, (void **)&volume);

	if (!EFI_ERROR(status))
		status = volume->OpenVolume(volume, &root);
	if (!EFI_ERROR(status))
		status = root->Open(root, &file, (CHAR16[]){L"\\disktest.conf"}, EFI_FILE_MODE_READ, 0);
	if (!EFI_ERROR(status))
		status = file->Read(file, &bytes, text);
	return status;
}

// Finds the ECAM of QEMU's q35; 0 if there is none.
static struct lb_ecam find_ecam(void)
{
	struct lb_ecam ecam = {.bus_last = UINT8_MAX};
	uint32_t bar;

	lb_pcidev_open(NULL, 0);
	bar = lb_pcidev_read((struct lb_pci_address){0}, PCIEXBAR);
	if ((bar & PCIEXBAR_ENABLE) && !(bar & PCIEXBAR_LENGTH))
		ecam.phys = bar & PCIEXBAR_BASE;
	return ecam;
}

static bool is_at(EFI_PCI_IO_PROTOCOL *pci, struct lb_pci_address at)
{
	UINTN segment, bus, device, function;

	return !EFI_ERROR(pci->GetLocation(pci, &segment, &bus, &device, &function)) &&
	       segment == at.segment && bus == at.bus && device == at.device && function == at.function;
}

// Disconnects the firmware's drivers from the device, or connects them.
static int hand_over(const struct order *order, struct lb_error *err)
{
	EFI_GUID guid = EFI_PCI_IO_PROTOCOL_GUID;
	EFI_HANDLE *handles;
	UINTN count;
	EFI_STATUS status = bs->LocateHandleBuffer(ByProtocol, &guid, NULL, &count, &handles);

	for (UINTN i = 0; !EFI_ERROR(status) && i < count; i++) {
		EFI_PCI_IO_PROTOCOL *pci;

		if (EFI_ERROR(bs->HandleProtocol(handles[i], &guid, (void **)&pci)) ||
		    !is_at(pci, order->target.pci))
			continue;
		if (order->keep)
			bs->ConnectController(handles[i], NULL, NULL, TRUE);
		else
			bs->DisconnectController(handles[i], NULL, NULL);
		return 0;
	}
	return lb_fail(err, "the firmware knows no device at this address");
}

static int obey(const struct order *order)
{
	static const char *const kinds[] = {"?", "nvme", "virtio-blk", "ahci", "virtio-scsi", "pvscsi"};
	struct lb_ecam ecam = find_ecam();
	struct lb_error err;
	char name[16];
	int result = hand_over(order, &err);

	if (result == 0 && order->ecam) {
		if (ecam.phys == 0)
			result = lb_fail(&err, "there is no ECAM");
		else
			lb_pcidev_open(&ecam, 1);
	}
	if (result == 0)
		result = run_order(order, &err);
	lb_say("%s %s unit %u: %s%s", kinds[order->target.kind], lb_pcidev_name(order->target.pci, name),
	       order->target.unit, result ? "FAILED: " : "ok", result ? err.text : "");
	return result;
}

static int obey_all(void)
{
	const char *next = text;
	int result = 0;

	while (*next) {
		struct order order;

		if (!read_order(next, &order, &next)) {
			lb_say("FAILED: disktest.conf, not understood: %.60s", next);
			return -1;
		}
		if (order.target.kind && obey(&order) != 0)
			result = -1;
	}
	return result;
}

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system)
{
	EFI_GUID guid = LOADED_IMAGE_PROTOCOL;
	EFI_LOADED_IMAGE *self;
	EFI_STATUS status;

	st = system;
	bs = system->BootServices;
	platform_open(bs);
	bs->SetWatchdogTimer(0, 0, 0, NULL);
	status = bs->HandleProtocol(image, &guid, (void **)&self);
	if (!EFI_ERROR(status))
		status = read_conf(self->DeviceHandle);
	if (EFI_ERROR(status))
		lb_say("FAILED: disktest.conf cannot be read (0x%lx)", (unsigned long)status);
	else
		lb_say("end: %s", obey_all() == 0 ? "ok" : "FAILED");
	st->RuntimeServices->ResetSystem(EfiResetShutdown, EFI_SUCCESS, 0, NULL);
	return EFI_SUCCESS;
}
