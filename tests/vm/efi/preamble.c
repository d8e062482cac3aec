// SPDX-License-Identifier: BSD-2-Clause
// Test only: a firmware that makes arming difficult. Started as BOOTX64.EFI, it does what \preamble.txt asks
// for, then starts \lifeboat.efi, which has its lifeboat.conf beside it. The lines of \preamble.txt:
//
//   tables N     install N configuration tables, so that the array grows, from runtime memory, when the kernel's
//                stub adds its own
//   runtime N    allocate one page of runtime data every 10 ms, N times, so that the memory attributes table is
//                rebuilt after arming
//   scatter N    take N single pages of ACPI NVS memory, 1 MiB apart, which adds two entries each to the memory map
//   capsules     UpdateCapsule() accepts every capsule, QueryCapsuleCapabilities() asks for a warm reset
//   soft N       take N MiB that the map then calls specific purpose (EFI_MEMORY_SP)
//   take N       take a page in the middle of a region just before the region is allocated by its address, N times
//   inside 0     after the kill switch LifeboatOff is thrown, take the first page of the crash memory that the EFI
//                variable LifeboatTrial names
//   refuse N     refuse the Nth image loaded from memory by policy, as Secure Boot does: there is a handle, and
//                EFI_SECURITY_VIOLATION
//   deny 0       give no memory for runtime code
//   strict 0     give pages, of any type, that cannot be executed until EFI_MEMORY_ATTRIBUTE_PROTOCOL allows it,
//                until a second program is started; report pages that are freed while they cannot be written
//   watch N      report whether the firmware's watchdog runs when an image is started or runtime code is
//                allocated, and count its seconds as sixtieths; the Nth image loaded from memory hangs, 0: none
//   secure N     the variables say that Secure Boot is on; 1: the variable that says so cannot be read
//   path 0       the device path of lifeboat.efi has a node of 0 bytes
//
// When lifeboat.efi returns, the services are the firmware's own again. What was done is printed on the
// console.
#include <efi.h>
#include <stdbool.h>

#include "lifeboat/x86.h"

#define MAX_TEXT 256
#define PAGE 4096ULL
#define MIB (1ULL << 20)
#define SCATTER_FROM (16 * MIB) // the firmware uses the memory below
#define SCATTER_TO (1ULL << 32)
#define LARGE_PAGES 1024 // only crash memory is asked for by address and has more pages
#define MEMORY_SP (1ULL << 18) // EFI_MEMORY_SP: specific purpose, UEFI 2.8

// The services of PI 1.7, volume 2, 7.1. Only used members are named.
struct memory_space {
	UINT64 base, length, capabilities, attributes;
	UINT32 type;
	EFI_HANDLE image, device;
};

struct dxe_services {
	EFI_TABLE_HEADER header;
	void *add_to_remove_memory_space[4];
	EFI_STATUS(EFIAPI *get_memory_space)(UINT64 base, struct memory_space *ret_space);
	void *others[12];
	EFI_STATUS(EFIAPI *set_memory_space_capabilities)(UINT64 base, UINT64 length, UINT64 capabilities);
};

// UEFI 2.10, 37.3 "EFI_MEMORY_ATTRIBUTE_PROTOCOL".
#define MEMORY_XP 0x4000ULL
#define MEMORY_RO 0x20000ULL
struct memory_attributes {
	EFI_STATUS(EFIAPI *get)
	(struct memory_attributes *this, EFI_PHYSICAL_ADDRESS start, UINT64 bytes, UINT64 *ret_attributes);
	EFI_STATUS(EFIAPI *set)
	(struct memory_attributes *this, EFI_PHYSICAL_ADDRESS start, UINT64 bytes, UINT64 attributes);
	EFI_STATUS(EFIAPI *clear)
	(struct memory_attributes *this, EFI_PHYSICAL_ADDRESS start, UINT64 bytes, UINT64 attributes);
};

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system);

static EFI_SYSTEM_TABLE *st;
static EFI_BOOT_SERVICES *bs;
static struct memory_attributes *strict; // NULL: pages can be executed
static UINTN strict_starts; // number of programs started
static SIMPLE_TEXT_OUTPUT_INTERFACE *out;
static UINTN runtime_pages;
static EFI_BOOT_SERVICES services; // the firmware's services
static UINTN to_take, to_refuse, to_hang, seconds;
static bool watching, denying, spoil_path, secure_fails;
static EFI_GET_VARIABLE get_variable; // the firmware's GetVariable; NULL: not replaced

static void say(const CHAR16 *text)
{
	out->OutputString(out, (CHAR16 *)(UINTN)text);
}

