// SPDX-License-Identifier: BSD-2-Clause
#include "crash/platform/iommu.h"

#include "crash/platform/platform.h"

#define REGISTERS 0x80 // bytes of them that are used here
#define GCMD 0x18
#define GSTS 0x1c
#define FSTS 0x34
#define PMEN 0x64

// Bits of GCMD and GSTS.
#define TRANSLATION (1U << 31)
#define QUEUED_INVALIDATION (1U << 26)
#define INTERRUPT_REMAPPING (1U << 25)
// What GCMD writes once only (set root pointer, fault log, write buffer, interrupt table):
// their status bits must not be written back as commands (10.4.4).
#define ONE_SHOT (1U << 30 | 1U << 29 | 1U << 27 | 1U << 24)

#define PMEN_ENABLE (1U << 31)
#define PMEN_STATUS (1U << 0)

#define WAIT_MS 100

static uint32_t get(volatile uint32_t *unit, uint32_t reg)
{
	return unit[reg / sizeof(*unit)];
}

static void put(volatile uint32_t *unit, uint32_t reg, uint32_t value)
{
	unit[reg / sizeof(*unit)] = value;
}

static bool cleared(volatile uint32_t *unit, uint32_t reg, uint32_t bits)
{
	struct lb_deadline deadline = lb_deadline_in(WAIT_MS);

	while (get(unit, reg) & bits) {
		if (lb_deadline_passed(deadline))
			return false;
		lb_pause();
	}
	return true;
}

// One of GCMD's switches at a time, as the specification wants.
static bool switch_off(volatile uint32_t *unit, uint32_t bit)
{
	uint32_t status = get(unit, GSTS);

	if (!(status & bit))
		return true;
	put(unit, GCMD, status & ~ONE_SHOT & ~bit);
	return cleared(unit, GSTS, bit);
}

static void unit_off(uint64_t phys, volatile uint32_t *unit)
{
	uint32_t status = get(unit, GSTS), protected = get(unit, PMEN);
	bool off;

	if (status == UINT32_MAX) {
		lb_say("warning: IOMMU at 0x%lx does not answer", phys);
		return;
	}
	// Translation first: remapped interrupts and queued commands are of no use without it.
	off = switch_off(unit, TRANSLATION);
	off = switch_off(unit, INTERRUPT_REMAPPING) && off;
	off = switch_off(unit, QUEUED_INVALIDATION) && off;
	if (protected & PMEN_ENABLE) {
		put(unit, PMEN, protected & ~PMEN_ENABLE);
		off = cleared(unit, PMEN, PMEN_STATUS) && off;
	}
	lb_say("IOMMU at 0x%lx: translation was %s, interrupt remapping %s, protected memory %s; "
	       "fault status 0x%x",
	       phys, status & TRANSLATION ? "on" : "off", status & INTERRUPT_REMAPPING ? "on" : "off",
	       protected & PMEN_ENABLE ? "on" : "off", get(unit, FSTS));
	if (!off)
		lb_say("warning: IOMMU at 0x%lx does not obey, status 0x%x", phys, get(unit, GSTS));
}

void lb_iommu_off(const struct lb_capture_config *capture)
{
	for (uint32_t i = 0; i < capture->iommu_count && i < LB_MAX_IOMMUS; i++) {
		volatile uint32_t *unit = lb_device_map(capture->iommu[i], REGISTERS);

		if (unit)
			unit_off(capture->iommu[i], unit);
		else
			lb_say("warning: IOMMU at 0x%lx cannot be mapped", capture->iommu[i]);
	}
}
