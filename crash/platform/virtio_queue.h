// SPDX-License-Identifier: BSD-2-Clause
// One split queue of a virtio device, polled: the device is told not to interrupt. The driver gives every
// request a fixed run of descriptors, so nothing is allocated. The driver recognizes a completion of any
// other descriptor by its number.
// Source: Virtual I/O Device 1.2, 2.7 (split queues), 4.1.5.1.3 (their registers).
#ifndef LIFEBOAT_CRASH_PLATFORM_VIRTIO_QUEUE_H
#define LIFEBOAT_CRASH_PLATFORM_VIRTIO_QUEUE_H

#include <stdint.h>

#include "crash/platform/virtio_pci.h"
#include "lib/format.h"
#include "lifeboat/range.h"

#define LB_VIRTIO_QUEUE_MAX 128 // descriptors

#define LB_VIRTIO_NEXT 1 // the next descriptor belongs to the same run
#define LB_VIRTIO_DEVICE_WRITES 2

struct lb_virtio_descriptor {
	uint64_t address;
	uint32_t bytes;
	uint16_t flags, next;
};

struct lb_virtio_available {
	uint16_t flags, index, ring[LB_VIRTIO_QUEUE_MAX], used_event;
};

struct lb_virtio_used {
	uint16_t flags, index;
	struct {
		uint32_t id, bytes;
	} ring[LB_VIRTIO_QUEUE_MAX];
	uint16_t avail_event;
};

// A queue. It lies at the beginning of a page of lb_heap_pages().
struct lb_virtio_queue {
	struct lb_virtio_descriptor descriptors[LB_VIRTIO_QUEUE_MAX];
	volatile struct lb_virtio_available available;
	volatile struct lb_virtio_used used __attribute__((aligned(LB_PAGE)));

	// The driver sets these before lb_virtio_queue_start().
	const char *name; // the device's, for messages
	volatile struct lb_virtio_common *common;
	struct lb_virtio_place doorbells; // the notify registers
	uint16_t number;

	uint32_t size; // power of two
	volatile uint16_t *doorbell;
	uint16_t used_seen;
};

// Sets `size` to what the device has room for: a power of two, up to LB_VIRTIO_QUEUE_MAX; 0: there is no such
// queue. Fails when the queue is enabled, which it never is after a reset.
int lb_virtio_queue_measure(struct lb_virtio_queue *queue, struct lb_error *err);

// Empties the queue and enables it. Called after each reset.
int lb_virtio_queue_start(struct lb_virtio_queue *queue, struct lb_error *err);

// Makes descriptor `at` describe `bytes` at `data`. With LB_VIRTIO_NEXT in `flags`, descriptor `at` + 1
// follows.
void lb_virtio_queue_describe(struct lb_virtio_queue *queue, uint32_t at, const volatile void *data,
			      uint32_t bytes, uint16_t flags);
// Gives the device the run that begins with descriptor `head`, and notifies it unless it needs no
// notification.
void lb_virtio_queue_give(struct lb_virtio_queue *queue, uint32_t head);

// Polls once. Returns 1 when a run is done; *ret_head is its first descriptor, as the device claims. Returns
// 0 when none is done, -1 when the device counts more than `most` runs as done.
int lb_virtio_queue_take(struct lb_virtio_queue *queue, uint32_t most, uint32_t *ret_head,
			 struct lb_error *err);

#endif
