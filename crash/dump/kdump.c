// SPDX-License-Identifier: BSD-2-Clause
// kdump-compressed, version 6, in constant memory:
//
//	block 0      struct main_header
//	block 1...   struct sub_header, the notes right behind it
//	bitmap 1     a bit for each page frame up to max_mapnr: is RAM
//	bitmap 2     the same: is in this file
//	descriptors  struct lb_page_desc for each bit of bitmap 2, in order
//	data         a page of zeroes for all that are zero, then the pages
//
// First everything up to bitmap 2 is written. Bitmap 2 gives the number of descriptors, which are then
// written as zeroes.
//
// Two passes write the pages. Each pass reads bitmap 2 back, a piece at a time, and writes pages in the order
// of their addresses: the first pass the kernel's own pages, the second pass all others. Pages are not chosen
// again, so bitmap and descriptors agree whatever a dying machine does meanwhile. In the second pass the
// descriptors tell which pages the first pass has written. A page that the first pass could not read is tried
// again.
//
// An encrypted file is flattened (flat.h). It has the same parts, but each batch's descriptors follow the
// batch's data, and nothing is written twice. Only bitmap 2 is read back. So the second pass asks again which
// pages are the kernel's own, and a page that cannot be read is lost in either pass.
//
// Where the descriptors of all pages would take too much of the partition (lb_kdump_head()), the file holds
// the kernel's own pages only, and stays INCOMPLETE.
//
// The header says INCOMPLETE until all is written. A descriptor that is zeroes, or that points beyond the
// data, says that its page is lost. So readers can use what is there, wherever the file ends.
//
// Sources: makedumpfile's IMPLEMENTATION and diskdump_mod.h; the readers crash (diskdump.c) and libkdumpfile.
#include "crash/dump/kdump.h"

#include "crash/platform/platform.h"
#include "lib/bits.h"
#include "lib/mem.h"

static void note_progress(struct lb_kdump *kdump)
{
	kdump->next->data_bytes = kdump->flat ? kdump->flat->output.stream.bytes : kdump->data.bytes;
	kdump->next->pages_done = kdump->pages_done;
	kdump->checkpoint_ms = lb_clock_ms();
	kdump->checkpoint_data = kdump->data_bytes;
}

static int checkpoint(struct lb_kdump *kdump, struct lb_error *err)
{
	if (kdump->flat) {
		if (lb_output_settle(&kdump->flat->output, err) != 0)
			return -1;
	} else if (lb_stream_settle(&kdump->data, err) != 0 ||
		   lb_desc_table_settle(&kdump->table, err) != 0) {
		return -1;
	}
	note_progress(kdump);
	return lb_writer_checkpoint(kdump->writer, err);
}

// Counts the batch's pages that the partition has room for, and their bytes.
static uint32_t count_fitting(const struct lb_kdump *kdump, const struct lb_batch *batch, uint64_t *ret_bytes)
{
	uint64_t room = kdump->flat ? lb_flat_room(kdump->flat) : lb_stream_room(&kdump->data), bytes = 0;
	uint64_t beside = 0; // headers of the pieces, and the descriptors
	uint32_t count = 0;

	while (count < batch->count) {
		if (kdump->flat)
			beside = LB_FLAT_PIECE + (count + 1) * (LB_FLAT_PIECE + sizeof(struct lb_page_desc));
		if (bytes + batch->bytes[count] + beside > room)
			break;
		bytes += batch->bytes[count++];
	}
	*ret_bytes = bytes;
	return count;
}

// Makes the descriptor of a batch's page `i`. The page's data begins at `*offset` of the file; `*offset` is
// moved to the end of that data.
static struct lb_page_desc describe(const struct lb_kdump *kdump, const struct lb_batch *batch, uint32_t i,
				    uint64_t *offset)
{
	struct lb_page_desc desc = {.offset = *offset, .bytes = batch->bytes[i], .flags = batch->flags[i]};

	if (batch->flags[i] == LB_BATCH_LOST)
		return (struct lb_page_desc){.offset = 0};
	if (!batch->bytes[i]) // the shared page of zeroes
		return (struct lb_page_desc){.offset = kdump->data_offset, .bytes = LB_PAGE};
	*offset += batch->bytes[i];
	return desc;
}

