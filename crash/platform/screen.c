// SPDX-License-Identifier: BSD-2-Clause
#include "crash/platform/screen.h"

#include "crash/plan/framebuffer.h"
#include "crash/platform/pcidev.h"
#include "crash/platform/platform.h"

#define FULL 0xffU // one colour at its maximum

static int check_function(const struct lb_screen_config *config, struct lb_error *err)
{
	const uint32_t id = lb_pcidev_read(config->pci, LB_PCI_ID);
	char name[16];
	uint64_t bar;

	lb_pcidev_name(config->pci, name);
	if (id != config->pci_id)
		return lb_fail(err, "screen: %s has the ID 0x%x, wanted 0x%x", name, id, config->pci_id);
	if (!(lb_pcidev_read(config->pci, LB_PCI_COMMAND) & LB_PCI_COMMAND_MEMORY))
		return lb_fail(err, "screen: %s does not answer to memory addresses", name);
	if (lb_pcidev_bar(config->pci, config->bar_index, &bar, err) != 0)
		return -1;
	if (bar != config->bar)
		return lb_fail(err, "screen: %s has its BAR %u at 0x%lx, wanted 0x%lx", name,
			       config->bar_index, bar, config->bar);
	return 0;
}

static const struct lb_font *choose_font(const struct lb_screen_config *config)
{
	uint32_t i = LB_FONTS - 1;

	while (i > 0 && config->width / lb_fonts[i].width < LB_SCREEN_COLUMNS_MIN)
		i--;
	return &lb_fonts[i];
}

int lb_screen_open(const struct lb_screen_config *config, struct lb_screen *ret_screen, struct lb_error *err)
{
	struct lb_screen screen = {.config = *config, .font = choose_font(config)};

	if (lb_framebuffer_check(config, err) != 0 || check_function(config, err) != 0)
		return -1;
	screen.pixels = lb_device_map(config->base, lb_framebuffer_bytes(config));
	if (!screen.pixels)
		return lb_fail(err, "screen: its %lu bytes at 0x%lx cannot be mapped",
			       lb_framebuffer_bytes(config), config->base);
	screen.columns = config->width / screen.font->width;
	screen.rows = config->height / screen.font->height;
	*ret_screen = screen;
	return 0;
}

static volatile uint32_t *line_at(const struct lb_screen *screen, uint32_t y)
{
	return (volatile uint32_t *)(screen->pixels + (uint64_t)y * screen->config.stride);
}

static void clear_lines(const struct lb_screen *screen, uint32_t first, uint32_t end)
{
	for (uint32_t y = first; y < end; y++) {
		volatile uint32_t *line = line_at(screen, y);

		for (uint32_t x = 0; x < screen->config.width; x++)
			line[x] = 0;
	}
}

void lb_screen_clear(const struct lb_screen *screen)
{
	clear_lines(screen, 0, screen->config.height);
}

static uint32_t pixel_of(const struct lb_screen_config *config, enum lb_screen_color color)
{
	uint32_t pixel = FULL << config->red | FULL << config->green;

	return color == LB_SCREEN_WHITE ? pixel | FULL << config->blue : pixel;
}

static const uint8_t *glyph_of(const struct lb_font *font, char letter)
{
	if (letter < LB_FONT_FIRST || letter > LB_FONT_LAST)
		letter = '?';
	return font->glyphs + (uint32_t)(letter - LB_FONT_FIRST) * font->height * font->row_bytes;
}

// Draws the row of pixels `y` of a line of text.
static void put_line(const struct lb_screen *screen, uint32_t row, uint32_t y, const char *text,
		     uint32_t bytes, uint32_t pixel)
{
	const struct lb_font *font = screen->font;
	volatile uint32_t *line = line_at(screen, row * font->height + y);
	uint32_t x = 0;

	for (uint32_t i = 0; i < bytes; i++) {
		const uint8_t *bits = glyph_of(font, text[i]) + y * font->row_bytes;

		for (uint32_t j = 0; j < font->width; j++)
			line[x++] = bits[j / 8] & 0x80U >> j % 8 ? pixel : 0;
	}
	while (x < screen->config.width)
		line[x++] = 0;
}

void lb_screen_put(const struct lb_screen *screen, uint32_t row, enum lb_screen_color color, const char *text,
		   uint32_t bytes)
{
	const uint32_t pixel = pixel_of(&screen->config, color);

	if (row >= screen->rows)
		return;
	if (bytes > screen->columns)
		bytes = screen->columns;
	for (uint32_t y = 0; y < screen->font->height; y++)
		put_line(screen, row, y, text, bytes, pixel);
}
