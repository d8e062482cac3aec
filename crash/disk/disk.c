// SPDX-License-Identifier: BSD-2-Clause
#include "crash/disk/disk.h"

#include "crash/platform/pcidev.h"

int lb_disk_open(const struct lb_target *target, struct lb_disk *ret_disk, struct lb_error *err)
{
	struct lb_error why;

	if (lb_pcidev_wake_above(target, &why) != 0)
		return lb_fail(err, "target %.63s: %s", target->name, why.text);
	switch (target->kind) {
	case LB_TARGET_NVME:
		return lb_nvme_open(target, ret_disk, err);
	case LB_TARGET_VIRTIO_BLK:
		return lb_virtio_blk_open(target, ret_disk, err);
	case LB_TARGET_AHCI:
		return lb_ahci_open(target, ret_disk, err);
	case LB_TARGET_VIRTIO_SCSI:
		return lb_virtio_scsi_open(target, ret_disk, err);
	case LB_TARGET_PVSCSI:
		return lb_pvscsi_open(target, ret_disk, err);
	}
	return lb_fail(err, "target %.63s: kind is %u, no disk that is known here", target->name,
		       target->kind);
}
