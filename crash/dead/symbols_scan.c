// SPDX-License-Identifier: BSD-2-Clause
#include "crash/dead/symbols_scan.h"

#include "lib/mem.h"

#define INDEX_BYTES (2 * LB_SYMBOLS_TOKENS)
// Bytes of a token with its NUL. The kernel's are of 1 to some 20 letters.
#define TOKEN_MIN 2
#define TOKEN_MAX 128
#define TOKEN_TABLE_MAX 8192 // 6.1 has 920, 7.2 1000
// Half of the index: wherever it begins, one such place lies in it, with the 16 bytes behind it.
#define STRIDE (INDEX_BYTES / 2)
#define SAMPLE 8
#define INDEXES_MAX 1024 // places that look like an index: each costs three pages
#define MARKERS_MAX 64 // and like markers: each costs up to NAMES_MAX
#define SETS_MAX 8 // and like all of it: each costs a pass over the names, under a budget of its own
#define COUNT_MIN 1024
#define NAMES_MAX (16 * LB_MIB)
#define NAME_MIN 2 // bytes of a compressed name with its length
#define NAME_MAX 130 // on the average of 256
#define WALK_MAX (4 * LB_SYMBOLS_MAX) // names that are stepped over in the whole search
#define MARKER_STEP 256U
#define MARKERS_SEEN 4 // at least so many there are
#define NEAR_TEXT (2 * LB_MIB) // _stext is the first or second page of the image

// The state of one search.
struct scan {
	struct lb_symbols *symbols;
	uint32_t indexes_left, markers_left, sets_left;
	uint32_t walk_left;
	uint64_t markers; // where they are, virtual
	uint32_t second_marker;
	uint16_t index[LB_SYMBOLS_TOKENS];
	char table[TOKEN_TABLE_MAX];
};

static bool increases(uint16_t before, uint16_t after)
{
	return after > before && after - before >= TOKEN_MIN && after - before <= TOKEN_MAX;
}

static bool looks_like_index(const uint16_t *sample)
{
	for (unsigned int i = 1; i < SAMPLE; i++)
		if (!increases(sample[i - 1], sample[i]))
			return false;
	return true;
}

// Finds the beginning of the index around `virt`, read into scan->index; 0: there is none.
static uint64_t find_index_start(struct scan *scan, uint64_t virt)
{
	struct lb_deadmem *mem = scan->symbols->mem;
	uint16_t before[LB_SYMBOLS_TOKENS + 1];
	unsigned int at = LB_SYMBOLS_TOKENS;

	if (!lb_deadmem_copy(mem, virt - INDEX_BYTES, before, sizeof(before)))
		return 0;
	while (at && before[at] && increases(before[at - 1], before[at]))
		at--;
	virt -= 2ULL * (LB_SYMBOLS_TOKENS - at);
	if (before[at] || !lb_aligned(virt, 4) ||
	    !lb_deadmem_copy(mem, virt, scan->index, sizeof(scan->index)))
		return 0;
	for (unsigned int i = 1; i < LB_SYMBOLS_TOKENS; i++)
		if (!increases(scan->index[i - 1], scan->index[i]))
			return 0;
	return virt;
}

// Does a token's text begin wherever the index says in the `bytes` at the end of scan->table?
static bool is_token_table(const struct scan *scan, uint32_t bytes)
{
	const char *table = scan->table + sizeof(scan->table) - bytes;

	for (unsigned int i = 1; i < LB_SYMBOLS_TOKENS; i++)
		if (table[scan->index[i] - 1])
			return false;
	// The last one ends too, and nothing but padding follows.
	for (uint32_t at = scan->index[LB_SYMBOLS_TOKENS - 1]; at < bytes; at++)
		if (!table[at])
			return bytes - at <= 8;
	return false;
}

