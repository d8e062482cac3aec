// SPDX-License-Identifier: BSD-2-Clause
// The last change by lifeboatctl, until a boot has seen it: /var/lib/lifeboat/change.
#ifndef LIFEBOAT_TOOLS_CTL_CHANGE_H
#define LIFEBOAT_TOOLS_CTL_CHANGE_H

#include "tools/ctl/options.h"
#include "tools/ctl/state.h"

struct change {
	char what[16]; // the sub-command
	char boot[BOOT_ID]; // the boot in which it was made
};

// Notes that `what` changed what the next boot does. An image build has no boot, a dry run changes nothing.
void change_note(const struct options *options, const char *what);
bool change_read(const char *root, struct change *ret_change);
// Whether this machine has not been restarted since the change. A hibernation image would then come back to
// memory that may be ours.
bool change_waits(const char *root, struct change *ret_change);

#endif
