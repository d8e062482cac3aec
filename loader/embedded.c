// SPDX-License-Identifier: BSD-2-Clause
#include "loader/embedded.h"

#include "loader/payload.h"

const struct lb_hook_header *lb_embedded_hook(struct lb_error *err)
{
	const struct lb_hook_header *header = (const void *)lb_payload_hook;
	uint64_t bytes = (uint64_t)(lb_payload_hook_end - lb_payload_hook);

	if (bytes >= sizeof(*header) && header->magic == LB_HOOK_MAGIC && header->file_bytes == bytes &&
	    lb_aligned(bytes, LB_PAGE) && lb_aligned(header->text_bytes, LB_PAGE) &&
	    header->text_bytes < header->file_bytes && header->entry < header->text_bytes)
		return header;
	lb_fail(err, "lifeboat.efi: the embedded hook is damaged (magic 0x%lx)",
		(unsigned long)header->magic);
	return NULL;
}

const struct lb_purgatory_header *lb_embedded_purgatory(struct lb_error *err)
{
	const struct lb_purgatory_header *header = (const void *)lb_payload_purgatory;
	uint64_t bytes = (uint64_t)(lb_payload_purgatory_end - lb_payload_purgatory);

	if (bytes >= sizeof(*header) && header->magic == LB_PURGATORY_MAGIC &&
	    header->version == LB_HANDOFF_VERSION && header->file_bytes == bytes &&
	    header->text_bytes <= header->file_bytes && header->total_bytes >= header->file_bytes &&
	    header->entry < header->text_bytes)
		return header;
	lb_fail(err, "lifeboat.efi: the embedded purgatory is damaged (magic 0x%lx, version %u)",
		(unsigned long)header->magic, header->version);
	return NULL;
}

const struct lb_capture_image *lb_embedded_capture(struct lb_error *err)
{
	const struct lb_capture_image *header = (const void *)lb_payload_capture;
	uint64_t bytes = (uint64_t)(lb_payload_capture_end - lb_payload_capture);

	if (bytes >= sizeof(*header) && header->magic == LB_CAPTURE_IMAGE_MAGIC &&
	    header->version == LB_HANDOFF_VERSION && header->file_bytes == bytes &&
	    header->total_bytes >= header->file_bytes && lb_aligned(header->total_bytes, LB_PAGE) &&
	    header->entry < header->file_bytes)
		return header;
	lb_fail(err, "lifeboat.efi: the embedded capture kernel is damaged (magic 0x%lx, version %u)",
		(unsigned long)header->magic, header->version);
	return NULL;
}
