// SPDX-License-Identifier: BSD-2-Clause
// The driver of Intel's IOMMU.
// Source: VT-d 4.1, 11.4 (registers), 6.5.2 (queued invalidation).
#include "crash/platform/iommu.h"
#include "crash/platform/platform.h"

#define GCMD 0x18
#define GSTS 0x1c
#define RTADDR 0x20
#define FSTS 0x34
#define PMEN 0x64
#define IQH 0x80
#define IQT 0x88
#define REGISTERS 0x90 // bytes that are used here

// Bits of GCMD and GSTS.
#define TRANSLATION (1U << 31)
#define QUEUED_INVALIDATION (1U << 26)
#define INTERRUPT_REMAPPING (1U << 25)
// Bits of GCMD that start an action once: set root pointer, fault log, write buffer, interrupt table. Their
// status bits must not be written back as commands (11.4.4).
#define ONE_SHOT (1U << 30 | 1U << 29 | 1U << 27 | 1U << 24)

#define RTADDR_MODE (3U << 10)
#define RTADDR_SCALABLE (1U << 10)

#define QUEUE_OFFSET 0x7fff0U // in IQH and IQT

#define PMEN_ENABLE (1U << 31)
#define PMEN_STATUS (1U << 0)

#define WAIT_MS 100

static bool cleared(volatile void *unit, uint32_t reg, uint32_t bits)
{
	struct lb_deadline deadline = lb_deadline_in(WAIT_MS);

	while (lb_iommu_get32(unit, reg) & bits) {
		if (lb_deadline_passed(deadline))
			return false;
		lb_pause();
	}
	return true;
}

// Clears one bit of GCMD, since the specification allows one change at a time. `gone` are the bits that were
// cleared before. A unit that does not obey may still show them in GSTS.
static bool switch_off(volatile void *unit, uint32_t bit, uint32_t gone)
{
	uint32_t status = lb_iommu_get32(unit, GSTS);

	if (!(status & bit))
		return true;
	lb_iommu_put32(unit, GCMD, status & ~(ONE_SHOT | gone | bit));
	return cleared(unit, GSTS, bit);
}

// Queued invalidation may be switched off only while the queue is empty (6.5.2). A queue that stopped at an
// error never gets empty, and is switched off all the same.
static bool queue_off(volatile void *unit)
{
	struct lb_deadline deadline = lb_deadline_in(WAIT_MS);

	if (!(lb_iommu_get32(unit, GSTS) & QUEUED_INVALIDATION))
		return true;
	while ((lb_iommu_get32(unit, IQH) ^ lb_iommu_get32(unit, IQT)) & QUEUE_OFFSET) {
		if (lb_deadline_passed(deadline)) {
			lb_say("warning: the IOMMU's invalidations do not end, fault status 0x%x",
			       lb_iommu_get32(unit, FSTS));
			break;
		}
		lb_pause();
	}
	return switch_off(unit, QUEUED_INVALIDATION, TRANSLATION | INTERRUPT_REMAPPING);
}

static const char *word(uint32_t bit)
{
	return bit ? "on" : "off";
}

// Translation is switched off first: without it, interrupt remapping and queued invalidation have no use.
static bool all_off(volatile void *unit)
{
	const uint32_t protected = lb_iommu_get32(unit, PMEN);
	bool off = switch_off(unit, TRANSLATION, 0);

	off = switch_off(unit, INTERRUPT_REMAPPING, TRANSLATION) && off;
	off = queue_off(unit) && off;
	if (protected & PMEN_ENABLE) {
		lb_iommu_put32(unit, PMEN, protected & ~PMEN_ENABLE);
		off = cleared(unit, PMEN, PMEN_STATUS) && off;
	}
	return off;
}

static enum lb_iommu_end vtd_off(const struct lb_iommu *iommu, volatile void *unit)
{
	const uint32_t status = lb_iommu_get32(unit, GSTS), protected = lb_iommu_get32(unit, PMEN);
	const bool scalable = (lb_iommu_get32(unit, RTADDR) & RTADDR_MODE) == RTADDR_SCALABLE;
	uint32_t now;
	bool off;

	if (iommu->flags & LB_IOMMU_GRAPHICS) {
		lb_say("IOMMU at 0x%lx (VT-d): the graphics device's own, left as it is", iommu->registers);
		return LB_IOMMU_WAS_OFF;
	}
	if (status == UINT32_MAX) {
		lb_say("warning: IOMMU at 0x%lx does not answer", iommu->registers);
		return LB_IOMMU_WAS_OFF;
	}
	off = all_off(unit);
	now = lb_iommu_get32(unit, GSTS);
	lb_say("IOMMU at 0x%lx (VT-d%s): translation was %s, is %s; interrupt remapping was %s, protected "
	       "memory %s; fault status 0x%x",
	       iommu->registers, scalable ? ", scalable mode" : "", word(status & TRANSLATION),
	       word(now & TRANSLATION), word(status & INTERRUPT_REMAPPING), word(protected & PMEN_ENABLE),
	       lb_iommu_get32(unit, FSTS));
	if (!off)
		lb_say("warning: IOMMU at 0x%lx does not obey, status 0x%x", iommu->registers, now);
	if (now & TRANSLATION)
		return LB_IOMMU_STAYS_ON;
	return status & TRANSLATION ? LB_IOMMU_IS_OFF : LB_IOMMU_WAS_OFF;
}

const struct lb_iommu_driver lb_iommu_vtd = {.name = "VT-d", .bytes = REGISTERS, .off = vtd_off};
