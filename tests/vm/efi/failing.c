// SPDX-License-Identifier: BSD-2-Clause
// Test only: a firmware whose services fail. Started as BOOTX64.EFI, it replaces each service and protocol
// function that \lifeboat.efi calls while it arms, starts \lifeboat.efi as \failing.txt says, and judges the
// result. By --chain in \lifeboat.conf a program is started that returns. \failing.txt has lines of these:
//
//   start 0      one run without a failure, which need not return. SetVariable() calls are printed before the start
//   error N      one run for each N-th call, from the first to the last: that call fails
//   lie N        the same, but the call reports success, and has given, read or written wrong data
//   hang M       one call never returns. The watchdog, whose seconds are sixtieths, resets the machine. The next boot
//                has no failure; then another call hangs. M calls are tried, evenly spread from the one after the
//                mark was begun to the last, when the mark is back. After a reset no other line is obeyed
//   slow 0       each block that is read takes 3 s
//   aside 0      each reason to stand aside, one after the other
//
// The results are printed on the console. At the end the machine is switched off.
#include <efi.h>
#include <stdbool.h>

#include "crash/plan/trial.h"
#include "lib/mem.h"
#include "tests/vm/efi/beside.h"

#define MAX_DISKS 64
#define SLOW_US 3000000
#define NON_VOLATILE                                                                                         \
	(EFI_VARIABLE_NON_VOLATILE | EFI_VARIABLE_BOOTSERVICE_ACCESS | EFI_VARIABLE_RUNTIME_ACCESS)
#define NAME(text) ((CHAR16 *)(UINTN)L##text)
#define CALLER __builtin_extract_return_addr(__builtin_return_address(0))
#define HOOK_GUID                                                                                            \
	{                                                                                                    \
		0x2f1d8a64, 0x7b0c, 0x4e39,                                                                  \
		{                                                                                            \
			0xa3, 0x51, 0xc8, 0x6e, 0x19, 0xd4, 0x0f, 0x72                                       \
		}                                                                                            \
	}

enum kind { START, ERROR, LIE, HANG, SLOW, ASIDE };

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system);

static EFI_SYSTEM_TABLE *st;
static EFI_BOOT_SERVICES *bs, boot; // bs: the table; boot: the firmware's own functions
static EFI_RUNTIME_SERVICES *rt, runtime;
static EFI_HANDLE self_image, device;
static EFI_GUID ours = {0x6b1f3c0e, 0x4d1a, 0x4c57, {0x9e, 0x0a, 0x5a, 0x0e, 0x3f, 0x2b, 0x7c, 0x11}};
static EFI_GUID block_guid = EFI_BLOCK_IO_PROTOCOL_GUID, pci_guid = EFI_PCI_IO_PROTOCOL_GUID,
		hook_guid = HOOK_GUID;

static struct lb_range callers[2]; // calls from lifeboat.efi and the hook are counted
static enum kind kind;
static UINTN calls, strike_at, writes; // strike_at 0: no call fails
static const char *struck; // name of the service that failed
static bool slowed; // a block was read slowly
static bool marked; // the mark was begun
static bool started, armed; // the program was started, and whether the hook was in place
static bool unwritable; // the mark's variable cannot be written
static struct lb_trial places; // the places of an armed boot
static bool reserved; // the same places were reserved when the program was started
static char said[4096]; // the variable Lifeboat at that time
static UINTN lost, armed_runs, fails;
static UINT8 map[64 * 1024];

static struct {
	EFI_BLOCK_IO *io;
	EFI_BLOCK_READ read;
	EFI_BLOCK_WRITE write;
	EFI_BLOCK_FLUSH flush;
} disks[MAX_DISKS];
static UINTN disk_count;
static EFI_PCI_IO_PROTOCOL pci_as_it_was;
static EFI_FILE_IO_INTERFACE *volume, volume_as_it_was;
static EFI_FILE_PROTOCOL file_as_it_was;

static void say(const char *format, ...)
{
	char text[200];
	va_list args;

	va_start(args, format);
	lb_vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	for (const char *at = text; *at; at++) {
		CHAR16 wide[] = {(CHAR16)(UINT8)*at, 0};

		st->ConOut->OutputString(st->ConOut, *at == '\n' ? NAME("\r\n") : wide);
	}
}

