// SPDX-License-Identifier: BSD-2-Clause
// Reads the GUID partition table of a disk, primary or backup, checks each field, and says whether the
// disk is really laid out by the table. Source: UEFI 2.10, chapter 5.
#ifndef LIFEBOAT_CRASH_DISK_GPT_H
#define LIFEBOAT_CRASH_DISK_GPT_H

#include <stdbool.h>
#include <stdint.h>

#include "crash/disk/block_reader.h"
#include "lib/format.h"

#define LB_UUID_BYTES 16
#define LB_UUID_TEXT 37 // with its NUL
#define LB_GPT_NAME_UNITS 36 // of UTF-16
#define LB_GPT_NAME_BYTES (3 * LB_GPT_NAME_UNITS + 1) // as UTF-8

// Room for a block and the entries. By convention a table has 128 entries of 128 bytes; this is room for
// eight times that.
#define LB_GPT_ROOM (LB_BLOCK_MAX + 131072)

struct lb_gpt {
	const uint8_t *entries; // in the caller's room
	uint32_t count, entry_bytes;
	uint64_t first_usable, last_usable; // blocks
	bool backup; // the primary table was unusable
	uint8_t disk_guid[LB_UUID_BYTES]; // as on disk
};

struct lb_gpt_partition {
	uint8_t type[LB_UUID_BYTES], uuid[LB_UUID_BYTES]; // as on disk
	uint64_t first, last; // blocks, both inclusive
	char name[LB_GPT_NAME_BYTES]; // UTF-8; invalid UTF-16 is U+FFFD here
};

// Reads the primary table, or else the backup in the last block. `room` is LB_GPT_ROOM bytes, and
// *ret_gpt points into it. 0: the table is valid. -1: there is no table; `err` is about the primary one.
// LB_GPT_FOREIGN: there is a table, but the disk is not laid out by it. Either no protective MBR stands
// before the table, which is then a leftover, or the disk is a member of a RAID. The caller may then use
// *ret_gpt only for messages, not for writing; `err` says why.
#define LB_GPT_FOREIGN 1
int lb_gpt_read(const struct lb_block_reader *disk, void *room, struct lb_gpt *ret_gpt, struct lb_error *err);

// Reads partition `index`, below gpt->count. False for an unused entry, and for one whose blocks are out
// of order, outside the usable blocks, or also another partition's.
bool lb_gpt_partition(const struct lb_gpt *gpt, uint32_t index, struct lb_gpt_partition *ret_partition);

// Converts between the text "5a1d3c0e-7b5f-..." and the bytes on disk, where the first three groups are
// little endian. lb_uuid_parse() takes upper and lower case, and fails if anything follows the text.
bool lb_uuid_parse(const char *text, uint8_t ret_uuid[LB_UUID_BYTES]);
char *lb_uuid_format(const uint8_t uuid[LB_UUID_BYTES], char text[LB_UUID_TEXT]);

#endif
