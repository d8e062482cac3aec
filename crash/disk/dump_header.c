// SPDX-License-Identifier: BSD-2-Clause
#include "crash/disk/dump_header.h"

#include "lib/mem.h"
#include "lib/sha256.h"

void lb_dump_header_seal(struct lb_dump_header *header)
{
	header->magic = LB_DUMP_MAGIC;
	if (!header->version)
		header->version = LB_DUMP_VERSION;
	header->bytes = sizeof(*header);
	lb_sha256(header, offsetof(struct lb_dump_header, sha256), header->sha256);
}

static bool has_one_slot(const struct lb_dump_header *header)
{
	return header->version == LB_DUMP_VERSION_ONE_SLOT;
}

int lb_dump_header_check(const struct lb_dump_header *header, struct lb_error *err)
{
	uint8_t sha256[sizeof(header->sha256)];

	if (header->magic != LB_DUMP_MAGIC)
		return lb_fail(err, "dump header: magic is 0x%lx, not Lifeboat's", header->magic);
	if ((header->version != LB_DUMP_VERSION && !has_one_slot(header)) || header->bytes != sizeof(*header))
		return lb_fail(err, "dump header: version %u of %u bytes, wanted version %u or %u of %u",
			       header->version, header->bytes, LB_DUMP_VERSION_ONE_SLOT, LB_DUMP_VERSION,
			       (unsigned int)sizeof(*header));
	lb_sha256(header, offsetof(struct lb_dump_header, sha256), sha256);
	if (memcmp(sha256, header->sha256, sizeof(sha256)) != 0)
		return lb_fail(err, "dump header: its digest does not match its content");
	return 0;
}

// The slot of a header. A header of version 1 has sequence 0, and so slot 0.
static uint32_t slot_of(const struct lb_dump_header *header)
{
	return header->sequence % LB_DUMP_SLOTS;
}

static int check_slot(const struct lb_dump_slots *slots, uint32_t slot, struct lb_error *err)
{
	const struct lb_dump_header *header = &slots->slot[slot].header;

	if (lb_dump_header_check(header, err) != 0)
		return -1;
	if (slot_of(header) != slot)
		return lb_fail(err, "dump header: sequence %lu in slot %u", header->sequence, slot);
	return 0;
}

// Compares sequences; they may have wrapped round to 0.
static bool is_later(const struct lb_dump_header *header, const struct lb_dump_header *than)
{
	return (int64_t)(header->sequence - than->sequence) > 0;
}

int lb_dump_header_choose(const struct lb_dump_slots *slots, struct lb_dump_header *ret_header,
			  struct lb_error *err)
{
	const struct lb_dump_header *chosen = NULL;
	bool ours = false;

	lb_fail(err, "dump header: neither slot has Lifeboat's magic");
	for (uint32_t i = 0; i < LB_DUMP_SLOTS; i++) {
		const struct lb_dump_header *header = &slots->slot[i].header;

		if (header->magic != LB_DUMP_MAGIC)
			continue;
		ours = true;
		if (check_slot(slots, i, err) == 0 && (!chosen || is_later(header, chosen)))
			chosen = header;
	}
	if (!chosen)
		return ours ? LB_DUMP_UNREADABLE : -1;
	*ret_header = *chosen;
	return 0;
}

bool lb_dump_header_in_every_slot(const struct lb_dump_slots *slots, const uint8_t partuuid[16])
{
	const struct lb_dump_header *first = &slots->slot[0].header;
	uint32_t count = has_one_slot(first) ? 1 : LB_DUMP_SLOTS;

	for (uint32_t i = 0; i < count; i++) {
		const struct lb_dump_header *header = &slots->slot[i].header;

		if (check_slot(slots, i, NULL) != 0 ||
		    memcmp(header->partuuid, partuuid, sizeof(header->partuuid)) != 0)
			return false;
	}
	return true;
}

uint32_t lb_dump_header_advance(struct lb_dump_header *header)
{
	if (!has_one_slot(header))
		header->sequence++;
	lb_dump_header_seal(header);
	return slot_of(header) * LB_DUMP_BLOCK;
}

uint32_t lb_dump_header_room(const struct lb_dump_header *header)
{
	return has_one_slot(header) ? LB_DUMP_BLOCK : LB_DUMP_SLOTS_BYTES;
}

bool lb_dump_header_unsaved(const struct lb_dump_header *header)
{
	return header->state != LB_DUMP_EMPTY && !header->saved;
}

static void make_printable(char *text, size_t bytes)
{
	text[bytes - 1] = '\0';
	for (; *text; text++) {
		if (*text < ' ' || *text > '~')
			*text = '?';
	}
}

void lb_dump_header_printable(struct lb_dump_header *header)
{
	make_printable(header->release, sizeof(header->release));
	make_printable(header->message, sizeof(header->message));
}
