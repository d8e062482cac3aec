// SPDX-License-Identifier: BSD-2-Clause
// Switches off the IOMMUs that the dead kernel left on. An IOMMU that stays on translates or blocks the
// disk's transfers by the dead kernel's tables. Bus mastering is off at every function by now
// (purgatory/pci.h), so no transfer is under way. Each kind of IOMMU has a driver in a file of its own,
// listed in iommu.c.
#ifndef LIFEBOAT_CRASH_PLATFORM_IOMMU_H
#define LIFEBOAT_CRASH_PLATFORM_IOMMU_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/format.h"
#include "lifeboat/capture_config.h"
#include "lifeboat/physmem.h"

// The state of a unit after off().
enum lb_iommu_end {
	LB_IOMMU_WAS_OFF, // or it does not answer, or is left alone
	LB_IOMMU_IS_OFF,
	LB_IOMMU_STAYS_ON,
};

struct lb_iommu_driver {
	char name[12];
	uint32_t bytes; // of registers to map; 0: the driver finds its registers itself
	// Switches off everything between devices and memory, and prints the state before and after. Every
	// wait is bounded. A unit that does not obey is named in a warning and left as it is.
	enum lb_iommu_end (*off)(const struct lb_iommu *iommu, volatile void *registers);
	// For a unit that stays on. Fails when the dead kernel's tables do not let transfers of function `at`
	// reach memory untranslated. NULL: the driver cannot tell, and the transfer is tried.
	int (*check)(volatile void *registers, struct lb_pci_address at, const struct lb_physmem *mem,
		     struct lb_error *err);
};

extern const struct lb_iommu_driver lb_iommu_amd; // AMD IOMMU 3.05, chapter 3
extern const struct lb_iommu_driver lb_iommu_vtd; // Intel VT-d 4.1, chapter 11
extern const struct lb_iommu_driver lb_iommu_virtio; // Virtual I/O Device 1.2, 5.13

// Switches off every unit of capture->iommu[]. Called before the first disk is opened. Returns how many units
// translated before.
uint32_t lb_iommu_off(const struct lb_capture_config *capture);

// Fails where a unit of `at`'s segment stays on and does not let `at`'s transfers pass. `mem` is the dead
// kernel's RAM. Called after lb_iommu_off().
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
