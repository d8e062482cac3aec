// SPDX-License-Identifier: BSD-2-Clause
#include "crash/dump/dump.h"

#include "crash/dead/dmesg.h"
#include "crash/disk/dump_header.h"
#include "crash/dump/stream.h"
#include "crash/dump/writer.h"
#include "crash/platform/platform.h"
#include "lib/cpu.h"
#include "lib/mem.h"
#include "lib/number.h"

#define PROGRESS_MS 1000

// More than a log of usual size; what is beyond is told and left out. The dump has all of it.
#define LOG_ROOM (16 * LB_MIB)
// A PT_NOTE for ten thousand CPUs, for the worst case.
#define NOTES_ROOM (4 * LB_MIB)

#define DESC_BYTES 24ULL // of kdump-compressed, one page

uint64_t lb_dump_worst_case(uint64_t pages, uint64_t max_pfn)
{
	uint64_t bitmap = lb_align_up(max_pfn / 8 + 1, LB_PAGE);

	// The header, the log; two headers, notes, bitmaps, descriptors, the page of zeroes, the rest.
	return LB_DUMP_BLOCK + LOG_ROOM + 2 * LB_PAGE + NOTES_ROOM + 2 * bitmap +
	       lb_align_up(pages * DESC_BYTES, LB_PAGE) + LB_PAGE + pages * LB_PAGE;
}

// After all that was written before.
static int put_header(struct lb_writer *writer, struct lb_error *err)
{
	void *buffer;

	if (lb_partition_flush(writer->partition, err) != 0)
		return -1;
	buffer = lb_partition_take(writer->partition, err);
	if (!buffer)
		return -1;
	lb_dump_header_seal(&writer->next);
	memset(buffer, 0, LB_DUMP_BLOCK);
	memcpy(buffer, &writer->next, sizeof(writer->next));
	if (lb_partition_put(writer->partition, buffer, 0, LB_DUMP_BLOCK, err) != 0)
		return -1;
	*writer->header = writer->next;
	return 0;
}

int lb_writer_header(struct lb_writer *writer, struct lb_error *err)
{
	return put_header(writer, err) == 0 ? lb_partition_flush(writer->partition, err) : -1;
}

