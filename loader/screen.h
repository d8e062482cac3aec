// SPDX-License-Identifier: BSD-2-Clause
// The firmware's frame buffer, for a second kernel that boots without EFI, and for the capture kernel.
#ifndef LIFEBOAT_LOADER_SCREEN_H
#define LIFEBOAT_LOADER_SCREEN_H

#include <linux/screen_info.h>
#include <stdbool.h>

#include "lib/format.h"
#include "lifeboat/capture_config.h"

// Returns false when a kernel could use none.
bool lb_screen_read(struct screen_info *screen);

// Finds the frame buffer that the capture kernel may draw on: linear, 32 bits a pixel, in a BAR of a PCI
// function, and not under a hypervisor that forbids it (crash/plan/framebuffer.h). Fails, with the reason,
// where there is none; *ret_screen is all 0 then.
int lb_screen_find(enum lb_screen_policy policy, struct lb_screen_config *ret_screen, struct lb_error *err);

#endif
