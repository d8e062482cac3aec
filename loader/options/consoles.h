// SPDX-License-Identifier: BSD-2-Clause
// Consoles: the serial port that purgatory and capture kernel write to, and the console=
// words of the kernels. Pure.
#ifndef LIFEBOAT_LOADER_OPTIONS_CONSOLES_H
#define LIFEBOAT_LOADER_OPTIONS_CONSOLES_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/format.h"
#include "lifeboat/handoff.h"

// The value of --console.
#define LB_CONSOLE_WANTS "none, ttyS0 to ttyS3, 0xPORT or mmio:ADDRESS"
int lb_console_parse(const char *shown, const char *value, struct lb_console *ret_console,
		     struct lb_error *err);

// The last console=ttySn of a kernel's command line, n from 0 to 3. False: it has none.
bool lb_console_of_cmdline(const char *cmdline, struct lb_console *ret_console);

// The values of all console= words, parted by blanks. Those that do not fit into `room` are
// left out.
void lb_console_list(const char *cmdline, char *ret_text, size_t room);

#endif
