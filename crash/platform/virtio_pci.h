// SPDX-License-Identifier: BSD-2-Clause
// A virtio device over PCI, by the modern interface: where its registers are, and what every
// driver begins with. Source: Virtual I/O Device 1.2, 2.1 (status), 2.2 (features), 4.1 (PCI).
#ifndef LIFEBOAT_CRASH_PLATFORM_VIRTIO_PCI_H
#define LIFEBOAT_CRASH_PLATFORM_VIRTIO_PCI_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/format.h"
#include "lifeboat/capture_config.h"

#define LB_VIRTIO_VENDOR 0x1af4

// 2.1
#define LB_VIRTIO_ACKNOWLEDGE 1
#define LB_VIRTIO_DRIVER 2
#define LB_VIRTIO_DRIVER_OK 4
#define LB_VIRTIO_FEATURES_OK 8
#define LB_VIRTIO_NEEDS_RESET 64

#define LB_VIRTIO_FEATURE(bit) (1ULL << (bit))
#define LB_VIRTIO_VERSION_1 LB_VIRTIO_FEATURE(32)
#define LB_VIRTIO_ACCESS_PLATFORM LB_VIRTIO_FEATURE(33)

// 4.1.4.3. 64-bit fields are written as two halves, as 4.1.3.1 wants it.
struct lb_virtio_common {
	uint32_t device_feature_select, device_feature;
	uint32_t driver_feature_select, driver_feature;
	uint16_t config_vector, queue_count;
	uint8_t status, config_generation;
	uint16_t queue_select, queue_size, queue_vector, queue_enable, queue_notify_off;
	uint32_t queue_desc[2], queue_driver[2], queue_device[2];
};
_Static_assert(sizeof(struct lb_virtio_common) == 56, "no padding");

// 4.1.4: which group of registers.
enum lb_virtio_group {
	LB_VIRTIO_COMMON = 1,
	LB_VIRTIO_NOTIFY = 2,
	LB_VIRTIO_DEVICE = 4,
};

struct lb_virtio_place {
	uint64_t phys;
	uint32_t bytes;
	uint32_t notify_multiplier; // of LB_VIRTIO_NOTIFY
};

// Finds that group of function `pci`, called `name`, with at least `wanted` bytes, in memory space: the
// first place of perhaps several. Fails, naming group and function, and what is wrong with the first place.
int lb_virtio_find(struct lb_pci_address pci, const char *name, enum lb_virtio_group group, uint32_t wanted,
		   struct lb_virtio_place *ret_place, struct lb_error *err);

// 4.1.4.3.2: status 0 written, and waited for. False: not within `milliseconds`. After that
// the device has no transfer under way.
bool lb_virtio_reset(volatile struct lb_virtio_common *common, uint64_t milliseconds);

// 3.1.1, steps 2 to 4: a driver is there; what does the device offer?
uint64_t lb_virtio_begin(volatile struct lb_virtio_common *common);
// Steps 4 to 6. False: the device refuses `features`.
bool lb_virtio_agree(volatile struct lb_virtio_common *common, uint64_t features);
// Step 8.
void lb_virtio_go(volatile struct lb_virtio_common *common);

#endif
