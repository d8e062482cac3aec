// SPDX-License-Identifier: BSD-2-Clause
// What the user's words may not choose while Secure Boot is on: they are signed by nobody. Pure.
#ifndef LIFEBOAT_LOADER_OPTIONS_SECURE_BOOT_H
#define LIFEBOAT_LOADER_OPTIONS_SECURE_BOOT_H

#include "loader/options/options.h"

// Refuses a Linux as the second kernel, whose signature nobody checks, and a console elsewhere than at
// ttyS0 to ttyS3 or where the firmware says (`spcr`), for the purgatory writes to its address. After
// lb_options_finish().
int lb_secure_boot_judge(const struct lb_options *options, const struct lb_console *spcr,
			 struct lb_error *err);

// May the purgatory write to that console, whoever chose it?
bool lb_secure_boot_console(const struct lb_console *console, const struct lb_console *spcr);

#endif
