// SPDX-License-Identifier: BSD-2-Clause
// Frame buffers as firmware has them, and each reason not to use one.
#include "crash/plan/framebuffer.h"

#include <string.h>

#include "lifeboat/range.h"
#include "unit.h"

static struct lb_screen_config good(uint16_t width, uint16_t height, uint32_t more)
{
	const uint32_t stride = width * 4U + more;

	return (struct lb_screen_config){
		.base = 0x80000000,
		.bar = 0x80000000,
		.bar_bytes = (uint64_t)stride * (height - 1U) + width * 4U,
		.stride = stride,
		.width = width,
		.height = height,
		.red = 16,
		.green = 8,
		.blue = 0,
	};
}

static void check(const struct lb_screen_config *screen, const char *wanted)
{
	struct lb_error err = {""};

	assert_int_equal(lb_framebuffer_check(screen, &err) == 0, wanted == NULL);
	if (wanted && !strstr(err.text, wanted))
		fail_msg("\"%s\" does not say \"%s\"", err.text, wanted);
}

static void test_good(void **state)
{
	static const uint16_t sides[][2] = {{640, 400},  {800, 600},   {1024, 768},  {1280, 800},
					    {1366, 768}, {1920, 1080}, {3840, 2160}, {16384, 16384}};

	(void)state;
	for (size_t i = 0; i < sizeof(sides) / sizeof(sides[0]); i++) {
		for (uint32_t more = 0; more <= 256; more += 64) {
			struct lb_screen_config screen = good(sides[i][0], sides[i][1], more);

			check(&screen, NULL);
			assert_int_equal(lb_framebuffer_bytes(&screen), screen.bar_bytes);
			screen.bar_bytes--; // one byte too short for the last pixel
			check(&screen, "are not all in the BAR");
		}
	}
}

static void test_bad(void **state)
{
	struct lb_screen_config screen = good(639, 400, 0);

	(void)state;
	check(&screen, "it has 639 by 400 pixels, wanted 640 by 400 to 16384 by 16384");
	screen = good(640, 399, 0);
	check(&screen, "it has 640 by 399");
	screen = good(16385, 400, 0);
	check(&screen, "it has 16385 by 400");
	screen = good(800, 0, 0);
	check(&screen, "it has 800 by 0");
	screen = good(800, 600, 0);
	screen.stride = 3196;
	check(&screen, "a line is 3196 bytes behind the one before, wanted whole pixels and 3200 at least");
	screen.stride = 3202;
	check(&screen, "a line is 3202 bytes");
	screen = good(800, 600, 0);
	screen.base += 2;
	check(&screen, "its first pixel is at 0x80000002");
	screen = good(800, 600, 0);
	screen.stride = UINT32_MAX - 3; // the size is beyond any BAR, and must not overflow
	check(&screen, "are not all in the BAR");
}

static void test_place(void **state)
{
	struct lb_screen_config screen = good(800, 600, 0);

	(void)state;
	screen.bar -= LB_MIB; // the frame buffer does not begin where the BAR begins
	screen.bar_bytes += LB_MIB;
	check(&screen, NULL);
	screen.bar = screen.base + 4;
	check(&screen, "are not all in the BAR");
	screen = good(800, 600, 0);
	screen.bar = UINT64_MAX - 4095;
	screen.bar_bytes = 8192;
	check(&screen, "are not all in the BAR");
	screen = good(800, 600, 0);
	screen.base = screen.bar = UINT64_MAX - 4095;
	screen.bar_bytes = 4095;
	check(&screen, "are not all in the BAR");
}

static void test_colors(void **state)
{
	static const uint8_t orders[][3] = {{16, 8, 0}, {0, 8, 16}, {24, 16, 8}, {8, 16, 24}};
	static const uint8_t wrong[][3] = {{16, 16, 0}, {16, 8, 4}, {25, 8, 0}, {255, 8, 0}, {0, 8, 64}};
	struct lb_screen_config screen = good(800, 600, 0);

	(void)state;
	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		memcpy(&screen.red, orders[i], 3);
		check(&screen, NULL);
	}
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		memcpy(&screen.red, wrong[i], 3);
		check(&screen, "wanted eight bits each of 32 that no other has");
	}
}

static void test_hypervisors(void **state)
{
	(void)state;
	assert_true(lb_framebuffer_allowed(""));
	assert_true(lb_framebuffer_allowed("KVMKVMKVM"));
	assert_true(lb_framebuffer_allowed("VMwareVMware"));
	assert_false(lb_framebuffer_allowed("Microsoft Hv"));
	assert_false(lb_framebuffer_allowed("XenVMMXenVMM"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),        cmocka_unit_test(test_bad),
		cmocka_unit_test(test_place),       cmocka_unit_test(test_colors),
		cmocka_unit_test(test_hypervisors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
