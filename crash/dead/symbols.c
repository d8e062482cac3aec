// SPDX-License-Identifier: BSD-2-Clause
#include "crash/dead/symbols.h"

#include "crash/dead/symbols_scan.h"

#define ALIASES_MAX 256 // symbols of one address that are looked at

// Notes where every mark_step-th name begins.
static void mark(struct lb_symbols *symbols)
{
	struct lb_deadcursor cursor = {.mem = symbols->mem, .virt = symbols->names};
	const uint32_t step = symbols->count / LB_SYMBOLS_MARKS + 1;
	struct lb_symbols_entry entry = {.index = 0};

	lb_deadmem_refill(symbols->mem);
	for (; entry.index < symbols->count; entry.index++) {
		if (entry.index % step == 0)
			symbols->marks[entry.index / step] = (uint32_t)(cursor.virt - symbols->names);
		if (!lb_symbols_read_length(symbols, &cursor, &entry)) {
			symbols->count = entry.index; // the rest cannot be named
			break;
		}
		lb_deadcursor_skip(&cursor, entry.tokens);
	}
	symbols->mark_step = step;
}

int lb_symbols_open(struct lb_symbols *symbols, struct lb_deadmem *mem, const struct lb_deadkernel *kernel,
		    struct lb_symbols_known *known, struct lb_error *err)
{
	bool listed;

	if (!kernel->has_text)
		return lb_fail(err, "kallsyms: the kernel's image was not found");
	listed = lb_symbols_open_listed(symbols, mem, kernel);
	symbols->known = known;
	if (known)
		lb_symbols_will_ask(known, lb_symbols_fit_names);
	if (!(listed && lb_symbols_fit(symbols)) && lb_symbols_scan(symbols, err) != 0)
		return -1;
	mark(symbols);
	return 0;
}

static bool in_image(const struct lb_symbols *symbols, uint64_t virt)
{
	return virt >= symbols->image.start && virt < symbols->image.end;
}

// The last symbol that does not lie above `address`. False: there is none.
static bool find_index(const struct lb_symbols *symbols, uint64_t address, uint32_t *ret_index)
{
	uint32_t low = 0, high = symbols->count; // low is not above, high is

	while (high - low > 1) {
		const uint32_t middle = low + (high - low) / 2;
		uint64_t there;

		if (!lb_symbols_raw_address(symbols, middle, &there))
			return false;
		if (there <= address)
			low = middle;
		else
			high = middle;
	}
	*ret_index = low;
	return symbols->count != 0;
}

// Expands the name of symbol number `index`.
static char name_of(const struct lb_symbols *symbols, uint32_t index, char text[LB_SYMBOL_NAME_MAX])
{
	const uint32_t mark = index / symbols->mark_step;
	struct lb_deadcursor cursor = {.mem = symbols->mem, .virt = symbols->names + symbols->marks[mark]};
	struct lb_symbols_entry entry = {.index = mark * symbols->mark_step};

	while (lb_symbols_read_length(symbols, &cursor, &entry)) {
		if (entry.index++ == index)
			return lb_symbols_expand(symbols, &entry, text);
		lb_deadcursor_skip(&cursor, entry.tokens);
	}
	return 0;
}

static bool is_at(const struct lb_symbols *symbols, uint32_t index, uint64_t start)
{
	uint64_t there;

	return index < symbols->count && lb_symbols_raw_address(symbols, index, &there) && there == start;
}

static bool is_function(char type)
{
	return type == 't' || type == 'T' || type == 'w' || type == 'W';
}

bool lb_symbols_name(struct lb_symbols *symbols, uint64_t address, struct lb_symbol_name *ret_name)
{
	uint32_t first, end, i, room = ALIASES_MAX;
	uint64_t next;

	if (!symbols->mark_step || !in_image(symbols, address))
		return false;
	lb_deadmem_refill(symbols->mem);
	if (!find_index(symbols, address, &first) ||
	    !lb_symbols_raw_address(symbols, first, &ret_name->start) ||
	    !in_image(symbols, ret_name->start) || ret_name->start > address)
		return false;
	end = first + 1; // the last of them is what was found
	while (room-- && first && is_at(symbols, first - 1, ret_name->start))
		first--;
	if (end >= symbols->count || !lb_symbols_raw_address(symbols, end, &next) ||
	    next > symbols->image.end)
		next = symbols->image.end;
	ret_name->bytes = next - ret_name->start;
	for (i = first; i < end; i++)
		if (is_function(name_of(symbols, i, ret_name->name)))
			return true;
	return name_of(symbols, first, ret_name->name) != 0;
}
