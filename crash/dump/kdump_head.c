// SPDX-License-Identifier: BSD-2-Clause
#include "crash/dump/kdump_head.h"

#include "crash/platform/platform.h"
#include "lib/bits.h"
#include "lib/mem.h"

struct main_header {
	char signature[8];
	int32_t version;
	struct lb_uts uts;
	uint8_t pad[6];
	int64_t time_seconds, time_microseconds;
	uint32_t status;
	int32_t block_bytes;
	int32_t sub_header_blocks;
	uint32_t bitmap_blocks; // of both bitmaps
	uint32_t max_mapnr; // cut to 32 bits; the sub header has all
	uint32_t ram_blocks, device_blocks, written_blocks; // no reader uses these
	int32_t current_cpu;
	int32_t cpus;
};
_Static_assert(offsetof(struct main_header, time_seconds) == 408, "disk_dump_header");
_Static_assert(sizeof(struct main_header) == 464, "disk_dump_header");

#define HEADER_VERSION 6
#define STATUS_INCOMPLETE 0x8U

struct sub_header {
	uint64_t phys_base;
	int32_t dump_level;
	int32_t split;
	uint64_t start_pfn, end_pfn; // of a split file
	uint64_t vmcoreinfo_offset, vmcoreinfo_bytes; // VMCOREINFO's text in the file
	uint64_t notes_offset, notes_bytes;
	uint64_t erased_offset, erased_bytes;
	uint64_t start_pfn_64, end_pfn_64;
	uint64_t max_mapnr;
};
_Static_assert(sizeof(struct sub_header) == 104, "kdump_sub_header");

static uint32_t status_of(enum lb_dump_format format)
{
	switch (format) {
	case LB_DUMP_ZSTD:
		return LB_COMPRESS_ZSTD;
	case LB_DUMP_ZLIB:
		return LB_COMPRESS_ZLIB;
	default:
		return LB_COMPRESS_RAW;
	}
}

static void fill_main_header(const struct lb_kdump *kdump, uint32_t status, struct main_header *ret_header)
{
	const struct lb_dump_job *job = kdump->job;
	uint64_t blocks = 2 * kdump->bitmap_bytes / LB_PAGE;

	memset(ret_header, 0, sizeof(*ret_header));
	memcpy(ret_header->signature, "KDUMP   ", sizeof(ret_header->signature));
	ret_header->version = HEADER_VERSION;
	ret_header->uts = kdump->uts;
	ret_header->time_seconds = (int64_t)job->now;
	ret_header->status = status_of(job->format) | status;
	ret_header->block_bytes = LB_PAGE;
	ret_header->sub_header_blocks = (int32_t)kdump->sub_blocks;
	ret_header->bitmap_blocks = (uint32_t)blocks;
	ret_header->max_mapnr = job->ram->max_pfn < UINT32_MAX ? (uint32_t)job->ram->max_pfn : UINT32_MAX;
	ret_header->cpus = job->nr_cpus ? (int32_t)job->nr_cpus : 1; // readers refuse 0
}

static void fill_sub_header(const struct lb_kdump *kdump, struct sub_header *ret_header)
{
	const struct lb_dump_job *job = kdump->job;

	memset(ret_header, 0, sizeof(*ret_header));
	lb_vmcoreinfo_number(&job->dead->vmcoreinfo, "NUMBER(phys_base)=", 10, &ret_header->phys_base);
	ret_header->dump_level = (int32_t)job->level;
	ret_header->notes_offset = LB_PAGE + sizeof(*ret_header);
	ret_header->notes_bytes = job->notes_bytes;
	if (job->dead->vmcoreinfo.bytes) {
		ret_header->vmcoreinfo_offset = ret_header->notes_offset + job->vmcoreinfo_offset;
		ret_header->vmcoreinfo_bytes = job->dead->vmcoreinfo.bytes;
	}
	ret_header->max_mapnr = job->ram->max_pfn;
}

static int head_put(struct lb_kdump *kdump, const void *data, uint64_t bytes, struct lb_error *err)
{
	if (!bytes)
		return 0;
	if ((kdump->flat ? lb_flat_put(kdump->flat, kdump->head_bytes, data, bytes, err)
			 : lb_stream_add(&kdump->head, data, bytes, err)) != 0)
		return -1;
	kdump->head_bytes += bytes;
	return 0;
}

static int head_add(struct lb_kdump *kdump, const void *data, uint64_t bytes, struct lb_error *err)
{
	lb_sha256_add(&kdump->head_sha, data, bytes);
	return head_put(kdump, data, bytes, err);
}

// Adds zeroes up to the next block.
static int head_align(struct lb_kdump *kdump, struct lb_error *err)
{
	uint64_t bytes = lb_align_up(kdump->head_bytes, LB_PAGE) - kdump->head_bytes;

	memset(kdump->ram_bits, 0, bytes);
	return head_add(kdump, kdump->ram_bits, bytes, err);
}

