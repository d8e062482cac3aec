// SPDX-License-Identifier: BSD-2-Clause
// Where the registers of AMD's IOMMUs are. Source: AMD I/O Virtualization Technology (IOMMU) 3.05,
// 5.2.
#ifndef LIFEBOAT_CRASH_PLAN_IVRS_H
#define LIFEBOAT_CRASH_PLAN_IVRS_H

#include <stdint.h>

#include "lib/format.h"
#include "lifeboat/capture_config.h"

struct lb_ivrs {
	uint32_t count;
	struct lb_iommu iommu[LB_MAX_IOMMUS]; // each unit once, however many blocks describe it
};

// `table` has `bytes`. A wrong length or checksum is an error. What follows a block that
// lies about its length, or LB_MAX_IOMMUS units, is left out: `ret_left_out` says so in one
// sentence, and is empty when all are taken.
int lb_ivrs_read(const void *table, uint64_t bytes, struct lb_ivrs *ret_ivrs, struct lb_error *ret_left_out,
		 struct lb_error *err);

#endif
