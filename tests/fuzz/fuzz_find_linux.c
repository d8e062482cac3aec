// SPDX-License-Identifier: BSD-2-Clause
// Property: whatever loaders leave in memory, nothing outside of it is read, and a command line is made only
// for a struct boot_params with the firmware's own facts. A model, which shares no code with
// crash/plan/find_linux.c, looks at each page and expects
//
//   found     each page with the fingerprint and a command line is listed, or `unclear` is set
//   made      all that were found get the same line, shorter than the kernel's limit
//   restored  after the line was given and taken back, memory is as before, byte for byte
#include <asm/bootparam.h>

#include "crash/plan/late_line.h"
#include "crash/plan/panic_words.h"
#include "fuzz.h"

#define PAGES 24
#define TABLE 0x7f00deadbeefULL
#define DESCRIPTOR 48

static uint8_t *memory, before[PAGES * LB_PAGE];

// Makes a page of likely content, which the input chooses.
static void make_page(struct fuzz_input *input, unsigned int page)
{
	static const char *const texts[] = {"ro", "BOOT_IMAGE=/k ro", "ro noefi",
					    "crashkernel=1G x=\"a b\" -- c"};
	struct boot_params *params = (struct boot_params *)(memory + page * LB_PAGE);
	uint64_t kind = fuzz_take(input, 1), target = fuzz_take(input, 2);
	uint64_t phys = (uintptr_t)memory + target % (PAGES * LB_PAGE + LB_PAGE);

	if (kind & 1) {
		strcpy((char *)params, texts[(kind >> 1) % 4]);
		return;
	}
	if (!(kind & 2))
		return;
	memcpy(&params->efi_info.efi_loader_signature, kind & 4 ? "EL32" : "EL64", 4);
	params->efi_info.efi_systab = (uint32_t)TABLE;
	params->efi_info.efi_systab_hi = (uint32_t)(TABLE >> 32) + (kind >> 3 & 1);
	params->efi_info.efi_memdesc_size = kind & 16 ? 0 : DESCRIPTOR;
	params->hdr.type_of_loader = kind & 32 ? 0x72 : 0x21;
	params->hdr.header = kind & 64 ? 0x53726448 : 0;
	params->hdr.version = 0x20f;
	params->hdr.cmd_line_ptr = kind & 128 ? 0 : (uint32_t)phys;
	params->ext_cmd_line_ptr = kind & 128 ? 0 : (uint32_t)(phys >> 32);
}

static bool has_fingerprint(const uint8_t *page)
{
	uint32_t low, high;

	memcpy(&low, page + 0x1c4, 4);
	memcpy(&high, page + 0x1d8, 4);
	return memcmp(page + 0x1c0, "EL64", 4) == 0 && ((uint64_t)high << 32 | low) == TABLE && page[0x210];
}

static bool is_draft(const uint8_t *page)
{
	static const uint8_t none[4];

	return page[0x210] == 0x72 && memcmp(page + 0x1c8, none, 4) == 0 &&
	       memcmp(page + 0x228, none, 4) == 0 && memcmp(page + 0xc8, none, 4) == 0;
}

static void check_found(const struct lb_found_linuxes *found)
{
	uint32_t fingerprints = 0;

	for (unsigned int i = 0; i < PAGES; i++) {
		const uint8_t *page = memory + i * LB_PAGE;

		fingerprints += has_fingerprint(page) && !is_draft(page);
	}
	fuzz_check(found->count <= LB_MAX_LINUXES);
	fuzz_check(found->unclear ? found->count < fingerprints : found->count == fingerprints);
	for (uint32_t i = 0; i < found->count; i++) {
		const char *line = found->list[i].line;

		fuzz_check(has_fingerprint((const uint8_t *)found->list[i].params));
		fuzz_check(line >= (const char *)memory && strlen(line) < LB_LINE_BYTES);
		fuzz_check(line + strlen(line) < (const char *)memory + PAGES * LB_PAGE);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	const struct lb_find_system system = {TABLE, DESCRIPTOR};
	struct fuzz_input input = {data, bytes};
	struct lb_found_linuxes found = {.count = 0};
	static struct lb_late_lines lines;
	struct lb_range range;

	// Exactly the pages, so that ASan sees an access beyond.
	memory = aligned_alloc(LB_PAGE, PAGES * LB_PAGE);
	memset(memory, 'a', PAGES * LB_PAGE);
	for (unsigned int page = 0; page < PAGES && input.left; page++)
		make_page(&input, page);
	for (size_t at = 0; input.left && at < PAGES * LB_PAGE; at += 1 + fuzz_take(&input, 2))
		memory[at] = (uint8_t)fuzz_take(&input, 1);
	memcpy(before, memory, sizeof(before));
	range = (struct lb_range){(uintptr_t)memory, (uintptr_t)memory + PAGES * LB_PAGE};

	lb_find_linux(&system, &range, 1, &found);
	check_found(&found);
	if (lb_late_line_make(&found, lb_panic_words_of(LB_PROFILE_STRICT), &lines) == 0) {
		fuzz_check(found.count > 0 && !found.unclear && strlen(lines.line) < LB_LINE_BYTES);
		fuzz_check(strstr(lines.line, "panic=-1"));
		lb_late_line_give(&found, lines.line);
		for (uint32_t i = 0; i < found.count; i++)
			fuzz_check(lb_line_pointer(found.list[i].params) == (uintptr_t)lines.line);
		lb_late_line_take_back(&found, lines.line, &range, 1);
	}
	fuzz_check(memcmp(memory, before, sizeof(before)) == 0);
	free(memory);
	return 0;
}
