// SPDX-License-Identifier: BSD-2-Clause
#include "loader/previous_dump.h"

#include "crash/disk/dump_header.h"
#include "lib/utc.h"
#include "loader/print.h"

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

// The bytes on disk; of an interrupted dump those up to its last checkpoint.
static uint64_t bytes_there(const struct lb_dump_header *header)
{
	return header->file_bytes ? header->file_bytes : header->desc_bytes + header->data_bytes;
}

static void show_dump(const char *partition, const struct lb_dump_header *header)
{
	char size[16], when[LB_UTC_TEXT];

	lb_print_warning("AN UNSAVED DUMP WAITS on %s: %s, %s", partition, state_text(header->state),
			 lb_format_size(size, sizeof(size), bytes_there(header)));
	lb_print_warning("  of kernel %.64s, panicked %s%s%.160s", header->release[0] ? header->release : "?",
			 header->crash_time ? lb_utc_text(header->crash_time, when) : "at an unknown time",
			 header->message[0] ? "; " : "", header->message);
	lb_print_warning("  save it with: lifeboat-save (scripts/lifeboat-save DEVICE FILE)");
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

void lb_previous_dump_show(const char *partition, const struct lb_dump_header *header)
{
	if (lb_dump_header_unsaved(header))
		show_dump(partition, header);
	else
		show_verdict(partition, header);
}
