// SPDX-License-Identifier: BSD-2-Clause
// The machine's whole disks as the firmware drives them, and where their controllers are.
#ifndef LIFEBOAT_LOADER_BLOCKDEV_H
#define LIFEBOAT_LOADER_BLOCKDEV_H

#include <stdbool.h>

#include "lib/format.h"
#include "lifeboat/capture_config.h"
#include "loader/firmware.h"

struct lb_blockdev {
	EFI_HANDLE handle;
	EFI_BLOCK_IO *io; // a medium is present
};

// Lists every disk that the firmware drives by now, in its order, in pool memory (free it).
int lb_blockdev_list(struct lb_blockdev **ret_devices, UINTN *ret_count, struct lb_error *err);

// The PCI functions that may still be connected; zero before the first call.
struct lb_controllers {
	EFI_HANDLE *handles; // pool: free it
	UINTN count, next;
};

// Firmware that boots fast drives only the disk that it boots from. This makes it drive one more controller
// that the capture kernel has a driver for. The controller stays connected: edk2 2022.11 faults when one is
// disconnected. False: no other controller is left.
bool lb_blockdev_connect_next(struct lb_controllers *controllers);

// Fills kind, pci, pci_id and unit. Fails, saying what controller it is, when the built-in
// capture kernel has no driver for it. `named`: --dump-to names the partition.
int lb_blockdev_locate(const struct lb_blockdev *device, bool named, struct lb_target *target,
		       struct lb_error *err);

// Reads or writes `bytes`, a multiple of the block size, at `block`; `data` is page-aligned. Returns
// EFI_TIMEOUT also where arming has waited long enough (loader/budget.h).
EFI_STATUS lb_blockdev_read(const struct lb_blockdev *device, uint64_t block, void *data, UINTN bytes);
EFI_STATUS lb_blockdev_write(const struct lb_blockdev *device, uint64_t block, void *data, UINTN bytes);

#endif
