// SPDX-License-Identifier: BSD-2-Clause
// One sequential pass over the compressed names, without expanding them: a hash of a name is put
// together from its tokens' hashes. A name whose hash is a wanted one's is expanded and compared;
// hardly any other is.
#include "crash/dead/kallsyms.h"

#include "lib/format.h"
#include "lib/mem.h"

#define TOKEN_LENGTH_MAX 255

// hash(text) = sum of text[i] * HASH_BASE^(n - 1 - i), modulo 2^32: hash(a b) is
// hash(a) * HASH_BASE^length(b) + hash(b).
#define HASH_BASE 0x01000193U

static uint32_t hash_text(const char *text)
{
	uint32_t hash = 0;

	while (*text)
		hash = hash * HASH_BASE + (uint8_t)*text++;
	return hash;
}

static bool in_image(const struct lb_symbols *symbols, uint64_t virt)
{
	return virt >= symbols->image.start && virt < symbols->image.end;
}

// Begins a pass, under a budget of its own.
static struct lb_deadcursor first_name(const struct lb_symbols *symbols)
{
	lb_deadmem_refill(symbols->mem);
	return (struct lb_deadcursor){.mem = symbols->mem, .virt = symbols->names};
}

static bool open_token(const struct lb_symbols *symbols, uint8_t token, struct lb_deadcursor *ret_cursor)
{
	uint16_t offset;

	if (!lb_deadmem_copy(symbols->mem, symbols->token_index + 2ULL * token, &offset, sizeof(offset)))
		return false;
	*ret_cursor = (struct lb_deadcursor){.mem = symbols->mem, .virt = symbols->token_table + offset};
	return true;
}

static struct lb_symbols_token read_token(const struct lb_symbols *symbols, uint8_t number)
{
	struct lb_symbols_token token = {.power = 1};
	struct lb_deadcursor cursor;
	uint8_t c = 1;

	if (!open_token(symbols, number, &cursor))
		token.length = TOKEN_LENGTH_MAX;
	while (token.length < TOKEN_LENGTH_MAX) {
		if (!lb_deadcursor_byte(&cursor, &c))
			token.length = TOKEN_LENGTH_MAX;
		else if (c == '\0')
			break;
		else {
			if (token.length++ == 0)
				token.first = (char)c;
			token.hash = token.hash * HASH_BASE + c;
			token.power *= HASH_BASE;
		}
	}
	return token;
}

// A name and its hash, without the type letter.
struct name {
	struct lb_symbols_entry entry;
	uint32_t hash;
};

bool lb_symbols_read_length(const struct lb_symbols *symbols, struct lb_deadcursor *cursor,
			    struct lb_symbols_entry *entry)
{
	uint8_t low, high = 0;

	if (!in_image(symbols, cursor->virt) || !lb_deadcursor_byte(cursor, &low))
		return false;
	if (low & 0x80 && !lb_deadcursor_byte(cursor, &high))
		return false;
	entry->tokens = (low & 0x7fU) | (uint32_t)high << 7;
	entry->virt = cursor->virt;
	return true;
}

// The hash of a token's text without its first letter.
static uint32_t hash_rest(const struct lb_symbols_token *token)
{
	uint32_t power = 1; // HASH_BASE^(length - 1)

	for (unsigned int i = 1; i < token->length; i++)
		power *= HASH_BASE;
	return token->hash - power * (uint8_t)token->first;
}

// Reads one name: its length, its hash. The cursor is left behind it.
static bool read_name(const struct lb_symbols *symbols, struct lb_deadcursor *cursor, struct name *name)
{
	bool begun = false;

	if (!lb_symbols_read_length(symbols, cursor, &name->entry))
		return false;
	name->hash = 0;
	for (uint32_t i = 0; i < name->entry.tokens; i++) {
		const struct lb_symbols_token *token;
		uint8_t byte;

		if (!lb_deadcursor_byte(cursor, &byte))
			return false;
		token = &symbols->tokens[byte];
		if (begun)
			name->hash = name->hash * token->power + token->hash;
		else if (token->length)
			name->hash = hash_rest(token);
		begun = begun || token->length;
	}
	return true;
}