int lb_writer_checkpoint(struct lb_writer *writer, struct lb_error *err)
{
	writer->next.checkpoints++;
	return put_header(writer, err);
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

static void fill_identity(const struct lb_deadspace *dead, struct lb_dump_header *header)
{
	char text[2 * sizeof(header->build_id) + 1];
	uint32_t digits = lb_vmcoreinfo_text(&dead->vmcoreinfo, "BUILD-ID=", text, sizeof(text)), bytes = 0;

	lb_vmcoreinfo_text(&dead->vmcoreinfo, "OSRELEASE=", header->release, sizeof(header->release));
	for (int byte; 2 * bytes + 1 < digits && (byte = lb_hex_byte(text + 2 * bytes)) >= 0; bytes++)
		header->build_id[bytes] = (uint8_t)byte;
	header->build_id_bytes = bytes;
}

// All that the loader and the caller filled stays: up to `saved`, and the first time stamps.
static void begin_header(const struct lb_dump_job *job, const struct lb_dump_header *old,
			 struct lb_dump_header *ret_header)
{
	memset(ret_header, 0, sizeof(*ret_header));
	memcpy(ret_header, old, offsetof(struct lb_dump_header, saved));
	ret_header->tsc_hook = old->tsc_hook;
	ret_header->tsc_begun = old->tsc_begun;
	ret_header->tsc_khz = old->tsc_khz;
	ret_header->state = LB_DUMP_WRITING;
	ret_header->format = job->format;
	ret_header->log_offset = LB_DUMP_BLOCK;
	ret_header->dump_level = job->format == LB_DUMP_ELF ? 0 : job->level;
	ret_header->crash_time = job->now;
	fill_identity(job->dead, ret_header);
}

struct log {
	struct lb_stream stream;
	struct lb_error *err;
	bool failed; // the disk did: err says how
	bool cut;
};

static bool put_log(void *ctx, const char *text, size_t bytes)
{
	struct log *log = ctx;

	if (bytes > lb_stream_room(&log->stream)) {
		bytes = lb_stream_room(&log->stream);
		log->cut = true;
	}
	log->failed = lb_stream_add(&log->stream, text, bytes, log->err) != 0;
	return !log->failed && !log->cut;
}

// A dump without a log is a dump; without a disk it is none.
static int write_log(struct lb_writer *writer, struct lb_error *err)
{
	uint64_t limit = LB_DUMP_BLOCK + LOG_ROOM;
	struct log *log = lb_heap_pages(sizeof(*log));
	struct lb_error why;
	uint64_t records = 0;

	if (!log)
		return lb_fail(err, "dump: no memory for the log's state");
	if (limit > writer->limit)
		limit = writer->limit;
	log->err = err;
	lb_stream_open(&log->stream, writer->partition, LB_DUMP_BLOCK, limit);
	if (lb_dmesg_read(writer->job->dead, put_log, log, &records, &why) != 0)
		lb_say("the dead kernel's log: %s", why.text);
	if (log->failed || lb_stream_settle(&log->stream, err) != 0 ||
	    lb_partition_flush(writer->partition, err) != 0)
		return -1;
	writer->next.tsc_first_byte = cpu_tsc();
	if (log->cut)
		lb_say("the dead kernel's log is longer than %lu bytes: the rest is in the dump only",
		       log->stream.bytes);
	writer->next.log_bytes = log->stream.bytes;
	lb_stream_digest(&log->stream, writer->next.log_sha256);
	writer->next.file_offset = LB_DUMP_BLOCK + lb_align_up(log->stream.bytes, LB_DUMP_BLOCK);
	return lb_writer_header(writer, err);
}

static void next_from_filter(void *ctx, uint64_t pages, uint8_t *bits)
{
	lb_filter_next(ctx, pages, bits);
}

static int write_file(struct lb_writer *writer, struct lb_error *err)
{
	const struct lb_page_choice choice = {next_from_filter, writer->job->filter};
	const struct lb_dump_job *job = writer->job;

	if (job->log_written && job->log_written(job->log_written_ctx, err) != 0)
		return -1;
	if (job->format == LB_DUMP_ELF)
		return lb_elf_write(writer, err);
	lb_filter_rewind(job->filter);
	return lb_kdump_write(writer, &choice, err);
}

// Says how it ended, if the disk still takes it.
static int end_header(struct lb_writer *writer, const struct lb_error *why, struct lb_error *err)
{
	struct lb_dump_header *next = &writer->next;

	next->state = why ? LB_DUMP_PARTIAL : LB_DUMP_COMPLETE;
	next->tsc_end = cpu_tsc();
	if (why)
		lb_snprintf(next->message, sizeof(next->message), "%s", why->text);
	else
		lb_snprintf(next->message, sizeof(next->message), "complete: %lu pages", next->pages_done);
	return lb_writer_header(writer, err);
}

int lb_dump_write(const struct lb_dump_job *job, struct lb_partition *partition,
		  struct lb_dump_header *header, struct lb_error *err)
{
	struct lb_writer writer = {
		.job = job,
		.partition = partition,
		.limit = lb_align_down(lb_partition_bytes(partition), LB_DUMP_BLOCK),
		.header = header,
		.progress_ms = lb_clock_ms(),
	};
	struct lb_error why = {""};

	begin_header(job, header, &writer.next);
	if (lb_writer_header(&writer, err) != 0)
		return -1;
	if (write_log(&writer, &why) == 0 && write_file(&writer, &why) == 0)
		return end_header(&writer, NULL, err);
	end_header(&writer, &why, NULL);
	return lb_fail(err, "%s", why.text);
}
