// SPDX-License-Identifier: BSD-2-Clause
// A kernel image in a dead machine's RAM, for tests of code that scans one: kallsyms in each of its three
// layouts, and BTF.
#ifndef LIFEBOAT_TESTS_UNIT_DEAD_IMAGE_H
#define LIFEBOAT_TESTS_UNIT_DEAD_IMAGE_H

#include "crash/dead/facts.h"
#include "dead_machine.h"

#define IMAGE 0x200000ULL // physical address
#define IMAGE_BYTES 0x400000ULL
#define IMAGE_VIRT (DEAD_DIRECT + IMAGE)
#define FUNCTIONS 1500U // number of functions "fn_N" of 16 bytes each, in addition to a test's symbols
#define FUNCTIONS_AT 0x1000ULL // offset in the image, like all that follow
#define BANNER_AT 0x20000ULL
#define TABLES_AT 0x100000ULL
#define BTF_AT 0x200000ULL

enum layout {
	BEFORE, // 5.10 to 6.3: the offsets lie before the names
	BEHIND, // from 6.4 on: the offsets lie behind the names
	PLACE, // 7.x: behind the names, without a base, aligned to 4 bytes
	LAYOUTS,
};

struct dead_symbol {
	const char *name; // the type letter, then the name
	uint64_t at; // offset in the image
};

// Addresses of the symbol tables.
struct dead_tables {
	uint64_t num_syms, names, markers, token_table, token_index, offsets, relative_base;
	uint32_t count;
};

static inline struct lb_deadkernel dead_kernel(const struct dead_machine *machine)
{
	return (struct lb_deadkernel){
		.space = machine->dead,
		.has_text = true,
		.text_virt = IMAGE_VIRT,
		.text_phys = IMAGE,
		.image_bytes = IMAGE_BYTES,
	};
}

static inline uint8_t *image_at(struct dead_machine *machine, uint64_t virt)
{
	return dead_at(machine, virt - DEAD_DIRECT);
}

static inline void image_put32(struct dead_machine *machine, uint64_t virt, uint32_t value)
{
	memcpy(image_at(machine, virt), &value, sizeof(value));
}

// Gives the text of a token. A letter stands for itself, some tokens for several letters, and none is empty.
static inline void token_text(unsigned int token, char text[16])
{
	if (token > ' ' && token < 127)
		snprintf(text, 16, "%c", (int)token);
	else if (token == 0)
		snprintf(text, 16, "tfn_");
	else if (token == 128)
		snprintf(text, 16, "__");
	else
		snprintf(text, 16, "~%02x~", token);
}

// State of the encoder of symbol names.
struct encoder {
	struct dead_machine *machine;
	struct dead_tables *tables;
	uint64_t at, marker; // where the next name and the next marker go
	enum layout layout;
};

static inline void encode(struct encoder *e, const char *name, uint64_t address)
{
	const uint64_t word = e->tables->offsets + 4ULL * e->tables->count;
	uint8_t coded[600] = {0};
	uint32_t bytes = 0;

	if (e->tables->count % 256 == 0) {
		image_put32(e->machine, e->marker, (uint32_t)(e->at - e->tables->names));
		e->marker += 4;
	}
	while (*name && bytes < sizeof(coded)) {
		const bool function = strncmp(name, "tfn_", 4) == 0, lines = strncmp(name, "__", 2) == 0;

		coded[bytes++] = function ? 0 : lines ? 128 : (uint8_t)*name;
		name += function ? 4 : lines ? 2 : 1;
	}
	if (bytes > 127)
		*image_at(e->machine, e->at++) = 0x80 | (bytes & 0x7f);
	*image_at(e->machine, e->at++) = bytes > 127 ? (uint8_t)(bytes >> 7) : (uint8_t)bytes;
	memcpy(image_at(e->machine, e->at), coded, bytes);
	e->at += bytes;
	if (e->layout == PLACE)
		image_put32(e->machine, word, (uint32_t)(address - word));
	else if (e->layout == BEFORE)
		image_put32(e->machine, word, (uint32_t)(IMAGE_VIRT - 1 - address)); // the complement
	else
		image_put32(e->machine, word, (uint32_t)(address - IMAGE_VIRT));
	e->tables->count++;
}

// Places all tables, for names that take `names_bytes` bytes.
static inline struct dead_tables place_tables(enum layout layout, uint32_t count, uint64_t names_bytes)
{
	const uint64_t align = layout == PLACE ? 4 : 8, start = IMAGE_VIRT + TABLES_AT;
	struct dead_tables tables;

	tables.offsets = start;
	tables.relative_base = lb_align_up(start + 4ULL * count, 8);
	tables.num_syms = layout == BEFORE ? tables.relative_base + 8 : start;
	tables.names = tables.num_syms + align;
	tables.markers = lb_align_up(tables.names + names_bytes, align);
	tables.token_table = lb_align_up(tables.markers + (count + 255ULL) / 256 * 4, align);
	tables.token_index = tables.token_table;
	for (unsigned int i = 0; i < 256; i++) {
		char text[16];

		token_text(i, text);
		tables.token_index += strlen(text) + 1;
	}
	tables.token_index = lb_align_up(tables.token_index, align);
	if (layout != BEFORE) {
		tables.offsets = tables.token_index + 512;
		tables.relative_base = layout == PLACE ? 0 : lb_align_up(tables.offsets + 4ULL * count, 8);
	}
	tables.count = 0;
	return tables;
}

