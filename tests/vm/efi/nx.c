// SPDX-License-Identifier: BSD-2-Clause
// Test only: prints the attributes of memory of each type, by EFI_MEMORY_ATTRIBUTE_PROTOCOL, and runs code in
// a page of loader data. Firmware with a strict NX policy takes a page fault there. With any other the code
// returns, and the machine is switched off.
#include <efi.h>

#define PAGE 4096
#define MEMORY_RP 0x2000ULL // UEFI 2.10, 7.2.3
#define MEMORY_XP 0x4000ULL
#define MEMORY_RO 0x20000ULL
#define RETURN 0xc3

struct memory_attributes;
struct memory_attributes {
	EFI_STATUS(EFIAPI *get)
	(struct memory_attributes *this, EFI_PHYSICAL_ADDRESS start, UINT64 bytes, UINT64 *ret_attributes);
};

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system);

static EFI_SYSTEM_TABLE *st;

static void say(const char *text)
{
	for (; *text; text++) {
		CHAR16 wide[] = {(CHAR16)(UINT8)*text, 0};

		st->ConOut->OutputString(st->ConOut, wide);
	}
}

static void say_attributes(struct memory_attributes *protocol, EFI_MEMORY_TYPE type, const char *name)
{
	EFI_PHYSICAL_ADDRESS page;
	UINT64 attributes = 0;

	say("nx: ");
	say(name);
	if (EFI_ERROR(st->BootServices->AllocatePages(AllocateAnyPages, type, 1, &page)) ||
	    EFI_ERROR(protocol->get(protocol, page, PAGE, &attributes))) {
		say(": failed\r\n");
		return;
	}
	say(attributes & MEMORY_RP ? ": -" : ": r");
	say(attributes & MEMORY_RO ? "-" : "w");
	say(attributes & MEMORY_XP ? "-\r\n" : "x\r\n");
}

static void say_all(void)
{
	static EFI_GUID guid = {0xf4560cf6, 0x40ec, 0x4b4a, {0xa1, 0x92, 0xbf, 0x1d, 0x57, 0xd0, 0xb1, 0x89}};
	void *interface = NULL;

	if (EFI_ERROR(st->BootServices->LocateProtocol(&guid, NULL, &interface))) {
		say("nx: no protocol\r\n");
		return;
	}
	say_attributes(interface, EfiLoaderCode, "loader code");
	say_attributes(interface, EfiLoaderData, "loader data");
	say_attributes(interface, EfiBootServicesCode, "boot services code");
	say_attributes(interface, EfiBootServicesData, "boot services data");
	say_attributes(interface, EfiRuntimeServicesCode, "runtime code");
	say_attributes(interface, EfiRuntimeServicesData, "runtime data");
	say_attributes(interface, EfiReservedMemoryType, "reserved");
}

static void run_data(void)
{
	EFI_PHYSICAL_ADDRESS page;

	if (EFI_ERROR(st->BootServices->AllocatePages(AllocateAnyPages, EfiLoaderData, 1, &page))) {
		say("nx: failed\r\n");
		return;
	}
	*(volatile UINT8 *)(UINTN)page = RETURN;
	say("nx: runs loader data\r\n");
	((void (*)(void))(UINTN)page)();
	say("nx: loader data was run\r\n");
}

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system)
{
	(void)image;
	st = system;
	say_all();
	run_data();
	st->RuntimeServices->ResetSystem(EfiResetShutdown, EFI_SUCCESS, 0, NULL);
	return EFI_ABORTED;
}
