// SPDX-License-Identifier: BSD-2-Clause
#include "loader/hook_image.h"

#include "loader/firmware.h"
#include "loader/payload.h"

static EFI_GUID hook_guid = LB_HOOK_GUID;

int lb_hook_image_load(struct lb_hook_image *image, struct lb_error *err)
{
	UINTN bytes = (UINTN)(lb_payload_hook_end - lb_payload_hook);
	EFI_GUID path_guid = {0xbc62157e, 0x3e33, 0x4fec, {0x99, 0x20, 0x2d, 0x3b, 0x36, 0xd7, 0x50, 0xdf}};
	void *path = NULL; // EFI_LOADED_IMAGE_DEVICE_PATH_PROTOCOL: the whole path, device included
	EFI_STATUS status;

	// UEFI 2.10, 7.4.1, 7.4.4. With our own path: without one the Secure Boot policy is "unknown".
	BS->HandleProtocol(lb_image, &path_guid, &path);
	image->image = NULL;
	status = BS->LoadImage(FALSE, lb_image, path, (void *)(uintptr_t)lb_payload_hook, bytes,
			       &image->image);
	if (EFI_ERROR(status)) {
		if (status == EFI_SECURITY_VIOLATION) // loaded, with a handle, but not to be started
			BS->UnloadImage(image->image);
		image->image = NULL;
		return lb_fail(err, "the hook: the firmware would not load it: %s%s", lb_status_text(status),
			       status == EFI_SECURITY_VIOLATION ? " (Secure Boot: it is not signed)" : "");
	}
	status = BS->StartImage(image->image, NULL, NULL);
	if (EFI_ERROR(status)) {
		// An image that ran is unloaded by now: the firmware then knows no such handle.
		BS->UnloadImage(image->image);
		image->image = NULL;
		return lb_fail(err, "the hook: did not start: %s", lb_status_text(status));
	}
	status = BS->HandleProtocol(image->image, &hook_guid, (void **)&image->hook);
	if (EFI_ERROR(status)) {
		lb_hook_image_unload(image);
		return lb_fail(err, "the hook: its services are missing: %s", lb_status_text(status));
	}
	if (image->hook->rehearse() == LB_MAT_FAILED) {
		lb_hook_image_unload(image);
		return lb_fail(err, "the hook: the firmware's memory attributes table cannot be corrected, "
				    "the kernel would not let the hook run");
	}
	return 0;
}

void lb_hook_image_unload(struct lb_hook_image *image)
{
	if (image->image && EFI_ERROR(BS->UnloadImage(image->image)))
		return;
	*image = (struct lb_hook_image){NULL, NULL};
}
