// SPDX-License-Identifier: BSD-2-Clause
#include "crash/disk/gpt.h"

#include "crash/disk/raid.h"
#include "lib/mem.h"
#include "lib/number.h"
#include "lib/utf16.h"

#define SIGNATURE 0x5452415020494645ULL // "EFI PART"
#define REVISION 0x00010000U
#define HEADER_BYTES 92U
#define ENTRY_BYTES_MIN 128U
#define PRIMARY_BLOCK 1

struct __attribute__((packed)) header {
	uint64_t signature;
	uint32_t revision, bytes, crc, reserved;
	uint64_t own_block, other_block, first_usable, last_usable;
	uint8_t disk[LB_UUID_BYTES];
	uint64_t entries_block;
	uint32_t count, entry_bytes, entries_crc;
};
_Static_assert(sizeof(struct header) == HEADER_BYTES, "UEFI 2.10, table 5.5");

struct __attribute__((packed)) entry {
	uint8_t type[LB_UUID_BYTES], uuid[LB_UUID_BYTES];
	uint64_t first, last, attributes;
	uint16_t name[LB_GPT_NAME_UNITS];
};
_Static_assert(sizeof(struct entry) == ENTRY_BYTES_MIN, "UEFI 2.10, table 5.6");

#define MBR_PARTITIONS 4
#define MBR_SIGNATURE 0xaa55
#define MBR_PROTECTIVE 0xee

struct __attribute__((packed)) mbr {
	uint8_t code[446];
	struct __attribute__((packed)) {
		uint8_t boot, first_chs[3], type, last_chs[3];
		uint32_t first, blocks;
	} partition[MBR_PARTITIONS];
	uint16_t signature;
};
_Static_assert(sizeof(struct mbr) == 512, "UEFI 2.10, table 5.1");

// ISO 3309, reflected, bit by bit: speed does not matter for a table that is read once.
static uint32_t crc32(const void *data, size_t bytes)
{
	const uint8_t *byte = data;
	uint32_t crc = UINT32_MAX;

	for (; bytes; bytes--) {
		crc ^= *byte++;
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320U : 0);
	}
	return ~crc;
}

// A header's place and name in messages.
struct place {
	const struct lb_block_reader *disk;
	const char *which; // "primary"
	uint64_t block;
	struct lb_error *err;
};

static int fail_field(const struct place *place, const char *field, uint64_t found, const char *wanted)
{
	return lb_fail(place->err, "%.60s: %s GPT header: field %s is 0x%lx, wanted %s", place->disk->name,
		       place->which, field, (unsigned long)found, wanted);
}

static int read_header(const struct place *place, void *room, struct header *ret_header)
{
	const struct lb_block_reader *disk = place->disk;
	struct header header;
	uint32_t crc;

	if (!disk->read(disk->ctx, place->block, 1, room))
		return lb_fail(place->err, "%.60s: %s GPT header: block %lu cannot be read", disk->name,
			       place->which, (unsigned long)place->block);
	memcpy(&header, room, sizeof(header));
	if (header.signature != SIGNATURE)
		return fail_field(place, "Signature", header.signature, "EFI PART: no GPT here");
	if (header.revision != REVISION)
		return fail_field(place, "Revision", header.revision, "0x10000");
	if (header.bytes < HEADER_BYTES || header.bytes > disk->block_bytes)
		return fail_field(place, "HeaderSize", header.bytes, "92 to a block");
	memset((uint8_t *)room + offsetof(struct header, crc), 0, sizeof(header.crc));
	crc = crc32(room, header.bytes);
	if (header.crc != crc)
		return fail_field(place, "HeaderCRC32", header.crc, "the checksum of the header");
	*ret_header = header;
	return 0;
}

// The number of blocks that the entries take. 0: the entries are larger than the room, or outside the
// disk.
static uint32_t entries_blocks(const struct lb_block_reader *disk, const struct header *header)
{
	uint64_t bytes = (uint64_t)header->count * header->entry_bytes;
	uint64_t blocks = (bytes + disk->block_bytes - 1) / disk->block_bytes;

	if (blocks * disk->block_bytes > LB_GPT_ROOM - LB_BLOCK_MAX ||
	    header->entries_block >= disk->blocks || blocks > disk->blocks - header->entries_block)
		return 0;
	return (uint32_t)blocks;
}

