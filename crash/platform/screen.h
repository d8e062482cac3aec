// SPDX-License-Identifier: BSD-2-Clause
// Draws lines of text on the firmware's frame buffer. Lines do not scroll, because reading that memory is
// slow. Pixels are written only in the rectangle that lb_screen_open() checked.
#ifndef LIFEBOAT_CRASH_PLATFORM_SCREEN_H
#define LIFEBOAT_CRASH_PLATFORM_SCREEN_H

#include <stdbool.h>
#include <stdint.h>

#include "crash/platform/font.h"
#include "lib/format.h"
#include "lifeboat/capture_config.h"

// The screen uses the largest font with which a line has at least this many characters.
#define LB_SCREEN_COLUMNS_MIN 100U

enum lb_screen_color { LB_SCREEN_WHITE, LB_SCREEN_YELLOW };

struct lb_screen {
	struct lb_screen_config config;
	volatile uint8_t *pixels; // the first pixel
	const struct lb_font *font;
	uint32_t columns, rows; // in characters; 0: not open
};

// Fails where the function, its BAR or its memory decoding changed since arming. Fails where
// lb_framebuffer_check() refuses the rectangle, and where it cannot be mapped.
int lb_screen_open(const struct lb_screen_config *config, struct lb_screen *ret_screen, struct lb_error *err);

// Makes the screen black.
void lb_screen_clear(const struct lb_screen *screen);

// Draws the `bytes` characters of `text` in line `row`, counted from 0. The rest of the line becomes black. A
// character that is not printable ASCII is drawn as '?'. Text beyond the last column or row is not drawn.
void lb_screen_put(const struct lb_screen *screen, uint32_t row, enum lb_screen_color color, const char *text,
		   uint32_t bytes);

#endif
