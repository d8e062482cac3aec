// SPDX-License-Identifier: BSD-2-Clause
// The modules of a dead kernel: what they are called, where their code lies, their symbols and
// their ORC tables.
//
// `modules` is a list of struct module, whose members' places BTF knows. Until 6.3 a module has a
// core_layout and an init_layout, whose code comes first; since 6.4 it has an array, mem[], with a
// piece for each kind of memory. What was initialisation only is gone once it has run.
// Source: include/linux/module.h, kernel/module/ of 5.10 to 7.2.
#ifndef LIFEBOAT_CRASH_DEAD_MODULES_H
#define LIFEBOAT_CRASH_DEAD_MODULES_H

#include "crash/dead/btf.h"
#include "crash/dead/orc.h"
#include "crash/dead/symbols.h"

#define LB_MODULE_NAME_MAX 64 // MODULE_NAME_LEN is 56
#define LB_MODULE_TAINTS 32 // letters, with the NUL

enum lb_module_state { LB_MODULE_LIVE, LB_MODULE_COMING, LB_MODULE_GOING, LB_MODULE_UNFORMED };

struct lb_module {
	char name[LB_MODULE_NAME_MAX]; // NUL-terminated, printable
	uint32_t state; // enum lb_module_state, or what stands there
	uint64_t taints; // bits, as in tainted_mask
	struct lb_range text, init_text; // code, virtual; empty: there is none
	uint64_t bytes; // of all its memory
	struct lb_orc_table orc; // count 0: none
	uint64_t symtab, strtab; // virtual
	uint32_t symbols; // Elf64_Sym at symtab; 0: none
};

// Offsets in struct module and what it has in it, out of BTF.
struct lb_modules_layout {
	uint64_t list, name, name_bytes, state, taints;
	bool has_pieces; // mem[], since 6.4
	uint64_t core, init; // of struct module_layout
	uint64_t base, size, text_size; // in that; base and size also in struct module_memory
	uint64_t pieces, piece_bytes, piece_count; // mem[]
	uint64_t text_piece, init_text_piece; // indices
	bool has_orc;
	uint64_t orc_ips, orc_entries, orc_count;
	bool has_symbols;
	uint64_t kallsyms; // a pointer to struct mod_kallsyms
	uint64_t symtab, strtab, symbols; // in that
};

struct lb_modules {
	struct lb_deadmem *mem;
	struct lb_module *list; // the caller's, newest first
	uint32_t capacity, count;
	bool cut; // there are more, or the rest of the list cannot be read
};

// Reads the list into `room`, which has `capacity` elements and must outlive `modules`. Fails where
// the kernel has no modules, or BTF or symbols do not say where they are; then there are none, and
// `modules` may be used all the same. `mem` is that of `symbols` and `btf`.
extern const char *const lb_modules_symbols[]; // that lb_modules_open() asks for; NULL ends them
extern const char *const lb_modules_types[]; // and names in BTF
int lb_modules_open(struct lb_modules *modules, struct lb_symbols *symbols, struct lb_btf *btf,
		    struct lb_module *room, uint32_t capacity, struct lb_error *err);

// The two parts of that. Reads the list that begins at `head`, virtual, into modules->list, with
// mem, list and capacity filled by the caller.
int lb_modules_lay_out(struct lb_btf *btf, struct lb_modules_layout *ret_layout, struct lb_error *err);
void lb_modules_read(struct lb_modules *modules, const struct lb_modules_layout *layout, uint64_t head);

// The module whose code holds `address`; NULL when none does.
const struct lb_module *lb_modules_at(const struct lb_modules *modules, uint64_t address);

// Names the function of `module` that holds `address`. False where its symbols do not say.
bool lb_module_symbol(const struct lb_modules *modules, const struct lb_module *module, uint64_t address,
		      struct lb_symbol_name *ret_name);

// The letters of a module's taints, or of a kernel's ("OE"), in LB_MODULE_TAINTS bytes; a bit
// without a known letter is '?'. Returns text.
char *lb_taint_letters(uint64_t taints, char *text);

#endif
