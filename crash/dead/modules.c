// SPDX-License-Identifier: BSD-2-Clause
#include "crash/dead/modules.h"

#include <elf.h>

#include "lib/mem.h"

#define SYMBOLS_MAX (1U << 20) // of one module; the largest have some 60 000
#define PIECES_MAX 16U // of mem[]; there are 7
#define AREA_MIN 0xffffffff80000000ULL // modules lie near the kernel, for its relative calls

static bool member(struct lb_btf *btf, const char *type, const char *path, uint64_t *ret_offset)
{
	struct lb_btf_field field;

	if (!lb_btf_member(btf, type, path, &field))
		return false;
	*ret_offset = field.offset;
	return true;
}

static bool lay_out_memory(struct lb_btf *btf, struct lb_modules_layout *layout)
{
	struct lb_btf_field pieces;
	int64_t text, init_text;

	if (member(btf, "module", "core_layout", &layout->core))
		return member(btf, "module", "init_layout", &layout->init) &&
		       member(btf, "module_layout", "base", &layout->base) &&
		       member(btf, "module_layout", "size", &layout->size) &&
		       member(btf, "module_layout", "text_size", &layout->text_size);
	layout->has_pieces = true;
	if (!lb_btf_member(btf, "module", "mem", &pieces) || !lb_btf_enumerator(btf, "MOD_TEXT", &text) ||
	    !lb_btf_enumerator(btf, "MOD_INIT_TEXT", &init_text) ||
	    !lb_btf_size(btf, "module_memory", &layout->piece_bytes) || pieces.count > PIECES_MAX)
		return false;
	layout->pieces = pieces.offset;
	layout->piece_count = pieces.count;
	layout->text_piece = (uint64_t)text;
	layout->init_text_piece = (uint64_t)init_text;
	return layout->text_piece < pieces.count && layout->init_text_piece < pieces.count &&
	       member(btf, "module_memory", "base", &layout->base) &&
	       member(btf, "module_memory", "size", &layout->size);
}

// A kernel is built with neither, one or both.
static void lay_out_tables(struct lb_btf *btf, struct lb_modules_layout *layout)
{
	layout->has_orc = member(btf, "module", "arch.orc_unwind_ip", &layout->orc_ips) &&
			  member(btf, "module", "arch.orc_unwind", &layout->orc_entries) &&
			  member(btf, "module", "arch.num_orcs", &layout->orc_count);
	layout->has_symbols = member(btf, "module", "kallsyms", &layout->kallsyms) &&
			      member(btf, "mod_kallsyms", "symtab", &layout->symtab) &&
			      member(btf, "mod_kallsyms", "strtab", &layout->strtab) &&
			      member(btf, "mod_kallsyms", "num_symtab", &layout->symbols);
}

const char *const lb_modules_symbols[] = {"modules", NULL};
const char *const lb_modules_types[] = {"module",      "list",          "name",
					"state",       "taints",        "core_layout",
					"init_layout", "module_layout", "base",
					"size",        "text_size",     "mem",
					"MOD_TEXT",    "MOD_INIT_TEXT", "module_memory",
					"kallsyms",    "mod_kallsyms",  "symtab",
					"strtab",      "num_symtab",    "arch.orc_unwind_ip",
					"orc_unwind",  "num_orcs",      NULL};

int lb_modules_lay_out(struct lb_btf *btf, struct lb_modules_layout *ret_layout, struct lb_error *err)
{
	struct lb_modules_layout layout = {.list = 0};
	struct lb_btf_field name;

	lb_btf_learn(btf, lb_modules_types);
	if (!lb_btf_member(btf, "module", "name", &name) || !member(btf, "module", "list", &layout.list) ||
	    !member(btf, "module", "state", &layout.state) ||
	    !member(btf, "module", "taints", &layout.taints) || !lay_out_memory(btf, &layout))
		return lb_fail(err,
			       "modules: BTF does not say where struct module has its name, list, state, "
			       "taints and memory");
	layout.name = name.offset;
	layout.name_bytes = name.bytes;
	lay_out_tables(btf, &layout);
	*ret_layout = layout;
	return 0;
}

