// SPDX-License-Identifier: BSD-2-Clause
// A disk as the capture kernel uses it: polled, several requests in flight, no
// interrupts. The drivers are nvme.c, virtio_blk.c, ahci.c, and, with scsi.c above
// them, virtio_scsi.c and pvscsi.c; what retries, and gives up,
// is above them, in partition.c. A driver never waits longer than LB_DISK_TIMEOUT_MS, but where the
// hardware says that it may be slow to become ready: that is told on the console, and bounded, too.
// It takes nothing from a register or a completion for granted.
#ifndef LIFEBOAT_CRASH_DISK_DISK_H
#define LIFEBOAT_CRASH_DISK_DISK_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/format.h"
#include "lifeboat/capture_config.h"

#define LB_DISK_TIMEOUT_MS 10000 // for a request, and for a controller to become ready
#define LB_DISK_MAX_DEPTH 32

enum lb_disk_op { LB_DISK_READ = 0, LB_DISK_WRITE = 1, LB_DISK_FLUSH = 2 };

// One request, as partition.c has checked it. A FLUSH has a tag and nothing else; it covers what was
// completed before.
struct lb_disk_request {
	enum lb_disk_op op;
	uint32_t tag; // below disk->depth, not in flight
	uint64_t block; // from the disk's beginning, below disk->blocks
	void *buffer; // page-aligned; the pointer is the physical address
	uint32_t bytes; // a multiple of block_bytes, 1 to disk->max_bytes
};

struct lb_disk;

struct lb_disk_driver {
	char name[12];
	// Starts the request, which the driver does not keep. -1: it was not begun.
	int (*submit)(struct lb_disk *disk, const struct lb_disk_request *request, struct lb_error *err);
	// Looks once. 1: request *ret_tag is done; 0: none is; -1: request *ret_tag failed, or,
	// *ret_tag being LB_DISK_NO_TAG, the controller as a whole. err says how.
	int (*poll)(struct lb_disk *disk, uint32_t *ret_tag, struct lb_error *err);
	// Brings the disk from whatever state back to one that takes requests. All in flight is forgotten,
	// and no transfer of theirs happens any more once this returns.
	int (*reset)(struct lb_disk *disk, struct lb_error *err);
	// The end: no transfer happens any more.
	void (*stop)(struct lb_disk *disk);
};
#define LB_DISK_NO_TAG UINT32_MAX

struct lb_disk {
	const struct lb_disk_driver *driver;
	void *state; // the driver's
	struct lb_pci_address pci;
	uint32_t block_bytes; // 512 or 4096
	uint64_t blocks;
	uint32_t max_bytes; // of one request: 4 KiB to 1 MiB, a multiple of 4 KiB
	uint32_t depth; // requests in flight, 1 to LB_DISK_MAX_DEPTH
	char model[48]; // what it calls itself; may be empty
};

// Opens the disk of `target`, in whatever state the dead kernel left it: resets the
// controller, enables the function, brings queues up. Fails when it is not the disk that
// the target describes (target_check.h). Memory comes
// from lb_heap_pages() and is not given back; each may be called once per target.
int lb_nvme_open(const struct lb_target *target, struct lb_disk *ret_disk, struct lb_error *err);
int lb_virtio_blk_open(const struct lb_target *target, struct lb_disk *ret_disk, struct lb_error *err);
int lb_ahci_open(const struct lb_target *target, struct lb_disk *ret_disk, struct lb_error *err);
int lb_virtio_scsi_open(const struct lb_target *target, struct lb_disk *ret_disk, struct lb_error *err);
int lb_pvscsi_open(const struct lb_target *target, struct lb_disk *ret_disk, struct lb_error *err);

// disk.c: the one of them that target->kind says.
int lb_disk_open(const struct lb_target *target, struct lb_disk *ret_disk, struct lb_error *err);

#endif
