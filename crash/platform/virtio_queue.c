// SPDX-License-Identifier: BSD-2-Clause
#include "crash/platform/virtio_queue.h"

#include "crash/platform/platform.h"
#include "lib/mem.h"

#define AVAIL_NO_INTERRUPT 1
#define USED_NO_NOTIFY 1

int lb_virtio_queue_measure(struct lb_virtio_queue *queue, struct lb_error *err)
{
	uint32_t size;

	queue->common->queue_select = queue->number;
	size = queue->common->queue_size;
	if (queue->common->queue_enable)
		return lb_fail(err, "%s: queue %u is still enabled after a reset", queue->name,
			       queue->number);
	for (queue->size = LB_VIRTIO_QUEUE_MAX; queue->size > size;)
		queue->size /= 2;
	return 0;
}

static void write_address(volatile uint32_t *field, const volatile void *at)
{
	field[0] = (uint32_t)(uintptr_t)at;
	field[1] = (uint32_t)((uintptr_t)at >> 32);
}

static int map_doorbell(struct lb_virtio_queue *queue, struct lb_error *err)
{
	uint64_t offset = (uint64_t)queue->common->queue_notify_off * queue->doorbells.notify_multiplier;

	if (offset + sizeof(*queue->doorbell) > queue->doorbells.bytes)
		return lb_fail(err, "%s: queue %u's notify register is at 0x%lx of 0x%x bytes", queue->name,
			       queue->number, offset, queue->doorbells.bytes);
	if (!queue->doorbell) // the address is the same after every reset
		queue->doorbell = lb_device_map(queue->doorbells.phys + offset, sizeof(*queue->doorbell));
	if (!queue->doorbell)
		return lb_fail(err, "%s: notify register at 0x%lx cannot be mapped", queue->name,
			       queue->doorbells.phys + offset);
	return 0;
}

int lb_virtio_queue_start(struct lb_virtio_queue *queue, struct lb_error *err)
{
	volatile struct lb_virtio_common *common = queue->common;

	memset(queue->descriptors, 0, sizeof(queue->descriptors));
	memset((void *)(uintptr_t)&queue->available, 0, sizeof(queue->available));
	memset((void *)(uintptr_t)&queue->used, 0, sizeof(queue->used));
	queue->available.flags = AVAIL_NO_INTERRUPT;
	queue->used_seen = 0;

	common->queue_select = queue->number;
	if (common->queue_size < queue->size)
		return lb_fail(err, "%s: queue %u has room for %u, it had for %u", queue->name, queue->number,
			       common->queue_size, queue->size);
	common->queue_size = (uint16_t)queue->size;
	write_address(common->queue_desc, queue->descriptors);
	write_address(common->queue_driver, &queue->available);
	write_address(common->queue_device, &queue->used);
	if (map_doorbell(queue, err) != 0)
		return -1;
	common->queue_enable = 1;
	return 0;
}

void lb_virtio_queue_describe(struct lb_virtio_queue *queue, uint32_t at, const volatile void *data,
			      uint32_t bytes, uint16_t flags)
{
	queue->descriptors[at] = (struct lb_virtio_descriptor){
		.address = (uintptr_t)data,
		.bytes = bytes,
		.flags = flags,
		.next = flags & LB_VIRTIO_NEXT ? (uint16_t)(at + 1) : 0,
	};
}

// The order is descriptors, ring entry, index (2.7.13). When they are visible, the device's flag is read that
// says whether to notify it.
void lb_virtio_queue_give(struct lb_virtio_queue *queue, uint32_t head)
{
	uint16_t index = queue->available.index;

	queue->available.ring[index & (queue->size - 1)] = (uint16_t)head;
	__atomic_thread_fence(__ATOMIC_RELEASE);
	queue->available.index = (uint16_t)(index + 1);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!(queue->used.flags & USED_NO_NOTIFY))
		*queue->doorbell = queue->number;
}

int lb_virtio_queue_take(struct lb_virtio_queue *queue, uint32_t most, uint32_t *ret_head,
			 struct lb_error *err)
{
	uint16_t index = queue->used.index;

	if (index == queue->used_seen)
		return 0;
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	if ((uint16_t)(index - queue->used_seen) > most)
		return lb_fail(err, "%s: used index went from %u to %u with %u requests at most", queue->name,
			       queue->used_seen, index, most);
	*ret_head = queue->used.ring[queue->used_seen & (queue->size - 1)].id;
	queue->used_seen++;
	return 1;
}
