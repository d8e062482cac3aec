// SPDX-License-Identifier: BSD-2-Clause
// Test only: a first kernel that leaves boot services, lets runtime memory be used only as the memory
// attributes table says, and asks for a reset. The words of its command line:
//
//   leave=TYPE   cold, warm, shutdown or platform
//   flat         stay at physical addresses; otherwise SetVirtualAddressMap() moves all runtime memory
//   malform      give the memory attributes table a wrong entry size, just before ExitBootServices
//   grow         give the table more entries than the hook has room for
//   front        stand in front of ResetSystem, and pass every call on
//   twice        signal the event of ExitBootServices once before, with a malformed table
//   early        signal the event once before, with the table unchanged
//   capsule      give UpdateCapsule() a capsule before the reset
//   marks        print the most pages of each type that the firmware remembers, and return
//   linux=KIND   leave a Linux's struct boot_params in memory, and print its line afterwards. KIND: one; two, with
//                the same line; differ, two with different lines; refuse, one with noefi; long, one whose line
//                leaves no room; grub, as GRUB's own loader does
//
// The code runs at any address: it is written over a kernel image's. Messages go to COM1.
#include <efi.h>

#include <asm/bootparam.h>
#include <stdbool.h>

#include "lib/mem.h"
#include "lifeboat/ports.h"
#include "lifeboat/x86.h"

#define PAGE 4096ULL
#define LARGE_PAGE (2ULL << 20)
#define COM1 0x3f8
#define VIRTUAL (1ULL << 46) // runtime memory is also mapped here
#define TABLE_PAGES 256
#define MAP_PAGES 16
#define EXTRA_ENTRIES 200
#define MSR_EFER_NXE (1ULL << 11)
#define MEMORY_XP 0x4000ULL // EFI_MEMORY_XP, UEFI 2.10, 7.2.3
#define MEMORY_RO 0x20000ULL
#define RESET_PLATFORM_SPECIFIC ((EFI_RESET_TYPE)3)
#define CAPSULE_PERSISTS 0x10000 // CAPSULE_FLAGS_PERSIST_ACROSS_RESET

struct mat {
	UINT32 version, entries, entry_bytes, flags;
};

struct gate {
	UINT16 low, selector, type, middle;
	UINT32 high, zero;
};

struct __attribute__((packed)) table_register {
	UINT16 limit;
	UINT64 base;
};

EFI_STATUS EFIAPI lb_leave_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system);

static EFI_SYSTEM_TABLE *st;
static EFI_BOOT_SERVICES *bs;
static EFI_RUNTIME_SERVICES *rt;
static const CHAR16 *words;
static UINT8 *map;
static UINTN map_bytes, entry_bytes;
static UINT32 entry_version;
static UINT64 tables, tables_used; // page tables, and how many of their pages are in use
static UINT64 root; // their root
static struct mat *enforced;
static UINT64 front; // the page with the code that stands in front; 0: none
static struct gate idt[32];
static struct boot_params *linux_params[2];

static void say(const char *text)
{
	for (; *text; text++) {
		while (!(cpu_in8(COM1 + 5) & 0x20))
			;
		cpu_out8(COM1, (UINT8)*text);
	}
}

static void say_number(const char *text, UINT64 value)
{
	char digits[] = "0x0000000000000000\r\n";

	for (int i = 0; i < 16; i++)
		digits[17 - i] = "0123456789abcdef"[value >> (4 * i) & 15];
	say(text);
	say(digits);
}

static void __attribute__((noreturn)) stay(void)
{
	for (;;)
		__asm__ volatile("cli; hlt");
}

static void __attribute__((noreturn)) fail(const char *what, UINT64 value)
{
	say("leave: failed: ");
	say_number(what, value);
	stay();
}

// Every exception comes here, whatever the CPU has pushed.
static void __attribute__((noreturn)) fault(void)
{
	UINT64 address;

	__asm__ volatile("mov %%cr2, %0" : "=r"(address));
	say_number("leave: fault at ", address);
	stay();
}

static bool asked(const char *word)
{
	for (const CHAR16 *at = words; *at;) {
		UINTN i = 0;

		while (word[i] && at[i] == (CHAR16)word[i])
			i++;
		if (!word[i] && (at[i] == ' ' || !at[i]))
			return true;
		while (*at && *at != ' ')
			at++;
		while (*at == ' ')
			at++;
	}
	return false;
}

