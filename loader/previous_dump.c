// SPDX-License-Identifier: BSD-2-Clause
#include "loader/previous_dump.h"

#include "crash/disk/dump_header.h"
#include "crash/disk/gpt.h"
#include "lib/mem.h"
#include "lib/sha256.h"
#include "lib/text_line.h"
#include "lib/utc.h"
#include "loader/print.h"

#define REPORT_LINES 20U // leaves room for the other messages on a screen of 25 lines
#define REPORT_COLUMNS 72U
#define LOG "log: "

static const char *state_text(uint32_t state)
{
	switch (state) {
	case LB_DUMP_WRITING:
		return "interrupted while it was written";
	case LB_DUMP_COMPLETE:
		return "complete";
	case LB_DUMP_PARTIAL:
		return "partial";
	default:
		return "in an unknown state";
	}
}

// The dump's bytes on disk. For an interrupted dump, those up to its last checkpoint.
static uint64_t bytes_there(const struct lb_dump_header *header)
{
	return header->file_bytes ? header->file_bytes : header->desc_bytes + header->data_bytes;
}

static void show_dump(const struct lb_target *target, bool elsewhere, const struct lb_dump_header *header)
{
	char size[16], when[LB_UTC_TEXT], uuid[LB_UUID_TEXT];

	lb_print_warning("AN UNSAVED DUMP WAITS on %s: %s, %s", target->name, state_text(header->state),
			 lb_format_size(size, sizeof(size), bytes_there(header)));
	if (elsewhere)
		lb_print_warning("  of a partition with another GUID, %s",
				 lb_uuid_format(header->partuuid, uuid));
	if (header->flags & LB_DUMP_FLAG_ENCRYPTED)
		lb_print_warning("  encrypted, panicked %s%s%.160s",
				 header->crash_time ? lb_utc_text(header->crash_time, when)
						    : "at an unknown time",
				 header->message[0] ? "; " : "", header->message);
	else
		lb_print_warning(
			"  of kernel %.64s, panicked %s%s%.160s", header->release[0] ? header->release : "?",
			header->crash_time ? lb_utc_text(header->crash_time, when) : "at an unknown time",
			header->message[0] ? "; " : "", header->message);
	lb_print_warning("  save it with: lifeboat-save (scripts/lifeboat-save DEVICE FILE)");
}

// Shows the report without its section "log": the dead kernel's console has shown the log.
static void show_report(const char *text, size_t bytes)
{
	char line[REPORT_COLUMNS + 1];

	for (unsigned int i = 0; i < REPORT_LINES && bytes; i++) {
		size_t used = lb_text_line(text, bytes, line, sizeof(line));

		if (memcmp(line, LOG, sizeof(LOG) - 1) == 0)
			return;
		lb_print_warning("  | %s", line);
		text += used;
		bytes -= used;
	}
}

void lb_previous_dump_report(const struct lb_dump_header *header, const char *text, const char *why)
{
	uint8_t digest[LB_SHA256_BYTES];

	if (text)
		lb_sha256(text, header->report_bytes, digest);
	if (!text)
		lb_print_warning("  its report cannot be shown: %s", why);
	else if (memcmp(digest, header->report_sha256, sizeof(digest)) != 0)
		lb_print_warning("  its report cannot be shown: its digest is wrong");
	else
		show_report(text, header->report_bytes);
}

static void show_verdict(const char *partition, const struct lb_dump_header *header)
{
	const char *words = header->state == LB_DUMP_EMPTY ? header->message : ""; // else a dump's

	switch (header->selftest) {
	case LB_SELFTEST_BEGUN:
		lb_print_warning("%s: the last self-test did not come back", partition);
		break;
	case LB_SELFTEST_PASSED:
		lb_print("lifeboat: %s: the last self-test passed\n", partition);
		break;
	case LB_SELFTEST_FAILED:
		lb_print_warning("%s: the last self-test failed%s%.160s", partition, words[0] ? ": " : "",
				 words);
		break;
	default:
		break;
	}
}

void lb_previous_dump_show(const struct lb_target *target, const struct lb_dump_header *header)
{
	struct lb_dump_header printable = *header;
	bool elsewhere = memcmp(header->partuuid, lb_target_id(target), sizeof(header->partuuid)) != 0;

	lb_dump_header_printable(&printable);
	if (lb_dump_header_unsaved(&printable))
		show_dump(target, elsewhere, &printable);
	else if (!elsewhere)
		show_verdict(target->name, &printable);
}

void lb_previous_dump_unreadable(const struct lb_target *target, const char *why)
{
	lb_print_warning("AN UNREADABLE DUMP WAITS on %s: %s", target->name, why);
	lb_print_warning("  a lifeboat-save of its own version may read it; --dump-overwrite gives it up");
}
