// SPDX-License-Identifier: BSD-2-Clause
// The firmware's frame buffer, for a second kernel that boots without EFI.
#ifndef LIFEBOAT_LOADER_SCREEN_H
#define LIFEBOAT_LOADER_SCREEN_H

#include <linux/screen_info.h>
#include <stdbool.h>

// False when there is none that a kernel could use.
bool lb_screen_read(struct screen_info *screen);

#endif