static EFI_STATUS fail(const CHAR16 *what, EFI_STATUS status)
{
	say(L"preamble: failed: ");
	say(what);
	say(L"\r\n");
	return status;
}

static void EFIAPI allocate_runtime(EFI_EVENT event, void *context)
{
	EFI_PHYSICAL_ADDRESS page;

	(void)context;
	if (runtime_pages &&
	    !EFI_ERROR(bs->AllocatePages(AllocateAnyPages, EfiRuntimeServicesData, 1, &page)))
		runtime_pages--;
	else
		bs->SetTimer(event, TimerCancel, 0);
}

static EFI_STATUS start_timer(UINTN pages)
{
	EFI_EVENT event;
	EFI_STATUS status =
		bs->CreateEvent(EVT_TIMER | EVT_NOTIFY_SIGNAL, TPL_CALLBACK, allocate_runtime, NULL, &event);

	runtime_pages = pages;
	if (!EFI_ERROR(status))
		status = bs->SetTimer(event, TimerPeriodic, 100000); // in units of 100 ns
	return status;
}

static EFI_STATUS install_tables(UINTN count)
{
	for (UINTN i = 0; i < count; i++) {
		EFI_GUID guid = {0x7e577ab1, 0, (UINT16)i, {1, 2, 3, 4, 5, 6, 7, 8}};
		EFI_STATUS status = bs->InstallConfigurationTable(&guid, &bs);

		if (EFI_ERROR(status))
			return status;
	}
	return EFI_SUCCESS;
}

// Skips pages that are taken already.
static EFI_STATUS scatter(UINTN pages)
{
	for (UINT64 at = SCATTER_FROM; pages && at < SCATTER_TO; at += MIB) {
		EFI_PHYSICAL_ADDRESS page = at;

		if (!EFI_ERROR(bs->AllocatePages(AllocateAddress, EfiACPIMemoryNVS, 1, &page)))
			pages--;
	}
	return pages ? EFI_OUT_OF_RESOURCES : EFI_SUCCESS;
}

// Returns the address in the line crash=0x...
static UINT64 proved_crash_memory(const char *text)
{
	static const char key[] = "\ncrash=0x";
	UINT64 start = 0;

	for (; *text; text++) {
		UINTN same = 0;

		while (key[same] && text[same] == key[same])
			same++;
		if (key[same])
			continue;
		for (text += same; *text && *text != '-'; text++)
			start = start << 4 | (UINT64)(*text <= '9' ? *text - '0' : *text - 'a' + 10);
		return start;
	}
	return 0;
}

static EFI_STATUS take_inside(void)
{
	static EFI_GUID ours = {0x6b1f3c0e, 0x4d1a, 0x4c57, {0x9e, 0x0a, 0x5a, 0x0e, 0x3f, 0x2b, 0x7c, 0x11}};
	static CHAR16 off[] = L"LifeboatOff", trial[] = L"LifeboatTrial";
	static char text[2048];
	UINTN bytes = sizeof(text);
	EFI_PHYSICAL_ADDRESS page;
	EFI_STATUS status;

	if (EFI_ERROR(st->RuntimeServices->GetVariable(off, &ours, NULL, &bytes, text)))
		return EFI_SUCCESS;
	bytes = sizeof(text) - 1;
	status = st->RuntimeServices->GetVariable(trial, &ours, NULL, &bytes, text);
	if (EFI_ERROR(status))
		return status;
	text[bytes] = '\0';
	page = proved_crash_memory(text);
	status = page ? bs->AllocatePages(AllocateAddress, EfiACPIMemoryNVS, 1, &page) : EFI_NOT_FOUND;
	if (!EFI_ERROR(status))
		say(L"preamble: took a page\r\n");
	return status;
}

static const struct dxe_services *find_dxe_services(void)
{
	static const EFI_GUID wanted = {
		0x05ad34ba, 0x6f02, 0x4214, {0x95, 0x2e, 0x4d, 0xa0, 0x39, 0x8e, 0x2b, 0xb9}};

	for (UINTN i = 0; i < st->NumberOfTableEntries; i++) {
		const EFI_CONFIGURATION_TABLE *entry = &st->ConfigurationTable[i];

		if (__builtin_memcmp(&entry->VendorGuid, &wanted, sizeof(wanted)) == 0)
			return entry->VendorTable;
	}
	return NULL;
}

