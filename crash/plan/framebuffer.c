// SPDX-License-Identifier: BSD-2-Clause
#include "crash/plan/framebuffer.h"

#include "lib/mem.h"

#define PIXEL_BYTES 4U
#define CHANNEL_BITS 8U
#define CHANNEL_MASK 0xffU

uint64_t lb_framebuffer_bytes(const struct lb_screen_config *screen)
{
	return (uint64_t)screen->stride * (screen->height - 1U) + (uint64_t)screen->width * PIXEL_BYTES;
}

static int check_colors(const struct lb_screen_config *screen, struct lb_error *err)
{
	const uint8_t first[] = {screen->red, screen->green, screen->blue};
	uint64_t taken = 0;

	for (size_t i = 0; i < sizeof(first); i++) {
		if (first[i] > CHANNEL_BITS * (PIXEL_BYTES - 1) || taken & (uint64_t)CHANNEL_MASK << first[i])
			return lb_fail(
				err,
				"screen: its colours begin at bits %u, %u and %u, wanted eight bits each of "
				"32 that no other has",
				screen->red, screen->green, screen->blue);
		taken |= (uint64_t)CHANNEL_MASK << first[i];
	}
	return 0;
}

int lb_framebuffer_check(const struct lb_screen_config *screen, struct lb_error *err)
{
	uint64_t bar_end, end;

	if (screen->width < LB_SCREEN_WIDTH_MIN || screen->height < LB_SCREEN_HEIGHT_MIN ||
	    screen->width > LB_SCREEN_SIDE_MAX || screen->height > LB_SCREEN_SIDE_MAX)
		return lb_fail(err, "screen: it has %u by %u pixels, wanted %u by %u to %u by %u",
			       screen->width, screen->height, LB_SCREEN_WIDTH_MIN, LB_SCREEN_HEIGHT_MIN,
			       LB_SCREEN_SIDE_MAX, LB_SCREEN_SIDE_MAX);
	if (screen->stride % PIXEL_BYTES || screen->stride / PIXEL_BYTES < screen->width)
		return lb_fail(err,
			       "screen: a line is %u bytes behind the one before, wanted whole pixels and %u "
			       "at least",
			       screen->stride, screen->width * PIXEL_BYTES);
	if (screen->base % PIXEL_BYTES)
		return lb_fail(err, "screen: its first pixel is at 0x%lx", screen->base);
	if (check_colors(screen, err) != 0)
		return -1;
	if (__builtin_add_overflow(screen->bar, screen->bar_bytes, &bar_end) ||
	    __builtin_add_overflow(screen->base, lb_framebuffer_bytes(screen), &end) ||
	    screen->base < screen->bar || end > bar_end)
		return lb_fail(err, "screen: %lu bytes at 0x%lx are not all in the BAR of %lu at 0x%lx",
			       lb_framebuffer_bytes(screen), screen->base, screen->bar_bytes, screen->bar);
	return 0;
}

bool lb_framebuffer_allowed(const char *vendor)
{
	return lb_strcmp(vendor, "Microsoft Hv") != 0 && lb_strcmp(vendor, "XenVMMXenVMM") != 0;
}