static int write_headers(struct lb_kdump *kdump, struct lb_error *err)
{
	struct main_header header;
	struct sub_header sub;

	fill_main_header(kdump, 0, &header);
	lb_sha256_add(&kdump->head_sha, &header, sizeof(header));
	fill_main_header(kdump, STATUS_INCOMPLETE, &header);
	if (head_put(kdump, &header, sizeof(header), err) != 0 || head_align(kdump, err) != 0)
		return -1;
	fill_sub_header(kdump, &sub);
	if (head_add(kdump, &sub, sizeof(sub), err) != 0 ||
	    head_add(kdump, kdump->job->notes, kdump->job->notes_bytes, err) != 0)
		return -1;
	return head_align(kdump, err);
}

// Fills `bytes` bytes of bits, for the frames from `first` on: a bit is set where the frame is RAM.
static void fill_ram_bits(const struct lb_ram *ram, uint64_t first, uint64_t bytes, uint8_t *bits)
{
	const struct lb_range frames = {first, first + bytes * LB_BYTE_BITS};

	memset(bits, 0, bytes);
	for (uint32_t i = 0; i < ram->count && ram->pieces[i].phys.start / LB_PAGE < frames.end; i++) {
		const struct lb_range piece = {ram->pieces[i].phys.start / LB_PAGE,
					       ram->pieces[i].phys.end / LB_PAGE};
		const struct lb_range both = lb_range_intersect(frames, piece);

		if (!lb_range_empty(both))
			lb_bits_set(bits, both.start - first, both.end - first);
	}
}

// Counts without POPCNT, which not every x86-64 has.
static unsigned int count_bits(uint8_t byte)
{
	unsigned int count = 0;

	for (; byte; byte &= (uint8_t)(byte - 1))
		count++;
	return count;
}

// Fills dump_bits with the chosen frames that are RAM, from frame `first` on. Returns the number of these
// frames. Frames past max_pfn are not asked for.
static uint64_t choose(const struct lb_kdump *kdump, const struct lb_page_choice *choice, uint64_t first,
		       uint64_t bytes)
{
	uint64_t end = lb_align_up(kdump->job->ram->max_pfn, LB_BYTE_BITS);
	uint64_t frames = bytes * LB_BYTE_BITS, count = 0;

	if (first + frames > end)
		frames = end - first;
	fill_ram_bits(kdump->job->ram, first, bytes, kdump->ram_bits);
	memset(kdump->dump_bits, 0, bytes);
	choice->next(choice->ctx, frames, kdump->dump_bits);
	if (kdump->own_only)
		kdump->own->next(kdump->own->ctx, frames, kdump->dump_bits);
	for (uint64_t i = 0; i < bytes; i++) {
		kdump->dump_bits[i] &= kdump->ram_bits[i];
		count += count_bits(kdump->dump_bits[i]);
	}
	return count;
}

// Would the descriptors of all chosen pages take more than half of the room behind the bitmaps? Pages are
// counted only where RAM is large enough for that. Flattened: no, a descriptor takes room only once it is
// written.
static bool is_tight(const struct lb_kdump *kdump, const struct lb_page_choice *choice)
{
	const uint64_t descs =
		kdump->next->file_offset + (1 + kdump->sub_blocks) * LB_PAGE + 2 * kdump->bitmap_bytes;
	const uint64_t room = kdump->writer->limit > descs ? kdump->writer->limit - descs : 0;
	const uint64_t most = room / 2 / sizeof(struct lb_page_desc);
	uint64_t count = 0;

	if (kdump->flat || !kdump->own || kdump->job->ram->pages <= most)
		return false;
	for (uint64_t at = 0; at < kdump->bitmap_bytes; at += LB_BITMAP_PIECE) {
		count += choose(kdump, choice, at * LB_BYTE_BITS, lb_kdump_piece(kdump, at));
		lb_partition_poll(kdump->writer->partition);
		lb_writer_progress(kdump->writer, 0, kdump->head_bytes);
	}
	choice->rewind(choice->ctx);
	return count > most;
}

static int write_bitmaps(struct lb_kdump *kdump, const struct lb_page_choice *choice, struct lb_error *err)
{
	for (uint64_t at = 0; at < kdump->bitmap_bytes; at += LB_BITMAP_PIECE) {
		uint64_t bytes = lb_kdump_piece(kdump, at);

		fill_ram_bits(kdump->job->ram, at * LB_BYTE_BITS, bytes, kdump->ram_bits);
		if (head_add(kdump, kdump->ram_bits, bytes, err) != 0)
			return -1;
	}
	if (kdump->flat)
		kdump->bitmap2_at = kdump->flat->output.bytes;
	for (uint64_t at = 0; at < kdump->bitmap_bytes; at += LB_BITMAP_PIECE) {
		uint64_t bytes = lb_kdump_piece(kdump, at);

		kdump->next->page_count += choose(kdump, choice, at * LB_BYTE_BITS, bytes);
		if (head_add(kdump, kdump->dump_bits, bytes, err) != 0)
			return -1;
		lb_partition_poll(kdump->writer->partition);
		lb_writer_progress(kdump->writer, 0, kdump->head_bytes);
	}
	return 0;
}