// The memory is taken as loader data, so that the firmware does not use it. For the kernel the attribute
// counts, not the type.
static EFI_STATUS soft_reserve(UINTN mib)
{
	const struct dxe_services *dxe = find_dxe_services();
	struct memory_space space = {0};
	EFI_PHYSICAL_ADDRESS base;
	EFI_STATUS status;

	if (!dxe)
		return EFI_NOT_FOUND;
	status = bs->AllocatePages(AllocateAnyPages, EfiLoaderData, mib * (MIB / PAGE), &base);
	if (!EFI_ERROR(status))
		status = dxe->get_memory_space(base, &space);
	if (!EFI_ERROR(status))
		status = dxe->set_memory_space_capabilities(base, mib * MIB, space.capabilities | MEMORY_SP);
	return status;
}

// Writes code over a firmware's service. The memory attributes table says that this memory can be executed.
static void write_code(void *service, const UINT8 *code, UINTN bytes)
{
	UINT64 cr0;

	__asm__ volatile("mov %%cr0, %0" : "=r"(cr0));
	__asm__ volatile("mov %0, %%cr0" ::"r"(cr0 & ~X86_CR0_WP) : "memory");
	bs->CopyMem(service, (void *)(UINTN)code, bytes);
	__asm__ volatile("mov %0, %%cr0" ::"r"(cr0) : "memory");
}

static EFI_STATUS take_capsules(void)
{
	static const UINT8 update[] = {0x31, 0xc0, 0xc3}; // xor eax, eax; ret
	static const UINT8 query[] = {
		0x49, 0xc7, 0x00, 0x00, 0x00, 0x00, 0x01, // mov qword [r8], 16 MiB: the largest capsule
		0x41, 0xc7, 0x01, 0x01, 0x00, 0x00, 0x00, // mov dword [r9], EfiResetWarm
		0x31, 0xc0, 0xc3,
	};

	write_code((void *)st->RuntimeServices->UpdateCapsule, update, sizeof(update));
	write_code((void *)st->RuntimeServices->QueryCapsuleCapabilities, query, sizeof(query));
	return EFI_SUCCESS;
}

static EFI_STATUS be_strict(void)
{
	static EFI_GUID guid = {0xf4560cf6, 0x40ec, 0x4b4a, {0xa1, 0x92, 0xbf, 0x1d, 0x57, 0xd0, 0xb1, 0x89}};

	return bs->LocateProtocol(&guid, NULL, (void **)&strict);
}

static EFI_STATUS allocate_data(EFI_ALLOCATE_TYPE how, EFI_MEMORY_TYPE type, UINTN pages,
				EFI_PHYSICAL_ADDRESS *address)
{
	EFI_STATUS status = services.AllocatePages(how, type, pages, address);

	return EFI_ERROR(status) ? status : strict->set(strict, *address, pages * PAGE, MEMORY_XP);
}

// Frees pages one by one, because a range whose pages differ has no attributes as a whole.
static EFI_STATUS EFIAPI free_pages(EFI_PHYSICAL_ADDRESS address, UINTN pages)
{
	for (UINTN i = 0; strict && i < pages; i++) {
		UINT64 page = address + i * PAGE, attributes;

		if (EFI_ERROR(strict->get(strict, page, PAGE, &attributes)))
			continue;
		if (attributes & MEMORY_RO)
			say(L"preamble: failed: a page is freed that cannot be written to\r\n");
		if (attributes & MEMORY_XP)
			strict->clear(strict, page, PAGE, MEMORY_XP);
	}
	return services.FreePages(address, pages);
}

static EFI_STATUS EFIAPI allocate_pages(EFI_ALLOCATE_TYPE how, EFI_MEMORY_TYPE type, UINTN pages,
					EFI_PHYSICAL_ADDRESS *address)
{
	EFI_PHYSICAL_ADDRESS page = *address + pages / 2 * PAGE;

	if (to_take && how == AllocateAddress && pages >= LARGE_PAGES &&
	    !EFI_ERROR(services.AllocatePages(AllocateAddress, EfiACPIMemoryNVS, 1, &page))) {
		to_take--;
		say(L"preamble: took a page\r\n");
	}
	if (type == EfiRuntimeServicesCode && watching)
		say(seconds ? L"preamble: runtime code, watched\r\n"
			    : L"preamble: runtime code, unwatched\r\n");
	if (type == EfiRuntimeServicesCode && denying)
		return EFI_OUT_OF_RESOURCES;
	return strict && strict_starts < 2 ? allocate_data(how, type, pages, address)
					   : services.AllocatePages(how, type, pages, address);
}

