// SPDX-License-Identifier: BSD-2-Clause
// The lifeboat.conf that install writes once; from then on the administrator owns it.
#ifndef LIFEBOAT_TOOLS_CTL_CONF_H
#define LIFEBOAT_TOOLS_CTL_CONF_H

#include "tools/ctl/file.h"
#include "tools/ctl/options.h"

#define CONF_BYTES 2048U
#define CONF_MARK "# Written by lifeboatctl install."

// Console and profile of the system: its last console=ttySn; desktop where its default target is graphical
// and it has a display manager. The command line is /proc/cmdline of a running system, /etc/kernel/cmdline
// of an image. With the recipients that were given. `chain`: the boot manager to start; "": none.
void conf_make(const struct options *options, const char *chain, char ret_text[CONF_BYTES]);

// Whether the file begins as one that install wrote. True of a missing file, too.
bool conf_is_ours(const char *path);

#endif
