// SPDX-License-Identifier: BSD-2-Clause
// One run of the capture kernel: what its main parts know of each other.
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
	struct lb_crypt *crypt; // keys, in crash memory; NULL: nothing is encrypted
	struct lb_chunk *sealing; // lb_chunk_new()'s; NULL: nothing is, or no memory
	uint64_t tsc_begun;
	uint32_t iommus_on; // that translated until this kernel came

	struct lb_ram ram;
	struct lb_physmem mem;
	struct lb_deadspace dead;
	struct lb_deadspace
		last; // of the kernel that entered the hook: `dead`, or kdump's that was to save it
	struct lb_filter *filter;
	void *scratch; // LB_CAPTURE_SCRATCH, for one after the other; NULL: there is none
	uint64_t tsc_prepared; // when the dead kernel could be read
	uint64_t tsc_log; // when its log was on a disk; 0: it is not
	char *report; // LB_CAPTURE_REPORT; NULL: there is no memory for one
	uint32_t report_bytes; // 0: not made yet
	bool report_printed;
	enum lb_display display; // who had the screen, as far as the report found out
	struct lb_error display_why;
	bool shown; // or not, and that for good
	struct lb_screen screen; // no rows: nothing is shown
	char filter_why[240]; // why the level is not the one asked for; "": it is
	struct lb_dump_job job;
	uint32_t cpus; // that compress; 0: none yet
	uint32_t targets_left; // that may yet want memory, one that is open included
};

// lb_say() of what was read from the dead machine: nothing is said where its dump is encrypted.
#define lb_say_of_dead(run, ...)                                                                             \
	do {                                                                                                 \
		if (!(run)->crypt)                                                                           \
			lb_say(__VA_ARGS__);                                                                 \
	} while (0)

// keys.c: finds the keys, checks that they are there, and sees to it that none is left at the end. False: they
// are not what the configuration says.
bool lb_keys_open(struct lb_run *run);

// prepare.c: everything up to the job: old memory mapped, notes read, filter ready. Says
// what it found.
int lb_prepare(struct lb_run *run, struct lb_error *err);

// target.c: an opened target, its partition's header read and found to be the one that was
// armed.
struct lb_opened {
	const struct lb_target *target;
	struct lb_disk disk;
	struct lb_partition *partition;
	struct lb_dump_header *header;
};
// Afterwards, whatever the result, lb_target_close().
int lb_target_open(const struct lb_run *run, const struct lb_target *target, struct lb_opened *ret_opened,
		   struct lb_error *err);
void lb_target_close(struct lb_opened *opened);

// selftest.c: never comes back.
_Noreturn void lb_selftest_run(struct lb_run *run);

// reboot.c
// True only if the log ends in an ordinary reboot or, where it cannot be read, the kernel's own variables say
// so. Sets job.doubt where nothing tells of a panic either. Says what it found.
bool lb_was_reboot(struct lb_run *run);

// deadlog.c
// The log's end, to the console.
void lb_deadlog_print(const struct lb_deadspace *dead);

// report.c
// The report, made by the first call. NULL, and no bytes, where there is no memory for it.
const char *lb_report_make(struct lb_run *run, uint32_t *ret_bytes);
// Prints the report's beginning to the console; the second time nothing.
void lb_report_print(struct lb_run *run);

// show.c: for who sits in front of the machine, once the report is on the disk or there will be none.
// Opens the screen where the firmware's is still shown, and shows the report's beginning; of a machine whose dump is
// encrypted, nothing but that. Says why not. The second time nothing.
void lb_show_report(struct lb_run *run);
// Shows on the last line, written over, how far the dump is or how it ended.
void lb_show_line(const struct lb_run *run, const char *format, ...) __attribute__((format(printf, 2, 3)));

// progress.c
struct lb_progress {
	const struct lb_run *run;
	uint64_t begun_ms;
};
void lb_progress_say(void *ctx, uint64_t pages_done, uint64_t pages, uint64_t bytes_written);
// The figures of a dump that is complete; its last line is the one to wait for.
void lb_progress_end(const struct lb_run *run, const struct lb_dump_header *header);

#endif