// Checks that the header names the other header's block. On a disk that was enlarged the backup is still
// where the disk once ended.
static int check_other(const struct place *place, const struct header *header)
{
	if (place->block == PRIMARY_BLOCK &&
	    (header->other_block <= header->last_usable || header->other_block >= place->disk->blocks))
		return fail_field(place, "AlternateLBA", header->other_block,
				  "one behind LastUsableLBA, on the disk");
	if (place->block != PRIMARY_BLOCK && header->other_block != PRIMARY_BLOCK)
		return fail_field(place, "AlternateLBA", header->other_block, "1");
	return 0;
}

static int check_header(const struct place *place, const struct header *header)
{
	const struct lb_block_reader *disk = place->disk;

	if (header->own_block != place->block)
		return fail_field(place, "MyLBA", header->own_block, "the block it was read from");
	if (header->first_usable > header->last_usable || header->first_usable <= PRIMARY_BLOCK)
		return fail_field(place, "FirstUsableLBA", header->first_usable,
				  "one behind the header, up to LastUsableLBA");
	if (header->last_usable >= disk->blocks)
		return fail_field(place, "LastUsableLBA", header->last_usable, "one on the disk");
	if (check_other(place, header) != 0)
		return -1;
	// The entry size is 128 times a power of two.
	if (header->entry_bytes < ENTRY_BYTES_MIN || header->entry_bytes & (header->entry_bytes - 1))
		return fail_field(place, "SizeOfPartitionEntry", header->entry_bytes,
				  "128, 256, 512 or so on");
	if (!header->count || !entries_blocks(disk, header))
		return fail_field(place, "NumberOfPartitionEntries", header->count,
				  "1 to what 128 KiB hold, on the disk");
	return 0;
}

static int read_table(const struct place *place, void *room, struct lb_gpt *ret_gpt)
{
	const struct lb_block_reader *disk = place->disk;
	uint8_t *entries = (uint8_t *)room + LB_BLOCK_MAX;
	struct header header = {0};
	uint32_t blocks;

	if (read_header(place, room, &header) != 0 || check_header(place, &header) != 0)
		return -1;
	blocks = entries_blocks(disk, &header);
	if (!disk->read(disk->ctx, header.entries_block, blocks, entries))
		return lb_fail(place->err, "%.60s: %s GPT: its entries, %u blocks at %lu, cannot be read",
			       disk->name, place->which, blocks, (unsigned long)header.entries_block);
	if (crc32(entries, (size_t)header.count * header.entry_bytes) != header.entries_crc)
		return fail_field(place, "PartitionEntryArrayCRC32", header.entries_crc,
				  "the checksum of the entries");
	*ret_gpt = (struct lb_gpt){
		.entries = entries,
		.count = header.count,
		.entry_bytes = header.entry_bytes,
		.first_usable = header.first_usable,
		.last_usable = header.last_usable,
		.backup = place->block != PRIMARY_BLOCK,
	};
	memcpy(ret_gpt->disk_guid, header.disk, LB_UUID_BYTES);
	return 0;
}

// UEFI 2.10, 5.2.3: a GPT is valid only if the MBR has a protective entry. In a hybrid MBR any of the
// four entries may be the protective one.
static int check_mbr(const struct lb_block_reader *disk, void *room, struct lb_error *err)
{
	const struct mbr *mbr = room;

	if (!disk->read(disk->ctx, 0, 1, room))
		return lb_fail(err, "%.60s: block 0, the MBR, cannot be read", disk->name);
	if (mbr->signature != MBR_SIGNATURE)
		return lb_fail(
			err,
			"%.60s: block 0 is no MBR (signature 0x%04x, wanted 0xaa55): the GPT is a leftover",
			disk->name, mbr->signature);
	for (unsigned int i = 0; i < MBR_PARTITIONS; i++) {
		if (mbr->partition[i].type == MBR_PROTECTIVE)
			return 0;
	}
	return lb_fail(
		err,
		"%.60s: no entry of the MBR is of type 0xee (the first is 0x%02x): the GPT is a leftover",
		disk->name, mbr->partition[0].type);
}

