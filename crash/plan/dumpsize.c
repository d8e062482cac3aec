// SPDX-License-Identifier: BSD-2-Clause
#include "crash/plan/dumpsize.h"

#include "crash/plan/capturesize.h"
#include "lib/bits.h"
#include "lifeboat/dumpdisk.h"
#include "lifeboat/range.h"

#define NOTES (4 * LB_MIB) // a PT_NOTE of ten thousand CPUs
#define PAGE_DESC 24ULL // struct page_desc of kdump-compressed
#define BITMAPS 2

uint64_t lb_dump_size_largest(uint64_t pages, uint64_t max_pfn)
{
	uint64_t bitmap = lb_align_up(max_pfn / LB_BYTE_BITS + 1, LB_PAGE);
	uint64_t kdump_headers = 2 * LB_PAGE;

	// The last page is the one that all pages of zeroes share.
	return LB_DUMP_SLOTS_BYTES + LB_DUMP_LOG_MAX + LB_DUMP_REPORT_MAX + kdump_headers + NOTES +
	       BITMAPS * bitmap + lb_align_up(pages * PAGE_DESC, LB_PAGE) + pages * LB_PAGE + LB_PAGE;
}

uint64_t lb_dump_size_of(const struct lb_e820 *saved)
{
	uint64_t pages = 0, max_pfn = 0;

	for (uint32_t i = 0; i < saved->count; i++) {
		const struct boot_e820_entry *entry = &saved->entries[i];

		if (entry->type != LB_E820_RAM)
			continue;
		max_pfn = lb_pages(entry->addr + entry->size);
		pages += max_pfn - entry->addr / LB_PAGE;
	}
	return lb_dump_size_largest(pages, max_pfn);
}

// crash/dump/flat.h and crash/crypt/chunk.h have the sizes.
#define PIECE 16ULL // of a flattened file
#define FLAT_HEAD LB_PAGE
#define CHUNK (64 * LB_KIB)
#define TAG 16ULL // of a chunk
#define PADS 2 // to a chunk's end, behind each bitmap
#define AGE_FILES 3 // log, report, dump: a beginning of up to 1 KiB each

uint64_t lb_dump_size_encrypted(uint64_t bytes)
{
	// At worst the descriptor of each page is a piece by itself, and each batch of data another.
	const uint64_t pages = bytes / LB_PAGE + 1, batches = pages / LB_CAPTURE_BATCH_PAGES + 2;
	const uint64_t flat = bytes + (pages + batches) * PIECE + FLAT_HEAD + PADS * CHUNK;

	return flat + (flat / CHUNK + AGE_FILES) * TAG + AGE_FILES * LB_PAGE;
}

#define IDLE_BYTES (80 * LB_MIB)
#define IDLE_PART 64 // of RAM: struct pages, above all
#define SHRINKS_TO 5 // one part of so many
#define DISK_PER_SECOND (200 * LB_MIB)
#define CPU_PER_SECOND (400 * LB_MIB)

// Reading and writing go on at the same time: the slower one counts.
static uint32_t seconds_for(uint64_t memory, uint64_t written, uint32_t cpus)
{
	const uint64_t disk = written / DISK_PER_SECOND, read = memory / (CPU_PER_SECOND * (cpus ? cpus : 1));
	const uint64_t seconds = 1 + (disk > read ? disk : read);

	return seconds < UINT32_MAX ? (uint32_t)seconds : UINT32_MAX;
}

struct lb_dump_estimate lb_dump_estimate(uint64_t pages, enum lb_dump_format format, uint32_t cpus)
{
	const uint64_t ram = pages * LB_PAGE;
	struct lb_dump_estimate estimate = {.largest = lb_dump_size_largest(pages, pages)};
	uint64_t memory = IDLE_BYTES + ram / IDLE_PART;

	if (memory > ram || format == LB_DUMP_ELF)
		memory = ram;
	estimate.bytes = format == LB_DUMP_ZSTD || format == LB_DUMP_ZLIB ? memory / SHRINKS_TO : memory;
	estimate.seconds = seconds_for(memory, estimate.bytes, cpus);
	estimate.most_seconds = seconds_for(ram, estimate.largest, cpus);
	return estimate;
}
