// SPDX-License-Identifier: BSD-2-Clause
// The letters of the screen: printable ASCII in three sizes, made by mkfont from Debian's fonts-spleen when
// Lifeboat is built.
#ifndef LIFEBOAT_CRASH_PLATFORM_FONT_H
#define LIFEBOAT_CRASH_PLATFORM_FONT_H

#include <stdint.h>

#define LB_FONT_FIRST ' '
#define LB_FONT_LAST '~'
#define LB_FONTS 3

struct lb_font {
	uint8_t width, height; // pixels
	uint8_t row_bytes; // of a glyph's row, the leftmost pixel in the highest bit of the first
	const uint8_t *glyphs; // height * row_bytes for each letter from LB_FONT_FIRST to LB_FONT_LAST
};

extern const struct lb_font lb_fonts[LB_FONTS]; // the smallest first

#endif