static void fail(const char *what)
{
	fails++;
	say("failing: failed: %s; call %lu, %s\n", what, (unsigned long)strike_at, struck ? struck : "none");
}

static void __attribute__((noreturn)) stay(void)
{
	say("failing: hangs in %s\n", struck);
	for (;;)
		__asm__ volatile("pause");
}

static bool is_ours(const void *caller)
{
	const struct lb_range at = {(UINTN)caller, (UINTN)caller + 1};

	return lb_range_contains(callers[0], at) || lb_range_contains(callers[1], at);
}

// True if this call of `name` is the one that fails. Calls of the firmware's own drivers do not count.
static bool strikes(const void *caller, const char *name)
{
	if (!is_ours(caller))
		return false;
	if (kind == HANG && !marked)
		return false;
	if (++calls != strike_at)
		return false;
	struck = name;
	if (kind == HANG)
		stay();
	return true;
}

// ---- Boot services

static EFI_STATUS EFIAPI allocate_pages(EFI_ALLOCATE_TYPE how, EFI_MEMORY_TYPE type, UINTN pages,
					EFI_PHYSICAL_ADDRESS *address)
{
	EFI_STATUS status;

	if (strikes(CALLER, "AllocatePages"))
		return EFI_OUT_OF_RESOURCES;
	status = boot.AllocatePages(how, type, pages, address);
	if (!EFI_ERROR(status) && type == EfiRuntimeServicesCode)
		callers[1] = (struct lb_range){*address, *address + pages * LB_PAGE};
	return status;
}

static EFI_STATUS EFIAPI allocate_pool(EFI_MEMORY_TYPE type, UINTN bytes, void **memory)
{
	return strikes(CALLER, "AllocatePool") ? EFI_OUT_OF_RESOURCES
					       : boot.AllocatePool(type, bytes, memory);
}

static EFI_STATUS EFIAPI get_memory_map(UINTN *bytes, EFI_MEMORY_DESCRIPTOR *to, UINTN *key, UINTN *entry,
					UINT32 *version)
{
	return strikes(CALLER, "GetMemoryMap") ? EFI_DEVICE_ERROR
					       : boot.GetMemoryMap(bytes, to, key, entry, version);
}

static EFI_STATUS EFIAPI create_event(UINT32 type, EFI_TPL tpl, EFI_EVENT_NOTIFY notify, void *context,
				      EFI_EVENT *event)
{
	return strikes(CALLER, "CreateEvent") ? EFI_OUT_OF_RESOURCES
					      : boot.CreateEvent(type, tpl, notify, context, event);
}

static EFI_STATUS EFIAPI handle_protocol(EFI_HANDLE handle, EFI_GUID *guid, void **interface)
{
	return strikes(CALLER, "HandleProtocol") ? EFI_UNSUPPORTED
						 : boot.HandleProtocol(handle, guid, interface);
}

static EFI_STATUS EFIAPI locate_protocol(EFI_GUID *guid, void *registration, void **interface)
{
	return strikes(CALLER, "LocateProtocol") ? EFI_NOT_FOUND
						 : boot.LocateProtocol(guid, registration, interface);
}

static EFI_STATUS EFIAPI locate_device_path(EFI_GUID *guid, EFI_DEVICE_PATH **path, EFI_HANDLE *handle)
{
	return strikes(CALLER, "LocateDevicePath") ? EFI_NOT_FOUND
						   : boot.LocateDevicePath(guid, path, handle);
}

static EFI_STATUS EFIAPI install_protocol(EFI_HANDLE *handle, EFI_GUID *guid, EFI_INTERFACE_TYPE type,
					  void *interface)
{
	return strikes(CALLER, "InstallProtocolInterface")
		       ? EFI_OUT_OF_RESOURCES
		       : boot.InstallProtocolInterface(handle, guid, type, interface);
}

static EFI_STATUS EFIAPI connect_controller(EFI_HANDLE controller, EFI_HANDLE *drivers, EFI_DEVICE_PATH *path,
					    BOOLEAN recursive)
{
	return strikes(CALLER, "ConnectController")
		       ? EFI_DEVICE_ERROR
		       : boot.ConnectController(controller, drivers, path, recursive);
}

static EFI_STATUS EFIAPI calculate_crc(void *data, UINTN bytes, UINT32 *crc)
{
	return strikes(CALLER, "CalculateCrc32") ? EFI_INVALID_PARAMETER
						 : boot.CalculateCrc32(data, bytes, crc);
}

