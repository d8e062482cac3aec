// SPDX-License-Identifier: BSD-2-Clause
// Lines of text on the firmware's frame buffer. Nothing scrolls: reading that memory is slow. All that is written
// lies in the rectangle that was checked when it was opened.
#ifndef LIFEBOAT_CRASH_PLATFORM_SCREEN_H
#define LIFEBOAT_CRASH_PLATFORM_SCREEN_H

#include <stdbool.h>
#include <stdint.h>

#include "crash/platform/font.h"
#include "lib/format.h"
#include "lifeboat/capture_config.h"

// The largest font that leaves as many letters in a line is used.
#define LB_SCREEN_COLUMNS_MIN 100U

enum lb_screen_color { LB_SCREEN_WHITE, LB_SCREEN_YELLOW };

struct lb_screen {
	struct lb_screen_config config;
	volatile uint8_t *pixels; // the first one
	const struct lb_font *font;
	uint32_t columns, rows; // of letters; 0: not open
};

// Fails where the function, its BAR or its memory decoding are not what they were when armed, and where the
// rectangle is none to draw on (lb_framebuffer_check()) or cannot be mapped.
int lb_screen_open(const struct lb_screen_config *config, struct lb_screen *ret_screen, struct lb_error *err);

// All black.
void lb_screen_clear(const struct lb_screen *screen);

// `text`, `bytes` long, in line `row`, from 0; the rest of the line is black. What is no printable ASCII is a '?',
// what is beyond the last column or row is not drawn.
void lb_screen_put(const struct lb_screen *screen, uint32_t row, enum lb_screen_color color, const char *text,
		   uint32_t bytes);

#endif
