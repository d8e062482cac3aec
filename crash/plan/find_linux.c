// SPDX-License-Identifier: BSD-2-Clause
#include "crash/plan/find_linux.h"

#include "lib/mem.h"

#define EFI64_SIGNATURE 0x34364c45 // "EL64", arch/x86/include/asm/efi.h
#define HEADER_MAGIC 0x53726448 // "HdrS": the stub leaves it out from 6.6 on
#define BOOT_PROTOCOL 0x20f // of each Linux since 5.5: memtest86+, which GRUB starts as one, has 0x20c
#define GRUB_LOADER 0x72 // type_of_loader
#define GRUB_LINE "BOOT_IMAGE=" // what GRUB begins each line with
#define GRUB_STAGED_PAGES 16 // between boot_params and the line there is a memory map

struct search {
	const struct lb_find_system *system;
	const struct lb_range *ranges;
	uint32_t count;
	struct lb_found_linuxes *found;
};

static const void *at(uint64_t phys)
{
	return (const void *)(uintptr_t)phys;
}

// The text at `phys`, when all of it is inside a range, and short enough; else NULL.
static const char *text_at(const struct search *search, uint64_t phys)
{
	for (uint32_t i = 0; i < search->count; i++) {
		struct lb_range range = search->ranges[i];
		const char *text = at(phys);

		if (phys < range.start || phys >= range.end)
			continue;
		for (uint64_t bytes = 0; bytes < LB_LINE_BYTES && phys + bytes < range.end; bytes++) {
			if (!text[bytes])
				return text;
		}
	}
	return NULL;
}

static uint64_t joined(uint32_t low, uint32_t high)
{
	return low | (uint64_t)high << 32;
}

uint64_t lb_line_pointer(const struct boot_params *params)
{
	return joined(params->hdr.cmd_line_ptr, params->ext_cmd_line_ptr);
}

static bool has_fingerprint(const struct search *search, const struct boot_params *params)
{
	const struct efi_info efi = params->efi_info;

	return efi.efi_loader_signature == EFI64_SIGNATURE &&
	       joined(efi.efi_systab, efi.efi_systab_hi) == search->system->table &&
	       params->hdr.type_of_loader != 0;
}

// Finds GRUB's line. GRUB's own loader leaves boot services itself, with boot_params and line in one staging
// copy. The line's address in boot_params is where the line will be. NULL: there is no such line, or more
// than one.
static const char *staged_line(const struct search *search, uint64_t params, uint64_t end)
{
	const char *found = NULL;

	for (uint64_t i = 1; i <= GRUB_STAGED_PAGES && i < (end - params) / LB_PAGE; i++) {
		const char *text = text_at(search, params + i * LB_PAGE);

		if (!text || memcmp(at(params + i * LB_PAGE), GRUB_LINE, sizeof(GRUB_LINE) - 1) != 0)
			continue;
		if (found)
			return NULL;
		found = text;
	}
	return found;
}

// GRUB's variable, which the staging copy was made from.
static bool is_grub_s_draft(const struct boot_params *params)
{
	return params->efi_info.efi_memdesc_size == 0 && params->hdr.type_of_loader == GRUB_LOADER &&
	       lb_line_pointer(params) == 0;
}

static const char *line_of(const struct search *search, const struct boot_params *params, uint64_t end)
{
	if (params->efi_info.efi_memdesc_size == search->system->descriptor_bytes)
		return text_at(search, lb_line_pointer(params));
	if (params->efi_info.efi_memdesc_size == 0 && params->hdr.type_of_loader == GRUB_LOADER &&
	    params->hdr.header == HEADER_MAGIC && params->hdr.version >= BOOT_PROTOCOL)
		return staged_line(search, (uintptr_t)params, end);
	return NULL;
}

static void judge(const struct search *search, uint64_t page, uint64_t end)
{
	const struct boot_params *params = at(page);
	struct lb_found_linuxes *found = search->found;
	struct lb_found_linux one = {.params = (struct boot_params *)(uintptr_t)page};

	if (!has_fingerprint(search, params) || is_grub_s_draft(params))
		return;
	one.line = line_of(search, params, end);
	one.pointer = lb_line_pointer(params);
	if (one.line && found->count < LB_MAX_LINUXES)
		found->list[found->count++] = one;
	else
		found->unclear = true;
}

void lb_find_linux(const struct lb_find_system *system, const struct lb_range *ranges, uint32_t count,
		   struct lb_found_linuxes *found)
{
	const struct search search = {system, ranges, count, found};
	uint64_t left = LB_FIND_MAX_PAGES;

	for (uint32_t i = 0; i < count; i++) {
		struct lb_range range = ranges[i];

		if (lb_range_size(range) / LB_PAGE > left) {
			found->unclear = true;
			return;
		}
		left -= lb_range_size(range) / LB_PAGE;
		for (uint64_t page = range.start; page < range.end; page += LB_PAGE)
			judge(&search, page, range.end);
	}
}
