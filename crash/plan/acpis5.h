// SPDX-License-Identifier: BSD-2-Clause
// What a DSDT says of power-off: \_S5, the package with the values that the two PM1
// control registers want in SLP_TYP. Found by its bytes: the encoding of a package of
// constants is fixed (ACPI 6.5, 20.2), and running AML is an operating system's work.
#ifndef LIFEBOAT_CRASH_PLAN_ACPIS5_H
#define LIFEBOAT_CRASH_PLAN_ACPIS5_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// `aml` is the table behind its header. False when there is no \_S5 with constants of
// 0 to 7 in it (SLP_TYP has three bits).
bool lb_acpi_s5(const uint8_t *aml, size_t bytes, uint8_t *ret_a, uint8_t *ret_b);

#endif
