// SPDX-License-Identifier: BSD-2-Clause
#include "crash/disk/raid.h"

#include "lib/mem.h"

#define SECTOR 512U // the unit of the metadata's addresses
#define MD_MAGIC 0xa92b4efcU
#define MD_END_SECTORS 16U // metadata 1.0 begins at least 8 KiB before the end, on a multiple of 4 KiB

struct md_super { // the beginning of struct mdp_superblock_1
	uint32_t magic, major_version;
	uint8_t between[136];
	uint64_t super_offset; // place of this superblock, in sectors from the member's beginning
};

static const char imsm_signature[] = "Intel Raid ISM Cfg Sig. ";
static const uint8_t ddf_signature[] = {0xde, 0x11, 0xde, 0x11};

static bool is_imsm(const uint8_t *data, uint64_t sector)
{
	(void)sector;
	return memcmp(data, imsm_signature, sizeof(imsm_signature) - 1) == 0;
}

// Compares super_offset with the place on the whole disk. If a partition at the disk's end is the
// member, super_offset counts from the partition and does not match.
static bool is_md(const uint8_t *data, uint64_t sector)
{
	struct md_super super;

	memcpy(&super, data, sizeof(super));
	return super.magic == MD_MAGIC && super.major_version == 1 && super.super_offset == sector;
}

static bool is_ddf(const uint8_t *data, uint64_t sector)
{
	(void)sector;
	return memcmp(data, ddf_signature, sizeof(ddf_signature)) == 0;
}

static const uint8_t *read_sector(const struct lb_block_reader *disk, uint64_t sector, uint8_t *room)
{
	const uint32_t per_block = disk->block_bytes / SECTOR;

	if (!disk->read(disk->ctx, sector / per_block, 1, room))
		return NULL;
	return room + sector % per_block * SECTOR;
}

int lb_raid_none(const struct lb_block_reader *disk, void *room, struct lb_error *err)
{
	const uint32_t per_block = disk->block_bytes / SECTOR;
	const uint64_t sectors = disk->blocks * per_block;
	const struct {
		const char *kind;
		uint64_t sector;
		bool (*is)(const uint8_t *data, uint64_t sector);
	} places[] = {
		{"Intel Matrix RAID (IMSM)", sectors - 2ULL * per_block, is_imsm},
		{"Linux md, metadata 1.0", (sectors - MD_END_SECTORS) & ~7ULL, is_md},
		// the anchor is in the last 512 bytes, or at the start of the last block
		{"SNIA DDF", sectors - 1, is_ddf},
		{"SNIA DDF", sectors - per_block, is_ddf},
	};

	if (sectors < 2 * MD_END_SECTORS)
		return lb_fail(err,
			       "%.60s: %lu sectors of 512 bytes, too few for a partition table and an end",
			       disk->name, (unsigned long)sectors);
	for (unsigned int i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		const uint8_t *data = read_sector(disk, places[i].sector, room);

		if (!data)
			return lb_fail(err, "%.60s: its end cannot be read, where RAID metadata may be",
				       disk->name);
		if (places[i].is(data, places[i].sector))
			return lb_fail(err, "%.60s: it is one member of a RAID: metadata at its end (%s)",
				       disk->name, places[i].kind);
	}
	return 0;
}