static inline void write_tokens(struct dead_machine *machine, const struct dead_tables *tables)
{
	uint16_t offset = 0;

	for (unsigned int i = 0; i < 256; i++) {
		char text[16];

		token_text(i, text);
		memcpy(image_at(machine, tables->token_index + 2ULL * i), &offset, sizeof(offset));
		memcpy(image_at(machine, tables->token_table + offset), text, strlen(text) + 1);
		offset = (uint16_t)(offset + strlen(text) + 1);
	}
}

// Writes kallsyms of _stext, the functions, linux_banner, and `more`, whose symbols lie behind.
static inline struct dead_tables write_symbols(struct dead_machine *machine, enum layout layout,
					       const struct dead_symbol *more, uint32_t more_count)
{
	const uint32_t count = 3 + FUNCTIONS + more_count;
	const uint64_t base = IMAGE_VIRT;
	struct dead_tables tables;
	uint64_t names_bytes = 0;

	// Two passes: the first one measures the names.
	for (unsigned int pass = 0; pass < 2; pass++) {
		struct encoder e = {.machine = machine, .tables = &tables, .layout = layout};

		memset(image_at(machine, IMAGE_VIRT + TABLES_AT), 0, BTF_AT - TABLES_AT);
		tables = place_tables(layout, count, pass ? names_bytes : 0x40000);
		e.at = tables.names;
		e.marker = tables.markers;
		encode(&e, "T_text", IMAGE_VIRT);
		encode(&e, "T_stext", IMAGE_VIRT);
		for (uint32_t i = 0; i < FUNCTIONS; i++) {
			char name[32];

			snprintf(name, sizeof(name), "tfn_%u", i * 977);
			encode(&e, name, IMAGE_VIRT + FUNCTIONS_AT + 16ULL * i);
		}
		encode(&e, "Dlinux_banner", IMAGE_VIRT + BANNER_AT);
		for (uint32_t i = 0; i < more_count; i++)
			encode(&e, more[i].name, IMAGE_VIRT + more[i].at);
		names_bytes = e.at - tables.names;
	}
	image_put32(machine, tables.num_syms, count);
	if (tables.relative_base)
		memcpy(image_at(machine, tables.relative_base), &base, sizeof(base));
	write_tokens(machine, &tables);
	strcpy((char *)image_at(machine, IMAGE_VIRT + BANNER_AT), "Linux version 6.1.0-test");
	return tables;
}

// BTF under construction.
struct btf_made {
	uint32_t types[4096];
	uint32_t words, count;
	char strings[8192];
	uint32_t strings_bytes;
};

// Returns the offset of a string, and adds it if it is new.
static inline uint32_t btf_string(struct btf_made *btf, const char *text)
{
	uint32_t at = 0; // the empty string

	while (at < btf->strings_bytes && strcmp(btf->strings + at, text) != 0)
		at += (uint32_t)strlen(btf->strings + at) + 1;
	if (at < btf->strings_bytes || !*text)
		return at;
	at = at ? at : 1;
	strcpy(btf->strings + at, text);
	btf->strings_bytes = at + (uint32_t)strlen(text) + 1;
	return at;
}

static inline void btf_word(struct btf_made *btf, uint32_t word)
{
	btf->types[btf->words++] = word;
}

#define BTF_FLAG (1U << 31)

// Adds the head of a type; returns its number. btf_word() and btf_entry() add what its kind needs behind it.
static inline uint32_t btf_type(struct btf_made *btf, const char *name, unsigned int kind, uint32_t info,
				uint32_t size)
{
	btf_word(btf, btf_string(btf, name));
	btf_word(btf, kind << 24 | info);
	btf_word(btf, size);
	return ++btf->count;
}

// Adds a member (name, type, offset in bits) or an enumerator (name, value).
static inline void btf_entry(struct btf_made *btf, const char *name, uint32_t first)
{
	btf_word(btf, btf_string(btf, name));
	btf_word(btf, first);
}

static inline void btf_member(struct btf_made *btf, const char *name, uint32_t type, uint32_t bits)
{
	btf_entry(btf, name, type);
	btf_word(btf, bits);
}

// Writes the BTF to BTF_AT; returns the virtual address of its end.
static inline uint64_t write_btf(struct dead_machine *machine, const struct btf_made *btf)
{
	const uint32_t bytes = 4 * btf->words;
	const uint32_t header[6] = {0x0001eb9f, 24, 0, bytes, bytes, btf->strings_bytes};
	uint8_t *at = image_at(machine, IMAGE_VIRT + BTF_AT);

	memcpy(at, header, sizeof(header));
	memcpy(at + 24, btf->types, bytes);
	memcpy(at + 24 + bytes, btf->strings, btf->strings_bytes);
	return IMAGE_VIRT + BTF_AT + 24 + bytes + btf->strings_bytes;
}

#endif
