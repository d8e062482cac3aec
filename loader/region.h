// SPDX-License-Identifier: BSD-2-Clause
// Where crash memory goes in the firmware's map of the moment.
#ifndef LIFEBOAT_LOADER_REGION_H
#define LIFEBOAT_LOADER_REGION_H

#include "crash/place.h"
#include "loader/memmap.h"

#define LB_REGION_MIN (16 * LB_MIB) // LOAD_PHYSICAL_ADDR of every distribution kernel

// The highest free place below 4 GiB. Where none fits and `above_4gib` (the second
// kernel can be loaded there, XLF_CAN_BE_LOADED_ABOVE_4G): below 512 GiB, then as
// high as a 4-level root reaches. `request` says all but min and max.
int lb_region_find(const struct lb_e820 *saved, struct lb_memmap *memmap, struct lb_place_request request,
		   bool above_4gib, struct lb_range *ret_region, struct lb_error *err);

#endif
