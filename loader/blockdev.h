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

// Every disk that the firmware drives by now, in its order, in pool memory (free it).
int lb_blockdev_list(struct lb_blockdev **ret_devices, UINTN *ret_count, struct lb_error *err);

// The functions that may be asked for; zero before the first call.
struct lb_controllers {
	EFI_HANDLE *handles; // pool: free it
	UINTN count, next;
};

// Firmware that boots fast drives only what it boots from: makes it drive one more controller that the
// capture kernel has a driver for. It goes on doing so. (Disconnecting is not safe: edk2
// 2022.11 faults in it.) False: there is no other.
bool lb_blockdev_connect_next(struct lb_controllers *controllers);

// Fills kind, pci, pci_id and unit. Fails, saying what controller it is, when the built-in
// capture kernel has no driver for it. `named`: --dump-to names the partition.
int lb_blockdev_locate(const struct lb_blockdev *device, bool named, struct lb_target *target,
		       struct lb_error *err);

// `bytes`, a multiple of the block size, from or to `block`; `data` is page-aligned.
// EFI_TIMEOUT, too, where arming has waited long enough (loader/budget.h).
EFI_STATUS lb_blockdev_read(const struct lb_blockdev *device, uint64_t block, void *data, UINTN bytes);
EFI_STATUS lb_blockdev_write(const struct lb_blockdev *device, uint64_t block, void *data, UINTN bytes);

#endif
