// SPDX-License-Identifier: BSD-2-Clause
// The IOMMU that the dead kernel left on would translate, or block, our transfers by its
// tables. Bus mastering is off at every function by now (purgatory/pci.h), so nothing is
// on its way through it. A kind of IOMMU is a driver in a file of its own, and a line in iommu.c.
#ifndef LIFEBOAT_CRASH_PLATFORM_IOMMU_H
#define LIFEBOAT_CRASH_PLATFORM_IOMMU_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/format.h"
#include "lifeboat/capture_config.h"
#include "lifeboat/physmem.h"

// A unit's end.
enum lb_iommu_end {
	LB_IOMMU_WAS_OFF, // also: it does not answer, or is left alone
	LB_IOMMU_IS_OFF,
	LB_IOMMU_STAYS_ON,
};

struct lb_iommu_driver {
	char name[12];
	uint32_t bytes; // of registers that it uses; 0: it finds them itself
	// Switches off all that stands between a device and memory, says what was on and what is.
	// Every wait is bounded; a unit that does not obey is named and left.
	enum lb_iommu_end (*off)(const struct lb_iommu *iommu, volatile void *registers);
	// Of a unit that stays on: do transfers of function `at` reach memory untranslated all the same,
	// by the dead kernel's tables? NULL: nobody can say, and it is tried.
	int (*check)(volatile void *registers, struct lb_pci_address at, const struct lb_physmem *mem,
		     struct lb_error *err);
};

extern const struct lb_iommu_driver lb_iommu_amd; // AMD IOMMU 3.05, chapter 3
extern const struct lb_iommu_driver lb_iommu_vtd; // Intel VT-d 4.1, chapter 11
extern const struct lb_iommu_driver lb_iommu_virtio; // Virtual I/O Device 1.2, 5.13

// Switches off every unit of capture->iommu[], before the first disk is opened. How many translated
// until then.
uint32_t lb_iommu_off(const struct lb_capture_config *capture);

// Fails where a unit of `at`'s segment that could not be switched off does not let its transfers pass. `mem`:
// the dead kernel's RAM. After lb_iommu_off().
int lb_iommu_check(struct lb_pci_address at, const struct lb_physmem *mem, struct lb_error *err);

static inline uint8_t lb_iommu_get8(volatile void *registers, uint32_t reg)
{
	return *((volatile uint8_t *)registers + reg);
}

static inline void lb_iommu_put8(volatile void *registers, uint32_t reg, uint8_t value)
{
	*((volatile uint8_t *)registers + reg) = value;
}

static inline uint32_t lb_iommu_get32(volatile void *registers, uint32_t reg)
{
	return *(volatile uint32_t *)((volatile uint8_t *)registers + reg);
}

static inline void lb_iommu_put32(volatile void *registers, uint32_t reg, uint32_t value)
{
	*(volatile uint32_t *)((volatile uint8_t *)registers + reg) = value;
}

static inline uint64_t lb_iommu_get64(volatile void *registers, uint32_t reg)
{
	return *(volatile uint64_t *)((volatile uint8_t *)registers + reg);
}

static inline void lb_iommu_put64(volatile void *registers, uint32_t reg, uint64_t value)
{
	*(volatile uint64_t *)((volatile uint8_t *)registers + reg) = value;
}

#endif