static EFI_STATUS EFIAPI stall(UINTN us)
{
	return strikes(CALLER, "Stall") ? EFI_DEVICE_ERROR : boot.Stall(us);
}

static EFI_STATUS EFIAPI set_watchdog(UINTN seconds, UINT64 code, UINTN bytes, CHAR16 *data)
{
	if (strikes(CALLER, "SetWatchdogTimer"))
		return EFI_DEVICE_ERROR;
	return boot.SetWatchdogTimer(kind == HANG ? (seconds + 59) / 60 : seconds, code, bytes, data);
}

static EFI_STATUS EFIAPI load_image(BOOLEAN policy, EFI_HANDLE parent, EFI_DEVICE_PATH *path, void *source,
				    UINTN bytes, EFI_HANDLE *image)
{
	return strikes(CALLER, "LoadImage") ? EFI_LOAD_ERROR
					    : boot.LoadImage(policy, parent, path, source, bytes, image);
}

// Returns the page's type by the memory map; EfiMaxMemoryType if there is none.
static UINT32 type_at(UINT64 address)
{
	UINTN bytes = sizeof(map), key, entry;
	UINT32 version;

	if (EFI_ERROR(boot.GetMemoryMap(&bytes, (EFI_MEMORY_DESCRIPTOR *)map, &key, &entry, &version)))
		return EfiMaxMemoryType;
	for (UINTN at = 0; at < bytes; at += entry) {
		const EFI_MEMORY_DESCRIPTOR *one = (const EFI_MEMORY_DESCRIPTOR *)(map + at);

		if (address >= one->PhysicalStart &&
		    address - one->PhysicalStart < one->NumberOfPages * LB_PAGE)
			return one->Type;
	}
	return EfiMaxMemoryType;
}

static bool says(const char *line)
{
	for (const char *at = said; *at; at++) {
		if (lb_strncmp(at, line, lb_strlen(line)) == 0)
			return true;
	}
	return false;
}

static EFI_STATUS EFIAPI start_image(EFI_HANDLE image, UINTN *bytes, CHAR16 **data)
{
	UINTN room = sizeof(said) - 1;
	void *interface;

	memset(said, 0, sizeof(said));
	runtime.GetVariable(NAME("Lifeboat"), &ours, NULL, &room, said);
	reserved = type_at(places.crash.start) == EfiReservedMemoryType &&
		   type_at(places.hook.start) == EfiRuntimeServicesCode;
	started = true;
	armed = !EFI_ERROR(boot.LocateProtocol(&hook_guid, NULL, &interface));
	if (kind == START || kind == SLOW)
		say("failing: a program starts, %s, %lu calls, %lu variables written\n",
		    armed ? "armed" : "unarmed", (unsigned long)calls, (unsigned long)writes);
	return boot.StartImage(image, bytes, data);
}

// ---- Runtime services

static EFI_STATUS EFIAPI get_variable(CHAR16 *name, EFI_GUID *vendor, UINT32 *attributes, UINTN *bytes,
				      void *data)
{
	if (!strikes(CALLER, "GetVariable"))
		return runtime.GetVariable(name, vendor, attributes, bytes, data);
	if (kind != LIE)
		return EFI_DEVICE_ERROR;
	if (data)
		memset(data, 0xa5, *bytes);
	return EFI_SUCCESS;
}

static EFI_STATUS EFIAPI set_variable(CHAR16 *name, EFI_GUID *vendor, UINT32 attributes, UINTN bytes,
				      void *data)
{
	EFI_STATUS status;

	if (unwritable && is_ours(CALLER) && attributes & EFI_VARIABLE_NON_VOLATILE)
		return EFI_WRITE_PROTECTED;
	if (strikes(CALLER, "SetVariable"))
		return kind == LIE ? EFI_SUCCESS : EFI_DEVICE_ERROR;
	status = runtime.SetVariable(name, vendor, attributes, bytes, data);
	if (attributes & EFI_VARIABLE_NON_VOLATILE && is_ours(CALLER)) {
		writes++;
		marked = true;
	}
	return status;
}

static EFI_STATUS EFIAPI get_time(EFI_TIME *time, EFI_TIME_CAPABILITIES *capabilities)
{
	if (!strikes(CALLER, "GetTime"))
		return runtime.GetTime(time, capabilities);
	if (kind != LIE)
		return EFI_DEVICE_ERROR;
	memset(time, 0xff, sizeof(*time));
	return EFI_SUCCESS;
}

