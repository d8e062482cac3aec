// SPDX-License-Identifier: BSD-2-Clause
// The symbols of a dead kernel by name and by address, whether or not its VMCOREINFO lists the
// kallsyms tables: else they are found by scanning the image.
#ifndef LIFEBOAT_CRASH_DEAD_SYMBOLS_H
#define LIFEBOAT_CRASH_DEAD_SYMBOLS_H

#include "crash/dead/kallsyms.h"
#include "lib/format.h"

struct lb_symbol_name {
	char name[LB_SYMBOL_NAME_MAX]; // NUL-terminated
	uint64_t start;
	uint64_t bytes; // up to the next symbol of another address, or the image's end
};

// Opens the tables that VMCOREINFO (kernel->space.vmcoreinfo) lists, or, where it lists none or
// they do not fit, those a scan of the image finds. Wants kernel->has_text. `mem` must outlive
// `symbols`, and so must `known`: names that it will be asked about, or NULL. To be asked with
// lb_symbols_find() and its like, and lb_symbols_name().
int lb_symbols_open(struct lb_symbols *symbols, struct lb_deadmem *mem, const struct lb_deadkernel *kernel,
		    struct lb_symbols_known *known, struct lb_error *err);

// Names the symbol that holds `address`, which must lie in the image: of several at one address
// the first that is a function, else the first. Takes no pass: a few hundred names at most.
bool lb_symbols_name(struct lb_symbols *symbols, uint64_t address, struct lb_symbol_name *ret_name);

#endif
