// SPDX-License-Identifier: BSD-2-Clause
// The screen's fonts: printable ASCII in three sizes. mkfont makes them from Debian's fonts-spleen during the
// build.
#ifndef LIFEBOAT_CRASH_PLATFORM_FONT_H
#define LIFEBOAT_CRASH_PLATFORM_FONT_H

#include <stdint.h>

#define LB_FONT_FIRST ' '
#define LB_FONT_LAST '~'
#define LB_FONTS 3

struct lb_font {
	uint8_t width, height; // pixels
	uint8_t row_bytes; // of one row of a glyph; the leftmost pixel is the highest bit of the first byte
	const uint8_t *glyphs; // height * row_bytes for each character, LB_FONT_FIRST to LB_FONT_LAST
};

extern const struct lb_font lb_fonts[LB_FONTS]; // the smallest first

#endif
