// SPDX-License-Identifier: BSD-2-Clause
// What a DSDT says of power-off: \_S5, the package with the values that the two PM1
// control registers want in SLP_TYP. Found by its bytes: the encoding of a package of
// constants is fixed (ACPI 6.5, 20.2), and running AML is an operating system's work.
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
