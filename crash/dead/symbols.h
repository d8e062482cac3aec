// SPDX-License-Identifier: BSD-2-Clause
// The symbols of a dead kernel, out of the kallsyms tables in its image. Where the tables are
// VMCOREINFO lists since Linux 6.0; without that they are found by scanning the image.
//
// The tables (scripts/kallsyms.c, kernel/kallsyms.c):
//
//   kallsyms_num_syms      u32: how many symbols, in the order of their addresses
//   kallsyms_names         per symbol: a length (one byte; two, the low seven bits
//                          first, when bit 7 of the first is set: since 6.1), then
//                          as many tokens of a byte; expanded they give one letter
//                          for the type, then the name
//   kallsyms_token_table   256 NUL-terminated texts
//   kallsyms_token_index   u16[256]: where in kallsyms_token_table a token's text begins
//   kallsyms_offsets       s32 per symbol: with kallsyms_relative_base, an offset
//                          from that, or when negative its complement from the
//                          byte before it (until 6.14 or so an SMP kernel keeps
//                          positive ones for absolute symbols); without (7.x), an
//                          offset from the very word
#ifndef LIFEBOAT_CRASH_DEAD_SYMBOLS_H
#define LIFEBOAT_CRASH_DEAD_SYMBOLS_H

#include "crash/dead/facts.h"
#include "lib/format.h"

#define LB_SYMBOL_NAME_MAX 128 // longer names (the kernel's limit is 512) are cut
#define LB_SYMBOLS_TOKENS 256
#define LB_SYMBOLS_MARKS 512
#define LB_SYMBOLS_WANTED_MAX 128

struct lb_symbols_token {
	uint8_t length; // 255: as long or longer, or unreadable; matches nothing
	char first;
};

// Opened once; 3 KiB, all of it private to symbols.c and symbols_scan.c but the addresses of
// the tables.
struct lb_symbols {
	struct lb_deadmem *mem;
	struct lb_range image; // virtual
	// Virtual addresses of the tables; relative_base: 0 where the kernel has none.
	uint64_t num_syms, names, token_table, token_index, offsets, relative_base;
	uint64_t base; // value at relative_base
	uint32_t count;
	uint32_t mark_step; // symbols between two marks; 0: there are none yet
	uint32_t marks[LB_SYMBOLS_MARKS]; // where in `names` every mark_step-th name begins
	struct lb_symbols_token tokens[LB_SYMBOLS_TOKENS];
};

// One name to be looked up.
struct lb_symbol_wanted {
	const char *name;
	uint64_t address; // 0: not found
};

struct lb_symbol_name {
	char name[LB_SYMBOL_NAME_MAX]; // NUL-terminated
	uint64_t start;
	uint64_t bytes; // up to the next symbol of another address, or the image's end
};

// Opens the tables that VMCOREINFO (kernel->space.vmcoreinfo) lists, or, where it lists none or
// they do not fit, those a scan of the image finds. Wants kernel->has_text. `mem` must outlive
// `symbols`.
int lb_symbols_open(struct lb_symbols *symbols, struct lb_deadmem *mem, const struct lb_deadkernel *kernel,
		    struct lb_error *err);
// The same without the scan, and without what lb_symbols_name() needs to be fast: for the purgatory.
bool lb_symbols_open_listed(struct lb_symbols *symbols, struct lb_deadmem *mem,
			    const struct lb_deadkernel *kernel);

// Looks up `count` (at most LB_SYMBOLS_WANTED_MAX) names in one pass over the tables, some
// milliseconds. Only addresses inside the kernel image are returned; of several symbols of one
// name the first. How many were found. Refills the budget of `mem`.
uint32_t lb_symbols_find(struct lb_symbols *symbols, struct lb_symbol_wanted *wanted, uint32_t count);
// The same for one name: a pass of its own.
bool lb_symbols_address(struct lb_symbols *symbols, const char *name, uint64_t *ret_address);
// The same for a symbol that need not lie in the image: before Linux 7 per-CPU variables have
// addresses from 0 on, to which a CPU's __per_cpu_offset[] is added.
bool lb_symbols_percpu(struct lb_symbols *symbols, const char *name, uint64_t *ret_address);

// Names the symbol that holds `address`, which must lie in the image: of several at one address
// the first that is a function, else the first. Takes no pass: a few hundred names at most.
bool lb_symbols_name(struct lb_symbols *symbols, uint64_t address, struct lb_symbol_name *ret_name);

#endif
