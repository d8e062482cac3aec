// SPDX-License-Identifier: BSD-2-Clause
// The GUID partition table of a disk, primary or backup, checked field by field; and whether
// the disk is laid out by it. Source: UEFI 2.10, chapter 5.
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

// Room for a block and the entries: 128 of 128 bytes by convention, eight times that here.
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
	char name[LB_GPT_NAME_BYTES]; // what is no text in it became U+FFFD
};

// Reads the table: the primary one, else the backup in the last block. `room` is LB_GPT_ROOM
// bytes, which *ret_gpt refers to. 0: the table counts. -1: there is none; the error is the
// primary table's. LB_GPT_FOREIGN: there is one, but the disk is not laid out by it: no
// protective MBR stands over it, so it is the leftover of an earlier life; or the disk is one
// member of a RAID. Nothing may be written by it; *ret_gpt is only good for saying what is left
// out, and the error says why.
#define LB_GPT_FOREIGN 1
int lb_gpt_read(const struct lb_block_reader *disk, void *room, struct lb_gpt *ret_gpt, struct lb_error *err);

// Partition `index`, below gpt->count. False for an unused entry, and for one with blocks
// that are not in order, outside of what is usable, or another partition's too.
bool lb_gpt_partition(const struct lb_gpt *gpt, uint32_t index, struct lb_gpt_partition *ret_partition);

// "5a1d3c0e-7b5f-..." and the bytes that GPT has on disk: the first three groups are little
// endian. Parsing takes both cases, and nothing behind it.
bool lb_uuid_parse(const char *text, uint8_t ret_uuid[LB_UUID_BYTES]);
char *lb_uuid_format(const uint8_t uuid[LB_UUID_BYTES], char text[LB_UUID_TEXT]);

#endif
