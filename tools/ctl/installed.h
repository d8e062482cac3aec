// SPDX-License-Identifier: BSD-2-Clause
// What install left on this machine, and whether the firmware still starts it.
#ifndef LIFEBOAT_TOOLS_CTL_INSTALLED_H
#define LIFEBOAT_TOOLS_CTL_INSTALLED_H

#include "tools/ctl/findings.h"
#include "tools/ctl/plan.h"

struct installed {
	enum mode mode; // MODE_AUTO: nothing, or the ESP is not mounted or not to be read by this user
	char path[FILE_PATH]; // of the program, without the root
	char version[24]; // "": it cannot be read
	struct signers signers; // their names only
	// Who would start it while Secure Boot is on: db, shim, nobody; NULL: Secure Boot is off.
	const char *trust;
};

// Finds it; adds a problem where the firmware's entry is gone, or a boot entry is not the first any more,
// and a note where a driver entry did not lead to Lifeboat, though the firmware may start it: `was_started`
// says that this boot went through it.
void installed_judge(const struct options *options, bool was_started, struct findings *findings,
		     struct installed *ret_installed);

#endif