static EFI_STATUS EFIAPI load_image(BOOLEAN boot_policy, EFI_HANDLE parent, EFI_DEVICE_PATH *path,
				    void *source, UINTN bytes, EFI_HANDLE *ret_image)
{
	EFI_STATUS status = services.LoadImage(boot_policy, parent, path, source, bytes, ret_image);

	while (source && to_hang && !--to_hang) {
		say(L"preamble: hangs\r\n");
		for (;;)
			__asm__ volatile("pause");
	}
	if (!source || !to_refuse || --to_refuse)
		return status;
	return EFI_ERROR(status) ? status : EFI_SECURITY_VIOLATION;
}

static EFI_STATUS EFIAPI set_watchdog_timer(UINTN timeout, UINT64 code, UINTN bytes, CHAR16 *data)
{
	seconds = timeout;
	return services.SetWatchdogTimer((timeout + 59) / 60, code, bytes, data);
}

static EFI_STATUS EFIAPI start_image(EFI_HANDLE image, UINTN *ret_bytes, CHAR16 **ret_data)
{
	if (watching)
		say(seconds ? L"preamble: an image starts, watched\r\n"
			    : L"preamble: an image starts, unwatched\r\n");
	if (strict && ++strict_starts == 2)
		say(L"preamble: strict until now\r\n");
	return services.StartImage(image, ret_bytes, ret_data);
}

static bool name_is(const CHAR16 *name, const CHAR16 *wanted)
{
	while (*wanted && *name == *wanted)
		name++, wanted++;
	return *name == *wanted;
}

static EFI_STATUS EFIAPI secure_get_variable(CHAR16 *name, EFI_GUID *vendor, UINT32 *attributes, UINTN *bytes,
					     void *data)
{
	bool on = name_is(name, L"SecureBoot");

	if (!on && !name_is(name, L"SetupMode"))
		return get_variable(name, vendor, attributes, bytes, data);
	if (on && secure_fails)
		return EFI_DEVICE_ERROR;
	*(UINT8 *)data = on;
	*bytes = 1;
	return EFI_SUCCESS;
}

static EFI_STATUS say_secure(bool fails)
{
	secure_fails = fails;
	get_variable = st->RuntimeServices->GetVariable;
	st->RuntimeServices->GetVariable = secure_get_variable;
	return EFI_SUCCESS;
}

static void put_sum(void)
{
	bs->Hdr.CRC32 = 0;
	bs->CalculateCrc32(bs, bs->Hdr.HeaderSize, &bs->Hdr.CRC32);
}

static void put_services(void)
{
	services = *bs;
	bs->AllocatePages = allocate_pages;
	bs->LoadImage = load_image;
	bs->FreePages = free_pages;
	if (watching)
		bs->SetWatchdogTimer = set_watchdog_timer;
	if (watching || strict)
		bs->StartImage = start_image;
	put_sum();
}

static void put_services_back(void)
{
	bs->AllocatePages = services.AllocatePages;
	bs->FreePages = services.FreePages;
	bs->LoadImage = services.LoadImage;
	bs->SetWatchdogTimer = services.SetWatchdogTimer;
	bs->StartImage = services.StartImage;
	put_sum();
}

// Reads the text of `path` on the program's own device; returns its length. `text` ends with a NUL.
static EFI_STATUS read_text(EFI_HANDLE device, const CHAR16 *path, char *text, UINTN bytes)
{
	EFI_GUID guid = SIMPLE_FILE_SYSTEM_PROTOCOL;
	EFI_FILE_IO_INTERFACE *volume;
	EFI_FILE_HANDLE root, file;
	EFI_STATUS status;

	bytes--;
	status = bs->HandleProtocol(device, &guid, (void **)&volume);
	if (!EFI_ERROR(status))
		status = volume->OpenVolume(volume, &root);
	if (EFI_ERROR(status))
		return status;
	status = root->Open(root, &file, (CHAR16 *)(UINTN)path, EFI_FILE_MODE_READ, 0);
	root->Close(root);
	if (EFI_ERROR(status))
		return status;
	status = file->Read(file, &bytes, text);
	file->Close(file);
	text[bytes] = '\0';
	return status;
}

static bool word_is(const char *text, const char *word)
{
	while (*word && *text == *word)
		text++, word++;
	return !*word;
}

