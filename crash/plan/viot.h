// SPDX-License-Identifier: BSD-2-Clause
// Which PCI functions are virtio-iommu devices. Source: ACPI 6.5, 5.2.34 (VIOT).
#ifndef LIFEBOAT_CRASH_PLAN_VIOT_H
#define LIFEBOAT_CRASH_PLAN_VIOT_H

#include <stdint.h>

#include "lib/format.h"
#include "lifeboat/capture_config.h"

struct lb_viot {
	uint32_t count;
	struct lb_iommu iommu[LB_MAX_IOMMUS];
};

// `table` has `bytes`. A wrong length or checksum is an error. What follows a node that
// lies about its length, or LB_MAX_IOMMUS devices, is left out, and so is a device that is not
// PCI's: `ret_left_out` says so in one sentence, and is empty when all are taken.
int lb_viot_read(const void *table, uint64_t bytes, struct lb_viot *ret_viot, struct lb_error *ret_left_out,
		 struct lb_error *err);

#endif
