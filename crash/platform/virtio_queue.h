// SPDX-License-Identifier: BSD-2-Clause
// One split queue of a virtio device, polled: the device is told that it need not interrupt.
// The driver gives every request a fixed run of descriptors. So nothing has to be allocated, and
// a completion that names any other descriptor is found out by its number.
// Source: Virtual I/O Device 1.2, 2.7 (split queues), 4.1.5.1.3 (their registers).
#ifndef LIFEBOAT_CRASH_PLATFORM_VIRTIO_QUEUE_H
#define LIFEBOAT_CRASH_PLATFORM_VIRTIO_QUEUE_H

#include <stdint.h>

#include "crash/platform/virtio_pci.h"
#include "lib/format.h"
#include "lifeboat/range.h"

#define LB_VIRTIO_QUEUE_MAX 128 // descriptors

#define LB_VIRTIO_NEXT 1 // the run goes on with the next descriptor
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

// A queue in memory of lb_heap_pages(), at its page's beginning.
struct lb_virtio_queue {
	struct lb_virtio_descriptor descriptors[LB_VIRTIO_QUEUE_MAX];
	volatile struct lb_virtio_available available;
	volatile struct lb_virtio_used used __attribute__((aligned(LB_PAGE)));

	// The driver's, before lb_virtio_queue_start().
	const char *name; // of the device, for messages
	volatile struct lb_virtio_common *common;
	struct lb_virtio_place doorbells; // the notify registers
	uint16_t number;

	uint32_t size; // power of two
	volatile uint16_t *doorbell;
	uint16_t used_seen;
};

// Sets `size`: what the device has room for, a power of two, up to LB_VIRTIO_QUEUE_MAX; 0: there is no
// such queue. Fails when the queue is enabled, which after a reset it is not.
int lb_virtio_queue_measure(struct lb_virtio_queue *queue, struct lb_error *err);

// Empties the queue and enables it, after each reset.
int lb_virtio_queue_start(struct lb_virtio_queue *queue, struct lb_error *err);

// Descriptor `at`: `bytes` at `data`; with LB_VIRTIO_NEXT in `flags`, `at` + 1 comes after it.
void lb_virtio_queue_describe(struct lb_virtio_queue *queue, uint32_t at, const volatile void *data,
			      uint32_t bytes, uint16_t flags);
// Gives the device the run that begins with `head`, and tells it unless it need not be told.
void lb_virtio_queue_give(struct lb_virtio_queue *queue, uint32_t head);

// Looks once. 1: the device is done with the run that begins with *ret_head, if it tells the truth;
// 0: with none; -1: it counts more than `most` runs as done.
int lb_virtio_queue_take(struct lb_virtio_queue *queue, uint32_t most, uint32_t *ret_head,
			 struct lb_error *err);

#endif
