// SPDX-License-Identifier: BSD-2-Clause
// lifeboatctl update --boot-order.
#ifndef LIFEBOAT_TOOLS_CTL_BOOT_ORDER_H
#define LIFEBOAT_TOOLS_CTL_BOOT_ORDER_H

#include "tools/ctl/options.h"

// Moves the boot entry of a Lifeboat in mode chain to the front again, after grub-install or another
// program has put its own there. Writes at most BootOrder, and no file. Nothing to do is a success. Returns
// the exit status.
int boot_order_command(const struct options *options);

#endif
