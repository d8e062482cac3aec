// SPDX-License-Identifier: BSD-2-Clause
// A SCSI disk, independent of what carries its commands: how it is identified, how blocks are read and
// written, and what its answers mean. A transport (virtio_scsi.c, pvscsi.c) is below it. The disk that
// it offers is that of disk.h.
//
// A transport carries commands to one logical unit and hands their answers back. It reports only its own
// errors.
// Sources: SAM-5 5.3 (status), SPC-4 4.5 (sense), 6.6 INQUIRY, SBC-3 5 (block commands).
#ifndef LIFEBOAT_CRASH_DISK_SCSI_H
#define LIFEBOAT_CRASH_DISK_SCSI_H

#include <stdbool.h>
#include <stdint.h>

#include "crash/disk/disk.h"
#include "crash/platform/platform.h"

#define LB_SCSI_CDB 16 // bytes; shorter commands have zeroes behind them
#define LB_SCSI_SENSE 18 // bytes of sense data that are read

// SAM-5 5.3.1: the status codes that a transport may have to return itself.
#define LB_SCSI_GOOD 0x00
#define LB_SCSI_CHECK_CONDITION 0x02
#define LB_SCSI_BUSY 0x08

struct lb_scsi_command {
	uint8_t cdb[LB_SCSI_CDB];
	uint8_t cdb_bytes; // 6, 10 or 16
	bool to_device; // which way the data goes
	void *data; // page-aligned; the pointer is the physical address
	uint32_t bytes; // of data; 0: none
};

struct lb_scsi_answer {
	uint32_t tag; // of the command
	uint8_t status; // SAM-5 5.3.1
	uint32_t moved; // bytes of data, at most the command's
	uint32_t sense_bytes; // valid bytes in `sense`, up to LB_SCSI_SENSE
	uint8_t sense[LB_SCSI_SENSE];
};

struct lb_scsi;

// The calls are those of struct lb_disk_driver, with commands in place of requests.
struct lb_scsi_transport {
	char name[12];
	int (*submit)(struct lb_scsi *scsi, uint32_t tag, const struct lb_scsi_command *command,
		      struct lb_error *err);
	// 1: *ret_answer is filled. 0: no answer yet. -1: command ret_answer->tag did not reach the
	// disk, or the whole transport failed if ret_answer->tag is LB_DISK_NO_TAG.
	int (*poll)(struct lb_scsi *scsi, struct lb_scsi_answer *ret_answer, struct lb_error *err);
	int (*reset)(struct lb_scsi *scsi, struct lb_error *err);
	void (*stop)(struct lb_scsi *scsi);
};

struct lb_scsi {
	// Fields that the transport fills before lb_scsi_open().
	const struct lb_scsi_transport *transport;
	void *state; // the transport's
	char name[56]; // "virtio-scsi 0000:00:03.0 target 0 LUN 1"
	uint32_t max_bytes; // of one command's data: 4 KiB to 1 MiB, a multiple of 4 KiB
	uint32_t depth; // commands in flight, 1 to LB_DISK_MAX_DEPTH

	// Fields of scsi.c.
	struct lb_disk_driver driver; // with the transport's name
	uint8_t *page; // for the disk's answers to INQUIRY and the like
	struct {
		struct lb_scsi_command command;
		bool flush;
		uint8_t attentions; // unit attentions that this command has met
	} kept[LB_DISK_MAX_DEPTH]; // by tag, for sending again
	uint32_t in_flight; // a bit for each tag; has the waiting commands, too
	uint32_t again; // the part of in_flight that waits until again_at, and is then sent again
	struct lb_deadline again_at;
	bool declined; // the last answer was ILLEGAL REQUEST: the disk does not know the command
	bool lost; // the disk reported a write as done, and later as failed
	uint32_t block_bytes;
	uint64_t blocks;
};

// Opens the disk behind a transport that is ready for commands: waits until the disk is ready, and
// identifies it. Fails unless it is the disk that `target` describes and can be written. `scsi` must
// stay valid.
int lb_scsi_open(struct lb_scsi *scsi, const struct lb_target *target, struct lb_disk *ret_disk,
		 struct lb_error *err);

#endif
