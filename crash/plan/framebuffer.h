// SPDX-License-Identifier: BSD-2-Clause
// Whether a frame buffer is one that the capture kernel can draw on.
#ifndef LIFEBOAT_CRASH_PLAN_FRAMEBUFFER_H
#define LIFEBOAT_CRASH_PLAN_FRAMEBUFFER_H

#include "lib/format.h"
#include "lifeboat/capture_config.h"

#define LB_SCREEN_WIDTH_MIN 640U // pixels
#define LB_SCREEN_HEIGHT_MIN 400U
#define LB_SCREEN_SIDE_MAX 16384U

// Returns the bytes from the first pixel to the last line's end. The screen must have passed
// lb_framebuffer_check().
uint64_t lb_framebuffer_bytes(const struct lb_screen_config *screen);

// Fails where lines overlap or are not whole pixels, where colours share bits or reach beyond the pixel,
// where a side is too small or too large, and where a pixel lies outside the BAR.
int lb_framebuffer_check(const struct lb_screen_config *screen, struct lb_error *err);

// May a frame buffer be written to after a panic? `vendor`: CPUID's twelve letters for a hypervisor; "":
// there is none. Hyper-V moves the frame buffer, and slows a guest down that writes to the old place.
bool lb_framebuffer_allowed(const char *vendor);

#endif