static int put_data(struct lb_kdump *kdump, const uint8_t *data, uint64_t bytes, struct lb_error *err)
{
	if (!bytes)
		return 0;
	if ((kdump->flat ? lb_flat_put(kdump->flat, kdump->data_offset + kdump->data_bytes, data, bytes, err)
			 : lb_stream_add(&kdump->data, data, bytes, err)) != 0)
		return -1;
	kdump->data_bytes += bytes;
	return 0;
}

// Descriptors with consecutive indices, which are one piece of a flattened file.
struct run {
	uint64_t first; // index of descs[0]
	uint32_t count;
	struct lb_page_desc descs[LB_BATCH_PAGES];
};

static int end_run(struct lb_kdump *kdump, struct run *run, struct lb_error *err)
{
	const uint64_t bytes = run->count * sizeof(run->descs[0]);

	run->count = 0;
	return bytes ? lb_flat_put(kdump->flat, kdump->desc_offset + run->first * sizeof(run->descs[0]),
				   run->descs, bytes, err)
		     : 0;
}

static int put_desc(struct lb_kdump *kdump, struct run *run, uint64_t index, const struct lb_page_desc *desc,
		    struct lb_error *err)
{
	if (!kdump->flat)
		return lb_desc_table_put(&kdump->table, index, desc, err);
	if (index != run->first + run->count && end_run(kdump, run, err) != 0)
		return -1;
	if (!run->count)
		run->first = index;
	run->descs[run->count++] = *desc;
	return 0;
}

// Writes a compressed batch to the disk: the data first, so that no descriptor is without its data. A lost
// page counts as done only where no later pass tries the page again.
static int write_batch(struct lb_kdump *kdump, const struct lb_batch *batch, struct lb_error *err)
{
	uint64_t offset = kdump->data_offset + kdump->data_bytes, bytes;
	uint32_t count = count_fitting(kdump, batch, &bytes);
	const bool given_up = kdump->last_pass || kdump->flat;
	struct run run = {.count = 0};

	if (put_data(kdump, batch->data, bytes, err) != 0)
		return -1;
	for (uint32_t i = 0; i < count; i++) {
		const struct lb_page_desc desc = describe(kdump, batch, i, &offset);

		if (!desc.offset) {
			kdump->writer->lost_pages += given_up;
			kdump->pages_done += given_up;
			continue;
		}
		if (put_desc(kdump, &run, batch->index[i], &desc, err) != 0)
			return -1;
		kdump->pages_done++;
	}
	if (end_run(kdump, &run, err) != 0)
		return -1;
	if (count < batch->count)
		return lb_fail(err, "full: the partition's %lu bytes hold %lu of %lu pages",
			       kdump->writer->limit, kdump->pages_done, kdump->next->page_count);
	return 0;
}

static int collect_batch(struct lb_kdump *kdump, struct lb_error *err)
{
	const struct lb_batch *batch = lb_helpers_collect();

	if (batch && write_batch(kdump, batch, err) != 0)
		return -1;
	lb_partition_poll(kdump->writer->partition);
	lb_writer_progress(kdump->writer, kdump->pages_done, kdump->head_bytes + kdump->data_bytes);
	if (kdump->data_bytes - kdump->checkpoint_data >= LB_CHECKPOINT_BYTES ||
	    lb_clock_ms() - kdump->checkpoint_ms >= LB_CHECKPOINT_MS)
		return checkpoint(kdump, err);
	return 0;
}

static void hand_batch(struct lb_kdump *kdump)
{
	if (kdump->filling)
		lb_helpers_submit(kdump->filling);
	kdump->filling = NULL;
}