static UINT64 allocate(EFI_MEMORY_TYPE type, UINTN pages)
{
	EFI_PHYSICAL_ADDRESS address = 0xffffffff; // allocate below 4 GiB, which is mapped
	EFI_STATUS status = bs->AllocatePages(AllocateMaxAddress, type, pages, &address);

	if (EFI_ERROR(status))
		fail("no memory ", status);
	bs->SetMem((void *)(UINTN)address, pages * PAGE, 0);
	return address;
}

static void **find_table(const EFI_GUID *wanted, const char *missing)
{
	for (UINTN i = 0; i < st->NumberOfTableEntries; i++) {
		EFI_CONFIGURATION_TABLE *entry = &st->ConfigurationTable[i];

		if (memcmp(&entry->VendorGuid, wanted, sizeof(*wanted)) == 0)
			return &entry->VendorTable;
	}
	fail(missing, 0);
}

static struct mat **find_mat(void)
{
	static const EFI_GUID wanted = {
		0xdcfa911d, 0x26eb, 0x469f, {0xa2, 0x20, 0x38, 0xb7, 0xdc, 0x46, 0x12, 0x20}};

	return (struct mat **)find_table(&wanted, "no memory attributes table ");
}

// Prints the most pages of runtime code and of reserved memory that the firmware remembers, from pairs of
// type and pages. edk2's boot manager keeps them across boots.
static void say_marks(void)
{
	static const EFI_GUID wanted = {
		0x4c19049f, 0x4137, 0x4dd3, {0x9c, 0x10, 0x8b, 0x97, 0xa8, 0x3f, 0xfd, 0xfa}};

	for (const UINT32 *mark = *find_table(&wanted, "no memory type information "); mark[0] <= EfiPalCode;
	     mark += 2) {
		if (mark[0] == EfiRuntimeServicesCode)
			say_number("leave: runtime code at most ", mark[1]);
		if (mark[0] == EfiReservedMemoryType)
			say_number("leave: reserved at most ", mark[1]);
	}
}

