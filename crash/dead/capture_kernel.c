// SPDX-License-Identifier: BSD-2-Clause
#include "crash/dead/capture_kernel.h"

#include "crash/dead/dmesg.h"
#include "crash/dead/kallsyms.h"
#include "lib/number.h"

#define NOT_GIVEN UINT64_MAX // ELFCORE_ADDR_MAX
#define READ (UINT64_MAX - 1) // ELFCORE_ADDR_ERR: given, and read by then: vmcore_init() of fs/proc/vmcore.c
// The command line is among the first records. A ring may hold millions, and the log is not on the disk yet.
#define FIRST_RECORDS 512U
#define FIRST_BYTES (256 * LB_KIB) // of text

// COMMAND_LINE_SIZE, arch/x86/include/asm/setup.h, and as much again of a bootconfig.
#define COMMAND_LINE_MAX 4096U
#define WORD "elfcorehdr="
#define WORD_BYTES (sizeof(WORD) - 1)
#define VALUE_MAX 48U // of it: two numbers of 64 bits, their suffixes, '@'

static bool open_symbols(const struct lb_deadspace *dead, struct lb_deadmem *mem, struct lb_symbols *symbols)
{
	const struct lb_deadkernel kernel = {
		.space = *dead, .text_virt = LB_KERNEL_MAP, .image_bytes = LB_KERNEL_MODULES - LB_KERNEL_MAP};

	lb_deadmem_open(mem, dead);
	return lb_symbols_open_listed(symbols, mem, &kernel);
}

// The value of a variable of 64 bits. False: it cannot be looked up or read.
static bool ask_symbol(const struct lb_deadspace *dead, const char *name, uint64_t *ret_value)
{
	struct lb_symbols symbols;
	struct lb_deadmem mem;
	uint64_t address;

	return open_symbols(dead, &mem, &symbols) && lb_symbols_address(&symbols, name, &address) &&
	       lb_deadmem_u64(&mem, address, ret_value);
}

// A search for two texts in a line, the second behind the first. The first letter of each text occurs only
// once in that text. So a letter that does not fit can only begin the text anew.
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
	static const struct lb_dmesg_ends ends = {.first = FIRST_RECORDS, .bytes = FIRST_BYTES};
	struct search search = {0};
	struct lb_dmesg_gaps gaps;
	struct lb_error why;

	lb_dmesg_read_ends(dead, ends, look, &search, &gaps, &why); // text put before a failure counts
	return search.found == 2;
}

bool lb_was_capture_kernel(const struct lb_deadspace *dead)
{
	uint64_t value;

	return ask_symbol(dead, "elfcorehdr_addr", &value) ? value != NOT_GIVEN : ask_log(dead);
}

// The value of one word elfcorehdr=[SIZE@]ADDRESS (setup_elfcorehdr() of kernel/crash_dump.c).
static bool read_address(const char *text, uint64_t *ret_phys)
{
	const char *end;

	if (lb_size_read(text, &end, ret_phys) != 0)
		return false;
	if (*end == '@' && lb_size_read(end + 1, &end, ret_phys) != 0)
		return false;
	return !*end;
}

// The state of reading the command line letter by letter. The last of several elfcorehdr= counts, as in the
// kernel.
struct words {
	uint32_t at; // letters of this word seen
	bool other; // this word is another one
	char value[VALUE_MAX];
	bool found;
	uint64_t phys;
};

static void end_word(struct words *words)
{
	if (!words->other && words->at > WORD_BYTES) {
		words->value[words->at - WORD_BYTES] = '\0';
		words->found = read_address(words->value, &words->phys);
	}
	words->at = 0;
	words->other = false;
}

static void take_letter(struct words *words, char letter)
{
	if (letter == ' ') {
		end_word(words);
		return;
	}
	if (words->at < WORD_BYTES)
		words->other |= letter != WORD[words->at];
	else if (words->at - WORD_BYTES < VALUE_MAX - 1)
		words->value[words->at - WORD_BYTES] = letter;
	else
		words->other = true;
	words->at++;
}

static bool ask_command_line(const struct lb_deadspace *dead, uint64_t *ret_phys)
{
	struct words words = {.at = 0};
	struct lb_deadcursor cursor;
	struct lb_deadmem mem;
	uint8_t letter = 0;
	uint64_t text;

	if (!ask_symbol(dead, "saved_command_line", &text))
		return false;
	lb_deadmem_open(&mem, dead);
	cursor = (struct lb_deadcursor){.mem = &mem, .virt = text};
	for (uint32_t i = 0; i < COMMAND_LINE_MAX && lb_deadcursor_byte(&cursor, &letter) && letter; i++)
		take_letter(&words, (char)letter);
	end_word(&words);
	*ret_phys = words.phys;
	return words.found;
}

bool lb_capture_kernel_header(const struct lb_deadspace *dead, uint64_t *ret_phys)
{
	if (!ask_symbol(dead, "elfcorehdr_addr", ret_phys) || *ret_phys == NOT_GIVEN)
		return false;
	return *ret_phys != READ || ask_command_line(dead, ret_phys);
}