// ---- Protocols

static EFI_STATUS EFIAPI read_blocks(EFI_BLOCK_IO *this, UINT32 medium, EFI_LBA block, UINTN bytes,
				     void *data)
{
	UINTN i = 0;

	while (disks[i].io != this)
		i++;
	if (kind == SLOW && is_ours(CALLER)) {
		slowed = true;
		boot.Stall(SLOW_US);
	}
	if (strikes(CALLER, "ReadBlocks")) {
		if (kind != LIE)
			return EFI_DEVICE_ERROR;
		memset(data, 0xff, bytes);
		return EFI_SUCCESS;
	}
	return disks[i].read(this, medium, block, bytes, data);
}

static EFI_STATUS EFIAPI write_blocks(EFI_BLOCK_IO *this, UINT32 medium, EFI_LBA block, UINTN bytes,
				      void *data)
{
	UINTN i = 0;

	while (disks[i].io != this)
		i++;
	if (strikes(CALLER, "WriteBlocks"))
		return kind == LIE ? EFI_SUCCESS : EFI_DEVICE_ERROR;
	return disks[i].write(this, medium, block, bytes, data);
}

static EFI_STATUS EFIAPI flush_blocks(EFI_BLOCK_IO *this)
{
	UINTN i = 0;

	while (disks[i].io != this)
		i++;
	return strikes(CALLER, "FlushBlocks") ? EFI_DEVICE_ERROR : disks[i].flush(this);
}

static void take_disk(EFI_BLOCK_IO *io)
{
	for (UINTN i = 0; i < disk_count; i++) {
		if (disks[i].io == io)
			return;
	}
	if (disk_count == MAX_DISKS)
		return;
	disks[disk_count].io = io;
	disks[disk_count].read = io->ReadBlocks;
	disks[disk_count].write = io->WriteBlocks;
	disks[disk_count++].flush = io->FlushBlocks;
	io->ReadBlocks = read_blocks;
	io->WriteBlocks = write_blocks;
	io->FlushBlocks = flush_blocks;
}

static EFI_STATUS EFIAPI pci_read(EFI_PCI_IO_PROTOCOL *this, EFI_PCI_IO_PROTOCOL_WIDTH width, UINT32 offset,
				  UINTN count, void *data)
{
	if (!strikes(CALLER, "PciIo.Pci.Read"))
		return pci_as_it_was.Pci.Read(this, width, offset, count, data);
	if (kind != LIE)
		return EFI_DEVICE_ERROR;
	memset(data, 0xff, count * 4);
	return EFI_SUCCESS;
}

static EFI_STATUS EFIAPI pci_location(EFI_PCI_IO_PROTOCOL *this, UINTN *segment, UINTN *bus, UINTN *slot,
				      UINTN *function)
{
	return strikes(CALLER, "PciIo.GetLocation")
		       ? EFI_DEVICE_ERROR
		       : pci_as_it_was.GetLocation(this, segment, bus, slot, function);
}

static void take_function(EFI_PCI_IO_PROTOCOL *pci)
{
	if (pci->Pci.Read == pci_read)
		return;
	pci_as_it_was = *pci; // one driver has made all instances, so their functions are the same
	pci->Pci.Read = pci_read;
	pci->GetLocation = pci_location;
}

static EFI_STATUS EFIAPI locate_handles(EFI_LOCATE_SEARCH_TYPE how, EFI_GUID *guid, void *key, UINTN *count,
					EFI_HANDLE **handles)
{
	EFI_STATUS status;
	void *interface;

	if (strikes(CALLER, "LocateHandleBuffer")) {
		*count = 0;
		*handles = NULL;
		return kind == LIE ? EFI_SUCCESS : EFI_NOT_FOUND;
	}
	status = boot.LocateHandleBuffer(how, guid, key, count, handles);
	for (UINTN i = 0; !EFI_ERROR(status) && guid && i < *count; i++) {
		if (memcmp(guid, &block_guid, sizeof(*guid)) == 0 &&
		    !EFI_ERROR(boot.HandleProtocol((*handles)[i], guid, &interface)))
			take_disk(interface);
		if (memcmp(guid, &pci_guid, sizeof(*guid)) == 0 &&
		    !EFI_ERROR(boot.HandleProtocol((*handles)[i], guid, &interface)))
			take_function(interface);
	}
	return status;
}

