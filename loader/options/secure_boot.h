// SPDX-License-Identifier: BSD-2-Clause
// What the user's words may not choose while Secure Boot is on: nobody signs the words. Pure.
#ifndef LIFEBOAT_LOADER_OPTIONS_SECURE_BOOT_H
#define LIFEBOAT_LOADER_OPTIONS_SECURE_BOOT_H

#include "loader/options/options.h"

// Refuses a Linux as the second kernel: nobody checks its signature. Refuses a console that is neither
// ttyS0 to ttyS3 nor the firmware's (`spcr`): the purgatory writes to its address. Call after
// lb_options_finish().
int lb_secure_boot_judge(const struct lb_options *options, const struct lb_console *spcr,
			 struct lb_error *err);

// Whether the purgatory may write to that console, whoever chose it.
bool lb_secure_boot_console(const struct lb_console *console, const struct lb_console *spcr);

#endif
