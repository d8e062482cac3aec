// SPDX-License-Identifier: BSD-2-Clause
// --footprint: what page tables for the crash jump cost on this machine, for our choice of what to map and
// for others (pgtable/footprint.h), and what the second kernel spends on its memory map.
#ifndef LIFEBOAT_LOADER_FOOTPRINT_H
#define LIFEBOAT_LOADER_FOOTPRINT_H

#include "loader/plan.h"

// Prints a table on one screen, then lines of "lifeboat: footprint KEY=VALUE ..." for programs, each
// shorter than a console row, because firmware breaks longer ones. Sizes are decimal bytes, addresses are
// hexadecimal, ranges are START-END without END:
//
//   ram_bytes= ram_ranges= phys_bits= la57= gib_pages=
//   crash=
//   crash_bytes= assumed=               1: no plan, the region is only an example
//   POLICY=BYTES ...                    names of lb_footprint_policy_name()
//   sections=  sections_all=            section tables and memory map: crash memory, all RAM
//   counted=                            our tables as the builder counts them; the last line
//
// With -v the memory map is printed first, an entry a line:
//
//   e820 0xSTART 0xLAST TYPE            LAST is part of it
//
// `assumed`: `plan` comes from lb_plan_assume(). Allocates pool memory and frees it.
int lb_footprint_report(const struct lb_plan *plan, bool assumed, struct lb_error *err);

#endif
