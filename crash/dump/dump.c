// SPDX-License-Identifier: BSD-2-Clause
#include "crash/dump/dump.h"

#include "crash/dead/dmesg.h"
#include "crash/dump/elfdump.h"
#include "crash/dump/kdump.h"
#include "crash/dump/output.h"
#include "crash/platform/platform.h"
#include "lib/cpu.h"
#include "lib/mem.h"
#include "lib/number.h"

static void fill_identity(const struct lb_deadspace *dead, struct lb_dump_header *header)
{
	char text[2 * sizeof(header->build_id) + 1];
	uint32_t digits = lb_vmcoreinfo_text(&dead->vmcoreinfo, "BUILD-ID=", text, sizeof(text)), bytes = 0;

	lb_vmcoreinfo_text(&dead->vmcoreinfo, "OSRELEASE=", header->release, sizeof(header->release));
	for (int byte; 2 * bytes + 1 < digits && (byte = lb_hex_byte(text + 2 * bytes)) >= 0; bytes++)
		header->build_id[bytes] = (uint8_t)byte;
	header->build_id_bytes = bytes;
}

struct log {
	struct lb_output output;
	struct lb_error *err;
	uint64_t skip; // bytes of the log to skip; the rest of a begun line is skipped, too
	bool in_line;
	bool failed; // the disk failed: `err` says how
	bool cut;
};

// Skips the beginning of a log that does not fit. Returns how many of the `bytes` are skipped.
static size_t pass_over(struct log *log, const char *text, size_t bytes)
{
	size_t passed = 0;

	while (passed < bytes && (log->skip || log->in_line)) {
		log->in_line = text[passed++] != '\n';
		if (log->skip)
			log->skip--;
	}
	return passed;
}

static bool put_log(void *ctx, const char *text, size_t bytes)
{
	struct log *log = ctx;
	const size_t passed = pass_over(log, text, bytes);

	text += passed;
	bytes -= passed;
	if (bytes > lb_output_room(&log->output)) {
		bytes = lb_output_room(&log->output);
		log->cut = true;
	}
	log->failed = lb_output_add(&log->output, text, bytes, log->err) != 0;
	return !log->failed && !log->cut;
}

// One file of the job. NULL: it goes to the disk in the clear.
static const struct lb_sealing *sealing_of(const struct lb_dump_job *job, enum lb_crypt_part part,
					   struct lb_sealing *room)
{
	if (!job->crypt)
		return NULL;
	*room = (struct lb_sealing){.file = &job->crypt[part], .room = job->sealing};
	return room;
}

// Reads the log, or the end of it if there is no room for all.
static int read_log(const struct lb_deadspace *dead, uint64_t room, struct log *log, struct lb_error *err)
{
	struct lb_dmesg_tail tail;
	struct lb_dmesg_gaps gaps;

	if (lb_dmesg_fit(dead, room, &tail, err) != 0)
		return -1;
	log->skip = tail.skip;
	log->in_line = false;
	if (lb_dmesg_read_ends(dead, (struct lb_dmesg_ends){.last = tail.records}, put_log, log, &gaps,
			       err) != 0)
		return -1;
	if (gaps.left_out || tail.skip)
		lb_say("the dead kernel's log is longer than %lu bytes: its beginning is in the dump only",
		       room);
	return 0;
}

// Bytes at the end of the log that are kept for the log of kdump's kernel, if it died, too.
#define KDUMP_LOG (512 * LB_KIB)

// Reads the log of the dumped kernel, then that of kdump's kernel. Says in the log what cannot be read.
static void read_logs(const struct lb_dump_job *job, struct log *log)
{
	static const char between[] = "lifeboat: the log of kdump's own kernel, which died next:\n";
	uint64_t room = lb_output_room(&log->output);
	struct lb_error why;

	if (job->kdump)
		room -= room / 4 < KDUMP_LOG ? room / 4 : KDUMP_LOG;
	if (read_log(job->dead, room, log, &why) != 0 && !job->crypt)
		lb_say("the dead kernel's log: %s", why.text);
	if (!job->kdump || log->failed || log->cut || !put_log(log, between, sizeof(between) - 1))
		return;
	if (read_log(job->kdump, lb_output_room(&log->output), log, &why) != 0 && !job->crypt)
		lb_say("the log of kdump's own kernel: %s", why.text);
}

// Writes the log. Only a disk error is a failure: a dump without a log is still a dump.
static int write_log(struct lb_writer *writer, struct lb_error *err)
{
	uint64_t limit = LB_DUMP_SLOTS_BYTES + LB_DUMP_LOG_MAX;
	struct log *log = lb_heap_pages(sizeof(*log));
	struct lb_sealing sealing;

	if (!log)
		return lb_fail(err, "dump: no memory for the log's state");
	if (limit > writer->limit)
		limit = writer->limit;
	log->skip = 0;
	log->in_line = log->failed = log->cut = false;
	log->err = err;
	if (lb_output_open(&log->output, writer->partition, LB_DUMP_SLOTS_BYTES, limit,
			   sealing_of(writer->job, LB_CRYPT_LOG, &sealing), err) != 0)
		return -1;
	read_logs(writer->job, log);
	if (log->failed || lb_output_end(&log->output, err) != 0 ||
	    lb_partition_flush(writer->partition, err) != 0)
		return -1;
	writer->next.tsc_first_byte = cpu_tsc();
	if (log->cut)
		lb_say("the dead kernel's log is longer than %lu bytes: the rest is in the dump only",
		       log->output.bytes);
	writer->next.log_bytes = log->output.stream.bytes;
	lb_stream_digest(&log->output.stream, writer->next.log_sha256);
	writer->next.file_offset = LB_DUMP_SLOTS_BYTES + lb_align_up(log->output.stream.bytes, LB_DUMP_BLOCK);
	return lb_writer_header(writer, err);
}