// ---- Files

static void take_file(EFI_FILE_PROTOCOL *file);

static EFI_STATUS EFIAPI open_file(EFI_FILE_PROTOCOL *this, EFI_FILE_PROTOCOL **file, CHAR16 *name,
				   UINT64 mode, UINT64 attributes)
{
	EFI_STATUS status;

	if (strikes(CALLER, "File.Open"))
		return EFI_DEVICE_ERROR;
	status = file_as_it_was.Open(this, file, name, mode, attributes);
	if (!EFI_ERROR(status))
		take_file(*file);
	return status;
}

static EFI_STATUS EFIAPI read_file(EFI_FILE_PROTOCOL *this, UINTN *bytes, void *data)
{
	if (!strikes(CALLER, "File.Read"))
		return file_as_it_was.Read(this, bytes, data);
	if (kind == LIE)
		*bytes = 0;
	return kind == LIE ? EFI_SUCCESS : EFI_DEVICE_ERROR;
}

static EFI_STATUS EFIAPI write_file(EFI_FILE_PROTOCOL *this, UINTN *bytes, void *data)
{
	if (strikes(CALLER, "File.Write"))
		return kind == LIE ? EFI_SUCCESS : EFI_DEVICE_ERROR;
	return file_as_it_was.Write(this, bytes, data);
}

static EFI_STATUS EFIAPI file_info(EFI_FILE_PROTOCOL *this, EFI_GUID *type, UINTN *bytes, void *data)
{
	return strikes(CALLER, "File.GetInfo") ? EFI_DEVICE_ERROR
					       : file_as_it_was.GetInfo(this, type, bytes, data);
}

static void take_file(EFI_FILE_PROTOCOL *file)
{
	if (file->Open == open_file)
		return;
	file_as_it_was = *file;
	file->Open = open_file;
	file->Read = read_file;
	file->Write = write_file;
	file->GetInfo = file_info;
}

static EFI_STATUS EFIAPI open_volume(EFI_FILE_IO_INTERFACE *this, EFI_FILE_PROTOCOL **root)
{
	EFI_STATUS status;

	if (strikes(CALLER, "OpenVolume"))
		return EFI_DEVICE_ERROR;
	status = volume_as_it_was.OpenVolume(this, root);
	if (!EFI_ERROR(status))
		take_file(*root);
	return status;
}

// ---- What is done with it

static void put_services(void)
{
	boot = *bs;
	runtime = *rt;
	volume_as_it_was = *volume;
	bs->AllocatePages = allocate_pages;
	bs->AllocatePool = allocate_pool;
	bs->GetMemoryMap = get_memory_map;
	bs->CreateEvent = create_event;
	bs->HandleProtocol = handle_protocol;
	bs->LocateProtocol = locate_protocol;
	bs->LocateDevicePath = locate_device_path;
	bs->LocateHandleBuffer = locate_handles;
	bs->InstallProtocolInterface = install_protocol;
	bs->ConnectController = connect_controller;
	bs->CalculateCrc32 = calculate_crc;
	bs->Stall = stall;
	bs->SetWatchdogTimer = set_watchdog;
	bs->LoadImage = load_image;
	bs->StartImage = start_image;
	rt->GetVariable = get_variable;
	rt->SetVariable = set_variable;
	rt->GetTime = get_time;
	volume->OpenVolume = open_volume;
}

// Counts pages that a boot without arming may not keep.
static UINTN kept_pages(void)
{
	UINTN bytes = sizeof(map), key, entry, pages = 0;
	UINT32 version;

	if (EFI_ERROR(boot.GetMemoryMap(&bytes, (EFI_MEMORY_DESCRIPTOR *)map, &key, &entry, &version)))
		return 0;
	for (UINTN at = 0; at < bytes; at += entry) {
		const EFI_MEMORY_DESCRIPTOR *one = (const EFI_MEMORY_DESCRIPTOR *)(map + at);

		if (one->Type == EfiReservedMemoryType || one->Type == EfiRuntimeServicesCode)
			pages += one->NumberOfPages;
	}
	return pages;
}

static void set_mark(const char *text)
{
	runtime.SetVariable(NAME("LifeboatTrial"), &ours, NON_VOLATILE, lb_strlen(text), (void *)(UINTN)text);
}

