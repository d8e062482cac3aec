// SPDX-License-Identifier: BSD-2-Clause
#include "loader/target_mark.h"

#include "crash/disk/dump_header.h"
#include "lib/mem.h"
#include "lifeboat/crypt.h"
#include "loader/file_target.h"
#include "loader/print.h"

// Room for both slots, and for both as they are read back.
struct room {
	struct lb_dump_slots slots, again;
};
#define ROOM_PAGES (sizeof(struct room) / LB_PAGE)

// Keeps a verdict until there is another one, and its words until a dump leaves its own.
static void make_header(const struct lb_target_found *found, const uint8_t arm_id[16], bool selftest,
			uint64_t keys_phys, struct lb_dump_header *header)
{
	memset(header, 0, sizeof(*header));
	memcpy(header->arm_id, arm_id, sizeof(header->arm_id));
	memcpy(header->partuuid, lb_target_id(&found->target), sizeof(header->partuuid));
	header->flags = found->target.extent_count ? LB_DUMP_FLAG_FILE : 0;
	header->partition_bytes = lb_target_bytes(&found->target);
	header->state = LB_DUMP_EMPTY;
	header->keys_phys = keys_phys;
	header->keys_bytes = keys_phys ? sizeof(struct lb_crypt) : 0;
	if (selftest) {
		header->selftest = LB_SELFTEST_BEGUN;
	} else if (found->has_header && found->header.selftest != LB_SELFTEST_NONE) {
		header->selftest = found->header.selftest;
		if (found->header.state == LB_DUMP_EMPTY)
			memcpy(header->message, found->header.message, sizeof(header->message));
	}
	header->sequence = found->header.sequence; // an older header must not count as the later one
}

static void fill_slots(struct lb_dump_header *header, struct lb_dump_slots *slots)
{
	memset(slots, 0, sizeof(*slots));
	for (uint32_t i = 0; i < LB_DUMP_SLOTS; i++) {
		uint32_t slot = lb_dump_header_advance(header) / LB_DUMP_BLOCK;

		slots->slot[slot].header = *header;
	}
}

// What the capture kernel will find on a partition.
enum mark {
	MARK_KEPT, // written, flushed, read back
	MARK_UNKEPT, // it is there, but the disk did not confirm that it stays
	MARK_UNKNOWN, // it cannot be read back
	MARK_MISSING,
};

// Writes both slots in one write: a failed write leaves both as they were, a loss of power tears at most
// one. Reads them back even after an error: a header whose flush failed is there all the same. Reads them
// back after success, too: some firmware takes writes and forgets them. *ret_status: the error.
static enum mark put_slots(const struct lb_target_found *found, struct room *room, EFI_STATUS *ret_status)
{
	uint64_t ignored;
	const uint64_t block = lb_target_block(&found->target, 0, &ignored); // both are in one piece
	EFI_STATUS written = lb_blockdev_write(&found->device, block, &room->slots, sizeof(room->slots));
	EFI_STATUS read = lb_blockdev_read(&found->device, block, &room->again, sizeof(room->again));

	*ret_status = EFI_ERROR(written) ? written : read;
	if (EFI_ERROR(read))
		return MARK_UNKNOWN;
	if (memcmp(&room->slots, &room->again, sizeof(room->slots)) == 0)
		return EFI_ERROR(written) ? MARK_UNKEPT : MARK_KEPT;
	if (!EFI_ERROR(written))
		*ret_status = EFI_DEVICE_ERROR;
	return MARK_MISSING;
}

static void warn(const char *name, enum mark mark, EFI_STATUS status)
{
	const char *why = lb_status_text(status);

	switch (mark) {
	case MARK_KEPT:
		break;
	case MARK_UNKEPT:
		lb_print_warning("%s: the dump header is written, but the disk does not confirm that it "
				 "stays: %s; it will be dumped to as long as the header is there",
				 name, why);
		break;
	case MARK_UNKNOWN:
		lb_print_warning("%s: the dump header cannot be read again: %s; whether it will be dumped to "
				 "is not known",
				 name, why);
		break;
	case MARK_MISSING:
		lb_print_warning("%s: the dump header cannot be written: %s; it will not be dumped to", name,
				 why);
		break;
	}
}

static enum mark mark_one(const struct lb_target_found *found, const uint8_t arm_id[16], bool selftest,
			  uint64_t keys_phys, struct room *room)
{
	struct lb_dump_header header;
	EFI_STATUS status;
	enum mark mark;

	make_header(found, arm_id, selftest, keys_phys, &header);
	fill_slots(&header, &room->slots);
	mark = put_slots(found, room, &status);
	warn(found->target.name, mark, status);
	return mark;
}

int lb_targets_mark(const struct lb_targets *targets, const uint8_t arm_id[16], bool selftest,
		    uint64_t keys_phys, uint32_t *ret_marked, struct lb_error *err)
{
	EFI_PHYSICAL_ADDRESS room;
	bool first_kept = false;

	*ret_marked = 0;
	if (!targets->count)
		return 0;
	if (!EFI_ERROR(BS->AllocatePages(AllocateAnyPages, EfiLoaderData, ROOM_PAGES, &room))) {
		for (uint32_t i = 0; i < targets->count; i++) {
			enum mark mark = mark_one(&targets->found[i], arm_id, selftest, keys_phys,
						  (struct room *)(uintptr_t)room);

			if (mark == MARK_KEPT || mark == MARK_UNKEPT)
				(*ret_marked)++;
			if (i == 0)
				first_kept = mark == MARK_KEPT;
		}
		BS->FreePages(room, ROOM_PAGES);
	} else {
		lb_print_warning("firmware: no memory for a dump header: no dump will be written");
	}
	if (selftest && !first_kept)
		return lb_fail(err, "--selftest: no verdict can be left on %s",
			       targets->found[0].target.name);
	return 0;
}
