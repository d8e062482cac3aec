// SPDX-License-Identifier: BSD-2-Clause
// The IOMMU that the dead kernel left on would translate, or block, our transfers by its
// tables. Bus mastering is off at every function by now (purgatory/pci.h), so nothing is
// on its way through it. Source: Intel VT-d 3.3, 10.4.
#ifndef LIFEBOAT_CRASH_PLATFORM_IOMMU_H
#define LIFEBOAT_CRASH_PLATFORM_IOMMU_H

#include "lifeboat/capture_config.h"

// Switches off translation, interrupt remapping, queued invalidation and protected memory
// at every unit of capture->iommu[]; says what was on. Before the first disk is opened. A
// unit that does not obey in time is named and left.
void lb_iommu_off(const struct lb_capture_config *capture);

#endif