static bool text_is(const char *text, UINTN bytes, enum lb_trial_mark wanted, UINT32 failed)
{
	struct lb_trial trial;

	return lb_trial_parse(text, bytes, &trial, NULL) == 0 && trial.mark == wanted &&
	       trial.failed == failed;
}

static bool mark_is(enum lb_trial_mark wanted, UINT32 failed)
{
	char text[LB_TRIAL_ROOM];
	UINTN bytes = sizeof(text);

	return !EFI_ERROR(runtime.GetVariable(NAME("LifeboatTrial"), &ours, NULL, &bytes, text)) &&
	       text_is(text, bytes, wanted, failed);
}

// Loads and starts \lifeboat.efi, whose call `number` fails; 0: none does. False if it was not loaded.
static bool run(UINTN number, EFI_STATUS *ret_status)
{
	static UINT8 path[BESIDE_ROOM];
	EFI_GUID guid = LOADED_IMAGE_PROTOCOL;
	EFI_LOADED_IMAGE *loaded;
	EFI_HANDLE child;
	void *interface;

	callers[0] = callers[1] = (struct lb_range){0, 0};
	if (!beside_path(&boot, device, NAME("\\lifeboat.efi"), path) ||
	    EFI_ERROR(boot.LoadImage(FALSE, self_image, (EFI_DEVICE_PATH *)path, NULL, 0, &child)) ||
	    EFI_ERROR(boot.HandleProtocol(child, &guid, &interface)))
		return false;
	loaded = interface;
	callers[0] =
		(struct lb_range){(UINTN)loaded->ImageBase, (UINTN)loaded->ImageBase + loaded->ImageSize};
	calls = writes = 0;
	say("failing: run %lu\n", (unsigned long)number);
	strike_at = number;
	struck = NULL;
	marked = started = armed = false;
	*ret_status = boot.StartImage(child, NULL, NULL);
	return true;
}

// Judges that the boot goes on: the program was started, or the boot manager was told that it was not.
static void judge(EFI_STATUS status, UINTN pages, void *reset)
{
	bool variables = struck && (struck[0] == 'G' || struck[0] == 'S'); // GetVariable, SetVariable, ...

	armed_runs += armed;
	if (!started && !EFI_ERROR(status)) {
		lost++;
		fail("nothing was started, and it says success");
	}
	if ((void *)rt->ResetSystem != reset)
		fail("ResetSystem is not the firmware's");
	if (kept_pages() != pages)
		fail("memory is kept");
	if (!variables && !mark_is(LB_TRIAL_PENDING, 0))
		fail("the mark is not put back");
}

// Returns the number of calls without a failure.
static UINTN count(void)
{
	EFI_STATUS status;

	set_mark("mark=pending\n");
	if (!run(0, &status))
		fail("lifeboat.efi was not loaded");
	return calls;
}

static void fail_each(UINTN step)
{
	void *reset = (void *)rt->ResetSystem;
	UINTN all = count(), pages = kept_pages(), runs = 0;

	armed_runs = lost = 0;

	for (UINTN number = 1; number <= all; number += step) {
		EFI_STATUS status;

		set_mark("mark=pending\n");
		if (run(number, &status))
			judge(status, pages, reset);
		else
			fail("lifeboat.efi was not loaded");
		// A failure before may have left fewer calls to make, such as those that write a dump header.
		runs += struck != NULL;
	}
	say("failing: %s: %lu calls, %lu of them failed, %lu armed, %lu lost, %lu wrong\n",
	    kind == LIE ? "lie" : "error", (unsigned long)all, (unsigned long)runs, (unsigned long)armed_runs,
	    (unsigned long)lost, (unsigned long)fails);
}

