// SPDX-License-Identifier: BSD-2-Clause
// A disk as the capture kernel uses it: polled, without interrupts, with several requests in flight. The
// drivers are nvme.c, virtio_blk.c, ahci.c, virtio_scsi.c and pvscsi.c; the last two are transports of
// scsi.c. partition.c, above the drivers, retries and gives up. A driver waits at most
// LB_DISK_TIMEOUT_MS. Where the hardware announces a longer start the driver waits longer, but within a
// limit, and says so on the console. A driver checks every value that it reads from a register or a
// completion.
#ifndef LIFEBOAT_CRASH_DISK_DISK_H
#define LIFEBOAT_CRASH_DISK_DISK_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/format.h"
#include "lifeboat/capture_config.h"

#define LB_DISK_TIMEOUT_MS 10000 // for a request, and for a controller to become ready
#define LB_DISK_MAX_DEPTH 32

enum lb_disk_op { LB_DISK_READ = 0, LB_DISK_WRITE = 1, LB_DISK_FLUSH = 2 };

// One request; partition.c has checked it. A FLUSH has only a tag, and covers the requests completed
// before it.
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
	// Starts the request. The driver does not keep `request`. -1: the request was not started.
	int (*submit)(struct lb_disk *disk, const struct lb_disk_request *request, struct lb_error *err);
	// Looks once for a completion. 1: request *ret_tag is done. 0: none is done. -1: request
	// *ret_tag failed, or the whole controller did if *ret_tag is LB_DISK_NO_TAG. `err` says how.
	int (*poll)(struct lb_disk *disk, uint32_t *ret_tag, struct lb_error *err);
	// Makes the disk take requests again, whatever its state. All requests in flight are forgotten,
	// and none of them transfers data once reset() has returned.
	int (*reset)(struct lb_disk *disk, struct lb_error *err);
	// Stops the disk: it transfers no data from now on.
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
	char model[48]; // from the disk's own description; may be empty
};

// Opens the disk of `target`, in whatever state the dead kernel left it: resets the controller, enables
// the PCI function, sets the queues up. Fails when the disk is not the one that the target describes
// (target_check.h). Memory comes from lb_heap_pages() and is never freed; each function may be called
// once per target.
int lb_nvme_open(const struct lb_target *target, struct lb_disk *ret_disk, struct lb_error *err);
int lb_virtio_blk_open(const struct lb_target *target, struct lb_disk *ret_disk, struct lb_error *err);
int lb_ahci_open(const struct lb_target *target, struct lb_disk *ret_disk, struct lb_error *err);
int lb_virtio_scsi_open(const struct lb_target *target, struct lb_disk *ret_disk, struct lb_error *err);
int lb_pvscsi_open(const struct lb_target *target, struct lb_disk *ret_disk, struct lb_error *err);

// disk.c: calls the open function for target->kind.
int lb_disk_open(const struct lb_target *target, struct lb_disk *ret_disk, struct lb_error *err);

#endif
