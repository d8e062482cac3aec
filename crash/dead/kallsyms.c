// SPDX-License-Identifier: BSD-2-Clause
// One sequential pass over the compressed names, without expanding them: of each
// of the 256 tokens only its length and its first letter are kept (512 bytes of
// stack). A name whose lengths add up to the wanted one's and whose tokens begin
// with the letters that stand there is expanded and compared; hardly any other is.
#include "crash/dead/kallsyms.h"

#include "lib/format.h"
#include "lib/mem.h"

#define TOKENS 256
#define TOKEN_LENGTH_MAX 255
#define SYMBOLS_MAX (1U << 22) // 6.1 has 90 000, 7.2 200 000

struct token {
	uint8_t length; // TOKEN_LENGTH_MAX: as long or longer, or unreadable; matches nothing
	char first;
};

struct tables {
	struct lb_deadmem *mem;
	struct lb_range image;
	uint64_t names, token_table, token_index, offsets; // virtual
	bool has_base;
	uint64_t base; // value of kallsyms_relative_base
	uint32_t count;
	struct token tokens[TOKENS];
};

// Bytes in a row of virtual memory.
struct cursor {
	struct lb_deadmem *mem;
	uint64_t virt;
	const uint8_t *next;
	uint64_t room; // 0: `next` must be fetched anew
};

static bool next_byte(struct cursor *cursor, uint8_t *ret_byte)
{
	if (cursor->room == 0) {
		cursor->next = lb_deadmem_at(cursor->mem, cursor->virt, &cursor->room);
		if (!cursor->next) {
			cursor->room = 0;
			return false;
		}
	}
	*ret_byte = *cursor->next++;
	cursor->virt++;
	cursor->room--;
	return true;
}

static bool in_image(const struct tables *tables, uint64_t virt)
{
	return virt >= tables->image.start && virt < tables->image.end;
}

// A table's address out of VMCOREINFO.
static bool table_address(const struct tables *tables, const struct lb_deadkernel *kernel, const char *key,
			  uint64_t *ret_virt)
{
	uint64_t virt;

	if (!lb_vmcoreinfo_number(&kernel->space.vmcoreinfo, key, 16, &virt) || !in_image(tables, virt))
		return false;
	*ret_virt = virt;
	return true;
}

static bool open_tables(struct tables *tables, const struct lb_deadkernel *kernel)
{
	uint64_t count, base;

	if (!table_address(tables, kernel, "SYMBOL(kallsyms_names)=", &tables->names) ||
	    !table_address(tables, kernel, "SYMBOL(kallsyms_token_table)=", &tables->token_table) ||
	    !table_address(tables, kernel, "SYMBOL(kallsyms_token_index)=", &tables->token_index) ||
	    !table_address(tables, kernel, "SYMBOL(kallsyms_offsets)=", &tables->offsets) ||
	    !table_address(tables, kernel, "SYMBOL(kallsyms_num_syms)=", &count) ||
	    !lb_deadmem_copy(tables->mem, count, &tables->count, sizeof(tables->count)))
		return false;
	if (tables->count > SYMBOLS_MAX)
		return false;
	tables->has_base = table_address(tables, kernel, "SYMBOL(kallsyms_relative_base)=", &base);
	return !tables->has_base || lb_deadmem_u64(tables->mem, base, &tables->base);
}

static bool open_token(const struct tables *tables, uint8_t token, struct cursor *ret_cursor)
{
	uint16_t offset;

	if (!lb_deadmem_copy(tables->mem, tables->token_index + 2ULL * token, &offset, sizeof(offset)))
		return false;
	*ret_cursor = (struct cursor){.mem = tables->mem, .virt = tables->token_table + offset};
	return true;
}

static void read_tokens(struct tables *tables)
{
	for (unsigned int i = 0; i < TOKENS; i++) {
		struct token token = {.length = 0};
		struct cursor cursor;
		uint8_t c = 1;

		if (!open_token(tables, (uint8_t)i, &cursor))
			token.length = TOKEN_LENGTH_MAX;
		while (token.length < TOKEN_LENGTH_MAX) {
			if (!next_byte(&cursor, &c))
				token.length = TOKEN_LENGTH_MAX;
			else if (c == '\0')
				break;
			else if (token.length++ == 0)
				token.first = (char)c;
		}
		tables->tokens[i] = token;
	}
}

