// SPDX-License-Identifier: BSD-2-Clause
// Where the HPET's registers are. Source: IA-PC HPET 1.0a, 3.2.4 (its ACPI table).
#ifndef LIFEBOAT_CRASH_PLAN_HPET_H
#define LIFEBOAT_CRASH_PLAN_HPET_H

#include <stdint.h>

#include "lib/format.h"

// `table` has `bytes`. The registers' physical address; 0 for none in memory. A wrong
// length or checksum is an error.
int lb_hpet_read(const void *table, uint64_t bytes, uint64_t *ret_phys, struct lb_error *err);

#endif
