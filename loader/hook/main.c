// SPDX-License-Identifier: BSD-2-Clause
// The hook: an EFI runtime driver that stands in for gRT->ResetSystem. Of what was
// armed it holds struct lb_hook_sealed, nothing else; after the panic, entry.asm runs.
// Everything here runs in boot services, but for the two event handlers, which may not
// allocate or print.
#include <efi.h>

#include "lib/mem.h"
#include "lifeboat/desc.h"
#include "lifeboat/handoff.h"
#include "loader/hook/hook.h"
#include "loader/hook/state.h"

// For the memory attributes table growing between arming and ExitBootServices.
#define MAT_SPARE_ENTRIES 64

EFI_STATUS EFIAPI lb_hook_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system_table);

static EFI_SYSTEM_TABLE *system;
static EFI_HANDLE own_handle;
static struct lb_hook protocol;
static EFI_EVENT exit_event, address_event;
static void *mat_buffer;
static size_t mat_buffer_bytes;
static bool mat_installed;

static const EFI_GUID hook_guid = LB_HOOK_GUID;
static const EFI_GUID mat_guid = {
	0xdcfa911d, 0x26eb, 0x469f, {0xa2, 0x20, 0x38, 0xb7, 0xdc, 0x46, 0x12, 0x20}};

// The configuration table's slot for the memory attributes table; NULL: none.
static void **find_mat(void)
{
	for (UINTN i = 0; i < system->NumberOfTableEntries; i++) {
		EFI_CONFIGURATION_TABLE *table = &system->ConfigurationTable[i];

		if (memcmp(&table->VendorGuid, &mat_guid, sizeof(mat_guid)) == 0)
			return &table->VendorTable;
	}
	return NULL;
}

static enum lb_mat_status split_mat(void *out, size_t out_bytes, void ***ret_slot)
{
	void **slot = find_mat();

	*ret_slot = slot;
	if (!slot || !*slot) // without the table Linux leaves runtime code executable
		return LB_MAT_UNCHANGED;
	return lb_mat_split(*slot, protocol.text, protocol.data, out, out_bytes);
}

static EFI_STATUS allocate_mat_buffer(void)
{
	void **slot = find_mat();

	if (!slot || !*slot)
		return EFI_SUCCESS;
	mat_buffer_bytes = lb_mat_room(*slot, MAT_SPARE_ENTRIES);
	if (!mat_buffer_bytes)
		return EFI_INCOMPATIBLE_VERSION;
	// Boot-services memory, as the firmware's own table: the kernel keeps it.
	return system->BootServices->AllocatePool(EfiBootServicesData, mat_buffer_bytes, &mat_buffer);
}

// An ExitBootServices that failed left our table installed: any change of runtime
// memory makes the firmware install its own again.
static void restore_mat(void)
{
	EFI_PHYSICAL_ADDRESS page;

	if (!mat_installed)
		return;
	mat_installed = false;
	if (!EFI_ERROR(
		    system->BootServices->AllocatePages(AllocateAnyPages, EfiRuntimeServicesData, 1, &page)))
		system->BootServices->FreePages(page, 1);
}

static void free_mat_buffer(void)
{
	if (mat_buffer)
		system->BootServices->FreePool(mat_buffer);
	mat_buffer = NULL;
	mat_buffer_bytes = 0;
}

static enum lb_mat_status rehearse_undisturbed(void)
{
	enum lb_mat_status status;
	void **slot;

	if (EFI_ERROR(allocate_mat_buffer()))
		return LB_MAT_FAILED;
	status = split_mat(mat_buffer, mat_buffer_bytes, &slot);
	free_mat_buffer();
	return status;
}

// Another driver's timer that allocates runtime memory frees the table while we read it:
// not at TPL_NOTIFY, the highest at which memory can be allocated (UEFI 2.10, table 7.3).
static enum lb_mat_status EFIAPI rehearse(void)
{
	EFI_TPL before = system->BootServices->RaiseTPL(TPL_NOTIFY);
	enum lb_mat_status status = rehearse_undisturbed();

	system->BootServices->RestoreTPL(before);
	return status;
}

// The last moment at which the table is still ours to change: the kernel's stub
// makes the firmware rebuild it until just before. Only a text that will be
// executable arms the hook.
static void EFIAPI on_exit_boot_services(EFI_EVENT event, void *context)
{
	enum lb_mat_status status;
	void **slot;

	(void)event;
	(void)context;
	status = split_mat(mat_buffer, mat_buffer_bytes, &slot);
	if (status == LB_MAT_FAILED)
		return;
	if (status == LB_MAT_SPLIT) {
		*slot = mat_buffer;
		mat_installed = true;
	}
	lb_hook_armed = 1;
}

// RuntimeDxe converts gRT->ResetSystem itself; what it was is ours to convert.
static void EFIAPI on_address_change(EFI_EVENT event, void *context)
{
	(void)event;
	(void)context;
	if (EFI_ERROR(system->RuntimeServices->ConvertPointer(0, (void **)&lb_hook_original)))
		lb_hook_armed = 0; // a panic while unarmed still resets, through the kernel's own fallback
}