static EFI_STATUS obey(const char *text)
{
	while (*text) {
		EFI_STATUS status = EFI_INVALID_PARAMETER;
		const char *digits = text;
		UINTN number = 0;

		while (*digits && *digits != '\n' && (*digits < '0' || *digits > '9'))
			digits++;
		for (; *digits >= '0' && *digits <= '9'; digits++)
			number = number * 10 + (UINTN)(*digits - '0');
		if (word_is(text, "tables "))
			status = install_tables(number);
		else if (word_is(text, "runtime "))
			status = start_timer(number);
		else if (word_is(text, "scatter "))
			status = scatter(number);
		else if (word_is(text, "soft "))
			status = soft_reserve(number);
		else if (word_is(text, "capsules"))
			status = take_capsules();
		else if (word_is(text, "take "))
			to_take = number, status = EFI_SUCCESS;
		else if (word_is(text, "inside "))
			status = take_inside();
		else if (word_is(text, "refuse "))
			to_refuse = number, status = EFI_SUCCESS;
		else if (word_is(text, "deny "))
			denying = true, status = EFI_SUCCESS;
		else if (word_is(text, "watch "))
			to_hang = number, watching = true, status = EFI_SUCCESS;
		else if (word_is(text, "strict "))
			status = be_strict();
		else if (word_is(text, "secure "))
			status = say_secure(number);
		else if (word_is(text, "path "))
			spoil_path = true, status = EFI_SUCCESS;
		if (EFI_ERROR(status))
			return fail(L"preamble.txt", status);
		for (text = digits; *text == '\n' || *text == '\r'; text++)
			;
	}
	say(L"preamble: done\r\n");
	return EFI_SUCCESS;
}

// Gives the child a wrong device path. The firmware frees its own copy, and not this one.
static EFI_STATUS spoil(EFI_HANDLE child)
{
	static EFI_DEVICE_PATH node = {4, 4, {0, 0}};
	EFI_GUID guid = LOADED_IMAGE_PROTOCOL;
	EFI_LOADED_IMAGE *loaded;
	EFI_STATUS status = bs->HandleProtocol(child, &guid, (void **)&loaded);

	if (!EFI_ERROR(status))
		loaded->FilePath = &node;
	return status;
}

// Starts \lifeboat.efi from the program's own device: device path, then a file node.
static EFI_STATUS start_lifeboat(EFI_HANDLE image, EFI_HANDLE device)
{
	static const CHAR16 path[] = L"\\lifeboat.efi";
	static UINT8 whole[1024];
	EFI_GUID guid = DEVICE_PATH_PROTOCOL;
	EFI_DEVICE_PATH *node;
	UINTN used = 0, file_bytes = 4 + sizeof(path);
	EFI_HANDLE child;
	EFI_STATUS status = bs->HandleProtocol(device, &guid, (void **)&node);

	if (EFI_ERROR(status))
		return status;
	while (node->Type != 0x7f) {
		UINTN bytes = node->Length[0] | (UINTN)node->Length[1] << 8;

		if (bytes < 4 || used + bytes + file_bytes + 4 > sizeof(whole))
			return EFI_BUFFER_TOO_SMALL;
		bs->CopyMem(whole + used, node, bytes);
		used += bytes;
		node = (EFI_DEVICE_PATH *)((UINT8 *)node + bytes);
	}
	whole[used] = 4; // a media node, of a file path
	whole[used + 1] = 4;
	whole[used + 2] = (UINT8)file_bytes;
	bs->CopyMem(whole + used + 4, (void *)(UINTN)path, sizeof(path));
	used += file_bytes;
	whole[used] = 0x7f;
	whole[used + 1] = 0xff;
	whole[used + 2] = 4;
	status = bs->LoadImage(FALSE, image, (EFI_DEVICE_PATH *)whole, NULL, 0, &child);
	if (!EFI_ERROR(status) && spoil_path)
		status = spoil(child);
	if (!EFI_ERROR(status))
		status = bs->StartImage(child, NULL, NULL);
	return status;
}

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system)
{
	EFI_GUID guid = LOADED_IMAGE_PROTOCOL;
	char text[MAX_TEXT];
	EFI_LOADED_IMAGE *self;
	EFI_STATUS status;

	st = system;
	bs = system->BootServices;
	out = system->ConOut;
	status = bs->HandleProtocol(image, &guid, (void **)&self);
	if (!EFI_ERROR(status))
		status = read_text(self->DeviceHandle, L"\\preamble.txt", text, sizeof(text));
	if (EFI_ERROR(status))
		return fail(L"preamble.txt cannot be read", status);
	status = obey(text);
	if (EFI_ERROR(status))
		return status;
	if (to_take || to_refuse || watching || denying || strict)
		put_services();
	status = start_lifeboat(image, self->DeviceHandle);
	if (services.LoadImage)
		put_services_back();
	if (get_variable)
		st->RuntimeServices->GetVariable = get_variable;
	return EFI_ERROR(status) ? fail(L"lifeboat.efi came back", status) : EFI_SUCCESS;
}