char lb_symbols_expand(const struct lb_symbols *symbols, const struct lb_symbols_entry *entry,
		       char text[LB_SYMBOL_NAME_MAX])
{
	const uint32_t room = LB_SYMBOL_NAME_MAX - 1;
	uint32_t length = 0;
	char type = 0;

	for (uint32_t i = 0; i < entry->tokens && length < room; i++) {
		struct lb_deadcursor cursor;
		uint8_t token, c;

		if (!lb_deadmem_copy(symbols->mem, entry->virt + i, &token, sizeof(token)) ||
		    !open_token(symbols, token, &cursor))
			return 0;
		for (uint32_t j = 0; j < TOKEN_LENGTH_MAX && length < room; j++) {
			if (!lb_deadcursor_byte(&cursor, &c))
				return 0;
			if (!c)
				break;
			if (type)
				text[length++] = (char)c;
			else
				type = (char)c;
		}
	}
	text[length] = '\0';
	return type;
}

// A table of both signs has positive offsets for absolute symbols only; its last symbol is in the image.
static bool has_absolute(const struct lb_symbols *symbols)
{
	int32_t last;

	return symbols->count &&
	       lb_deadmem_copy(symbols->mem, symbols->offsets + 4ULL * (symbols->count - 1), &last,
			       sizeof(last)) &&
	       last < 0;
}

bool lb_symbols_raw_address(const struct lb_symbols *symbols, uint32_t index, uint64_t *ret_address)
{
	const uint64_t word = symbols->offsets + 4ULL * index;
	int32_t offset;

	if (!lb_deadmem_copy(symbols->mem, word, &offset, sizeof(offset)))
		return false;
	if (!symbols->relative_base)
		*ret_address = word + (uint64_t)(int64_t)offset;
	else if (offset < 0)
		*ret_address = symbols->base - 1 - (uint64_t)(int64_t)offset;
	else
		*ret_address = (has_absolute(symbols) ? 0 : symbols->base) + (uint64_t)offset;
	return true;
}

// The names of one pass.
struct search {
	uint32_t count;
	bool anywhere; // not only in the image
	uint64_t sieve[4]; // a bit for the low byte of each hash
	uint32_t hashes[LB_SYMBOLS_WANTED_MAX];
};

static void open_search(struct search *search, struct lb_symbol_wanted *wanted, uint32_t count)
{
	*search = (struct search){.count = count};
	for (uint32_t i = 0; i < count; i++) {
		const uint32_t hash = hash_text(wanted[i].name);

		wanted[i].address = wanted[i].anywhere = 0;
		search->hashes[i] = hash;
		search->sieve[hash / 64 % 4] |= 1ULL << hash % 64;
	}
}

static bool is_found(const struct search *search, const struct lb_symbol_wanted *wanted)
{
	return search->anywhere ? wanted->anywhere : wanted->address;
}

// Is this name a wanted one? How many it is that were not found before.
static uint32_t match(const struct lb_symbols *symbols, const struct search *search,
		      struct lb_symbol_wanted *wanted, const struct name *name)
{
	uint32_t found = 0;

	for (uint32_t i = 0; i < search->count; i++) {
		char text[LB_SYMBOL_NAME_MAX];
		uint64_t address;

		if (search->hashes[i] != name->hash || is_found(search, &wanted[i]) ||
		    !lb_symbols_expand(symbols, &name->entry, text) || lb_strcmp(text, wanted[i].name) != 0)
			continue;
		if (!lb_symbols_raw_address(symbols, name->entry.index, &address))
			continue;
		if (!wanted[i].anywhere)
			wanted[i].anywhere = address;
		if (in_image(symbols, address))
			wanted[i].address = address;
		found += is_found(search, &wanted[i]);
	}
	return found;
}

static uint32_t find(const struct lb_symbols *symbols, struct search *search, struct lb_symbol_wanted *wanted)
{
	struct lb_deadcursor cursor = first_name(symbols);
	struct name name = {.entry.index = 0};
	uint32_t found = 0;

	for (; name.entry.index < symbols->count && found < search->count; name.entry.index++) {
		if (!read_name(symbols, &cursor, &name))
			break;
		if (search->sieve[name.hash / 64 % 4] >> name.hash % 64 & 1)
			found += match(symbols, search, wanted, &name);
	}
	return found;
}

static const struct lb_symbol_wanted *find_known(const struct lb_symbols_known *known, const char *name)
{
	for (uint32_t i = 0; known && i < known->count; i++)
		if (lb_strcmp(known->names[i].name, name) == 0)
			return &known->names[i];
	return NULL;
}

