// SPDX-License-Identifier: BSD-2-Clause
// The second kernel's zero page. Source: Documentation/arch/x86/boot.rst and
// zero-page.rst; struct boot_params.
#ifndef LIFEBOAT_CRASH_PLAN_BOOTPARAMS_H
#define LIFEBOAT_CRASH_PLAN_BOOTPARAMS_H

#include <asm/bootparam.h>

#include "crash/plan/bzimage.h"
#include "crash/plan/e820.h"
#include "crash/plan/layout.h"

// Bytes of setup_data that `entries` e820 entries take beyond the 128 of the zero page.
uint64_t lb_bootparams_setup_data(uint32_t entries);

struct lb_bootparams_input {
	const struct lb_bzimage *image;
	const struct lb_layout *layout;
	uint64_t initrd_bytes; // exact
	const struct lb_e820 *map; // lb_e820_second()
	const struct screen_info *screen; // NULL: none
	uint64_t rsdp; // ACPI root pointer
};

// Fills `params` (all of it) and, when the map has more than 128 entries, the
// SETUP_E820_EXT node `setup_data` (layout->setup_data's bytes; else NULL).
int lb_bootparams_build(const struct lb_bootparams_input *input, struct boot_params *params, void *setup_data,
			struct lb_error *err);

#endif