// A call hangs. The next boot stands aside, and the one after it is tried.
static void hang(UINT32 times)
{
	struct {
		UINT32 done, calls;
	} hangs = {0, 0};
	CHAR16 *name = NAME("FailingHangs");
	UINTN bytes = sizeof(hangs);
	EFI_STATUS status;
	bool late; // all was undone when the call hung

	runtime.GetVariable(name, &ours, NULL, &bytes, &hangs);
	late = hangs.done == times && mark_is(LB_TRIAL_PENDING, 0);
	if (!hangs.done)
		set_mark("mark=pending\n");
	if (!run(0, &status) || !started)
		fail("nothing was started");
	if (late) {
		say("failing: the mark was back before hang %u\n", hangs.done);
	} else if (hangs.done) {
		if (armed || !mark_is(LB_TRIAL_PENDING, 1))
			fail("the boot after a hang does not stand aside");
		else
			say("failing: stood aside after hang %u\n", hangs.done);
	} else {
		hangs.calls = (UINT32)calls;
	}
	if (hangs.done++ == times)
		return;
	set_mark("mark=pending\n");
	runtime.SetVariable(name, &ours, NON_VOLATILE, sizeof(hangs), &hangs);
	run(hangs.done * hangs.calls / times, &status);
	fail("it did not hang");
}

static void slow(void)
{
	EFI_STATUS status;

	set_mark("mark=pending\n");
	if (!run(0, &status) || !slowed || !started || armed)
		fail("a slow disk does not end the arming");
	else if (!mark_is(LB_TRIAL_PENDING, 0))
		fail("the mark is not put back");
}

// ---- Standing aside

#define OFF_FILE NAME("\\EFI\\lifeboat\\off")
#define MARK_FILE NAME("\\EFI\\lifeboat\\trial")

static void remove_variable(CHAR16 *name)
{
	runtime.SetVariable(name, &ours, NON_VOLATILE, 0, NULL);
}

// Runs it with this mark; "": without one. The program must be started, armed or not, with `line` in the
// variable.
static void expect(const char *mark, bool wanted, const char *line, const char *what)
{
	EFI_STATUS status;

	if (mark[0])
		set_mark(mark);
	else
		remove_variable(NAME("LifeboatTrial"));
	if (!run(0, &status) || !started || armed != wanted || !says(line)) {
		fail(what);
		say("failing: %s%s, %lu writes\n%s\n", started ? "started" : "not started",
		    armed ? ", armed" : "", (unsigned long)writes, said);
	}
}

static void expect_writes(UINTN wanted, const char *what)
{
	if (writes != wanted)
		fail(what);
}

// Runs with the places of a boot that was armed.
static void aside_by_trial(void)
{
	char text[LB_TRIAL_ROOM], mark[LB_TRIAL_ROOM];
	UINTN used;

	expect("", true, "trial=begun\ntrial_in=variable\n", "no mark is no trial");
	expect_writes(2, "a trial is not begun and put back");
	used = lb_snprintf(text, sizeof(text), "mark=begun\n%.800s", said);
	if (lb_trial_parse(text, used, &places, NULL) != 0 || lb_range_empty(places.hook))
		fail("the variable has no places");
	places.failed = 0;
	lb_trial_print(&places, mark);
	expect(mark, false, "aside=trial\n", "begun does not stand aside");
	if (!reserved)
		fail("the places are not reserved");
	if (!mark_is(LB_TRIAL_PENDING, 1) || type_at(places.crash.start) == EfiReservedMemoryType)
		fail("after the first boot aside");
	expect("mark=begun\nfailed=1\n", false, "aside=trial\n",
	       "begun does not stand aside the second time");
	if (!mark_is(LB_TRIAL_ASIDE, 2))
		fail("two boots do not end it");
	expect("mark=aside\n", false, "aside=trial\n", "aside does not stand aside");
	expect_writes(0, "aside writes");
	expect("mark=what\n", true, "trial=begun\n", "a mark that is none is no trial");
}

static void aside_by_panics_or_proved(void)
{
	char mark[LB_TRIAL_ROOM];
	struct lb_trial proved = places;

	expect("mark=proved\npanics=3\n", false, "aside=panics\n", "three panics do not stand aside");
	proved.mark = LB_TRIAL_PROVED;
	lb_trial_print(&proved, mark);
	expect(mark, true, "hook=", "a proved boot is not armed");
	expect_writes(0, "a proved boot writes");
	if (says("trial=begun") || !reserved)
		fail("a proved boot is a trial, or elsewhere");
	proved.hash++;
	lb_trial_print(&proved, mark);
	expect(mark, true, "trial=begun\n", "another hash is no trial");
	if (!mark_is(LB_TRIAL_PROVED, 0))
		fail("the proof is lost");
}