static UINT32 crc32_of(const void *start, UINTN bytes)
{
	UINT32 crc = 0xffffffff;

	for (UINTN i = 0; i < bytes; i++) {
		crc ^= ((const UINT8 *)start)[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	}
	return ~crc;
}

static bool crc_is_right(void)
{
	UINT32 found = rt->Hdr.CRC32, wanted;

	rt->Hdr.CRC32 = 0;
	wanted = crc32_of(rt, rt->Hdr.HeaderSize);
	rt->Hdr.CRC32 = found;
	return found == wanted;
}

static void say_services(const char *when)
{
	say(when);
	say(crc_is_right() ? "crc right\r\n" : "crc wrong\r\n");
	say_number("leave: ResetSystem=", (UINTN)rt->ResetSystem);
	say_number("leave: UpdateCapsule=", (UINTN)rt->UpdateCapsule);
}

// Stands in front by code that jumps through a pointer behind it.
static void stand_in_front(void)
{
	static const UINT8 jump[] = {0xff, 0x25, 0, 0, 0, 0};
	UINT8 *page;

	front = allocate(EfiRuntimeServicesCode, 1);
	page = (UINT8 *)(UINTN)front;
	memcpy(page, jump, sizeof(jump));
	memcpy(page + sizeof(jump), &rt->ResetSystem, sizeof(rt->ResetSystem));
	rt->ResetSystem = (EFI_RESET_SYSTEM)(UINTN)front;
	rt->Hdr.CRC32 = 0;
	rt->Hdr.CRC32 = crc32_of(rt, rt->Hdr.HeaderSize);
}

static void convert_front(void)
{
	UINT64 target;
	UINT8 *at = (UINT8 *)(UINTN)front + 6;

	memcpy(&target, at, sizeof(target));
	target += VIRTUAL;
	memcpy(at, &target, sizeof(target));
}

// Makes a table with the same entries, and more entries of no pages.
static void grow(struct mat **slot)
{
	const struct mat *old = *slot;
	UINTN bytes = sizeof(*old) + (UINTN)old->entries * old->entry_bytes;
	UINTN more = (UINTN)EXTRA_ENTRIES * old->entry_bytes;
	struct mat *new = (struct mat *)(UINTN)allocate(EfiBootServicesData, (bytes + more) / PAGE + 1);

	old = *slot; // the allocation may have made the firmware replace the table
	memcpy(new, old, bytes);
	new->entries += EXTRA_ENTRIES;
	*slot = new;
}

// Makes a page of struct boot_params, followed by a page with its command line.
static struct boot_params *make_linux(const char *line)
{
	struct boot_params *params = (struct boot_params *)(UINTN)allocate(EfiLoaderData, 2);
	char *to = (char *)params + PAGE;

	memcpy(&params->efi_info.efi_loader_signature, "EL64", 4);
	params->efi_info.efi_systab = (UINT32)(UINTN)st;
	params->efi_info.efi_systab_hi = (UINT32)((UINTN)st >> 32);
	params->efi_info.efi_memdesc_size = (UINT32)entry_bytes;
	params->hdr.type_of_loader = 0x21;
	params->hdr.cmd_line_ptr = (UINT32)(UINTN)to;
	while (*line)
		*to++ = *line++;
	return params;
}

static void leave_a_linux(void)
{
	char *line;
	UINTN key;

	bs->GetMemoryMap(&map_bytes, (EFI_MEMORY_DESCRIPTOR *)map, &key, &entry_bytes, &entry_version);
	if (asked("linux=grub")) {
		linux_params[0] = make_linux("BOOT_IMAGE=/vmlinuz ro");
		linux_params[0]->hdr.type_of_loader = 0x72;
		linux_params[0]->hdr.header = 0x53726448;
		linux_params[0]->hdr.version = 0x20f;
		linux_params[0]->efi_info.efi_memdesc_size = 0;
		linux_params[0]->hdr.cmd_line_ptr = 0x91000;
		return;
	}
	linux_params[0] = make_linux(asked("linux=refuse") ? "ro noefi" : "ro quiet");
	line = (char *)linux_params[0] + PAGE;
	if (asked("linux=long"))
		bs->SetMem(line, 2000, 'x');
	if (asked("linux=two") || asked("linux=differ"))
		linux_params[1] = make_linux(asked("linux=two") ? "ro quiet" : "rw quiet");
}

static void say_lines(void)
{
	for (int i = 0; i < 2; i++) {
		const struct boot_params *params = linux_params[i];

		if (!params)
			continue;
		say(params->hdr.cmd_line_ptr == 0x91000 ? "leave: staged line\r\n" : "leave: line: ");
		if (params->hdr.cmd_line_ptr == 0x91000)
			continue;
		say((const char *)(UINTN)params->hdr.cmd_line_ptr);
		say("\r\n");
	}
}

static bool wants_linux(void)
{
	return asked("linux=one") || asked("linux=two") || asked("linux=differ") || asked("linux=refuse") ||
	       asked("linux=long") || asked("linux=grub");
}

static void EFIAPI nothing(EFI_EVENT event, void *context)
{
	(void)event;
	(void)context;
}

// Signals the event as a firmware does whose ExitBootServices then fails.
static void signal_exit(void)
{
	static EFI_GUID group = {
		0x27abf055, 0xb1b8, 0x4c26, {0x80, 0x48, 0x74, 0x8f, 0x37, 0xba, 0xa2, 0xdf}};
	EFI_EVENT event;
	EFI_STATUS status = bs->CreateEventEx(EVT_NOTIFY_SIGNAL, TPL_CALLBACK, nothing, NULL, &group, &event);

	if (!EFI_ERROR(status))
		status = bs->SignalEvent(event);
	if (EFI_ERROR(status))
		fail("event ", status);
	bs->CloseEvent(event);
}

static EFI_STATUS try_to_leave(EFI_HANDLE image)
{
	UINTN key;
	EFI_STATUS status;

	map_bytes = MAP_PAGES * PAGE;
	status = bs->GetMemoryMap(&map_bytes, (EFI_MEMORY_DESCRIPTOR *)map, &key, &entry_bytes,
				  &entry_version);
	return EFI_ERROR(status) ? status : bs->ExitBootServices(image, key);
}

static void leave(EFI_HANDLE image)
{
	struct mat **slot = find_mat();
	UINT32 right = (*slot)->entry_bytes;
	EFI_STATUS status;

	if (asked("twice")) {
		(*slot)->entry_bytes = 8;
		signal_exit();
		say_lines();
		say_services("leave: after the first ExitBootServices: ");
		slot = find_mat();
		(*slot)->entry_bytes = right;
	}
	if (asked("early")) {
		signal_exit();
		say_lines();
		slot = find_mat();
	}
	if (asked("grow"))
		grow(slot);
	enforced = *slot;
	if (asked("malform"))
		enforced->entry_bytes = 8;
	status = try_to_leave(image);
	if (EFI_ERROR(status))
		status = try_to_leave(image); // the first try may have changed the map
	if (EFI_ERROR(status))
		fail("ExitBootServices ", status);
	say_lines();
	if (asked("malform")) // an OS that uses such a table anyway; others would not trust it
		enforced->entry_bytes = right;
	say(*find_mat() == enforced ? "leave: table as it was\r\n" : "leave: table corrected\r\n");
	enforced = *find_mat();
	say_services("leave: left boot services: ");
}

static UINT64 new_table(void)
{
	if (tables_used == TABLE_PAGES)
		fail("page tables ", tables_used);
	return tables + PAGE * tables_used++;
}

// Returns the entry of the 4 KiB page at `virt`. Splits larger pages on the way.
static UINT64 *entry_of(UINT64 virt)
{
	UINT64 *entry = (UINT64 *)(UINTN)root + (virt >> 39 & 511);

	for (unsigned int shift = 30; shift >= 12; shift -= 9) {
		if (!(*entry & X86_PTE_P)) {
			*entry = new_table() | X86_PTE_P | X86_PTE_W;
		} else if (*entry & X86_PTE_PS) { // a page of 2 MiB
			UINT64 table = new_table(), leaf = *entry & ~X86_PTE_PS;

			for (UINT64 i = 0; i < X86_PT_ENTRIES; i++)
				((UINT64 *)(UINTN)table)[i] = leaf + i * PAGE;
			*entry = table | X86_PTE_P | X86_PTE_W;
		}
		entry = (UINT64 *)(UINTN)(*entry & X86_PTE_ADDR) + (virt >> shift & 511);
	}
	return entry;
}

// Maps the range at its physical and at its virtual address.
static void map_pages(const EFI_MEMORY_DESCRIPTOR *range, bool writable, bool executable)
{
	UINT64 flags = X86_PTE_P | (writable ? X86_PTE_W : 0) | (executable ? 0 : X86_PTE_NX);

	for (UINT64 i = 0; i < range->NumberOfPages; i++) {
		UINT64 phys = range->PhysicalStart + i * PAGE;

		*entry_of(phys) = phys | flags;
		*entry_of(VIRTUAL + phys) = phys | flags;
	}
}

static void build_tables(void)
{
	UINT64 pdpt;

	root = new_table();
	pdpt = new_table();
	*(UINT64 *)(UINTN)root = pdpt | X86_PTE_P | X86_PTE_W;
	for (UINT64 gib = 0; gib < 4; gib++) {
		UINT64 pd = new_table();

		((UINT64 *)(UINTN)pdpt)[gib] = pd | X86_PTE_P | X86_PTE_W;
		for (UINT64 i = 0; i < X86_PT_ENTRIES; i++)
			((UINT64 *)(UINTN)pd)[i] =
				((gib << 30) + i * LARGE_PAGE) | X86_PTE_P | X86_PTE_W | X86_PTE_PS;
	}
	for (UINT8 *at = map; at < map + map_bytes; at += entry_bytes) {
		EFI_MEMORY_DESCRIPTOR *range = (EFI_MEMORY_DESCRIPTOR *)at;

		if (!(range->Attribute & EFI_MEMORY_RUNTIME))
			continue;
		range->VirtualStart = VIRTUAL + range->PhysicalStart;
		map_pages(range, true, range->Type == EfiRuntimeServicesCode);
	}
}

static void load_tables(void)
{
	__asm__ volatile("mov %0, %%cr3" ::"r"(root) : "memory");
}

static void take_over(void)
{
	struct table_register idtr;
	UINT64 handler = (UINTN)fault, value;
	UINT32 low, high;

	idtr.limit = sizeof(idt) - 1; // set at run time: a constant would hold an absolute address
	idtr.base = (UINTN)idt;
	for (int i = 0; i < 32; i++) {
		idt[i] = (struct gate){.low = (UINT16)handler,
				       .type = 0x8e00,
				       .middle = (UINT16)(handler >> 16),
				       .high = (UINT32)(handler >> 32)};
		__asm__ volatile("mov %%cs, %0" : "=r"(idt[i].selector));
	}
	__asm__ volatile("cli; lidt %0" ::"m"(idtr));
	__asm__ volatile("mov %%cr4, %0" : "=r"(value));
	if (value & X86_CR4_LA57)
		fail("five levels, cr4 ", value);
	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(X86_MSR_EFER));
	__asm__ volatile("wrmsr" ::"a"(low | (UINT32)MSR_EFER_NXE), "d"(high), "c"(X86_MSR_EFER));
	__asm__ volatile("mov %%cr0, %0" : "=r"(value));
	__asm__ volatile("mov %0, %%cr0" ::"r"(value | X86_CR0_WP));
	build_tables();
	load_tables();
}

