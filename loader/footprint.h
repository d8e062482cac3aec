// SPDX-License-Identifier: BSD-2-Clause
// --footprint: what page tables for the crash jump cost on this machine, ours and
// other ways of choosing what to map (pgtable/footprint.h), and what the second
// kernel spends on knowing its memory.
#ifndef LIFEBOAT_LOADER_FOOTPRINT_H
#define LIFEBOAT_LOADER_FOOTPRINT_H

#include "loader/plan.h"

// A table on one screen, then for programs lines of "lifeboat: footprint KEY=VALUE ...",
// each shorter than a console row, which firmware would break. Sizes are decimal bytes,
// addresses hexadecimal, ranges START-END without END:
//
//   ram_bytes= ram_ranges= phys_bits= la57= gib_pages=
//   crash=
//   crash_bytes= assumed=               1: no plan, the region is only an example
//   POLICY=BYTES ...                    names of lb_footprint_policy_name()
//   sections=  sections_all=            section tables and memory map: crash memory, all RAM
//   counted=                            our tables as the builder counts them; the last line
//
// With -v before them the map they were computed from, a line an entry:
//
//   e820 0xSTART 0xLAST TYPE            LAST is part of it
//
// `assumed`: `plan` comes from lb_plan_assume(). Allocates pool memory and frees it.
int lb_footprint_report(const struct lb_plan *plan, bool assumed, struct lb_error *err);

#endif