static int dump_page(struct lb_kdump *kdump, uint64_t frame, struct lb_error *err)
{
	uint64_t phys = frame * LB_PAGE, now;

	if (!lb_ram_find(kdump->job->ram, phys, &now))
		return lb_fail(err, "bitmap read back from the disk: page 0x%lx is no RAM", phys);
	while (!kdump->filling) {
		kdump->filling = lb_helpers_get();
		if (!kdump->filling && collect_batch(kdump, err) != 0)
			return -1;
	}
	kdump->filling->index[kdump->filling->count] = kdump->index;
	kdump->filling->phys[kdump->filling->count++] = now;
	if (kdump->filling->count == LB_BATCH_PAGES)
		hand_batch(kdump);
	return 0;
}

// Is the page at kdump->index one of this pass? `own`: dump_piece() has asked, and the page is the kernel's
// own.
static int is_due(struct lb_kdump *kdump, bool own, bool *ret_due, struct lb_error *err)
{
	bool written = kdump->last_pass && kdump->flat && own;

	if (kdump->last_pass && kdump->own && !kdump->flat &&
	    lb_desc_table_is_set(&kdump->table, kdump->index, &written, err) != 0)
		return -1;
	*ret_due = kdump->last_pass ? !written : own;
	return 0;
}

static int dump_piece(struct lb_kdump *kdump, uint64_t at, struct lb_error *err)
{
	uint64_t bytes = lb_kdump_piece(kdump, at);
	const bool asks = kdump->own && (!kdump->last_pass || kdump->flat);
	const uint8_t *own = kdump->ram_bits; // filled only with `asks`

	if (lb_kdump_bitmap(kdump, at, bytes, kdump->dump_bits, err) != 0)
		return -1;
	if (asks) {
		memcpy(kdump->ram_bits, kdump->dump_bits, bytes);
		kdump->own->next(kdump->own->ctx, bytes * LB_BYTE_BITS, kdump->ram_bits);
	}
	for (uint64_t i = 0; i < bytes; i++) {
		for (uint8_t byte = kdump->dump_bits[i]; byte; byte &= (uint8_t)(byte - 1)) {
			unsigned int bit = (unsigned int)__builtin_ctz(byte);
			uint64_t frame = (at + i) * LB_BYTE_BITS + bit;
			bool due;

			if (is_due(kdump, asks && (own[i] >> bit & 1), &due, err) != 0 ||
			    (due && dump_page(kdump, frame, err) != 0))
				return -1;
			kdump->index++;
		}
	}
	return 0;
}

static int write_pass(struct lb_kdump *kdump, bool last, struct lb_error *err)
{
	kdump->last_pass = last;
	kdump->index = 0;
	if (kdump->flat && kdump->own && last)
		kdump->own->rewind(kdump->own->ctx);
	if (!kdump->flat && lb_desc_table_rewind(&kdump->table, last, err) != 0)
		return -1;
	for (uint64_t at = 0; at < kdump->bitmap_bytes; at += LB_BITMAP_PIECE) {
		if (dump_piece(kdump, at, err) != 0)
			return -1;
	}
	hand_batch(kdump);
	while (!lb_helpers_idle()) {
		if (collect_batch(kdump, err) != 0)
			return -1;
	}
	return 0;
}

static int write_pages(struct lb_kdump *kdump, struct lb_error *err)
{
	if (kdump->own) {
		if (write_pass(kdump, false, err) != 0)
			return -1;
		kdump->next->flags |= LB_DUMP_FLAG_KERNEL_FIRST;
		kdump->next->kernel_bytes = kdump->data_bytes;
		if (checkpoint(kdump, err) != 0)
			return -1;
	}
	if (write_pass(kdump, true, err) != 0)
		return -1;
	// The two passes did not agree on the kernel's own pages.
	if (kdump->flat && kdump->own && kdump->pages_done != kdump->next->page_count) {
		if (kdump->pages_done < kdump->next->page_count)
			kdump->writer->lost_pages += kdump->next->page_count - kdump->pages_done;
		kdump->pages_done = kdump->next->page_count;
	}
	if (kdump->pages_done != kdump->next->page_count)
		return lb_fail(err, "bitmap read back from the disk: %lu pages, %lu were chosen",
			       kdump->pages_done, kdump->next->page_count);
	if (kdump->own_only)
		return lb_fail(err, "full: the partition's %lu bytes hold the kernel's own %lu pages only",
			       kdump->writer->limit, kdump->pages_done);
	return 0;
}

