// SPDX-License-Identifier: BSD-2-Clause
// Where power-off is asked for: the PM1 control registers, and the DSDT that knows the
// value. Source: ACPI 6.5, 5.2.9 (FADT; its signature is FACP).
#ifndef LIFEBOAT_CRASH_PLAN_FADT_H
#define LIFEBOAT_CRASH_PLAN_FADT_H

#include <stdint.h>

#include "lib/format.h"

struct lb_fadt {
	uint16_t pm1a, pm1b; // control registers' ports; 0: none, as on reduced hardware
	uint64_t dsdt; // physical; 0: none
};

// `table` has `bytes`. A wrong checksum, or less than ACPI 1.0's 116 bytes, is an error.
// A 64-bit field counts where the table has it and it is not 0.
int lb_fadt_read(const void *table, uint64_t bytes, struct lb_fadt *ret_fadt, struct lb_error *err);

#endif
