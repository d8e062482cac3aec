// SPDX-License-Identifier: BSD-2-Clause
// Armed or why not, for the OS to see: the volatile EFI variable
// Lifeboat-6b1f3c0e-4d1a-4c57-9e0a-5a0e3f2b7c11, lines of KEY=VALUE in UTF-8:
//
//   version=0.1.0
//   state=armed                   or unarmed
//   reason=TEXT                   unarmed only: why
//   kernel=PATH                   the first kernel
//   capture=PATH                  the second, or built-in; armed only, like all below
//   crash=0xSTART-0xEND           crash memory, END exclusive
//   crash_bytes=N
//   crash_low=0xSTART-0xEND       its low region for DMA; 0x0-0x0: none
//   crash_low_bytes=N
//   page_table_bytes=N
//   handoff=0xADDRESS             of the sealed struct lb_handoff
//   digest=HEX                    SHA-256 in its last field
//   dump_to=NAME PARTUUID=UUID    where the built-in one dumps to, in this order; one a line
//
// scripts/lifeboat-status reads it.
#ifndef LIFEBOAT_LOADER_VARIABLE_H
#define LIFEBOAT_LOADER_VARIABLE_H

#include "loader/plan.h"

// A variable that cannot be set is a warning, no more.
void lb_variable_armed(const struct lb_plan *plan, const char *kernel);
void lb_variable_unarmed(const char *kernel, const char *reason);

// Back in the firmware: nothing is armed and nothing is about to be.
void lb_variable_remove(void);

#endif