static bool read_u32(struct lb_deadmem *mem, uint64_t virt, uint32_t *ret_value)
{
	return lb_deadmem_copy(mem, virt, ret_value, sizeof(*ret_value));
}

// Code of `bytes` bytes at `base`; empty when that is no place for code.
static struct lb_range code(uint64_t base, uint64_t bytes)
{
	if (!bytes || base < AREA_MIN || base > UINT64_MAX - bytes)
		return (struct lb_range){0, 0};
	return (struct lb_range){base, base + bytes};
}

static bool read_layout(struct lb_deadmem *mem, const struct lb_modules_layout *layout, uint64_t at,
			struct lb_range *ret_text, uint64_t *bytes)
{
	uint32_t size, text_size;
	uint64_t base;

	if (!lb_deadmem_u64(mem, at + layout->base, &base) || !read_u32(mem, at + layout->size, &size) ||
	    !read_u32(mem, at + layout->text_size, &text_size))
		return false;
	*ret_text = base && text_size <= size ? code(base, text_size) : code(0, 0);
	*bytes += size;
	return true;
}

static bool read_pieces(struct lb_deadmem *mem, const struct lb_modules_layout *layout, uint64_t at,
			struct lb_module *module)
{
	for (uint64_t i = 0; i < layout->piece_count; i++) {
		uint64_t piece = at + layout->pieces + i * layout->piece_bytes;
		uint64_t base;
		uint32_t size;

		if (!lb_deadmem_u64(mem, piece + layout->base, &base) ||
		    !read_u32(mem, piece + layout->size, &size))
			return false;
		module->bytes += size;
		if (i == layout->text_piece)
			module->text = code(base, size);
		else if (i == layout->init_text_piece)
			module->init_text = code(base, size);
	}
	return true;
}

// A table that cannot be read counts as absent.
static void read_tables(struct lb_deadmem *mem, const struct lb_modules_layout *layout, uint64_t at,
			struct lb_module *module)
{
	uint64_t kallsyms;

	if (layout->has_orc && (!lb_deadmem_u64(mem, at + layout->orc_ips, &module->orc.ips) ||
				!lb_deadmem_u64(mem, at + layout->orc_entries, &module->orc.entries) ||
				!read_u32(mem, at + layout->orc_count, &module->orc.count)))
		module->orc.count = 0;
	if (module->orc.count > LB_ORC_ENTRIES_MAX)
		module->orc.count = 0;
	if (layout->has_symbols && lb_deadmem_u64(mem, at + layout->kallsyms, &kallsyms) &&
	    (!lb_deadmem_u64(mem, kallsyms + layout->symtab, &module->symtab) ||
	     !lb_deadmem_u64(mem, kallsyms + layout->strtab, &module->strtab) ||
	     !read_u32(mem, kallsyms + layout->symbols, &module->symbols)))
		module->symbols = 0;
	if (module->symbols > SYMBOLS_MAX)
		module->symbols = 0;
}

static void make_printable(char *text)
{
	for (; *text; text++)
		if (*text <= ' ' || *text > '~')
			*text = '?';
}

static bool read_module(struct lb_deadmem *mem, const struct lb_modules_layout *layout, uint64_t at,
			struct lb_module *module)
{
	uint64_t bytes =
		layout->name_bytes < sizeof(module->name) ? layout->name_bytes : sizeof(module->name) - 1;

	*module = (struct lb_module){.state = 0};
	if (!lb_deadmem_copy(mem, at + layout->name, module->name, bytes) ||
	    !read_u32(mem, at + layout->state, &module->state) ||
	    !lb_deadmem_u64(mem, at + layout->taints, &module->taints))
		return false;
	make_printable(module->name);
	if (layout->has_pieces
		    ? !read_pieces(mem, layout, at, module)
		    : !read_layout(mem, layout, at + layout->core, &module->text, &module->bytes) ||
			      !read_layout(mem, layout, at + layout->init, &module->init_text,
					   &module->bytes))
		return false;
	read_tables(mem, layout, at, module);
	return true;
}

