// SPDX-License-Identifier: BSD-2-Clause
// The verdict of the last try without a crash, and the firmware, loader and disk of that time:
// /var/lib/lifeboat/proof. When one of them is another one now, the proof is stale.
#ifndef LIFEBOAT_TOOLS_CTL_PROOF_H
#define LIFEBOAT_TOOLS_CTL_PROOF_H

#include "tools/ctl/options.h"
#include "tools/ctl/state.h"

#define PROOF_TEXT 256U // bytes of each text, its NUL included

#define PROOF_CHANGE (2 * PROOF_TEXT + 64) // bytes of what changed, in words

// The facts that a verdict depends on. "": not known.
struct proof_setting {
	char firmware[PROOF_TEXT]; // vendor, version, date of its release
	char loader[PROOF_TEXT]; // Lifeboat's version
	char disk[PROOF_TEXT]; // model and serial number
};

struct proof {
	char verdict[16]; // "begun", "passed", "failed"
	char partition[37]; // its PARTUUID
	struct proof_setting setting; // when the verdict was first seen
	char stale[PROOF_CHANGE]; // "the firmware changed from X to Y"; "": it is not
};

// Reads what the machine is now; `partition` is the PARTUUID of one on that disk.
void proof_setting_read(const char *root, const char *partition, struct proof_setting *ret_setting);
// The first of the three that is another now, in words; "": none. A boot without Lifeboat does not tell
// which loader comes next.
void proof_setting_compare(const struct proof_setting *was, const struct proof_setting *now,
			   char ret_change[PROOF_CHANGE]);
// Keys firmware, loader and disk of a file of the state.
void proof_setting_take(const struct state_text *text, struct proof_setting *ret_setting);
void proof_setting_add(struct state_text *text, const struct proof_setting *setting);

// Reads what was written down, and judges it by what the machine is now. false: nothing was.
bool proof_read(const char *root, struct proof *ret_proof);

// Looks at the partitions for dumps: a verdict that is new, or of another partition, is written down with
// what the machine is now; tells the journal. Where there is no verdict any more, nothing stays written
// down.
int proof_take(const char *root, struct lb_error *err);

// Has the next try be judged anew: takes the verdict off every partition that has one. Fails where one
// holds a dump that nobody has saved, and leaves the rest as it is. `dry_run`: that is all that it does.
int proof_forget(const char *root, bool dry_run, struct lb_error *err);

#endif