// The table lies just below the index.
static bool find_token_table(struct scan *scan)
{
	struct lb_symbols *symbols = scan->symbols;
	const uint32_t last = scan->index[LB_SYMBOLS_TOKENS - 1];

	if (last + TOKEN_MAX + 8 > sizeof(scan->table) ||
	    !lb_deadmem_copy(symbols->mem, symbols->token_index - sizeof(scan->table), scan->table,
			     sizeof(scan->table)))
		return false;
	for (uint32_t bytes = (uint32_t)lb_align_up(last + TOKEN_MIN, 4); bytes < last + TOKEN_MAX + 8;
	     bytes += 4) {
		if (is_token_table(scan, bytes)) {
			symbols->token_table = symbols->token_index - bytes;
			return true;
		}
	}
	return false;
}

// Does kallsyms_markers begin here: 0, then where the 256th name begins, the 512th...?
static bool are_markers(const uint32_t *words)
{
	for (unsigned int i = 1; i < MARKERS_SEEN; i++)
		if (words[i] < words[i - 1] + MARKER_STEP * NAME_MIN ||
		    words[i] > words[i - 1] + MARKER_STEP * NAME_MAX)
			return false;
	return words[0] == 0;
}

// Do the `count` names at `names` end just below the markers, and is the second marker right?
// The latter is known after 256 names. Later no number would be too wrong: where names begin at a
// wrong place, they are soon in step with the right ones.
static bool are_names(struct scan *scan, uint64_t names, uint32_t count)
{
	struct lb_deadcursor cursor = {.mem = scan->symbols->mem, .virt = names};

	for (uint32_t i = 0; i < count; i++) {
		uint8_t low, high = 0;

		if (i == MARKER_STEP && cursor.virt - names != scan->second_marker)
			return false;
		if (scan->walk_left == 0 || cursor.virt >= scan->markers ||
		    !lb_deadcursor_byte(&cursor, &low) || (low & 0x80 && !lb_deadcursor_byte(&cursor, &high)))
			return false;
		scan->walk_left--;
		lb_deadcursor_skip(&cursor, (low & 0x7fU) | (uint32_t)high << 7);
	}
	return cursor.virt <= scan->markers && scan->markers - cursor.virt < 8;
}

// Is the word `count` at `virt`, below the markers, kallsyms_num_syms?
static bool is_count(struct scan *scan, uint64_t virt, uint32_t count)
{
	struct lb_symbols *symbols = scan->symbols;

	if (count < COUNT_MIN || count > LB_SYMBOLS_MAX || count > (scan->markers - virt) / NAME_MIN ||
	    count < (scan->markers - virt) / NAME_MAX)
		return false;
	for (unsigned int align = 4; align <= 8; align += 4) {
		if (!lb_aligned(virt, align) || !are_names(scan, virt + align, count))
			continue;
		symbols->num_syms = virt;
		symbols->names = virt + align;
		symbols->count = count;
		return true;
	}
	return false;
}

// Is it what is looked for, at a word? `words` begin with that one, MARKERS_SEEN of them.
typedef bool predicate(struct scan *scan, uint64_t virt, const uint32_t *words);

// Backwards from `end`, a page at a time.
static bool search_back(struct scan *scan, uint64_t end, predicate *is_here)
{
	const struct lb_symbols *symbols = scan->symbols;
	const uint64_t start =
		end - symbols->image.start < NAMES_MAX ? symbols->image.start : end - NAMES_MAX;

	for (uint64_t page = lb_align_down(end - 1, LB_PAGE); page >= start; page -= LB_PAGE) {
		uint32_t words[LB_PAGE / 4 + MARKERS_SEEN];

		if (!lb_deadmem_copy(symbols->mem, page, words, sizeof(words)))
			return false;
		for (unsigned int i = LB_PAGE / 4; i-- > 0;)
			if (page + 4 * i < end && is_here(scan, page + 4 * i, words + i))
				return true;
	}
	return false;
}

static bool count_is_here(struct scan *scan, uint64_t virt, const uint32_t *words)
{
	return is_count(scan, virt, words[0]);
}

