// SPDX-License-Identifier: BSD-2-Clause
// Where the registers of Intel's IOMMUs are. Source: Intel VT-d 4.1, 8.1 (DMAR), 8.3 (DRHD).
#ifndef LIFEBOAT_CRASH_PLAN_DMAR_H
#define LIFEBOAT_CRASH_PLAN_DMAR_H

#include <stdint.h>

#include "lib/format.h"
#include "lifeboat/capture_config.h"

struct lb_dmar {
	uint32_t count;
	struct lb_iommu iommu[LB_MAX_IOMMUS];
};

// `table` has `bytes`. A wrong length or checksum is an error. What follows an entry that
// lies about its length, or LB_MAX_IOMMUS units, is left out: `ret_left_out` says so in one
// sentence, and is empty when all are taken.
int lb_dmar_read(const void *table, uint64_t bytes, struct lb_dmar *ret_dmar, struct lb_error *ret_left_out,
		 struct lb_error *err);

#endif