// Leave no batch in flight for the next target.
static void drop_batches(struct lb_kdump *kdump)
{
	hand_batch(kdump);
	while (lb_helpers_collect())
		continue;
}

// Writes the rest of data and descriptors to the disk, and fills in the header's fields.
static int settle_all(struct lb_kdump *kdump, struct lb_error *err)
{
	struct lb_dump_header *next = kdump->next;

	if (lb_stream_settle(&kdump->data, err) != 0 ||
	    lb_desc_table_finish(&kdump->table, next->desc_sha256, err) != 0 ||
	    lb_partition_flush(kdump->writer->partition, err) != 0)
		return -1;
	note_progress(kdump);
	lb_stream_digest(&kdump->data, next->data_sha256);
	return 0;
}

// Ends the flattened file, whole or not, and fills in the header's fields. When the disk fails, the header
// says what the last checkpoint said.
static int end_flat(struct lb_kdump *kdump, bool whole, struct lb_error *err)
{
	struct lb_dump_header *next = kdump->next;
	struct lb_output *output = &kdump->flat->output;

	next->file_bytes = next->data_bytes;
	if ((whole && lb_kdump_complete(kdump, err) != 0) || lb_flat_end(kdump->flat, err) != 0 ||
	    lb_partition_flush(kdump->writer->partition, err) != 0) {
		lb_output_abandon(output);
		return -1;
	}
	note_progress(kdump);
	next->file_bytes = next->data_bytes;
	lb_stream_digest(&output->stream, next->head_sha256);
	return 0;
}

static int write_flat(struct lb_kdump *kdump, const struct lb_page_choice *choice, struct lb_error *err)
{
	const struct lb_dump_job *job = kdump->job;
	const struct lb_sealing sealing = {&job->crypt[LB_CRYPT_FILE], job->sealing, true};
	int result = lb_flat_open(kdump->flat, kdump->writer->partition, kdump->next->file_offset,
				  kdump->writer->limit, &sealing, err);

	if (result != 0)
		return -1;
	result = lb_kdump_head(kdump, choice, err);
	if (result == 0)
		result = checkpoint(kdump, err);
	if (result == 0)
		result = write_pages(kdump, err);
	drop_batches(kdump);
	if (result == 0)
		return end_flat(kdump, true, err);
	end_flat(kdump, false, NULL);
	return result;
}

static int write_body(struct lb_kdump *kdump, struct lb_error *err)
{
	struct lb_dump_header *next = kdump->next;
	int result = checkpoint(kdump, err);

	if (result == 0)
		result = write_pages(kdump, err);
	drop_batches(kdump);
	if (result == 0)
		result = settle_all(kdump, err);
	if (result == 0)
		result = lb_kdump_complete(kdump, err);
	else
		settle_all(kdump, NULL); // when this fails, the header describes the last checkpoint
	next->file_bytes = next->data_offset + next->data_bytes;
	return result;
}

int lb_kdump_write(struct lb_writer *writer, const struct lb_page_choice *choice,
		   const struct lb_page_choice *own, struct lb_error *err)
{
	uint64_t bytes = 2 * LB_BITMAP_PIECE + sizeof(struct lb_kdump) + sizeof(struct lb_flat);
	uint8_t *memory = lb_heap_pages(bytes);
	struct lb_kdump *kdump;

	if (!memory)
		return lb_fail(err, "dump: no memory for %lu bytes of bitmaps", bytes);
	kdump = (struct lb_kdump *)(memory + 2 * LB_BITMAP_PIECE);
	kdump->ram_bits = memory;
	kdump->dump_bits = memory + LB_BITMAP_PIECE;
	kdump->writer = writer;
	kdump->job = writer->job;
	kdump->next = &writer->next;
	kdump->own = own;
	kdump->own_only = false;
	if (writer->job->crypt) {
		kdump->flat = (struct lb_flat *)(kdump + 1);
		return write_flat(kdump, choice, err);
	}
	return lb_kdump_head(kdump, choice, err) == 0 ? write_body(kdump, err) : -1;
}
