// SPDX-License-Identifier: BSD-2-Clause
// --selftest: enters the capture kernel from here, without a first kernel and without a panic.
#ifndef LIFEBOAT_LOADER_SELFTEST_H
#define LIFEBOAT_LOADER_SELFTEST_H

#include "lib/format.h"

// Leaves boot services, which arms the hook, and then resets as a panic does. Returns only while boot
// services are still there: -1 with the reason.
int lb_selftest_enter(struct lb_error *err);

#endif
