// SPDX-License-Identifier: BSD-2-Clause
// Consoles: the serial port that purgatory and capture kernel write to, and the console= words of the
// kernels' command lines. Pure.
#ifndef LIFEBOAT_LOADER_OPTIONS_CONSOLES_H
#define LIFEBOAT_LOADER_OPTIONS_CONSOLES_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/format.h"
#include "lifeboat/handoff.h"

// Parses the value of --console. For LB_CONSOLE_PCI the address is LB_PCI_BDF(), segment 0.
#define LB_CONSOLE_WANTS                                                                                     \
	"none, ttyS0 to ttyS3, 0xPORT, mmio:ADDRESS, mmio32:ADDRESS or pci:BUS:DEVICE.FUNCTION"
int lb_console_parse(const char *shown, const char *value, struct lb_console *ret_console,
		     struct lb_error *err);

// Prints a console as --console would name it. Returns `text`.
#define LB_CONSOLE_TEXT 32
char *lb_console_format(const struct lb_console *console, char *text);

// Finds the last console=ttySn of a kernel's command line, n from 0 to 3, or console=uart[8250],WHERE.
// Without one, finds the last earlycon=uart[8250],WHERE. WHERE is io,ADDRESS, mmio,ADDRESS, mmio32,ADDRESS
// or an address in memory. False: there is none of them. Source: Linux,
// Documentation/admin-guide/kernel-parameters.txt.
bool lb_console_of_cmdline(const char *cmdline, struct lb_console *ret_console);

// The values of all console= words, separated by blanks. Values that do not fit into `room` are left out.
void lb_console_list(const char *cmdline, char *ret_text, size_t room);

#endif
