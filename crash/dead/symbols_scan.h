// SPDX-License-Identifier: BSD-2-Clause
// Finding the kallsyms tables of a kernel that does not list them (before 6.0, or before it wrote
// VMCOREINFO). There are three layouts:
//
//   5.10 to 6.3   offsets, relative_base, num_syms, names, markers, [seqs,] token_table, token_index
//   6.4 to 6.x    num_syms, names, markers, token_table, token_index, offsets, relative_base, seqs
//   7.x           the same without relative_base, and on 4 instead of 8 bytes
//
// token_index is found by its shape: 256 numbers of 16 bits that begin with 0 and increase. The other tables
// are found by their places beside it. A layout is right when linux_banner is where its tables say.
#ifndef LIFEBOAT_CRASH_DEAD_SYMBOLS_SCAN_H
#define LIFEBOAT_CRASH_DEAD_SYMBOLS_SCAN_H

#include "crash/dead/kallsyms.h"
#include "lib/format.h"

// Finds the tables, and fills in their addresses. Needs `mem`, `known` and `image`.
int lb_symbols_scan(struct lb_symbols *symbols, struct lb_error *err);
// Does linux_banner lie where the tables say? Of a kernel without names of data (no
// CONFIG_KALLSYMS_ALL): does _stext lie at the image's beginning?
bool lb_symbols_fit(struct lb_symbols *symbols);
extern const char *const lb_symbols_fit_names[]; // that it asks for; NULL ends them

#endif
