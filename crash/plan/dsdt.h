// SPDX-License-Identifier: BSD-2-Clause
// Reads what a DSDT says of power-off: \_S5, the package with the SLP_TYP values for the two PM1 control
// registers. AML is not run. The package is found by its bytes, because a package of constants has a fixed
// encoding (ACPI 6.5, 20.2).
#ifndef LIFEBOAT_CRASH_PLAN_DSDT_H
#define LIFEBOAT_CRASH_PLAN_DSDT_H

#include <stdint.h>

#include "lib/format.h"

struct lb_dsdt {
	uint8_t s5a, s5b; // 0 to 7, for PM1a and PM1b
};

// `table` has `bytes`. A wrong length or checksum is an error, and so is a table without
// \_S5 or with other than constants of 0 to 7 in it (SLP_TYP has three bits).
int lb_dsdt_read(const void *table, uint64_t bytes, struct lb_dsdt *ret_dsdt, struct lb_error *err);

#endif
