// SPDX-License-Identifier: BSD-2-Clause
//
// A dump on a partition. The loader puts the header there when it arms, the capture
// kernel fills it, scripts/lifeboat-save reads it at next boot.
//
//   0                      two slots for struct lb_dump_header, a block of 4 KiB each
//   log_offset             the dead kernel's log, text
//   report_offset          why it died, text, if there is one
//   file_offset            the dump, file_bytes of it in one piece: what a reader gets
//
// Offsets are bytes from the partition's beginning, multiples of 4 KiB; little endian.
// A kdump-compressed file is written at two places at once, page descriptors and page data. The
// descriptors are written whole as zeroes before the first page; where LB_DUMP_FLAG_KERNEL_FIRST is set,
// the kernel's own pages are all there, before any other. Until the state is COMPLETE, what lies beyond the
// checkpoint (data_bytes, of older versions of Lifeboat also desc_bytes) is whatever the disk held before.
// A page descriptor that is zeroes, or points beyond the checkpoint, means "page lost" to readers.
//
// Each write of the header counts `sequence` up and goes to slot `sequence` modulo 2: the other slot
// keeps the header before it. Of two whole headers the later one counts. The loader writes both slots
// when it arms, and so does the capture kernel when a dump ends.
//
// Version 1 had one slot, and the log from 4096 on. Its header is the same up to `sequence`, where
// it has zeroes.
#ifndef LIFEBOAT_DUMPDISK_H
#define LIFEBOAT_DUMPDISK_H

#include <stddef.h>
#include <stdint.h>

#define LB_DUMP_MAGIC 0x504d55445441424cULL
#define LB_DUMP_VERSION 2
#define LB_DUMP_VERSION_ONE_SLOT 1
#define LB_DUMP_BLOCK 4096
#define LB_DUMP_SLOTS 2
#define LB_DUMP_SLOTS_BYTES (LB_DUMP_SLOTS * LB_DUMP_BLOCK) // the log begins there
// The log's bytes are limited to the largest buffer that distributions set. The rest is in the dump only.
#define LB_DUMP_LOG_MAX (16ULL << 20)
#define LB_DUMP_REPORT_MAX 65536U // of the report; readers refuse a longer one

// Lifeboat's own GPT partition type, for --dump-to auto: as text and as GPT has it on disk.
#define LB_DUMP_TYPE_TEXT "5a1d3c0e-7b5f-4f0e-9c55-4c6966654201"
#define LB_DUMP_TYPE_GUID                                                                                    \
	{                                                                                                    \
		0x0e, 0x3c, 0x1d, 0x5a, 0x5f, 0x7b, 0x0e, 0x4f, 0x9c, 0x55, 0x4c, 0x69, 0x66, 0x65, 0x42,    \
			0x01                                                                                 \
	}

enum lb_dump_state {
	LB_DUMP_EMPTY = 0, // nothing in it, or what was in it is saved
	LB_DUMP_WRITING = 1, // begun; an interrupted dump still says so after a reset
	LB_DUMP_COMPLETE = 2,
	LB_DUMP_PARTIAL = 3, // ended early (full, disk error), readable as far as it goes
};

// Verdict of --selftest.
enum lb_selftest {
	LB_SELFTEST_NONE = 0,
	LB_SELFTEST_BEGUN = 1, // begun, and not finished
	LB_SELFTEST_PASSED = 2,
	LB_SELFTEST_FAILED = 3, // `message` says why
};

// Flags of the dump.
#define LB_DUMP_FLAG_ENCRYPTED 1U // log, report and file are encrypted
#define LB_DUMP_FLAG_KERNEL_FIRST 2U // the kernel's own pages come first in the page data, and all are there
#define LB_DUMP_FLAG_ERASED 8U // by lifeboat-save: only this header of a saved dump is left
// A flag of the place.
#define LB_DUMP_FLAG_FILE 4U // a file (lifeboat/dumpfile.h): `partuuid` is its id, `partition_bytes` its size

