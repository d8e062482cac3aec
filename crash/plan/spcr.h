// SPDX-License-Identifier: BSD-2-Clause
// The firmware's serial console. Source: Microsoft's Serial Port Console Redirection Table,
// revisions 1 to 4, which agree in what is read here.
#ifndef LIFEBOAT_CRASH_PLAN_SPCR_H
#define LIFEBOAT_CRASH_PLAN_SPCR_H

#include <stdint.h>

#include "lib/format.h"
#include "lifeboat/handoff.h"

// `table` has `bytes`. A console that is no 8250, has registers of 16 or 64 bits, or has
// address 0 (redirection is switched off) is LB_CONSOLE_NONE. A wrong length or checksum is an error.
int lb_spcr_read(const void *table, uint64_t bytes, struct lb_console *ret_console, struct lb_error *err);

#endif
