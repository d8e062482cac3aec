// SPDX-License-Identifier: BSD-2-Clause
#include "crash/platform/virtio_pci.h"

#include "crash/platform/pcidev.h"
#include "crash/platform/platform.h"

// A vendor capability says where a group of registers lies.
#define CAP_BAR 4
#define CAP_OFFSET 8
#define CAP_LENGTH 12
#define CAP_NOTIFY_MULTIPLIER 16
#define CAPS_MAX 48 // the most that there is room for: the list may be a loop
#define BAR_COUNT 6 // higher numbers are reserved: such capabilities are ignored

static const char *group_name(enum lb_virtio_group group)
{
	switch (group) {
	case LB_VIRTIO_COMMON:
		return "common";
	case LB_VIRTIO_NOTIFY:
		return "notify";
	case LB_VIRTIO_DEVICE:
		return "device";
	}
	return "unknown";
}

static int read_place(struct lb_pci_address pci, const char *name, uint8_t at,
		      struct lb_virtio_place *ret_place, struct lb_error *err)
{
	uint32_t bar = lb_pcidev_read(pci, at + CAP_BAR) & 0xff;
	uint32_t offset = lb_pcidev_read(pci, at + CAP_OFFSET);
	enum lb_virtio_group group = lb_pcidev_read(pci, at) >> 24;
	uint64_t phys;

	if (lb_pcidev_bar(pci, bar, &phys, err) != 0)
		return -1;
	if (__builtin_add_overflow(phys, offset, &phys))
		return lb_fail(err, "%s: the %s registers at offset 0x%x of BAR %u are at no address", name,
			       group_name(group), offset, bar);
	*ret_place = (struct lb_virtio_place){.phys = phys, .bytes = lb_pcidev_read(pci, at + CAP_LENGTH)};
	if (group == LB_VIRTIO_NOTIFY)
		ret_place->notify_multiplier = lb_pcidev_read(pci, at + CAP_NOTIFY_MULTIPLIER);
	return 0;
}

// A device may have a group at several places, also in I/O space. The first usable place is taken.
int lb_virtio_find(struct lb_pci_address pci, const char *name, enum lb_virtio_group group, uint32_t wanted,
		   struct lb_virtio_place *ret_place, struct lb_error *err)
{
	uint8_t at = lb_pcidev_capability(pci, LB_PCI_CAP_VENDOR, 0);
	struct lb_virtio_place place;
	bool failed = false;

	for (unsigned int i = 0; at && i < CAPS_MAX;
	     i++, at = lb_pcidev_capability(pci, LB_PCI_CAP_VENDOR, at)) {
		if (lb_pcidev_read(pci, at) >> 24 != group ||
		    (lb_pcidev_read(pci, at + CAP_BAR) & 0xff) >= BAR_COUNT)
			continue;
		if (read_place(pci, name, at, &place, failed ? NULL : err) == 0) {
			if (place.bytes >= wanted) {
				*ret_place = place;
				return 0;
			}
			if (!failed)
				lb_fail(err, "%s: the %s registers have %u bytes, wanted %u or more", name,
					group_name(group), place.bytes, wanted);
		}
		failed = true;
	}
	if (failed)
		return -1;
	return lb_fail(err, "%s: no capability for the %s registers: a legacy-only device is not supported",
		       name, group_name(group));
}

bool lb_virtio_reset(volatile struct lb_virtio_common *common, uint64_t milliseconds)
{
	struct lb_deadline deadline = lb_deadline_in(milliseconds);

	common->status = 0;
	while (common->status) {
		if (lb_deadline_passed(deadline))
			return false;
		lb_pause();
	}
	return true;
}

uint64_t lb_virtio_begin(volatile struct lb_virtio_common *common)
{
	uint64_t features = 0;

	common->status = LB_VIRTIO_ACKNOWLEDGE;
	common->status = LB_VIRTIO_ACKNOWLEDGE | LB_VIRTIO_DRIVER;
	for (uint32_t half = 0; half < 2; half++) {
		common->device_feature_select = half;
		features |= (uint64_t)common->device_feature << (32 * half);
	}
	return features;
}

bool lb_virtio_agree(volatile struct lb_virtio_common *common, uint64_t features)
{
	for (uint32_t half = 0; half < 2; half++) {
		common->driver_feature_select = half;
		common->driver_feature = (uint32_t)(features >> (32 * half));
	}
	common->status = LB_VIRTIO_ACKNOWLEDGE | LB_VIRTIO_DRIVER | LB_VIRTIO_FEATURES_OK;
	return common->status & LB_VIRTIO_FEATURES_OK;
}

void lb_virtio_go(volatile struct lb_virtio_common *common)
{
	common->status =
		LB_VIRTIO_ACKNOWLEDGE | LB_VIRTIO_DRIVER | LB_VIRTIO_FEATURES_OK | LB_VIRTIO_DRIVER_OK;
}