// Enforces the table as Linux does, after SetVirtualAddressMap(), which relocates the firmware's images and
// calls its drivers' events.
static void enforce(void)
{
	for (UINT32 i = 0; i < enforced->entries; i++) {
		const EFI_MEMORY_DESCRIPTOR *range =
			(const EFI_MEMORY_DESCRIPTOR *)((UINT8 *)(enforced + 1) +
							(UINTN)i * enforced->entry_bytes);

		map_pages(range, !(range->Attribute & MEMORY_RO), !(range->Attribute & MEMORY_XP));
	}
	if (front) // a driver's page, which a real table would list
		map_pages(&(EFI_MEMORY_DESCRIPTOR){.PhysicalStart = front, .NumberOfPages = 1}, true, true);
	load_tables();
	say_number("leave: enforced, entries ", enforced->entries);
}

static void go_virtual(void)
{
	EFI_STATUS status =
		rt->SetVirtualAddressMap(map_bytes, entry_bytes, entry_version, (EFI_MEMORY_DESCRIPTOR *)map);

	if (EFI_ERROR(status))
		fail("SetVirtualAddressMap ", status);
	if (front)
		convert_front();
	say_services("leave: virtual: ");
}

static void hand_in_capsule(void)
{
	static EFI_CAPSULE_HEADER header;
	static struct {
		UINT64 bytes, address;
	} blocks[2];
	EFI_CAPSULE_HEADER *first = &header;

	header.HeaderSize = header.CapsuleImageSize = sizeof(header);
	header.Flags = CAPSULE_PERSISTS;
	blocks[0].bytes = sizeof(header);
	blocks[0].address = (UINTN)&header;
	say_number("leave: UpdateCapsule says ", rt->UpdateCapsule(&first, 1, (UINTN)blocks));
}

