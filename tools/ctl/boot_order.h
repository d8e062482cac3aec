// SPDX-License-Identifier: BSD-2-Clause
// lifeboatctl update --boot-order.
#ifndef LIFEBOAT_TOOLS_CTL_BOOT_ORDER_H
#define LIFEBOAT_TOOLS_CTL_BOOT_ORDER_H

#include "tools/ctl/options.h"

// Puts the boot entry of a Lifeboat in mode chain to the front again, where grub-install or another has put
// its own. Writes BootOrder at most, and no file. Nothing to do is success. Exit status.
int boot_order_command(const struct options *options);

#endif
