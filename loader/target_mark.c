// SPDX-License-Identifier: BSD-2-Clause
#include "loader/target_mark.h"

#include "crash/disk/dump_header.h"
#include "lib/mem.h"
#include "loader/print.h"

#define ROOM_PAGES 2 // a header, and the header as it is read again

// Keeps a verdict until there is another, and its words until a dump has left its own.
static void make_header(const struct lb_target_found *found, const uint8_t arm_id[16], bool selftest,
			struct lb_dump_header *header)
{
	memset(header, 0, LB_DUMP_BLOCK);
	memcpy(header->arm_id, arm_id, sizeof(header->arm_id));
	memcpy(header->partuuid, found->target.partuuid, sizeof(header->partuuid));
	header->partition_bytes = lb_target_bytes(&found->target);
	header->state = LB_DUMP_EMPTY;
	if (selftest) {
		header->selftest = LB_SELFTEST_BEGUN;
	} else if (found->has_header && found->header.selftest != LB_SELFTEST_NONE) {
		header->selftest = found->header.selftest;
		if (found->header.state == LB_DUMP_EMPTY)
			memcpy(header->message, found->header.message, sizeof(header->message));
	}
	lb_dump_header_seal(header);
}

// Writes the header and reads it again: some firmware takes writes and forgets them.
static EFI_STATUS put_header(const struct lb_target_found *found, struct lb_dump_header *header, void *again)
{
	EFI_STATUS status =
		lb_blockdev_write(&found->device, found->target.first_block, header, LB_DUMP_BLOCK);

	if (!EFI_ERROR(status))
		status = lb_blockdev_read(&found->device, found->target.first_block, again, LB_DUMP_BLOCK);
	if (!EFI_ERROR(status) && memcmp(header, again, LB_DUMP_BLOCK) != 0)
		status = EFI_DEVICE_ERROR;
	return status;
}

static EFI_STATUS mark(const struct lb_target_found *found, const uint8_t arm_id[16], bool selftest,
		       struct lb_dump_header *header)
{
	EFI_STATUS status;

	make_header(found, arm_id, selftest, header);
	status = put_header(found, header, (uint8_t *)header + LB_DUMP_BLOCK);
	if (EFI_ERROR(status))
		lb_print_warning("%s: the dump header cannot be written: %s; it will not be dumped to",
				 found->target.name, lb_status_text(status));
	return status;
}

int lb_targets_mark(const struct lb_targets *targets, const uint8_t arm_id[16], bool selftest,
		    uint32_t *ret_marked, struct lb_error *err)
{
	EFI_PHYSICAL_ADDRESS room;
	bool first_marked = false;

	*ret_marked = 0;
	if (!targets->count)
		return 0;
	if (!EFI_ERROR(BS->AllocatePages(AllocateAnyPages, EfiLoaderData, ROOM_PAGES, &room))) {
		for (uint32_t i = 0; i < targets->count; i++) {
			EFI_STATUS status = mark(&targets->found[i], arm_id, selftest,
						 (struct lb_dump_header *)(uintptr_t)room);

			if (!EFI_ERROR(status))
				(*ret_marked)++;
			if (i == 0)
				first_marked = !EFI_ERROR(status);
		}
		BS->FreePages(room, ROOM_PAGES);
	} else {
		lb_print_warning("firmware: no memory for a dump header: no dump will be written");
	}
	if (selftest && !first_marked)
		return lb_fail(err, "--selftest: no verdict can be left on %s",
			       targets->found[0].target.name);
	return 0;
}