// Expands the `tokens` tokens at `virt` and compares them, less the type letter.
static bool is_name(const struct tables *tables, uint64_t virt, uint32_t tokens, const char *name)
{
	bool type_seen = false;

	for (uint32_t i = 0; i < tokens; i++) {
		struct cursor text;
		uint8_t token, c;

		if (!lb_deadmem_copy(tables->mem, virt + i, &token, sizeof(token)) ||
		    !open_token(tables, token, &text))
			return false;
		// Ends at the token's NUL, or with `name`, which is shorter than any bound.
		while (next_byte(&text, &c) && c) {
			if (type_seen && *name++ != (char)c)
				return false;
			type_seen = true;
		}
	}
	return !*name;
}

// The address of symbol number `index`; 0 when it is not in the image.
static uint64_t symbol_address(const struct tables *tables, uint32_t index)
{
	uint64_t word = tables->offsets + 4ULL * index;
	uint64_t address;
	int32_t offset;

	if (!lb_deadmem_copy(tables->mem, word, &offset, sizeof(offset)))
		return 0;
	if (!tables->has_base)
		address = word + (uint64_t)(int64_t)offset;
	else if (offset < 0)
		address = tables->base - 1 - (uint64_t)(int64_t)offset;
	else
		address = tables->base + (uint64_t)offset;
	return in_image(tables, address) ? address : 0;
}

// Reads one name's length; the cursor is left on its first token.
static bool read_length(struct cursor *cursor, uint32_t *ret_tokens)
{
	uint8_t low, high;

	if (!next_byte(cursor, &low))
		return false;
	if (!(low & 0x80)) {
		*ret_tokens = low;
		return true;
	}
	if (!next_byte(cursor, &high))
		return false;
	*ret_tokens = (low & 0x7fU) | (uint32_t)high << 7;
	return true;
}

struct names {
	struct lb_kallsyms_wanted *wanted;
	uint32_t lengths[LB_KALLSYMS_WANTED_MAX];
	uint32_t count;
};

// Steps over one name. *ret_likely: a bit for each wanted name that it may be.
static bool skim_name(const struct tables *tables, struct cursor *cursor, uint32_t tokens,
		      const struct names *names, uint32_t *ret_likely)
{
	uint32_t likely = (1U << names->count) - 1;
	uint32_t length = 0; // expanded so far, with the type letter

	while (tokens--) {
		uint8_t byte;

		if (!next_byte(cursor, &byte))
			return false;
		for (uint32_t i = 0; likely && i < names->count; i++)
			if (length > names->lengths[i] ||
			    (length > 0 && names->wanted[i].name[length - 1] != tables->tokens[byte].first))
				likely &= ~(1U << i);
		length += tables->tokens[byte].length;
	}
	for (uint32_t i = 0; i < names->count; i++)
		if (length != names->lengths[i] + 1)
			likely &= ~(1U << i);
	*ret_likely = likely;
	return true;
}

uint32_t lb_kallsyms_find(struct lb_deadmem *mem, const struct lb_deadkernel *kernel,
			  struct lb_kallsyms_wanted *wanted, uint32_t count)
{
	struct tables tables = {
		.mem = mem,
		.image = {kernel->text_virt, kernel->text_virt + kernel->image_bytes},
	};
	struct cursor cursor = {.mem = mem};
	struct names names = {.wanted = wanted, .count = count};
	uint32_t found = 0;

	for (uint32_t i = 0; i < count; i++) {
		wanted[i].address = 0;
		names.lengths[i] = (uint32_t)lb_strlen(wanted[i].name);
	}
	if (!open_tables(&tables, kernel))
		return 0;
	read_tokens(&tables);
	cursor.virt = tables.names;

	for (uint32_t index = 0; index < tables.count && found < count; index++) {
		uint32_t tokens, likely;
		uint64_t first;

		if (!in_image(&tables, cursor.virt) || !read_length(&cursor, &tokens))
			break;
		first = cursor.virt;
		if (!skim_name(&tables, &cursor, tokens, &names, &likely))
			break;
		for (uint32_t i = 0; likely >> i; i++) {
			if (!(likely >> i & 1) || wanted[i].address)
				continue;
			cursor.room = 0; // the window moves
			if (!is_name(&tables, first, tokens, wanted[i].name))
				continue;
			wanted[i].address = symbol_address(&tables, index);
			found += wanted[i].address != 0;
		}
	}
	return found;
}
