// SPDX-License-Identifier: BSD-2-Clause
#include "crash/dump/writer.h"

#include "crash/disk/dump_header.h"
#include "crash/platform/platform.h"
#include "lib/mem.h"

#define PROGRESS_MS 1000

// Keeps what loader and caller have filled in: the fields before `saved`, sequence, keys and the first time
// stamps.
static void begin_header(const struct lb_dump_job *job, const struct lb_dump_header *old,
			 struct lb_dump_header *ret_header)
{
	memset(ret_header, 0, sizeof(*ret_header));
	memcpy(ret_header, old, offsetof(struct lb_dump_header, saved));
	ret_header->sequence = old->sequence;
	ret_header->keys_bytes = old->keys_bytes;
	ret_header->keys_phys = old->keys_phys;
	ret_header->tsc_hook = old->tsc_hook;
	ret_header->tsc_begun = old->tsc_begun;
	ret_header->tsc_khz = old->tsc_khz;
	ret_header->state = LB_DUMP_WRITING;
	ret_header->format = job->format;
	ret_header->flags = (old->flags & LB_DUMP_FLAG_FILE) | (job->crypt ? LB_DUMP_FLAG_ENCRYPTED : 0);
	ret_header->log_offset = LB_DUMP_SLOTS_BYTES;
	ret_header->dump_level = job->format == LB_DUMP_ELF ? 0 : job->level;
	ret_header->crash_time = job->now;
}

void lb_writer_open(struct lb_writer *writer, const struct lb_dump_job *job, struct lb_partition *partition,
		    struct lb_dump_header *header)
{
	*writer = (struct lb_writer){
		.job = job,
		.partition = partition,
		.limit = lb_align_down(lb_partition_bytes(partition), LB_DUMP_BLOCK),
		.header = header,
		.progress_ms = lb_clock_ms(),
	};
	begin_header(job, header, &writer->next);
}

int lb_writer_put_header(struct lb_partition *partition, struct lb_dump_header *header, struct lb_error *err)
{
	struct lb_dump_slot *slot;
	uint32_t offset;

	if (lb_partition_flush(partition, err) != 0)
		return -1;
	slot = lb_partition_take(partition, err);
	if (!slot)
		return -1;
	offset = lb_dump_header_advance(header);
	memset(slot, 0, sizeof(*slot));
	slot->header = *header;
	return lb_partition_put(partition, slot, offset, sizeof(*slot), err);
}

static int put_next(struct lb_writer *writer, struct lb_error *err)
{
	if (lb_writer_put_header(writer->partition, &writer->next, err) != 0)
		return -1;
	*writer->header = writer->next;
	return 0;
}

int lb_writer_header(struct lb_writer *writer, struct lb_error *err)
{
	return put_next(writer, err) == 0 ? lb_partition_flush(writer->partition, err) : -1;
}

int lb_writer_checkpoint(struct lb_writer *writer, struct lb_error *err)
{
	writer->next.checkpoints++;
	return put_next(writer, err);
}

void lb_writer_progress(struct lb_writer *writer, uint64_t pages_done, uint64_t bytes_written)
{
	const struct lb_dump_job *job = writer->job;
	uint64_t now = lb_clock_ms();

	if (!job->progress || now - writer->progress_ms < PROGRESS_MS)
		return;
	writer->progress_ms = now;
	job->progress(job->progress_ctx, pages_done, writer->next.page_count, bytes_written);
}