int lb_gpt_read(const struct lb_block_reader *disk, void *room, struct lb_gpt *ret_gpt, struct lb_error *err)
{
	const struct place primary = {disk, "primary", PRIMARY_BLOCK, err};
	const struct place backup = {disk, "backup", disk->blocks - 1, NULL};

	if (disk->block_bytes != 512 && disk->block_bytes != LB_BLOCK_MAX)
		return lb_fail(err, "%.60s: blocks of %u bytes, wanted 512 or 4096", disk->name,
			       disk->block_bytes);
	if (disk->blocks <= PRIMARY_BLOCK + 1)
		return lb_fail(err, "%.60s: %lu blocks, too few for a GPT", disk->name,
			       (unsigned long)disk->blocks);
	if (read_table(&primary, room, ret_gpt) != 0 && read_table(&backup, room, ret_gpt) != 0)
		return -1;
	// The first block of the room is scratch. The entries are behind it.
	if (check_mbr(disk, room, err) != 0 || lb_raid_none(disk, room, err) != 0)
		return LB_GPT_FOREIGN;
	return 0;
}

static struct entry entry_at(const struct lb_gpt *gpt, uint32_t index)
{
	struct entry entry;

	memcpy(&entry, gpt->entries + (size_t)index * gpt->entry_bytes, sizeof(entry));
	return entry;
}

static bool used(const struct entry *entry)
{
	static const uint8_t unused[LB_UUID_BYTES];

	return memcmp(entry->type, unused, sizeof(unused)) != 0;
}

static bool alone(const struct lb_gpt *gpt, uint32_t index, const struct entry *entry)
{
	for (uint32_t i = 0; i < gpt->count; i++) {
		struct entry other = entry_at(gpt, i);

		if (i != index && used(&other) && other.first <= entry->last && entry->first <= other.last)
			return false;
	}
	return true;
}

bool lb_gpt_partition(const struct lb_gpt *gpt, uint32_t index, struct lb_gpt_partition *ret_partition)
{
	struct entry entry = entry_at(gpt, index);
	uint16_t name[LB_GPT_NAME_UNITS]; // aligned

	if (!used(&entry) || entry.first > entry.last || entry.first < gpt->first_usable ||
	    entry.last > gpt->last_usable || !alone(gpt, index, &entry))
		return false;
	memcpy(ret_partition->type, entry.type, LB_UUID_BYTES);
	memcpy(ret_partition->uuid, entry.uuid, LB_UUID_BYTES);
	ret_partition->first = entry.first;
	ret_partition->last = entry.last;
	memcpy(name, entry.name, sizeof(name));
	lb_utf16_to_utf8(name, LB_GPT_NAME_UNITS, ret_partition->name, sizeof(ret_partition->name));
	return true;
}

// For each pair of digits of the text, the index of its byte on disk.
static const uint8_t uuid_order[LB_UUID_BYTES] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};

static bool dash_before(unsigned int pair)
{
	return pair == 4 || pair == 6 || pair == 8 || pair == 10;
}

bool lb_uuid_parse(const char *text, uint8_t ret_uuid[LB_UUID_BYTES])
{
	uint8_t uuid[LB_UUID_BYTES];

	for (unsigned int i = 0; i < LB_UUID_BYTES; i++) {
		int byte;

		if (dash_before(i) && *text++ != '-')
			return false;
		byte = lb_hex_byte(text);
		if (byte < 0)
			return false;
		uuid[uuid_order[i]] = (uint8_t)byte;
		text += 2;
	}
	if (*text)
		return false;
	memcpy(ret_uuid, uuid, sizeof(uuid));
	return true;
}

char *lb_uuid_format(const uint8_t uuid[LB_UUID_BYTES], char text[LB_UUID_TEXT])
{
	size_t at = 0;

	for (unsigned int i = 0; i < LB_UUID_BYTES; i++) {
		if (dash_before(i))
			text[at++] = '-';
		at += lb_snprintf(text + at, LB_UUID_TEXT - at, "%02x", uuid[uuid_order[i]]);
	}
	return text;
}