int lb_kdump_bitmap(struct lb_kdump *kdump, uint64_t at, uint64_t bytes, uint8_t *bits, struct lb_error *err)
{
	const uint64_t bitmap2 = kdump->next->file_offset + kdump->desc_offset - kdump->bitmap_bytes;

	if (!kdump->flat)
		return lb_partition_read(kdump->writer->partition, bitmap2 + at, bits, (uint32_t)bytes, err);
	return lb_output_read(&kdump->flat->output,
			      kdump->bitmap2_at + at + (at / LB_BITMAP_PIECE + 1) * LB_FLAT_PIECE, bits,
			      bytes, err);
}

// Begins the data with the zeroes that all pages of zeroes share, and as many more as let the bitmaps be read
// back.
static int begin_flat(struct lb_kdump *kdump, struct lb_error *err)
{
	if (lb_flat_pad(kdump->flat, kdump->data_offset, LB_PAGE, &kdump->data_bytes, err) != 0)
		return -1;
	return lb_output_settle(&kdump->flat->output, err);
}

// Fills in the header's fields that say where the parts are, and begins descriptors and data.
static int begin_parts(struct lb_kdump *kdump, struct lb_error *err)
{
	struct lb_dump_header *next = kdump->next;
	uint64_t file = next->file_offset, limit = kdump->writer->limit, needed;

	if (lb_stream_settle(&kdump->head, err) != 0)
		return -1;
	next->desc_offset = kdump->desc_offset;
	next->desc_total = next->page_count * sizeof(struct lb_page_desc);
	next->data_offset = kdump->data_offset;
	lb_stream_digest(&kdump->head, next->head_sha256);
	needed = next->data_offset + LB_PAGE;
	if (limit - file < needed) {
		next->file_bytes = next->desc_offset;
		next->desc_total = next->data_offset = 0; // there are no such parts
		return lb_fail(err,
			       "full: the partition has %lu bytes for the dump, its headers alone take %lu",
			       limit - file, needed);
	}
	lb_stream_open(&kdump->data, kdump->writer->partition, file + next->data_offset, limit);
	if (lb_desc_table_make(&kdump->table, kdump->writer->partition, file + next->desc_offset,
			       next->page_count, kdump->ram_bits, err) != 0)
		return -1;
	next->desc_bytes = next->desc_total;
	kdump->data_bytes = LB_PAGE;
	return lb_stream_add_zeroes(&kdump->data, LB_PAGE, err);
}

int lb_kdump_head(struct lb_kdump *kdump, const struct lb_page_choice *choice, struct lb_error *err)
{
	lb_uts_read(kdump->job->dead, &kdump->uts);
	kdump->sub_blocks = lb_pages(sizeof(struct sub_header) + kdump->job->notes_bytes);
	kdump->bitmap_bytes = lb_align_up(kdump->job->ram->max_pfn, LB_BYTE_BITS) / LB_BYTE_BITS;
	kdump->bitmap_bytes = lb_align_up(kdump->bitmap_bytes, LB_PAGE);
	lb_stream_open(&kdump->head, kdump->writer->partition, kdump->next->file_offset,
		       kdump->writer->limit);
	lb_sha256_begin(&kdump->head_sha);
	kdump->own_only = is_tight(kdump, choice);
	if (write_headers(kdump, err) != 0 || write_bitmaps(kdump, choice, err) != 0)
		return -1;
	if (kdump->own_only)
		kdump->own->rewind(kdump->own->ctx);
	kdump->desc_offset = kdump->head_bytes;
	kdump->data_offset = lb_align_up(
		kdump->desc_offset + kdump->next->page_count * sizeof(struct lb_page_desc), LB_PAGE);
	return kdump->flat ? begin_flat(kdump, err) : begin_parts(kdump, err);
}

int lb_kdump_complete(struct lb_kdump *kdump, struct lb_error *err)
{
	struct lb_partition *partition = kdump->writer->partition;
	struct main_header header;
	uint8_t *buffer;

	fill_main_header(kdump, 0, &header);
	if (kdump->flat)
		return lb_flat_put(kdump->flat, offsetof(struct main_header, status), &header.status,
				   sizeof(header.status), err);
	buffer = lb_partition_take(partition, err);
	if (!buffer)
		return -1;
	memset(buffer, 0, LB_PAGE);
	memcpy(buffer, &header, sizeof(header));
	if (lb_partition_put(partition, buffer, kdump->next->file_offset, LB_PAGE, err) != 0 ||
	    lb_partition_flush(partition, err) != 0)
		return -1;
	lb_sha256_end(&kdump->head_sha, kdump->next->head_sha256);
	return 0;
}