static void set_reset_system(EFI_RESET_SYSTEM reset)
{
	EFI_RUNTIME_SERVICES *runtime = system->RuntimeServices;
	UINT32 crc = 0;

	runtime->ResetSystem = reset;
	runtime->Hdr.CRC32 = 0;
	system->BootServices->CalculateCrc32(runtime, runtime->Hdr.HeaderSize, &crc);
	runtime->Hdr.CRC32 = crc;
}

static EFI_STATUS EFIAPI disarm(void)
{
	EFI_BOOT_SERVICES *bs = system->BootServices;

	lb_hook_armed = 0;
	if (lb_hook_original && system->RuntimeServices->ResetSystem == lb_hook_reset_system)
		set_reset_system(lb_hook_original);
	else if (lb_hook_original)
		return EFI_ACCESS_DENIED; // somebody hooked us in turn: stay, as a pass-through
	lb_hook_original = NULL;
	if (exit_event)
		bs->CloseEvent(exit_event);
	if (address_event)
		bs->CloseEvent(address_event);
	exit_event = address_event = NULL;
	restore_mat();
	free_mat_buffer();
	return EFI_SUCCESS;
}

// The segment that is entered.
static struct lb_range find_purgatory(const struct lb_handoff *handoff)
{
	for (uint32_t i = 0; i < handoff->segment_count; i++) {
		const struct lb_segment *segment = &handoff->segments[i];
		struct lb_range range = {segment->phys, segment->phys + segment->bytes};

		if (handoff->purgatory_entry >= range.start && handoff->purgatory_entry < range.end)
			return range;
	}
	return (struct lb_range){0, 0};
}

static EFI_STATUS EFIAPI arm(const struct lb_hook_arm *wanted)
{
	const struct lb_handoff *handoff = (const struct lb_handoff *)(uintptr_t)wanted->handoff;
	EFI_BOOT_SERVICES *bs = system->BootServices;
	EFI_STATUS status;
	EFI_TPL before;

	if (lb_hook_original)
		return EFI_ALREADY_STARTED;
	lb_hook_sealed = (struct lb_hook_sealed){
		.handoff = wanted->handoff,
		.cr3_4level = wanted->cr3_4level,
		.cr3_5level = wanted->cr3_5level,
		.physical = (uint64_t)(uintptr_t)lb_hook_physical,
		.purgatory_entry = handoff->purgatory_entry,
		.purgatory_text = find_purgatory(handoff),
		.console_port = handoff->console.type == LB_CONSOLE_PORT ? handoff->console.address : 0,
	};
	lb_hook_seal();
	lb_hook_build_first_idt();
	lb_hook_fired = 0;

	before = bs->RaiseTPL(TPL_NOTIFY); // as in rehearse()
	status = allocate_mat_buffer();
	bs->RestoreTPL(before);
	if (EFI_ERROR(status))
		return status;
	status = bs->CreateEvent(EVT_SIGNAL_EXIT_BOOT_SERVICES, TPL_NOTIFY, on_exit_boot_services, NULL,
				 &exit_event);
	if (!EFI_ERROR(status))
		status = bs->CreateEvent(EVT_SIGNAL_VIRTUAL_ADDRESS_CHANGE, TPL_NOTIFY, on_address_change,
					 NULL, &address_event);
	if (EFI_ERROR(status)) {
		disarm();
		return status;
	}
	lb_hook_original = system->RuntimeServices->ResetSystem;
	set_reset_system(lb_hook_reset_system);
	return EFI_SUCCESS;
}

static EFI_STATUS EFIAPI unload(EFI_HANDLE image)
{
	EFI_STATUS status = disarm();
	EFI_GUID guid = hook_guid;

	(void)image;
	if (EFI_ERROR(status))
		return status;
	return system->BootServices->UninstallProtocolInterface(own_handle, &guid, &protocol);
}

EFI_STATUS EFIAPI lb_hook_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system_table)
{
	EFI_GUID loaded_guid = LOADED_IMAGE_PROTOCOL, guid = hook_guid;
	EFI_LOADED_IMAGE *loaded;
	EFI_STATUS status;

	system = system_table;
	own_handle = image;
	status = system->BootServices->HandleProtocol(image, &loaded_guid, (void **)&loaded);
	if (EFI_ERROR(status))
		return status;
	loaded->Unload = unload;

	protocol.text.start = (uint64_t)(uintptr_t)lb_hook_text_start;
	protocol.text.end = (uint64_t)(uintptr_t)lb_hook_text_end;
	protocol.data.start = (uint64_t)(uintptr_t)lb_hook_data_start;
	protocol.data.end = (uint64_t)(uintptr_t)lb_hook_data_end;
	protocol.rehearse = rehearse;
	protocol.arm = arm;
	protocol.disarm = disarm;
	return system->BootServices->InstallProtocolInterface(&own_handle, &guid, EFI_NATIVE_INTERFACE,
							      &protocol);
}
