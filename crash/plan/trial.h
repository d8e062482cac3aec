// SPDX-License-Identifier: BSD-2-Clause
// Whether this boot arms: the trial mark, which outlives a reset, and what a boot does by it. The mark is
// the EFI variable LifeboatTrial, or the file \EFI\lifeboat\trial: lines of KEY=VALUE (docs/handoff.md).
// The loader and lifeboatctl write it. Pure.
#ifndef LIFEBOAT_CRASH_PLAN_TRIAL_H
#define LIFEBOAT_CRASH_PLAN_TRIAL_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/format.h"
#include "lifeboat/range.h"

#define LB_TRIAL_ROOM 1024U // bytes of the longest text that lb_trial_print() makes, its NUL included
#define LB_TRIAL_FAILURES 2U // so many boots of a trial that did not complete end it
#define LB_TRIAL_PANICS 3U // so many captured panics in a row end the capturing
#define LB_TRIAL_ID 16U // bytes of an arm_id
#define LB_TRIAL_COUNTED 8U

enum lb_trial_mark {
	LB_TRIAL_PENDING, // the next boot is a trial
	LB_TRIAL_BEGUN, // a trial is under way; a boot that finds it: the one before did not complete
	LB_TRIAL_PROVED, // a boot of `hash` completed
	LB_TRIAL_ASIDE, // no boot arms until lifeboatctl on
};

// Why a boot stands aside.
enum lb_trial_aside {
	LB_ASIDE_NOT, // it does not: it arms
	LB_ASIDE_OFF, // the kill switch
	LB_ASIDE_TRIAL, // a boot of a trial did not complete
	LB_ASIDE_PANICS, // LB_TRIAL_PANICS
};

struct lb_trial {
	enum lb_trial_mark mark;
	uint64_t hash; // of what was proved; 0: of nothing
	uint32_t failed; // boots that found `begun`, since the last proof
	uint32_t panics; // captured, since the last boot that completed
	uint32_t counted_count;
	uint8_t counted[LB_TRIAL_COUNTED][LB_TRIAL_ID]; // dumps that `panics` has counted, the latest first
	struct lb_range crash, crash_low, hook; // where the proved boot had them; empty: not known
	char why[120]; // printable ASCII
};

// "pending", "begun", "proved", "aside"; "off", "trial", "panics", "" for LB_ASIDE_NOT.
const char *lb_trial_mark_name(enum lb_trial_mark mark);
const char *lb_trial_aside_name(enum lb_trial_aside aside);

// Reads `bytes` of text. Unknown keys do not count, and a NUL ends it. Fails where there is no mark, or a
// value is none.
int lb_trial_parse(const char *text, size_t bytes, struct lb_trial *ret_trial, struct lb_error *err);
// The text of it, NUL-terminated. Returns its length.
size_t lb_trial_print(const struct lb_trial *trial, char text[LB_TRIAL_ROOM]);

// ---- The loader's, in the order of a boot. Each returns what the boot does, and changes *trial where the
// mark has to change. *ret_write: it has to be written before anything else is done.

// Judges a mark that was found, before anything else is looked at. Counts a boot that finds `begun`. Begins a
// trial where one is due.
enum lb_trial_aside lb_trial_find(struct lb_trial *trial, bool *ret_write);
// Begins a trial where there is no mark, or none that can be read.
void lb_trial_first(struct lb_trial *trial);
// Learns what would be armed, as `hash`. Begins a trial where another hash was proved.
void lb_trial_know(struct lb_trial *trial, uint64_t hash, bool *ret_write);
// Counts a dump that lies on a partition, saved or not, unless it was counted before.
enum lb_trial_aside lb_trial_count(struct lb_trial *trial, const uint8_t arm_id[LB_TRIAL_ID],
				   bool *ret_write);
// Boot services are left unarmed. The mark becomes again what `found` says, as it was read. `found` NULL:
// there was no mark, so the next boot is a trial. Counts stay.
void lb_trial_retreat(struct lb_trial *trial, const struct lb_trial *found);

// ---- lifeboatctl's. Each returns whether *trial has changed, and has to be written.

// A completed boot's own facts, by the EFI variable Lifeboat.
struct lb_trial_boot {
	bool begun; // it was a trial
	uint64_t hash;
	struct lb_range crash, crash_low, hook; // empty: not armed
};

// Proves a trial, and ends a row of panics.
bool lb_trial_complete(struct lb_trial *trial, const struct lb_trial_boot *boot);
// The next boot is a trial again: after an installation, an update, lifeboatctl on.
bool lb_trial_renew(struct lb_trial *trial);

#endif