struct lb_dump_header {
	uint64_t magic;
	uint32_t version;
	uint32_t bytes; // sizeof(struct lb_dump_header)

	// Written by the loader when armed.
	uint8_t arm_id[16]; // the capture kernel goes on only if it matches its configuration
	uint8_t partuuid[16]; // of this partition
	uint64_t partition_bytes;
	uint32_t selftest; // enum lb_selftest
	uint32_t saved; // lifeboat-save: 1 when this dump has been saved

	// Written by the capture kernel.
	uint32_t state; // enum lb_dump_state
	uint32_t format; // enum lb_dump_format
	uint64_t log_offset, log_bytes;
	uint64_t file_offset, file_bytes; // file_bytes: final when COMPLETE or PARTIAL, else planned 0
	uint64_t desc_offset, desc_bytes; // of kdump-compressed: in the file; bytes on disk so far
	uint64_t desc_total; // bytes of all descriptors
	uint64_t data_offset, data_bytes; // for page data as above; ELF: for all RAM
	uint64_t page_count; // pages to be dumped
	uint64_t pages_done; // up to the checkpoint
	uint32_t dump_level; // makedumpfile's -d bits that were applied
	uint32_t checkpoints; // how often this header was written while WRITING
	uint64_t crash_time; // seconds since 1970; 0: not known
	uint64_t tsc_hook, tsc_begun, tsc_first_byte, tsc_end, tsc_khz;
	char release[64]; // OSRELEASE of the dead kernel
	uint8_t build_id[20];
	uint32_t build_id_bytes; // 0: not known
	char message[160]; // how it ended, one sentence
	// SHA-256 of the log; of the file before desc_offset (ELF: of all of it); of the descriptors; of
	// the page data. Each covers the bytes above, when COMPLETE or PARTIAL.
	uint8_t log_sha256[32], head_sha256[32], desc_sha256[32], data_sha256[32];

	// Since version 2.
	uint64_t sequence; // counts the writes of this header
	uint64_t report_offset, report_bytes; // of the partition; text; bytes 0: there is none
	uint8_t report_sha256[32];
	uint64_t kernel_bytes; // LB_DUMP_FLAG_KERNEL_FIRST: page data up to here is the kernel's own
	uint32_t flags; // LB_DUMP_FLAG_*
	uint32_t keys_bytes; // bytes of the keys that the loader has put in memory, for an encrypted dump
	uint64_t keys_phys; // the keys' address (struct lb_crypt): the next start wipes them; 0: no keys

	uint8_t reserved[176];
	uint8_t sha256[32]; // of every byte before this field
};

// Disks hold headers of both versions, so no field ever moves.
_Static_assert(offsetof(struct lb_dump_header, state) == 64, "as docs/capture.md has it");
_Static_assert(offsetof(struct lb_dump_header, log_sha256) == 464, "as docs/capture.md has it");
_Static_assert(offsetof(struct lb_dump_header, sequence) == 592, "where version 1 ends");
_Static_assert(offsetof(struct lb_dump_header, report_sha256) == 616, "as docs/capture.md has it");
_Static_assert(offsetof(struct lb_dump_header, kernel_bytes) == 648, "as docs/capture.md has it");
_Static_assert(offsetof(struct lb_dump_header, sha256) == 848, "the last field");
_Static_assert(sizeof(struct lb_dump_header) == 880, "version 1 has the same size");

struct lb_dump_slot {
	struct lb_dump_header header;
	uint8_t zeroes[LB_DUMP_BLOCK - sizeof(struct lb_dump_header)];
};

// A partition's first LB_DUMP_SLOTS_BYTES.
struct lb_dump_slots {
	struct lb_dump_slot slot[LB_DUMP_SLOTS];
};

_Static_assert(sizeof(struct lb_dump_slots) == LB_DUMP_SLOTS_BYTES, "whole blocks");

#endif
