// SPDX-License-Identifier: BSD-2-Clause
// One run of the capture kernel: the state that its main parts share.
#ifndef LIFEBOAT_CRASH_CAPTURE_CAPTURE_H
#define LIFEBOAT_CRASH_CAPTURE_CAPTURE_H

#include "crash/dead/display.h"
#include "crash/dump/writer.h"
#include "crash/plan/capturesize.h"
#include "crash/platform/screen.h"
#include "lifeboat/capture_config.h"
#include "lifeboat/crypt.h"
#include "lifeboat/handoff.h"

struct lb_run {
	const struct lb_handoff *handoff;
	const struct lb_handoff_live *live;
	const struct lb_capture_config *capture;
	struct lb_crypt *crypt; // keys, in crash memory; NULL: the dump is not encrypted
	struct lb_chunk *sealing; // from lb_chunk_new(); NULL: the dump is not encrypted, or memory is short
	uint64_t tsc_begun;
	uint32_t iommus_on; // number of IOMMUs that were on when this kernel began

	struct lb_ram ram;
	struct lb_physmem mem;
	struct lb_deadspace dead;
	struct lb_deadspace
		last; // of the kernel that entered the hook: `dead`, or kdump's that was to save it
	struct lb_filter *filter;
	void *scratch; // LB_CAPTURE_SCRATCH bytes, used by one step after the other; NULL: there is none
	uint64_t tsc_prepared; // when the dead kernel could be read
	uint64_t tsc_log; // when its log was on a disk; 0: it is not
	char *report; // LB_CAPTURE_REPORT bytes; NULL: memory is short
	uint32_t report_bytes; // 0: not made yet
	bool report_printed;
	enum lb_display display; // who had the screen, as far as the report has found out
	struct lb_error display_why;
	bool shown; // lb_show_report() was called, whether or not it could open the screen
	struct lb_screen screen; // no rows: nothing is shown
	char filter_why[240]; // why the level is not the one that was asked for; "": it is that one
	struct lb_dump_job job;
	uint32_t cpus; // number of CPUs that compress; 0: none yet
	uint32_t targets_left; // targets that may still need memory, an open one included
};

// lb_say() for text of the dead machine. Says nothing if the machine's dump is encrypted.
#define lb_say_of_dead(run, ...)                                                                             \
	do {                                                                                                 \
		if (!(run)->crypt)                                                                           \
			lb_say(__VA_ARGS__);                                                                 \
	} while (0)

// keys.c: finds and checks the keys, and has them wiped at the end. False: the keys do not fit the
// configuration.
bool lb_keys_open(struct lb_run *run);

// prepare.c: everything before the dump job: maps old memory, reads the notes, prepares the filter. Says
// what it found.
int lb_prepare(struct lb_run *run, struct lb_error *err);

// target.c: an opened target. Its partition has the header of the partition that was armed.
struct lb_opened {
	const struct lb_target *target;
	struct lb_disk disk;
	struct lb_partition *partition;
	struct lb_dump_header *header;
};
// lb_target_close() must follow, whatever the result.
int lb_target_open(const struct lb_run *run, const struct lb_target *target, struct lb_opened *ret_opened,
		   struct lb_error *err);
void lb_target_close(struct lb_opened *opened);

// selftest.c: does not return.
_Noreturn void lb_selftest_run(struct lb_run *run);

// reboot.c
// True only if the dead kernel's log ends in an ordinary reboot. If the log cannot be read, the kernel's
// variables decide. Sets job.doubt if nothing tells of a panic either. Says what it found.
bool lb_was_reboot(struct lb_run *run);

// deadlog.c
// Prints the end of the log to the console.
void lb_deadlog_print(const struct lb_deadspace *dead);

// report.c
// Returns the report, which the first call makes. NULL, and 0 bytes, if there is no memory for it.
const char *lb_report_make(struct lb_run *run, uint32_t *ret_bytes);
// Prints the report's beginning to the console. Does so once only.
void lb_report_print(struct lb_run *run);

// show.c: the screen, for whoever is in front of the machine. Called once the report is on the disk, or
// cannot be.
// Opens the screen if the firmware's is still shown, and shows the report's beginning; if the dump is
// encrypted, shows only that. Says why if it shows nothing. Does so once only.
void lb_show_report(struct lb_run *run);
// Writes over the last line of the screen: how far the dump is, or how it ended.
void lb_show_line(const struct lb_run *run, const char *format, ...) __attribute__((format(printf, 2, 3)));

// progress.c
struct lb_progress {
	const struct lb_run *run;
	uint64_t begun_ms;
};
void lb_progress_say(void *ctx, uint64_t pages_done, uint64_t pages, uint64_t bytes_written);
// Prints the figures of a complete dump. A test waits for the last line.
void lb_progress_end(const struct lb_run *run, const struct lb_dump_header *header);

#endif
