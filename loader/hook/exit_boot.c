// SPDX-License-Identifier: BSD-2-Clause
#include "loader/hook/exit_boot.h"

#include "lib/mem.h"
#include "loader/hook/late_words.h"
#include "loader/hook/stand_in.h"
#include "loader/hook/state.h"

uint8_t lb_hook_armed;
uint8_t lb_hook_capsule;

// Spare entries: the memory attributes table may grow between arming and ExitBootServices.
#define MAT_SPARE_ENTRIES 64

static EFI_SYSTEM_TABLE *system;
static struct lb_range text, data;
static void *mat_buffer;
static size_t mat_buffer_bytes;
static bool mat_installed;

static const EFI_GUID mat_guid = {
	0xdcfa911d, 0x26eb, 0x469f, {0xa2, 0x20, 0x38, 0xb7, 0xdc, 0x46, 0x12, 0x20}};

// The configuration table's slot for the memory attributes table; NULL: none.
static void **find_mat(void)
{
	for (UINTN i = 0; i < system->NumberOfTableEntries; i++) {
		EFI_CONFIGURATION_TABLE *table = &system->ConfigurationTable[i];

		if (memcmp(&table->VendorGuid, &mat_guid, sizeof(mat_guid)) == 0)
			return table->VendorTable ? &table->VendorTable : NULL;
	}
	return NULL;
}

static enum lb_mat_status split_mat(void **slot)
{
	if (!slot) // without the table Linux leaves runtime code executable
		return LB_MAT_UNCHANGED;
	// A table of ours, left by an ExitBootServices that failed, is right already or cannot be put
	// right.
	return lb_mat_split(*slot, text, data, mat_buffer, *slot == mat_buffer ? 0 : mat_buffer_bytes);
}

static EFI_STATUS allocate_mat_buffer(void)
{
	void **slot = find_mat();

	if (!slot)
		return EFI_SUCCESS;
	mat_buffer_bytes = lb_mat_room(*slot, MAT_SPARE_ENTRIES);
	if (!mat_buffer_bytes)
		return EFI_INCOMPATIBLE_VERSION;
	// Boot-services memory, like the firmware's own table: the kernel keeps it.
	return system->BootServices->AllocatePool(EfiBootServicesData, mat_buffer_bytes, &mat_buffer);
}

static void free_mat_buffer(void)
{
	if (mat_buffer)
		system->BootServices->FreePool(mat_buffer);
	mat_buffer = NULL;
	mat_buffer_bytes = 0;
}

EFI_STATUS lb_exit_boot_prepare(EFI_SYSTEM_TABLE *table, struct lb_range hook_text, struct lb_range hook_data)
{
	EFI_STATUS status;
	EFI_TPL before;

	system = table;
	text = hook_text;
	data = hook_data;
	// A timer of another driver may allocate runtime memory, which frees the table while we read it.
	// TPL_NOTIFY keeps timers out; it is the highest TPL at which memory can be allocated (UEFI 2.10,
	// table 7.3).
	before = system->BootServices->RaiseTPL(TPL_NOTIFY);
	status = allocate_mat_buffer();
	system->BootServices->RestoreTPL(before);
	return status;
}

enum lb_mat_status lb_exit_boot_rehearse(EFI_SYSTEM_TABLE *table, struct lb_range hook_text,
					 struct lb_range hook_data)
{
	enum lb_mat_status status = LB_MAT_FAILED;
	EFI_TPL before = table->BootServices->RaiseTPL(TPL_NOTIFY); // as above, for both steps

	if (!EFI_ERROR(lb_exit_boot_prepare(table, hook_text, hook_data)))
		status = split_mat(find_mat());
	free_mat_buffer();
	table->BootServices->RestoreTPL(before);
	return status;
}

static void install_mat(void **slot, enum lb_mat_status status)
{
	if (status != LB_MAT_SPLIT)
		return;
	*slot = mat_buffer;
	mat_installed = true;
}

// Called at the last moment at which the table can be changed: until just before, the kernel's stub makes
// the firmware rebuild it.
void lb_exit_boot_decide(bool wanted)
{
	void **slot = find_mat();
	enum lb_mat_status status = split_mat(slot);

	lb_hook_armed = 0; // an ExitBootServices that failed may have left it set
	lb_late_words_take_back();
	if (wanted && !lb_hook_capsule && status != LB_MAT_FAILED && lb_late_words_give()) {
		install_mat(slot, status);
		lb_stand_in_install(system);
		lb_hook_armed = 1;
	} else if (!lb_stand_in_remove(system)) {
		install_mat(slot, status);
		if (status == LB_MAT_FAILED)
			lb_mat_open(*slot, text, data);
	}
}

// Puts the firmware's table back after an ExitBootServices that failed: any change of runtime memory makes
// the firmware install its own.
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

void lb_exit_boot_forget(void)
{
	restore_mat();
	free_mat_buffer();
}
