// SPDX-License-Identifier: BSD-2-Clause
//
// A dump in a file, where no partition is to be had. The file has the layout of a dump partition
// (lifeboat/dumpdisk.h). `lifeboatctl install --reserve` makes it, once; it never grows, and it never
// moves. The capture kernel knows no file system: it writes to the blocks that the file lay on when it was
// made, as the map beside lifeboat.efi has them. Two things tell it whether they still are the file's:
//
// - The header in the first two blocks, with the arm_id of this boot. Its `partuuid` is the file's id.
// - A stamp in every other block, until the dump itself lies there: LB_STAMP_BYTES of each block say of which
//   file they are, and where in it they belong. When the file loses a block, its next owner overwrites the
//   stamp.
//
// lifeboat-save puts the stamps back once a dump is saved. All numbers are little endian.
#ifndef LIFEBOAT_DUMPFILE_H
#define LIFEBOAT_DUMPFILE_H

#include <stddef.h>
#include <stdint.h>

#include "lifeboat/capture_config.h"
#include "lifeboat/dumpdisk.h"

// A stamp. A block is full of them, so each sector of 512 bytes has one: a file system gives away no
// smaller piece.
#define LB_STAMP_MAGIC 0x504d41545341424cULL // "LBASTAMP"
struct lb_stamp {
	uint64_t magic;
	uint8_t file_id[16];
	uint64_t offset; // of this stamp, bytes from the file's beginning
};
#define LB_STAMP_BYTES 32U
_Static_assert(sizeof(struct lb_stamp) == LB_STAMP_BYTES, "no padding");

#define LB_FILE_MAP_MAGIC 0x50414d454c494642ULL // "BFILEMAP"
#define LB_FILE_MAP_VERSION 1
#define LB_FILE_MAP_NAME "reserve.map" // beside lifeboat.efi
#define LB_FILE_BYTES_MIN (1ULL << 20)
#define LB_FILE_BYTES_MAX (1ULL << 40)

struct lb_file_map {
	uint64_t magic;
	uint32_t version;
	uint32_t bytes; // sizeof(struct lb_file_map)
	uint8_t file_id[16]; // random
	uint8_t disk_guid[16], partuuid[16]; // as GPT has them on disk
	uint64_t file_bytes; // a multiple of LB_DUMP_BLOCK
	uint32_t extent_count; // 1 to LB_MAX_EXTENTS
	uint32_t reserved;
	struct lb_extent extents[LB_MAX_EXTENTS]; // in the file's order
	// As the firmware names it, "\DIR\FILE" on the map's volume; "": the firmware cannot read its volume.
	char esp_path[128];
	char host_path[256]; // as the system that made the map names it
	uint8_t sha256[32]; // of every byte before this field
};
_Static_assert(offsetof(struct lb_file_map, extents) == 80, "no padding");
_Static_assert(sizeof(struct lb_file_map) == 880, "no padding");

#endif