// Writes the report behind the log, if there is room. Only a disk error is a failure.
static int write_report(struct lb_writer *writer, struct lb_error *err)
{
	const struct lb_dump_job *job = writer->job;
	struct lb_dump_header *next = &writer->next;
	const uint64_t start = next->file_offset;
	uint32_t bytes = 0;
	const char *text = job->report ? job->report(job->ctx, &bytes) : NULL;
	struct lb_sealing sealing;
	struct lb_output *output;

	if (!text || !bytes)
		return 0;
	output = lb_heap_pages(sizeof(*output));
	if (!output ||
	    lb_output_open(output, writer->partition, start, writer->limit,
			   sealing_of(job, LB_CRYPT_REPORT, &sealing), NULL) != 0 ||
	    bytes > lb_output_room(output)) {
		lb_say("the report is not on the disk: no %s for it", output ? "room" : "memory");
		return 0;
	}
	if (lb_output_add(output, text, bytes, err) != 0 || lb_output_end(output, err) != 0)
		return -1;
	next->report_offset = start;
	next->report_bytes = output->stream.bytes;
	lb_stream_digest(&output->stream, next->report_sha256);
	next->file_offset = start + lb_align_up(output->stream.bytes, LB_DUMP_BLOCK);
	return lb_writer_header(writer, err);
}

static void next_from_filter(void *ctx, uint64_t pages, uint8_t *bits)
{
	lb_filter_next(ctx, pages, bits);
}

static void rewind_filter(void *ctx)
{
	lb_filter_rewind(ctx);
}

static void keep_own(void *ctx, uint64_t pages, uint8_t *bits)
{
	lb_kernel_pages_keep(ctx, pages, bits);
}

static void rewind_own(void *ctx)
{
	lb_kernel_pages_rewind(ctx);
}

static int write_file(struct lb_writer *writer, struct lb_error *err)
{
	const struct lb_dump_job *job = writer->job;
	struct lb_page_choice choice = {next_from_filter, job->filter, rewind_filter},
			      own = {keep_own, NULL, rewind_own};

	if (job->log_written && job->log_written(job->ctx, err) != 0)
		return -1;
	if (job->format == LB_DUMP_ELF)
		return lb_elfdump_write(writer, err);
	lb_filter_rewind(job->filter);
	own.ctx = job->own; // log_written() may have found them
	if (job->own)
		lb_kernel_pages_rewind(job->own);
	return lb_kdump_write(writer, &choice, own.ctx ? &own : NULL, err);
}

static void tell_completion(const struct lb_writer *writer, struct lb_dump_header *next)
{
	const char *doubt = writer->job->crypt ? NULL : writer->job->doubt;
	size_t at =
		lb_snprintf(next->message, sizeof(next->message), "complete: %lu pages", next->pages_done);

	if (writer->lost_pages)
		at += lb_snprintf(next->message + at, sizeof(next->message) - at,
				  ", %lu of them could not be read", writer->lost_pages);
	if (writer->job->crypt)
		lb_snprintf(next->message + at, sizeof(next->message) - at, ", encrypted to %u recipient%s",
			    writer->job->recipients, writer->job->recipients == 1 ? "" : "s");
	if (doubt)
		lb_snprintf(next->message + at, sizeof(next->message) - at, "; %s", doubt);
}

// Writes into the header how the dump ended, into both slots in case one is lost later.
static int end_header(struct lb_writer *writer, const struct lb_error *why, struct lb_error *err)
{
	struct lb_dump_header *next = &writer->next;
	struct lb_error second;

	next->state = why ? LB_DUMP_PARTIAL : LB_DUMP_COMPLETE;
	next->tsc_end = cpu_tsc();
	if (why)
		lb_snprintf(next->message, sizeof(next->message), "%s", why->text);
	else
		tell_completion(writer, next);
	if (writer->lost_pages)
		lb_say("warning: %lu pages could not be read", writer->lost_pages);
	if (lb_writer_header(writer, err) != 0)
		return -1;
	if (lb_writer_header(writer, &second) != 0)
		lb_say("warning: the dump's header was written once, not twice: %s", second.text);
	return 0;
}

static int write_dump(const struct lb_dump_job *job, struct lb_partition *partition,
		      struct lb_dump_header *header, struct lb_error *err)
{
	struct lb_writer writer;
	struct lb_error why = {""};

	lb_writer_open(&writer, job, partition, header);
	if (!job->crypt)
		fill_identity(job->dead, &writer.next);
	if (lb_writer_header(&writer, err) != 0)
		return -1;
	if (write_log(&writer, &why) == 0 && write_report(&writer, &why) == 0 &&
	    write_file(&writer, &why) == 0)
		return end_header(&writer, NULL, err);
	end_header(&writer, &why, NULL);
	return lb_fail(err, "%s", why.text);
}

int lb_dump_write(const struct lb_dump_job *job, struct lb_partition *partition,
		  struct lb_dump_header *header, struct lb_error *err)
{
	const int result = write_dump(job, partition, header, err);

	if (job->crypt)
		lb_crypt_wipe(job->crypt, LB_CRYPT_PARTS * sizeof(*job->crypt));
	return result;
}
