// SPDX-License-Identifier: BSD-2-Clause
// The symbols of a dead kernel, out of the kallsyms tables in its image, where VMCOREINFO lists
// them (since Linux 6.0). For tables that it does not list, and for names of addresses, see
// symbols.h.
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
#ifndef LIFEBOAT_CRASH_DEAD_KALLSYMS_H
#define LIFEBOAT_CRASH_DEAD_KALLSYMS_H

#include "crash/dead/facts.h"

#define LB_SYMBOLS_MAX (1U << 22) // 6.1 has 90 000, 7.2 200 000
#define LB_SYMBOL_NAME_MAX 128 // longer names (the kernel's limit is 512) are cut
#define LB_SYMBOLS_TOKENS 256
#define LB_SYMBOLS_MARKS 512
#define LB_SYMBOLS_WANTED_MAX 128

struct lb_symbols_token {
	uint32_t hash; // of its text; see symbols.c
	uint32_t power;
	uint8_t length; // 255: as long or longer, or unreadable
	char first;
};

// One name to be looked up.
struct lb_symbol_wanted {
	const char *name;
	uint64_t address; // in the image; 0: not found
	uint64_t anywhere; // of the first symbol of that name, in the image or not; 0: not found
};

// Names that will be asked about. The first question about any of them looks up all of them in one pass.
struct lb_symbols_known {
	uint32_t count;
	bool looked_up;
	struct lb_symbol_wanted names[LB_SYMBOLS_WANTED_MAX];
};

// The state of the symbols, 5 KiB. Opened once, by lb_symbols_open() or lb_symbols_open_listed(). Other files
// use only the tables' addresses.
struct lb_symbols {
	struct lb_deadmem *mem;
	struct lb_symbols_known *known; // NULL: each question takes a pass
	struct lb_range image; // virtual
	// Virtual addresses of the tables; relative_base: 0 where the kernel has none.
	uint64_t num_syms, names, token_table, token_index, offsets, relative_base;
	uint64_t base; // value at relative_base
	uint32_t count;
	uint32_t mark_step; // symbols between two marks; 0: there are none yet
	uint32_t marks[LB_SYMBOLS_MARKS]; // where in `names` every mark_step-th name begins
	struct lb_symbols_token tokens[LB_SYMBOLS_TOKENS];
};

// Opens the tables that VMCOREINFO (kernel->space.vmcoreinfo) lists. False: it does not list them
// all, or they do not lie in the image. `mem` must outlive `symbols`.
bool lb_symbols_open_listed(struct lb_symbols *symbols, struct lb_deadmem *mem,
			    const struct lb_deadkernel *kernel);

// Adds names to those that will be asked about; NULL ends `names`. The names must outlive `known`. A name
// that has no room is looked up by itself later. `known` begins zeroed.
void lb_symbols_will_ask(struct lb_symbols_known *known, const char *const *names);

// Looks up `count` (at most LB_SYMBOLS_WANTED_MAX) names in one pass over the tables, which takes some ten
// milliseconds under emulation. No pass is made when all names are known. Only addresses inside the kernel
// image are returned. Of several symbols of one name the first one counts. Returns the number of names found.
// Refills the budget of `mem`.
uint32_t lb_symbols_find(struct lb_symbols *symbols, struct lb_symbol_wanted *wanted, uint32_t count);
// The same for one name: a pass of its own.
bool lb_symbols_address(struct lb_symbols *symbols, const char *name, uint64_t *ret_address);
// The same for a symbol that need not lie in the image: before Linux 7 per-CPU variables have
// addresses from 0 on, to which a CPU's __per_cpu_offset[] is added.
bool lb_symbols_percpu(struct lb_symbols *symbols, const char *name, uint64_t *ret_address);

// One entry of the tables, for symbols.c and symbols_scan.c.
struct lb_symbols_entry {
	uint32_t index;
	uint32_t tokens; // of its name
	uint64_t virt; // of the first of them
};

// Fills `tokens`, from the addresses of token_table and token_index.
void lb_symbols_read_tokens(struct lb_symbols *symbols);
// Reads the length of the name at the cursor, and leaves the cursor on its first token.
bool lb_symbols_read_length(const struct lb_symbols *symbols, struct lb_deadcursor *cursor,
			    struct lb_symbols_entry *entry);
// Expands a name, and cuts what exceeds LB_SYMBOL_NAME_MAX with its NUL. Returns the type letter;
// 0: it could not be read.
char lb_symbols_expand(const struct lb_symbols *symbols, const struct lb_symbols_entry *entry,
		       char text[LB_SYMBOL_NAME_MAX]);
// The address in the tables of symbol number `index`, in the image or not.
bool lb_symbols_raw_address(const struct lb_symbols *symbols, uint32_t index, uint64_t *ret_address);

#endif
