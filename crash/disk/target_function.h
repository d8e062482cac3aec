// SPDX-License-Identifier: BSD-2-Clause
// Says, when arming, whether a driver of the capture kernel will accept a PCI function. Reads
// configuration space in the way in which the capture kernel will. Sources: those of the drivers, and
// Virtio 1.2, 4.1.4.
#ifndef LIFEBOAT_CRASH_DISK_TARGET_FUNCTION_H
#define LIFEBOAT_CRASH_DISK_TARGET_FUNCTION_H

#include "crash/bare/pci_config.h"
#include "lib/format.h"
#include "lifeboat/capture_config.h"

// Fails where the driver of target->kind would fail: another function or none answers, the class
// differs, or the registers are not in memory space or have no address. Only reads.
int lb_target_function_check(const struct lb_pci_space *space, const struct lb_target *target,
			     struct lb_error *err);

#endif
