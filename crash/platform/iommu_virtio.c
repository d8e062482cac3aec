// SPDX-License-Identifier: BSD-2-Clause
// The driver of virtio-iommu, the IOMMU of virtual machines. A reset takes every device out of its domain.
// The field `bypass` says whether devices without a domain reach memory. A reset does not change `bypass`.
// Source: Virtual I/O Device 1.2, 5.13.
#include "crash/platform/iommu.h"
#include "crash/platform/pcidev.h"
#include "crash/platform/platform.h"
#include "crash/platform/virtio_pci.h"

#define ID (0x1057U << 16 | LB_VIRTIO_VENDOR)
#define F_BYPASS LB_VIRTIO_FEATURE(3) // once accepted, devices without a domain reach memory
#define F_BYPASS_CONFIG LB_VIRTIO_FEATURE(6) // the field `bypass` decides that
#define RESET_MS 1000

// 5.13.4
#define BYPASS 36 // one byte
#define CONFIG_BYTES 40

static int map(struct lb_pci_address pci, const char *name, volatile struct lb_virtio_common **ret_common,
	       volatile void **ret_config, struct lb_error *err)
{
	struct lb_virtio_place common, config;

	if (lb_pcidev_read(pci, LB_PCI_ID) != ID)
		return lb_fail(err, "%s: its ID is 0x%x, wanted 0x%x", name, lb_pcidev_read(pci, LB_PCI_ID),
			       ID);
	if (lb_virtio_find(pci, name, LB_VIRTIO_COMMON, sizeof(**ret_common), &common, err) != 0 ||
	    lb_virtio_find(pci, name, LB_VIRTIO_DEVICE, CONFIG_BYTES, &config, err) != 0)
		return -1;
	lb_pcidev_enable(pci, false); // no bus mastering: the driver gives it no queue to read
	*ret_common = lb_device_map(common.phys, sizeof(**ret_common));
	*ret_config = lb_device_map(config.phys, CONFIG_BYTES);
	if (!*ret_common || !*ret_config)
		return lb_fail(err, "%s: registers at 0x%lx and 0x%lx cannot be mapped", name, common.phys,
			       config.phys);
	return 0;
}

// Accepts the features that let devices without a domain reach memory, and sets `bypass`.
static int pass_all(const char *name, volatile struct lb_virtio_common *common, volatile void *config,
		    struct lb_error *err)
{
	uint64_t features;

	if (!lb_virtio_reset(common, RESET_MS))
		return lb_fail(err, "%s: device status is 0x%x %u ms after a reset, wanted 0", name,
			       common->status, RESET_MS);
	features = lb_virtio_begin(common) & (LB_VIRTIO_VERSION_1 | F_BYPASS | F_BYPASS_CONFIG);
	if (!(features & F_BYPASS) && !(features & F_BYPASS_CONFIG))
		return lb_fail(err, "%s: it cannot let devices without a domain pass", name);
	if (features & F_BYPASS_CONFIG)
		features &= ~F_BYPASS; // F_BYPASS_CONFIG replaces it
	if (!lb_virtio_agree(common, features))
		return lb_fail(err, "%s: refuses features 0x%lx, all of which it offered", name, features);
	lb_virtio_go(common);
	if (!(features & F_BYPASS_CONFIG))
		return 0;
	lb_iommu_put8(config, BYPASS, 1);
	if (lb_iommu_get8(config, BYPASS) != 1)
		return lb_fail(err, "%s: bypass is %u after 1 was written", name,
			       lb_iommu_get8(config, BYPASS));
	return 0;
}

static enum lb_iommu_end virtio_off(const struct lb_iommu *iommu, volatile void *registers)
{
	const uint16_t function = (uint16_t)iommu->registers;
	const struct lb_pci_address pci = {.segment = iommu->segment,
					   .bus = (uint8_t)(function >> 8),
					   .device = function >> 3 & 31,
					   .function = function & 7};
	volatile struct lb_virtio_common *common = NULL;
	volatile void *config = NULL;
	struct lb_error err;
	char name[16];
	bool was_on;

	(void)registers;
	lb_pcidev_name(pci, name);
	if (map(pci, name, &common, &config, &err) != 0) {
		lb_say("warning: virtio-iommu %s", err.text);
		return LB_IOMMU_WAS_OFF;
	}
	was_on = common->status & LB_VIRTIO_FEATURES_OK; // QEMU clears DRIVER_OK with bus mastering
	if (pass_all(name, common, config, &err) != 0) {
		lb_say("warning: virtio-iommu %s", err.text);
		return was_on ? LB_IOMMU_STAYS_ON : LB_IOMMU_WAS_OFF;
	}
	lb_say("IOMMU %s (virtio): translation was %s, is off", name, was_on ? "on" : "off");
	return was_on ? LB_IOMMU_IS_OFF : LB_IOMMU_WAS_OFF;
}

const struct lb_iommu_driver lb_iommu_virtio = {.name = "virtio", .off = virtio_off};
