// SPDX-License-Identifier: BSD-2-Clause
// Draws in every shape and order of pixels. Each letter is at its place and in its colour, and no byte
// outside of the rectangle is touched. A function or BAR that has changed is not drawn on.
#include <stdlib.h>
#include <string.h>

#include "capture_platform.h"
#include "crash/plan/framebuffer.h"
#include "crash/platform/pcidev.h"
#include "unit.h"

static uint32_t fake_read(struct lb_pci_address at, uint32_t reg);
static int fake_bar(struct lb_pci_address at, unsigned int index, uint64_t *ret_phys, struct lb_error *err);
static char *fake_name(struct lb_pci_address at, char *text);
static volatile void *fake_map(uint64_t phys, uint64_t bytes);
#define lb_pcidev_read fake_read
#define lb_pcidev_bar fake_bar
#define lb_pcidev_name fake_name
#define lb_device_map fake_map
#include "crash/platform/screen.c"

#define BASE 0xc0001000ULL
#define BAR 0xc0000000ULL
#define ID 0x11111234U
#define GUARD 0xa5 // content of the bytes between the end of a line's pixels and the next line

static struct {
	uint32_t id, command;
	uint64_t bar;
	uint8_t *pixels; // exactly as many as were mapped, so that ASan sees a write beyond
	uint64_t bytes;
	bool unmappable;
} device;

static uint32_t fake_read(struct lb_pci_address at, uint32_t reg)
{
	assert_int_equal(at.device, 2);
	return reg == LB_PCI_ID ? device.id : device.command;
}

static int fake_bar(struct lb_pci_address at, unsigned int index, uint64_t *ret_phys, struct lb_error *err)
{
	assert_int_equal(at.device, 2);
	assert_int_equal(index, 3);
	*ret_phys = device.bar;
	return device.bar ? 0 : lb_fail(err, "BAR 3 has no address");
}

static char *fake_name(struct lb_pci_address at, char *text)
{
	(void)at;
	return strcpy(text, "NAME");
}

static volatile void *fake_map(uint64_t phys, uint64_t bytes)
{
	assert_int_equal(phys, BASE);
	if (device.unmappable)
		return NULL;
	device.pixels = malloc(bytes);
	device.bytes = bytes;
	assert_non_null(device.pixels);
	memset(device.pixels, GUARD, bytes);
	return device.pixels;
}

static void drop(void)
{
	free(device.pixels);
	memset(&device, 0, sizeof(device));
	device.id = ID;
	device.command = LB_PCI_COMMAND_MEMORY;
	device.bar = BAR;
}

static struct lb_screen_config shape(uint16_t width, uint16_t height, uint32_t more)
{
	return (struct lb_screen_config){
		.base = BASE,
		.bar = BAR,
		.bar_bytes = LB_GIB,
		.stride = width * 4U + more,
		.width = width,
		.height = height,
		.red = 16,
		.green = 8,
		.bar_index = 3,
		.pci = {.device = 2},
		.pci_id = ID,
	};
}

static struct lb_screen open_screen(const struct lb_screen_config *config)
{
	struct lb_screen screen;
	struct lb_error err = {""};

	drop();
	if (lb_screen_open(config, &screen, &err) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(device.bytes, lb_framebuffer_bytes(config));
	return screen;
}

static uint32_t pixel_at(const struct lb_screen *screen, uint32_t x, uint32_t y)
{
	uint32_t pixel;

	memcpy(&pixel, device.pixels + (uint64_t)y * screen->config.stride + 4ULL * x, sizeof(pixel));
	return pixel;
}

// Returns the letter in a cell, or '\0' if no letter of the font is there in that colour.
static char letter_at(const struct lb_screen *screen, uint32_t column, uint32_t row, uint32_t color)
{
	const struct lb_font *font = screen->font;

	for (char letter = LB_FONT_FIRST; letter <= LB_FONT_LAST; letter++) {
		bool same = true;

		for (uint32_t y = 0; same && y < font->height; y++) {
			const uint8_t *bits =
				font->glyphs +
				((letter - LB_FONT_FIRST) * font->height + (int)y) * font->row_bytes;

			for (uint32_t x = 0; same && x < font->width; x++) {
				const uint32_t wanted = bits[x / 8] >> (7 - x % 8) & 1 ? color : 0;

				same = pixel_at(screen, column * font->width + x, row * font->height + y) ==
				       wanted;
			}
		}
		if (same)
			return letter;
	}
	return '\0';
}

// The bytes between lines were not written.
static void check_gaps(const struct lb_screen *screen)
{
	const uint32_t used = screen->config.width * 4U;

	for (uint32_t y = 0; y + 1U < screen->config.height; y++)
		for (uint32_t x = used; x < screen->config.stride; x++)
			assert_int_equal(device.pixels[(uint64_t)y * screen->config.stride + x], GUARD);
}

static void check_row(const struct lb_screen *screen, uint32_t row, const char *text, uint32_t color)
{
	for (uint32_t i = 0; i < screen->columns; i++)
		assert_int_equal(letter_at(screen, i, row, color), i < strlen(text) ? text[i] : ' ');
	for (uint32_t x = screen->columns * screen->font->width; x < screen->config.width; x++)
		assert_int_equal(pixel_at(screen, x, row * screen->font->height), 0);
}

static const struct {
	uint16_t width, height;
	uint32_t columns, rows; // columns and rows of letters
} shapes[] = {{640, 400, 80, 25},   {800, 600, 100, 37},   {1024, 768, 128, 48}, {1280, 800, 106, 33},
	      {1366, 768, 113, 32}, {1920, 1080, 120, 33}, {3840, 2160, 240, 67}};

static void test_shapes(void **state)
{
	static const char text[] = "Kernel panic - not syncing: {~}";

	(void)state;
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		for (uint32_t more = 0; more <= 128; more += 64) {
			const struct lb_screen_config config = shape(shapes[i].width, shapes[i].height, more);
			const struct lb_screen screen = open_screen(&config);
			const uint32_t last = screen.rows - 1;

			assert_int_equal(screen.columns, shapes[i].columns);
			assert_int_equal(screen.rows, shapes[i].rows);
			lb_screen_clear(&screen);
			lb_screen_put(&screen, last, LB_SCREEN_WHITE, text, sizeof(text) - 1);
			check_row(&screen, last, text, 0xffffff);
			lb_screen_put(&screen, last, LB_SCREEN_WHITE, "", 0); // is overwritten
			check_row(&screen, last, "", 0xffffff);
			check_gaps(&screen);
			for (uint32_t y = 0; y < config.height; y++)
				for (uint32_t x = 0; x < config.width; x += 7)
					assert_int_equal(pixel_at(&screen, x, y), 0);
		}
	}
	drop();
}

