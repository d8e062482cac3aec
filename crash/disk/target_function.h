// SPDX-License-Identifier: BSD-2-Clause
// Will a driver of the capture kernel accept this function? Asked when arming, of configuration space as the
// capture kernel will reach it. Sources: those of the drivers, and Virtio 1.2, 4.1.4.
#ifndef LIFEBOAT_CRASH_DISK_TARGET_FUNCTION_H
#define LIFEBOAT_CRASH_DISK_TARGET_FUNCTION_H

#include "crash/bare/pci_config.h"
#include "lib/format.h"
#include "lifeboat/capture_config.h"

// Fails where the driver of target->kind would: another function answers, or none; its class; registers that
// are not in memory space, or have no address. Reads only.
int lb_target_function_check(const struct lb_pci_space *space, const struct lb_target *target,
			     struct lb_error *err);

#endif
