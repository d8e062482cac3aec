// SPDX-License-Identifier: BSD-2-Clause
// Armed or why not, for the OS to see: the volatile EFI variable
// Lifeboat-6b1f3c0e-4d1a-4c57-9e0a-5a0e3f2b7c11, lines of KEY=VALUE in UTF-8:
//
//   version=0.2.0
//   state=armed                   or unarmed; prepared: the first kernel's words come late, and whether
//                                 they came is on its command line
//   reason=TEXT                   unarmed only: why
//   stage=WORD                    unarmed only: how far arming got; mark, words, files, plan, arming,
//                                 partitions
//   mode=kernel                   or chain or driver: what lifeboat.efi starts, a driver nothing
//   kernel=PATH                   the first kernel
//   chain=PATH                    the boot manager
//   aside=off|trial|panics        this boot stands aside (docs/handoff.md, "The trial mark")
//   trial=begun                   this boot is a trial, whose mark is in
//   trial_in=variable|file
//   hash=HEX                      of what would be proved; none where there is no mark
//   arming_ms=N                   what it took, without reading what is started
//   survived=N of 16 pages        of crash memory, over the reset before this boot; missing: not counted
//   capture=PATH                  the second kernel, or built-in; not unarmed, like all below
//   crash=0xSTART-0xEND           crash memory, END exclusive
//   crash_bytes=N
//   crash_low=0xSTART-0xEND       its low region for DMA; 0x0-0x0: none
//   crash_low_bytes=N
//   hook=0xSTART-0xEND            the hook's pages
//   page_table_bytes=N
//   handoff=0xADDRESS             of the sealed struct lb_handoff
//   digest=HEX                    SHA-256 in its last field
//   dump_to=NAME PARTUUID=UUID    where the built-in one dumps to, in this order; one a line
//   watchdog=TEXT                 that nothing stops after a panic, should the OS run it; one a line
//   said=TEXT                     mode chain or driver, unarmed, too: a message; one a line, cut after 1 KiB
//
// lifeboatctl status reads it.
#ifndef LIFEBOAT_LOADER_VARIABLE_H
#define LIFEBOAT_LOADER_VARIABLE_H

#include "loader/plan.h"

// A variable that cannot be set is only a warning.
void lb_variable_armed(const struct lb_plan *plan);
// `stage`: the last stage of arming that was begun.
void lb_variable_unarmed(const struct lb_options *options, const char *reason, const char *stage);

// Removes the variable: we are back in the firmware, and nothing is armed.
void lb_variable_remove(void);

#endif