static void test_orders(void **state)
{
	static const struct {
		uint8_t red, green, blue;
		uint32_t white, yellow;
	} orders[] = {{16, 8, 0, 0x00ffffff, 0x00ffff00},
		      {0, 8, 16, 0x00ffffff, 0x0000ffff},
		      {24, 16, 8, 0xffffff00, 0xffff0000}};

	(void)state;
	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		struct lb_screen_config config = shape(800, 600, 0);
		struct lb_screen screen;

		memcpy(&config.red, &orders[i], 3);
		screen = open_screen(&config);
		lb_screen_put(&screen, 0, LB_SCREEN_WHITE, "white", 5);
		check_row(&screen, 0, "white", orders[i].white);
		lb_screen_put(&screen, 1, LB_SCREEN_YELLOW, "yellow", 6);
		check_row(&screen, 1, "yellow", orders[i].yellow);
	}
	drop();
}

// Every letter of the font, characters that it lacks, and text longer than the screen.
static void test_letters(void **state)
{
	const struct lb_screen_config config = shape(800, 600, 0);
	const struct lb_screen screen = open_screen(&config);
	char all[96], many[300];

	(void)state;
	for (int i = 0; i < 95; i++)
		all[i] = (char)(' ' + i);
	all[95] = '\0';
	lb_screen_put(&screen, 0, LB_SCREEN_WHITE, all, 95);
	check_row(&screen, 0, all, 0xffffff);
	lb_screen_put(&screen, 1, LB_SCREEN_WHITE, "a\x1b\x7f\xff\0b", 6);
	check_row(&screen, 1, "a????b", 0xffffff);
	memset(many, 'x', sizeof(many));
	lb_screen_put(&screen, 2, LB_SCREEN_WHITE, many, sizeof(many));
	many[100] = '\0';
	check_row(&screen, 2, many, 0xffffff);
	memset(device.pixels, GUARD, device.bytes);
	lb_screen_put(&screen, screen.rows, LB_SCREEN_WHITE, "below", 5);
	lb_screen_put(&screen, UINT32_MAX, LB_SCREEN_WHITE, "below", 5);
	for (uint64_t i = 0; i < device.bytes; i++)
		assert_int_equal(device.pixels[i], GUARD);
	drop();
}

static void check_refused(const struct lb_screen_config *config, const char *wanted)
{
	struct lb_screen screen = {.rows = 77};
	struct lb_error err = {""};

	assert_int_equal(lb_screen_open(config, &screen, &err), -1);
	if (!strstr(err.text, wanted))
		fail_msg("\"%s\" does not say \"%s\"", err.text, wanted);
	assert_int_equal(screen.rows, 77);
	assert_null(device.pixels);
}

static void test_changed(void **state)
{
	struct lb_screen_config config = shape(800, 600, 0);

	(void)state;
	drop();
	device.id = UINT32_MAX;
	check_refused(&config, "screen: NAME has the ID 0xffffffff, wanted 0x11111234");
	drop();
	device.command = ~LB_PCI_COMMAND_MEMORY;
	check_refused(&config, "NAME does not answer to memory addresses");
	drop();
	device.bar = BAR + LB_MIB;
	check_refused(&config, "NAME has its BAR 3 at 0xc0100000, wanted 0xc0000000");
	device.bar = 0;
	check_refused(&config, "BAR 3 has no address");
	drop();
	device.unmappable = true;
	check_refused(&config, "at 0xc0001000 cannot be mapped");
	drop();
	config.bar_bytes = 4096; // a configuration that was not checked when arming
	check_refused(&config, "are not all in the BAR");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_orders),
		cmocka_unit_test(test_letters),
		cmocka_unit_test(test_changed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
