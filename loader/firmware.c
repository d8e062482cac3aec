// SPDX-License-Identifier: BSD-2-Clause
#include "loader/firmware.h"

#include "lib/mem.h"

#define WATCHDOG_CODE 0x10000 // the firmware's own codes are lower; UEFI 2.10, 7.5

EFI_SYSTEM_TABLE *ST;
EFI_BOOT_SERVICES *BS;
EFI_RUNTIME_SERVICES *RT;
EFI_HANDLE lb_image;
EFI_GUID lb_vendor = {0x6b1f3c0e, 0x4d1a, 0x4c57, {0x9e, 0x0a, 0x5a, 0x0e, 0x3f, 0x2b, 0x7c, 0x11}};
static bool steps_ended;

void lb_firmware_init(EFI_HANDLE image, EFI_SYSTEM_TABLE *table)
{
	ST = table;
	BS = table->BootServices;
	RT = table->RuntimeServices;
	lb_image = image;
}

void lb_step_begin(void)
{
	if (!steps_ended)
		BS->SetWatchdogTimer(LB_STEP_SECONDS, WATCHDOG_CODE, 0, NULL);
}

void lb_steps_end(void)
{
	steps_ended = true;
	BS->SetWatchdogTimer(0, 0, 0, NULL);
}

void lb_steps_hand_over(void)
{
	steps_ended = true;
	BS->SetWatchdogTimer(LB_STEP_SECONDS, WATCHDOG_CODE, 0, NULL);
}

void lb_steps_take_back(void)
{
	steps_ended = false;
	lb_step_begin();
}

void *lb_pool_alloc(UINTN bytes)
{
	void *memory;

	if (EFI_ERROR(BS->AllocatePool(EfiLoaderData, bytes, &memory)))
		return NULL;
	return memset(memory, 0, bytes);
}

const char *lb_status_text(EFI_STATUS status)
{
	switch (status) {
	case EFI_SUCCESS:
		return "success";
	case EFI_LOAD_ERROR:
		return "load error";
	case EFI_INVALID_PARAMETER:
		return "invalid parameter";
	case EFI_UNSUPPORTED:
		return "unsupported";
	case EFI_BAD_BUFFER_SIZE:
		return "bad buffer size";
	case EFI_BUFFER_TOO_SMALL:
		return "buffer too small";
	case EFI_NOT_READY:
		return "not ready";
	case EFI_DEVICE_ERROR:
		return "device error";
	case EFI_WRITE_PROTECTED:
		return "write protected";
	case EFI_OUT_OF_RESOURCES:
		return "out of memory";
	case EFI_VOLUME_CORRUPTED:
		return "volume corrupted";
	case EFI_VOLUME_FULL:
		return "volume full";
	case EFI_NO_MEDIA:
		return "no medium";
	case EFI_MEDIA_CHANGED:
		return "medium changed";
	case EFI_NOT_FOUND:
		return "not found";
	case EFI_ACCESS_DENIED:
		return "access denied";
	case EFI_TIMEOUT:
		return "timed out";
	case EFI_NOT_STARTED:
		return "not started";
	case EFI_ALREADY_STARTED:
		return "already started";
	case EFI_ABORTED:
		return "aborted";
	case EFI_SECURITY_VIOLATION:
		return "security violation";
	default:
		return "another error";
	}
}

void *lb_config_table(const EFI_GUID *guid)
{
	for (UINTN i = 0; i < ST->NumberOfTableEntries; i++) {
		if (memcmp(&ST->ConfigurationTable[i].VendorGuid, guid, sizeof(*guid)) == 0)
			return ST->ConfigurationTable[i].VendorTable;
	}
	return NULL;
}

EFI_LOADED_IMAGE *lb_own_image(void)
{
	static EFI_GUID guid = LOADED_IMAGE_PROTOCOL;
	void *image = NULL;

	// Every started image has this protocol; firmware without it is broken.
	if (EFI_ERROR(BS->HandleProtocol(lb_image, &guid, &image)))
		return NULL;
	return image;
}

static EFI_STATUS read_flag(CHAR16 *name, bool *ret_flag)
{
	EFI_GUID global = EFI_GLOBAL_VARIABLE;
	UINT8 value = 0;
	UINTN bytes = sizeof(value);
	EFI_STATUS status = RT->GetVariable(name, &global, NULL, &bytes, &value);

	*ret_flag = !EFI_ERROR(status) && value == 1;
	return status;
}

bool lb_secure_boot(void)
{
	static CHAR16 name[] = L"SecureBoot", setup_name[] = L"SetupMode";
	bool on, setup;
	EFI_STATUS status = read_flag(name, &on);

	// Secure Boot counts as on where the firmware cannot say.
	if (EFI_ERROR(status) && status != EFI_NOT_FOUND)
		on = true;
	read_flag(setup_name, &setup);
	return on && !setup;
}