void lb_modules_read(struct lb_modules *modules, const struct lb_modules_layout *layout, uint64_t head)
{
	uint64_t next;

	modules->count = 0;
	modules->cut = !lb_deadmem_u64(modules->mem, head, &next);
	while (!modules->cut && next != head) {
		struct lb_module *module = &modules->list[modules->count];

		modules->cut = modules->count == modules->capacity ||
			       !read_module(modules->mem, layout, next - layout->list, module) ||
			       !lb_deadmem_u64(modules->mem, next, &next);
		modules->count += !modules->cut;
	}
}

int lb_modules_open(struct lb_modules *modules, struct lb_symbols *symbols, struct lb_btf *btf,
		    struct lb_module *room, uint32_t capacity, struct lb_error *err)
{
	struct lb_modules_layout layout;
	uint64_t head;

	*modules = (struct lb_modules){.mem = symbols->mem, .list = room, .capacity = capacity};
	if (!lb_symbols_address(symbols, "modules", &head))
		return lb_fail(err, "modules: kallsyms has no symbol \"modules\"");
	if (lb_modules_lay_out(btf, &layout, err) != 0)
		return -1;
	lb_deadmem_refill(modules->mem);
	lb_modules_read(modules, &layout, head);
	return 0;
}

static bool holds(struct lb_range range, uint64_t address)
{
	return address >= range.start && address < range.end;
}

const struct lb_module *lb_modules_at(const struct lb_modules *modules, uint64_t address)
{
	for (uint32_t i = 0; i < modules->count; i++)
		if (holds(modules->list[i].text, address) || holds(modules->list[i].init_text, address))
			return &modules->list[i];
	return NULL;
}

static bool read_name(struct lb_deadmem *mem, uint64_t virt, char *name)
{
	uint32_t length = 0;

	while (length < LB_SYMBOL_NAME_MAX - 1) {
		uint64_t room;
		const char *from = lb_deadmem_at(mem, virt + length, &room);

		if (!from)
			return false;
		while (room-- && length < LB_SYMBOL_NAME_MAX - 1 && *from)
			name[length++] = *from++;
		if (room != UINT64_MAX)
			break; // at its NUL, or full
	}
	name[length] = '\0';
	make_printable(name);
	return length > 0;
}

static bool is_named(const Elf64_Sym *symbol)
{
	return symbol->st_name && symbol->st_shndx != SHN_UNDEF && ELF64_ST_TYPE(symbol->st_info) <= STT_FUNC;
}

bool lb_module_symbol(const struct lb_modules *modules, const struct lb_module *module, uint64_t address,
		      struct lb_symbol_name *ret_name)
{
	struct lb_range text = holds(module->text, address) ? module->text : module->init_text;
	struct lb_range function = {0, text.end};
	uint32_t name = 0;

	if (!holds(text, address))
		return false;
	for (uint32_t i = 0; i < module->symbols; i++) {
		Elf64_Sym symbol;

		if (!lb_deadmem_copy(modules->mem, module->symtab + sizeof(symbol) * (uint64_t)i, &symbol,
				     sizeof(symbol)))
			break;
		if (!is_named(&symbol) || !holds(text, symbol.st_value))
			continue;
		if (symbol.st_value > address && symbol.st_value < function.end) {
			function.end = symbol.st_value;
		} else if (symbol.st_value <= address && symbol.st_value > function.start) {
			function.start = symbol.st_value;
			name = symbol.st_name;
		}
	}
	ret_name->start = function.start;
	ret_name->bytes = lb_range_size(function);
	return name && read_name(modules->mem, module->strtab + name, ret_name->name);
}

// Documentation/admin-guide/tainted-kernels.rst; kernel/panic.c, taint_flags.
char *lb_taint_letters(uint64_t taints, char *text)
{
	static const char letters[] = "PFSRMBUDAWCIOELKXTNJ";
	uint32_t at = 0;

	for (uint32_t bit = 0; bit < 64 && at < LB_MODULE_TAINTS - 1; bit++)
		if (taints >> bit & 1)
			text[at++] = bit < sizeof(letters) - 1 ? letters[bit] : '?';
	text[at] = '\0';
	return text;
}
