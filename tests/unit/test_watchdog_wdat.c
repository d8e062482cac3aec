// SPDX-License-Identifier: BSD-2-Clause
// The steps of the ACPI table WDAT, over registers made here: bits to preserve, reading back, and wrong
// steps.
#include <string.h>

#include "capture_platform.h"
#include "crash/platform/watchdog.h"
#include "lifeboat/ports.h"
#include "unit.h"

static uint32_t port_read(uint16_t port, uint32_t bytes);
static void port_write(uint16_t port, uint32_t value, uint32_t bytes);
static volatile void *fake_map(uint64_t phys, uint64_t bytes);
#define cpu_in8(port) ((uint8_t)port_read(port, 1))
#define cpu_in16(port) ((uint16_t)port_read(port, 2))
#define cpu_in32(port) port_read(port, 4)
#define cpu_out8(port, value) port_write(port, value, 1)
#define cpu_out16(port, value) port_write(port, value, 2)
#define cpu_out32(port, value) port_write(port, value, 4)
#define lb_device_map fake_map
#include "crash/platform/watchdog_wdat.c"

#define PORT 0x468
#define PHYS 0xfed00010ULL

static struct {
	uint32_t value, stuck, bytes; // stuck: bits that never change
	uint32_t reads, writes;
	bool unmappable;
	uint64_t memory;
} reg;

static uint32_t port_read(uint16_t port, uint32_t bytes)
{
	assert_int_equal(port, PORT);
	assert_int_equal(bytes, reg.bytes);
	reg.reads++;
	return reg.value;
}

static void port_write(uint16_t port, uint32_t value, uint32_t bytes)
{
	assert_int_equal(port, PORT);
	assert_int_equal(bytes, reg.bytes);
	reg.writes++;
	reg.value = (reg.value & reg.stuck) | (value & ~reg.stuck);
}

static volatile void *fake_map(uint64_t phys, uint64_t bytes)
{
	assert_int_equal(phys, PHYS);
	assert_int_equal(bytes, reg.bytes);
	return reg.unmappable ? NULL : &reg.memory;
}

static struct lb_capture_config capture;

static void start(uint8_t bytes, uint32_t value)
{
	const struct lb_wdat_step step = {
		.address = PORT, .value = 1, .mask = 1, .port = 1, .bytes = bytes, .shift = 3, .preserve = 1};

	capture_reset();
	memset(&reg, 0, sizeof(reg));
	reg.value = value;
	reg.bytes = bytes;
	memset(&capture, 0, sizeof(capture));
	capture.wdat_count = 2;
	capture.wdat[0] = capture.wdat[1] = step;
	capture.wdat[0].write = 1;
}

static enum lb_watchdog_end stop(struct lb_error *why)
{
	const struct lb_watchdog_place place = {.capture = &capture};

	why->text[0] = '\0';
	return lb_watchdog_wdat.stop(&place, why);
}

static void test_stops(void **state)
{
	static const uint8_t widths[] = {1, 2, 4};
	struct lb_error why;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		start(widths[i], 0x55 & ~8U);
		assert_int_equal(stop(&why), LB_WATCHDOG_IS_OFF);
		assert_int_equal(reg.value, 0x55 | 8);
		assert_int_equal(reg.writes, 1);
		assert_int_equal(stop(&why), LB_WATCHDOG_WAS_OFF);
		assert_int_equal(reg.writes, 1);
	}
	start(2, 0x55 & ~8U);
	capture.wdat[0].preserve = 0;
	assert_int_equal(stop(&why), LB_WATCHDOG_IS_OFF);
	assert_int_equal(reg.value, 8);
	start(4, 0);
	capture.wdat[0].value = UINT32_MAX; // a value larger than the field
	assert_int_equal(stop(&why), LB_WATCHDOG_IS_OFF);
	assert_int_equal(reg.value, 8);
}

static void test_memory(void **state)
{
	struct lb_error why;

	(void)state;
	for (uint8_t bytes = 1; bytes <= 4; bytes = (uint8_t)(bytes * 2)) {
		start(bytes, 0);
		capture.wdat[0].port = capture.wdat[1].port = 0;
		capture.wdat[0].address = capture.wdat[1].address = PHYS;
		reg.memory = 0xa5a5a5a5a5a5a5a5 & ~8ULL;
		assert_int_equal(stop(&why), LB_WATCHDOG_IS_OFF);
		// Bytes beside the register are unchanged.
		assert_int_equal(reg.memory, 0xa5a5a5a5a5a5a5a5 | 8);
		assert_int_equal(reg.reads + reg.writes, 0);
	}
	reg.unmappable = true;
	assert_int_equal(stop(&why), LB_WATCHDOG_STAYS_ON);
	assert_string_equal(why.text, "its register at 0xfed00010 cannot be mapped");
}

static void test_lies(void **state)
{
	struct lb_error why;

	(void)state;
	start(2, 0);
	reg.stuck = 8;
	assert_int_equal(stop(&why), LB_WATCHDOG_STAYS_ON);
	assert_string_equal(why.text, "it does not stop by what ACPI's table says");
	start(2, 0);
	capture.wdat_count = 1; // no step reads the state, so the watchdog is stopped whether it ran or not
	assert_int_equal(stop(&why), LB_WATCHDOG_IS_OFF);
	assert_int_equal(reg.writes, 1);
	start(2, 0);
	capture.wdat_count = 0;
	assert_int_equal(stop(&why), LB_WATCHDOG_WAS_OFF);
	assert_int_equal(reg.reads + reg.writes, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stops),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_lies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
