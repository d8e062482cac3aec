// SPDX-License-Identifier: BSD-2-Clause
#include "loader/hook_image.h"

#include "lib/mem.h"
#include "loader/brakes.h"
#include "loader/embedded.h"
#include "loader/firmware.h"
#include "loader/memory_attributes.h"

static EFI_GUID hook_guid = LB_HOOK_GUID;

static int allocate(struct lb_hook_image *image, uint32_t bytes, struct lb_error *err)
{
	const struct lb_trial *proof = lb_brakes_proof();
	EFI_PHYSICAL_ADDRESS start = proof ? proof->hook.start : 0;
	EFI_STATUS status = EFI_NOT_FOUND;

	// The hook goes where the proved boots had it, because a hibernated system expects it there; else
	// anywhere.
	if (proof && lb_range_size(proof->hook) == bytes)
		status = BS->AllocatePages(AllocateAddress, EfiRuntimeServicesCode, bytes / LB_PAGE, &start);
	if (EFI_ERROR(status))
		status = BS->AllocatePages(AllocateAnyPages, EfiRuntimeServicesCode, bytes / LB_PAGE, &start);
	if (EFI_ERROR(status))
		return lb_fail(err, "the hook: the firmware gave no runtime memory for its %u bytes: %s",
			       bytes, lb_status_text(status));
	image->pages = (struct lb_range){start, start + bytes};
	return 0;
}

// Copies the image, which needs no relocation, and protects text and data.
static EFI_STATUS copy(struct lb_range pages, const struct lb_hook_header *header)
{
	const struct lb_range text = {pages.start, pages.start + header->text_bytes};
	EFI_STATUS status = lb_memory_attributes_data(pages);

	if (EFI_ERROR(status))
		return status;
	memcpy((void *)(uintptr_t)pages.start, header, header->file_bytes);
	return lb_memory_attributes_code(text);
}

static int start(struct lb_hook_image *image, struct lb_error *err)
{
	const struct lb_hook_header *header = lb_embedded_hook(err);
	lb_hook_entry entry;
	EFI_STATUS status;

	if (!header || allocate(image, header->file_bytes, err) != 0)
		return -1;
	status = copy(image->pages, header);
	if (EFI_ERROR(status))
		return lb_fail(err, "the hook: the firmware would not let its pages be protected: %s",
			       lb_status_text(status));
	entry = (lb_hook_entry)(uintptr_t)(image->pages.start + header->entry);
	image->hook = entry(ST);
	status = BS->InstallProtocolInterface(&image->handle, &hook_guid, EFI_NATIVE_INTERFACE, image->hook);
	if (EFI_ERROR(status))
		return lb_fail(err, "the hook: its protocol was not installed: %s", lb_status_text(status));
	if (image->hook->rehearse() == LB_MAT_FAILED)
		return lb_fail(err, "the hook: the firmware's memory attributes table cannot be corrected, "
				    "the kernel would not let the hook run");
	return 0;
}

int lb_hook_image_place(struct lb_hook_image *image, struct lb_error *err)
{
	*image = (struct lb_hook_image){0};
	if (start(image, err) == 0)
		return 0;
	lb_hook_image_remove(image);
	return -1;
}

void lb_hook_image_remove(struct lb_hook_image *image)
{
	bool stays = image->hook && EFI_ERROR(image->hook->disarm());

	if (image->handle)
		BS->UninstallProtocolInterface(image->handle, &hook_guid, image->hook);
	if (!stays && !lb_range_empty(image->pages)) {
		lb_memory_attributes_data(image->pages);
		BS->FreePages(image->pages.start, lb_range_size(image->pages) / LB_PAGE);
	}
	*image = (struct lb_hook_image){0};
}

bool lb_hook_image_found(void)
{
	void *interface = NULL;

	return !EFI_ERROR(BS->LocateProtocol(&hook_guid, NULL, &interface));
}
