// SPDX-License-Identifier: BSD-2-Clause
#include "crash/platform/iommu.h"

#include "crash/platform/platform.h"

static const struct lb_iommu_driver *const drivers[] = {
	[LB_IOMMU_VTD] = &lb_iommu_vtd,
	[LB_IOMMU_AMD] = &lb_iommu_amd,
	[LB_IOMMU_VIRTIO] = &lb_iommu_virtio,
};

// The units that stay on and whose driver has check().
static struct {
	const struct lb_iommu_driver *driver;
	volatile void *registers;
	uint16_t segment;
} on[LB_MAX_IOMMUS];
static uint32_t on_count;

static const struct lb_iommu_driver *driver_of(const struct lb_iommu *iommu)
{
	return iommu->kind < sizeof(drivers) / sizeof(drivers[0]) ? drivers[iommu->kind] : NULL;
}

// Returns true when the unit translated before.
static bool unit_off(const struct lb_iommu *iommu)
{
	const struct lb_iommu_driver *driver = driver_of(iommu);
	volatile void *registers = NULL;
	enum lb_iommu_end end;

	if (driver && driver->bytes)
		registers = lb_device_map(iommu->registers, driver->bytes);
	if (!driver || (driver->bytes && !registers)) {
		lb_say("warning: IOMMU at 0x%lx, of kind %u, cannot be mapped", iommu->registers,
		       iommu->kind);
		return false;
	}
	end = driver->off(iommu, registers);
	if (end == LB_IOMMU_STAYS_ON && driver->check) {
		on[on_count].driver = driver;
		on[on_count].registers = registers;
		on[on_count++].segment = iommu->segment;
	}
	return end != LB_IOMMU_WAS_OFF;
}

uint32_t lb_iommu_off(const struct lb_capture_config *capture)
{
	uint32_t translated = 0;

	on_count = 0;
	for (uint32_t i = 0; i < capture->iommu_count && i < LB_MAX_IOMMUS; i++)
		translated += unit_off(&capture->iommu[i]);
	return translated;
}

int lb_iommu_check(struct lb_pci_address at, const struct lb_physmem *mem, struct lb_error *err)
{
	for (uint32_t i = 0; i < on_count; i++) {
		if (on[i].segment == at.segment && on[i].driver->check(on[i].registers, at, mem, err) != 0)
			return -1;
	}
	return 0;
}
