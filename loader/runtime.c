// SPDX-License-Identifier: BSD-2-Clause
#include "loader/runtime.h"

#include "loader/firmware.h"
#include "loader/payload.h"

static EFI_GUID hook_guid = LB_HOOK_GUID;

int lb_runtime_load(struct lb_runtime *runtime, struct lb_error *err)
{
	UINTN bytes = (UINTN)(lb_payload_hook_end - lb_payload_hook);
	EFI_GUID path_guid = {0xbc62157e, 0x3e33, 0x4fec, {0x99, 0x20, 0x2d, 0x3b, 0x36, 0xd7, 0x50, 0xdf}};
	void *path = NULL; // EFI_LOADED_IMAGE_DEVICE_PATH_PROTOCOL: the whole path, device included
	EFI_STATUS status;

	// With our own path: without one the Secure Boot policy is "unknown".
	BS->HandleProtocol(lb_image, &path_guid, &path);
	status = BS->LoadImage(FALSE, lb_image, path, (void *)(uintptr_t)lb_payload_hook, bytes,
			       &runtime->image);
	if (EFI_ERROR(status)) {
		runtime->image = NULL;
		return lb_fail(err, "the hook: the firmware would not load it: %s%s", lb_status_text(status),
			       status == EFI_SECURITY_VIOLATION ? " (Secure Boot: it is not signed)" : "");
	}
	status = BS->StartImage(runtime->image, NULL, NULL);
	if (!EFI_ERROR(status))
		status = BS->HandleProtocol(runtime->image, &hook_guid, (void **)&runtime->hook);
	if (EFI_ERROR(status)) {
		lb_runtime_unload(runtime);
		return lb_fail(err, "the hook: did not start: %s", lb_status_text(status));
	}
	if (runtime->hook->rehearse() == LB_MAT_FAILED) {
		lb_runtime_unload(runtime);
		return lb_fail(err, "the hook: the firmware's memory attributes table cannot be corrected, "
				    "the kernel would not let the hook run");
	}
	return 0;
}

void lb_runtime_unload(struct lb_runtime *runtime)
{
	if (runtime->image && EFI_ERROR(BS->UnloadImage(runtime->image)))
		return;
	*runtime = (struct lb_runtime){NULL, NULL};
}

// gEfiMemoryTypeInformation: pairs of type and pages, ended by EfiMaxMemoryType.
struct mark {
	uint32_t type;
	uint32_t pages;
};

static struct mark *find_marks(void)
{
	static const EFI_GUID guid = {
		0x4c19049f, 0x4137, 0x4dd3, {0x9c, 0x10, 0x8b, 0x97, 0xa8, 0x3f, 0xfd, 0xfa}};

	return lb_config_table(&guid);
}

// EfiMaxMemoryType has grown over the years, from 14 on.
static bool is_end(const struct mark *mark)
{
	return mark->type > EfiPalCode;
}

void lb_marks_take(struct lb_marks *marks)
{
	const struct mark *table = find_marks();

	marks->count = 0;
	for (uint32_t i = 0; table && i < LB_MARKS && !is_end(&table[i]); i++)
		marks->pages[marks->count++] = table[i].pages;
}

void lb_marks_put_back(const struct lb_marks *marks)
{
	struct mark *table = find_marks();

	for (uint32_t i = 0; table && i < marks->count; i++)
		table[i].pages = marks->pages[i];
}
