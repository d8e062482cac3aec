// SPDX-License-Identifier: BSD-2-Clause
#include "crash/dead/capture_kernel.h"

#include "crash/dead/dmesg.h"
#include "crash/dead/kallsyms.h"

#define NOT_GIVEN UINT64_MAX // ELFCORE_ADDR_MAX; another value also when the header was of no use

// False: the symbol cannot be looked up or read.
static bool ask_symbol(const struct lb_deadspace *dead, bool *ret_is)
{
	const struct lb_deadkernel kernel = {
		.space = *dead, .text_virt = LB_KERNEL_MAP, .image_bytes = LB_KERNEL_MODULES - LB_KERNEL_MAP};
	struct lb_symbols symbols;
	struct lb_deadmem mem;
	uint64_t address, value;

	lb_deadmem_open(&mem, dead);
	if (!lb_symbols_open_listed(&symbols, &mem, &kernel) ||
	    !lb_symbols_address(&symbols, "elfcorehdr_addr", &address) ||
	    !lb_deadmem_u64(&mem, address, &value))
		return false;
	*ret_is = value != NOT_GIVEN;
	return true;
}

// Looks for two texts in a line, the second behind the first. The first letter of either is nowhere
// else in it, so that a letter that does not fit can only be a new beginning.
struct search {
	uint32_t found; // of the two
	uint32_t at; // letters of the next one that were seen
};

static bool look(void *ctx, const char *text, size_t bytes)
{
	static const char texts[2][16] = {"ommand line: ", " elfcorehdr="};
	struct search *search = ctx;

	for (size_t i = 0; i < bytes && search->found < 2; i++) {
		const char *wanted = texts[search->found];

		if (text[i] == '\n') {
			*search = (struct search){0};
			continue;
		}
		search->at = text[i] == wanted[search->at] ? search->at + 1 : text[i] == wanted[0];
		if (!wanted[search->at]) {
			search->found++;
			search->at = 0;
			// The blank that ends the first may begin the second.
			if (search->found == 1)
				search->at = 1;
		}
	}
	return search->found < 2;
}

static bool ask_log(const struct lb_deadspace *dead)
{
	struct search search = {0};
	struct lb_error why;
	uint64_t records;

	lb_dmesg_read(dead, look, &search, &records, &why); // what was put before it failed counts
	return search.found == 2;
}

bool lb_was_capture_kernel(const struct lb_deadspace *dead)
{
	bool is;

	return ask_symbol(dead, &is) ? is : ask_log(dead);
}
