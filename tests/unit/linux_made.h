// SPDX-License-Identifier: BSD-2-Clause
// Memory of loaders, with what boot loaders and EFI stubs leave in it. Pages of the host stand for physical
// pages of the same address.
#ifndef LIFEBOAT_TESTS_UNIT_LINUX_MADE_H
#define LIFEBOAT_TESTS_UNIT_LINUX_MADE_H

#include <stdlib.h>
#include <string.h>

#include "crash/plan/find_linux.h"
#include "unit.h"

#define MADE_TABLE 0x7f001234018ULL
#define MADE_DESCRIPTOR 48
#define MADE_PAGES 64

static const struct lb_find_system made_system = {MADE_TABLE, MADE_DESCRIPTOR};
static uint8_t *made; // MADE_PAGES pages; ASan sees an access beyond
static struct lb_range made_range;

static int made_begin(void **state)
{
	(void)state;
	free(made);
	made = aligned_alloc(LB_PAGE, MADE_PAGES * LB_PAGE);
	assert_non_null(made);
	memset(made, 0xa5, MADE_PAGES * LB_PAGE);
	made_range = (struct lb_range){(uintptr_t)made, (uintptr_t)made + MADE_PAGES * LB_PAGE};
	return 0;
}

static int made_end(void **state)
{
	(void)state;
	free(made);
	made = NULL;
	return 0;
}

static void *made_page(unsigned int page)
{
	return made + page * LB_PAGE;
}

// Puts text at the beginning of page `page`.
static const char *made_text(unsigned int page, const char *text)
{
	return strcpy(made_page(page), text);
}

static struct boot_params *made_params(unsigned int page, uint8_t loader, const char *line)
{
	struct boot_params *params = memset(made_page(page), 0, LB_PAGE);

	memcpy(&params->efi_info.efi_loader_signature, "EL64", 4);
	params->efi_info.efi_systab = (uint32_t)MADE_TABLE;
	params->efi_info.efi_systab_hi = MADE_TABLE >> 32;
	params->efi_info.efi_memdesc_size = MADE_DESCRIPTOR;
	params->hdr.type_of_loader = loader;
	params->hdr.cmd_line_ptr = (uint32_t)(uintptr_t)line;
	params->ext_cmd_line_ptr = (uint32_t)((uintptr_t)line >> 32);
	return params;
}

// Makes the boot_params of the EFI stub of 6.6 and later, whose page has no "HdrS".
static struct boot_params *made_stub(unsigned int page, const char *line)
{
	return made_params(page, 0x21, line);
}

// Makes the staging copy of GRUB's own loader, which says where the command line will be.
static inline struct boot_params *made_staged(unsigned int page)
{
	struct boot_params *params = made_params(page, 0x72, NULL);

	params->hdr.header = 0x53726448;
	params->hdr.version = 0x20f;
	params->efi_info.efi_memdesc_size = 0;
	params->hdr.cmd_line_ptr = 0x91000;
	return params;
}

#endif