void lb_symbols_will_ask(struct lb_symbols_known *known, const char *const *names)
{
	for (; *names && known->count < LB_SYMBOLS_WANTED_MAX; names++)
		if (!find_known(known, *names))
			known->names[known->count++].name = *names;
}

// Answers by what is known, after the one pass that this takes. False: not all of them are.
static bool answer(struct lb_symbols *symbols, struct lb_symbol_wanted *wanted, uint32_t count)
{
	struct lb_symbols_known *known = symbols->known;
	struct search search;

	for (uint32_t i = 0; i < count; i++)
		if (!find_known(known, wanted[i].name))
			return false;
	if (!known->looked_up) {
		known->looked_up = true;
		open_search(&search, known->names, known->count);
		find(symbols, &search, known->names);
	}
	for (uint32_t i = 0; i < count; i++)
		wanted[i] = *find_known(known, wanted[i].name);
	return true;
}

uint32_t lb_symbols_find(struct lb_symbols *symbols, struct lb_symbol_wanted *wanted, uint32_t count)
{
	struct search search;
	uint32_t found = 0;

	if (count && answer(symbols, wanted, count)) {
		for (uint32_t i = 0; i < count; i++)
			found += wanted[i].address != 0;
		return found;
	}
	open_search(&search, wanted, count);
	return find(symbols, &search, wanted);
}

bool lb_symbols_address(struct lb_symbols *symbols, const char *name, uint64_t *ret_address)
{
	struct lb_symbol_wanted wanted = {.name = name};

	if (!lb_symbols_find(symbols, &wanted, 1))
		return false;
	*ret_address = wanted.address;
	return true;
}

bool lb_symbols_percpu(struct lb_symbols *symbols, const char *name, uint64_t *ret_address)
{
	struct lb_symbol_wanted wanted = {.name = name};
	struct search search;

	if (!answer(symbols, &wanted, 1)) {
		open_search(&search, &wanted, 1);
		search.anywhere = true;
		find(symbols, &search, &wanted);
	}
	if (!wanted.anywhere)
		return false;
	*ret_address = wanted.anywhere;
	return true;
}

void lb_symbols_read_tokens(struct lb_symbols *symbols)
{
	for (unsigned int i = 0; i < LB_SYMBOLS_TOKENS; i++)
		symbols->tokens[i] = read_token(symbols, (uint8_t)i);
}

// A table's address out of VMCOREINFO; 0: none that lies in the image.
static uint64_t listed(const struct lb_symbols *symbols, const struct lb_deadkernel *kernel, const char *key)
{
	uint64_t virt;

	return lb_vmcoreinfo_number(&kernel->space.vmcoreinfo, key, 16, &virt) && in_image(symbols, virt)
		       ? virt
		       : 0;
}

bool lb_symbols_open_listed(struct lb_symbols *symbols, struct lb_deadmem *mem,
			    const struct lb_deadkernel *kernel)
{
	symbols->mem = mem;
	symbols->known = NULL;
	symbols->image = (struct lb_range){kernel->text_virt, kernel->text_virt + kernel->image_bytes};
	symbols->mark_step = 0;
	symbols->names = listed(symbols, kernel, "SYMBOL(kallsyms_names)=");
	symbols->token_table = listed(symbols, kernel, "SYMBOL(kallsyms_token_table)=");
	symbols->token_index = listed(symbols, kernel, "SYMBOL(kallsyms_token_index)=");
	symbols->offsets = listed(symbols, kernel, "SYMBOL(kallsyms_offsets)=");
	symbols->num_syms = listed(symbols, kernel, "SYMBOL(kallsyms_num_syms)=");
	symbols->relative_base = listed(symbols, kernel, "SYMBOL(kallsyms_relative_base)=");
	if (!symbols->names || !symbols->token_table || !symbols->token_index || !symbols->offsets ||
	    !symbols->num_syms)
		return false;
	if (!lb_deadmem_copy(mem, symbols->num_syms, &symbols->count, sizeof(symbols->count)) ||
	    symbols->count > LB_SYMBOLS_MAX ||
	    (symbols->relative_base && !lb_deadmem_u64(mem, symbols->relative_base, &symbols->base)))
		return false;
	lb_symbols_read_tokens(symbols);
	return true;
}