static void aside_by_switch(void)
{
	runtime.SetVariable(NAME("LifeboatOff"), &ours, NON_VOLATILE, 1, (void *)(UINTN) "-");
	expect("mark=pending\n", false, "aside=off\n", "LifeboatOff does not stand aside");
	expect_writes(0, "LifeboatOff writes");
	remove_variable(NAME("LifeboatOff"));
	if (!beside_put(volume, OFF_FILE, "-"))
		fail("the file off cannot be made");
	expect("mark=proved\n", false, "aside=off\n", "the file off does not stand aside");
	expect_writes(0, "the file off writes");
	beside_delete(volume, OFF_FILE);
}

static void mark_in_the_file(void)
{
	char text[LB_TRIAL_ROOM];
	UINTN bytes;

	unwritable = true;
	expect("", true, "trial=begun\ntrial_in=file\n", "no variable is no file");
	bytes = beside_get(volume, MARK_FILE, text);
	if (!text_is(text, bytes, LB_TRIAL_PENDING, 0))
		fail("the file is not put back");
	beside_put(volume, MARK_FILE, "mark=begun\n");
	expect("", false, "aside=trial\n", "begun in the file does not stand aside");
	bytes = beside_get(volume, MARK_FILE, text);
	if (!text_is(text, bytes, LB_TRIAL_PENDING, 1))
		fail("the file does not count");
	unwritable = false;
	beside_delete(volume, MARK_FILE);
}

static void aside(void)
{
	aside_by_trial();
	aside_by_panics_or_proved();
	aside_by_switch();
	mark_in_the_file();
}

static UINTN number_of(const char **text)
{
	UINTN number = 0;

	while (**text == ' ')
		++*text;
	for (; **text >= '0' && **text <= '9'; ++*text)
		number = number * 10 + (UINTN)(**text - '0');
	return number;
}

static bool was_reset(void)
{
	UINTN bytes = 0;

	return runtime.GetVariable(NAME("FailingHangs"), &ours, NULL, &bytes, NULL) == EFI_BUFFER_TOO_SMALL;
}

static void obey(const char *text)
{
	static const struct {
		const char *word;
		enum kind kind;
	} words[] = {{"start", START}, {"error", ERROR}, {"lie", LIE},
		     {"hang", HANG},   {"slow", SLOW},   {"aside", ASIDE}};
	UINTN number;
	EFI_STATUS status;

	for (UINTN i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (lb_strncmp(text, words[i].word, lb_strlen(words[i].word)) == 0)
			kind = words[i].kind;
	}
	while (*text && *text != ' ')
		text++;
	number = number_of(&text);
	if (kind == HANG)
		hang((UINT32)number);
	else if (was_reset())
		return;
	else if (kind == START)
		run(0, &status);
	else if (kind == ASIDE)
		aside();
	else if (kind == SLOW)
		slow();
	else
		fail_each(number);
}

static bool read_orders(char text[128])
{
	EFI_FILE_PROTOCOL *root, *file;
	UINTN bytes = 127;

	if (EFI_ERROR(volume->OpenVolume(volume, &root)) ||
	    EFI_ERROR(root->Open(root, &file, NAME("\\failing.txt"), EFI_FILE_MODE_READ, 0)) ||
	    EFI_ERROR(file->Read(file, &bytes, text)))
		return false;
	text[bytes] = '\0';
	file->Close(file);
	root->Close(root);
	return true;
}

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system)
{
	EFI_GUID loaded_guid = LOADED_IMAGE_PROTOCOL, volume_guid = SIMPLE_FILE_SYSTEM_PROTOCOL;
	EFI_LOADED_IMAGE *self;
	void *interface;
	char orders[128];

	st = system;
	bs = system->BootServices;
	rt = system->RuntimeServices;
	self_image = image;
	if (EFI_ERROR(bs->HandleProtocol(image, &loaded_guid, &interface)))
		return EFI_UNSUPPORTED;
	self = interface;
	device = self->DeviceHandle;
	if (EFI_ERROR(bs->HandleProtocol(device, &volume_guid, &interface)))
		return EFI_UNSUPPORTED;
	volume = interface;
	if (!read_orders(orders))
		return EFI_NOT_FOUND;
	put_services();
	for (const char *line = orders; line && *line; line = lb_strchr(line, '\n')) {
		line += *line == '\n';
		if (*line)
			obey(line);
	}
	say("failing: done, %lu wrong\n", (unsigned long)fails);
	rt->ResetSystem(EfiResetShutdown, EFI_SUCCESS, 0, NULL);
	return EFI_ABORTED;
}
