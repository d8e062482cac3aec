// SPDX-License-Identifier: BSD-2-Clause
// A virtio device over PCI, by the modern interface: finding its registers, and the first steps of every
// driver.
// Source: Virtual I/O Device 1.2, 2.1 (status), 2.2 (features), 4.1 (PCI).
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

// 4.1.4.3. A 64-bit field is written as two halves (4.1.3.1).
struct lb_virtio_common {
	uint32_t device_feature_select, device_feature;
	uint32_t driver_feature_select, driver_feature;
	uint16_t config_vector, queue_count;
	uint8_t status, config_generation;
	uint16_t queue_select, queue_size, queue_vector, queue_enable, queue_notify_off;
	uint32_t queue_desc[2], queue_driver[2], queue_device[2];
};
_Static_assert(sizeof(struct lb_virtio_common) == 56, "no padding");

// The groups of registers (4.1.4).
enum lb_virtio_group {
	LB_VIRTIO_COMMON = 1,
	LB_VIRTIO_NOTIFY = 2,
	LB_VIRTIO_DEVICE = 4,
};

struct lb_virtio_place {
	uint64_t phys;
	uint32_t bytes;
	uint32_t notify_multiplier; // for LB_VIRTIO_NOTIFY only
};

// Finds the registers `group` of function `pci`, called `name` in messages. The first place in memory space
// with at least `wanted` bytes is used. A failure's message is about the first place.
int lb_virtio_find(struct lb_pci_address pci, const char *name, enum lb_virtio_group group, uint32_t wanted,
		   struct lb_virtio_place *ret_place, struct lb_error *err);

// Writes status 0 and waits until the device shows it (4.1.4.3.2). False: it does not within `milliseconds`.
// After a reset the device has no transfer under way.
bool lb_virtio_reset(volatile struct lb_virtio_common *common, uint64_t milliseconds);

// Tells the device that there is a driver, and returns the features that it offers (3.1.1, steps 2 to 4).
uint64_t lb_virtio_begin(volatile struct lb_virtio_common *common);
// Accepts `features` (steps 4 to 6). False: the device refuses them.
bool lb_virtio_agree(volatile struct lb_virtio_common *common, uint64_t features);
// Sets DRIVER_OK (step 8).
void lb_virtio_go(volatile struct lb_virtio_common *common);

#endif
