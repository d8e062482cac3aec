// SPDX-License-Identifier: BSD-2-Clause
// lifeboat.conf as the loader will read it: by the loader's own parser (loader/options/).
#ifndef LIFEBOAT_TOOLS_CTL_SETTINGS_H
#define LIFEBOAT_TOOLS_CTL_SETTINGS_H

#include "loader/options/options.h"
#include "tools/ctl/esp.h"
#include "tools/ctl/firmware.h"

#define SETTINGS_MAX 65536U // bytes of a lifeboat.conf

struct settings {
	struct lb_options options; // finished
	const char *name; // of the file that the loader takes: "\EFI\lifeboat\lifeboat.conf"
	bool written; // it is there
};

// Names the lifeboat.conf that a mode's program takes: the one beside it, else the one in \EFI\lifeboat\.
const char *settings_name(const struct esp *esp, enum mode mode);

// Reads it, or `otherwise` where there is none yet. Fails, with file, line and cause, where the loader would
// arm nothing.
int settings_read(const struct esp *esp, enum mode mode, const char *otherwise, struct settings *ret_settings,
		  struct lb_error *err);

// Fails where the loader would refuse the settings while Secure Boot is on, the firmware's serial console
// (SPCR) below `root`.
int settings_judge_secure_boot(const struct settings *settings, const char *root, struct lb_error *err);

#endif
