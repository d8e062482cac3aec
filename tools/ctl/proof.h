// SPDX-License-Identifier: BSD-2-Clause
// The verdict of the last try without a crash, with what it was a try of: /var/lib/lifeboat/proof. When firmware, loader
// or disk is another one now, the proof is stale.
#ifndef LIFEBOAT_TOOLS_CTL_PROOF_H
#define LIFEBOAT_TOOLS_CTL_PROOF_H

#include "tools/ctl/options.h"
#include "tools/ctl/state.h"

#define PROOF_TEXT 256U // bytes of each text, its NUL included

// What a verdict depends on. "": not known.
struct proof_setting {
	char firmware[PROOF_TEXT]; // vendor, version, date of its release
	char loader[PROOF_TEXT]; // Lifeboat's version
	char disk[PROOF_TEXT]; // model and serial number
};

struct proof {
	char verdict[16]; // "begun", "passed", "failed"
	char partition[37]; // its PARTUUID
	struct proof_setting setting; // when the verdict was first seen
	char stale[2 * PROOF_TEXT + 64]; // "the firmware changed from X to Y"; "": it is not
};

// What was written down, judged by what the machine is now. false: nothing was.
bool proof_read(const char *root, struct proof *ret_proof);

// Looks at the partitions for dumps: a verdict that is new, or of another partition, is written down with what the
// machine is now; tells the journal. Where there is no verdict any more, nothing stays written down.
int proof_take(const char *root, struct lb_error *err);

// Has the next try be judged anew: takes the verdict off every partition that has one. Fails where one holds a dump that
// nobody has saved, and leaves the rest as it is.
int proof_forget(const char *root, struct lb_error *err);

#endif