// Markers, and the names that they are of below them?
static bool markers_are_here(struct scan *scan, uint64_t virt, const uint32_t *words)
{
	if (!are_markers(words) || scan->markers_left == 0)
		return false;
	scan->markers_left--;
	scan->markers = virt;
	scan->second_marker = words[1];
	return search_back(scan, virt, count_is_here);
}

static bool find_names(struct scan *scan)
{
	return search_back(scan, scan->symbols->token_table, markers_are_here);
}

static bool banner_is_at(struct lb_symbols *symbols, uint64_t virt)
{
	static const char begins[] = "Linux version ";
	char text[sizeof(begins) - 1];

	return lb_deadmem_copy(symbols->mem, virt, text, sizeof(text)) &&
	       memcmp(text, begins, sizeof(text)) == 0;
}

const char *const lb_symbols_fit_names[] = {"linux_banner", "_stext", NULL};

bool lb_symbols_fit(struct lb_symbols *symbols)
{
	struct lb_symbol_wanted wanted[] = {{.name = "linux_banner"}, {.name = "_stext"}};

	if (symbols->known)
		symbols->known->looked_up = false; // by tables that did not fit
	lb_symbols_find(symbols, wanted, 2);
	if (wanted[0].address)
		return banner_is_at(symbols, wanted[0].address);
	return wanted[1].address && wanted[1].address - symbols->image.start < NEAR_TEXT;
}

// Tries one place for the offsets.
static bool fits_with(struct lb_symbols *symbols, uint64_t offsets, uint64_t relative_base)
{
	symbols->offsets = offsets;
	symbols->relative_base = relative_base;
	if (relative_base && !lb_deadmem_u64(symbols->mem, relative_base, &symbols->base))
		return false;
	return lb_symbols_fit(symbols);
}

static bool find_offsets(struct lb_symbols *symbols)
{
	const uint64_t bytes = 4ULL * symbols->count;
	const uint64_t before = symbols->num_syms - 8, behind = symbols->token_index + INDEX_BYTES;

	return fits_with(symbols, before - lb_align_up(bytes, 8), before) ||
	       fits_with(symbols, behind, lb_align_up(behind + bytes, 8)) || fits_with(symbols, behind, 0);
}

// Is there an index around the sample at `virt`, and with it all the rest?
static bool try_sample(struct scan *scan, uint64_t virt)
{
	struct lb_symbols *symbols = scan->symbols;

	if (scan->indexes_left == 0)
		return false;
	scan->indexes_left--;
	symbols->token_index = find_index_start(scan, virt);
	if (!symbols->token_index || !find_token_table(scan) || !find_names(scan) || scan->sets_left == 0)
		return false;
	scan->sets_left--;
	lb_symbols_read_tokens(symbols);
	return find_offsets(symbols);
}

int lb_symbols_scan(struct lb_symbols *symbols, struct lb_error *err)
{
	struct scan scan = {.symbols = symbols,
			    .indexes_left = INDEXES_MAX,
			    .markers_left = MARKERS_MAX,
			    .sets_left = SETS_MAX,
			    .walk_left = WALK_MAX};

	symbols->mark_step = 0;
	lb_deadmem_refill(symbols->mem);
	for (uint64_t virt = symbols->image.start; virt < symbols->image.end; virt += LB_PAGE) {
		const uint8_t *page = (const uint8_t *)lb_deadmem_data_page(symbols->mem, virt);
		for (uint32_t at = 0; page && at < LB_PAGE; at += STRIDE) {
			if (!looks_like_index((const uint16_t *)(page + at)))
				continue;
			if (try_sample(&scan, virt + at))
				return 0;
			page = (const uint8_t *)lb_deadmem_data_page(symbols->mem, virt);
		}
	}
	return lb_fail(err,
		       "kallsyms: found no tables in the kernel's image, by their shape and linux_banner");
}