static EFI_RESET_TYPE asked_type(void)
{
	if (asked("leave=warm"))
		return EfiResetWarm;
	if (asked("leave=cold"))
		return EfiResetCold;
	if (asked("leave=shutdown"))
		return EfiResetShutdown;
	return RESET_PLATFORM_SPECIFIC;
}

EFI_STATUS EFIAPI lb_leave_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system)
{
	EFI_GUID guid = LOADED_IMAGE_PROTOCOL;
	EFI_LOADED_IMAGE *self;
	EFI_RESET_TYPE type;

	st = system;
	bs = system->BootServices;
	rt = system->RuntimeServices;
	if (EFI_ERROR(bs->HandleProtocol(image, &guid, (void **)&self)))
		fail("no loaded image ", 0);
	words = self->LoadOptions;
	say("\r\n");
	if (asked("marks")) {
		say_marks();
		return EFI_SUCCESS;
	}
	map = (UINT8 *)(UINTN)allocate(EfiLoaderData, MAP_PAGES);
	tables = allocate(EfiLoaderData, TABLE_PAGES);
	if (asked("front"))
		stand_in_front();
	say_services("leave: entered: ");
	if (wants_linux())
		leave_a_linux();
	leave(image);
	take_over();
	if (!asked("flat"))
		go_virtual();
	enforce();
	if (asked("capsule"))
		hand_in_capsule();
	type = asked_type();
	say_number("leave: resets, type ", type);
	rt->ResetSystem(type, EFI_SUCCESS, 0, NULL);
	say("leave: came back\r\n");
	stay();
}
