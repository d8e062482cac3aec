// SPDX-License-Identifier: BSD-2-Clause
// What lifeboatctl changed and no boot has seen yet: /var/lib/lifeboat/change.
#ifndef LIFEBOAT_TOOLS_CTL_CHANGE_H
#define LIFEBOAT_TOOLS_CTL_CHANGE_H

#include "tools/ctl/options.h"
#include "tools/ctl/state.h"

struct change {
	char what[16]; // the sub-command
	char boot[BOOT_ID]; // in which it was made
};

// Notes that `what` changed what the next boot does. An image build has no boot, a dry run changes nothing.
void change_note(const struct options *options, const char *what);
bool change_read(const char *root, struct change *ret_change);
// Has this machine not been restarted since? Memory that a hibernation image would come back to may then be
// ours.
bool change_waits(const char *root, struct change *ret_change);

#endif
