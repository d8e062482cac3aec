// SPDX-License-Identifier: BSD-2-Clause
// AMD's watchdog at each of its places, over registers made here. Decoders that are off, timers that are
// absent, and timers that do not stop.
#include <string.h>

#include "capture_platform.h"
#include "crash/platform/watchdog.h"
#include "lifeboat/ports.h"
#include "unit.h"

static uint8_t port_read(uint16_t port);
static void port_write(uint16_t port, uint8_t value);
static volatile void *fake_map(uint64_t phys, uint64_t bytes);
#define cpu_in8 port_read
#define cpu_out8 port_write
#define lb_device_map fake_map
#include "crash/platform/watchdog_sp5100.c"

static struct {
	uint8_t pm[256], index; // registers of power management
	bool in_memory, unmappable;
	uint64_t at; // address of the watchdog's registers
	uint32_t control;
	bool used_ports;
} board;

static uint8_t port_read(uint16_t port)
{
	assert_int_equal(port, 0xcd7);
	assert_false(board.in_memory);
	return board.pm[board.index];
}

static void port_write(uint16_t port, uint8_t value)
{
	assert_int_equal(port, 0xcd6); // only the index is written
	board.used_ports = true;
	board.index = value;
}

static volatile void *fake_map(uint64_t phys, uint64_t bytes)
{
	if (phys == 0xfed80300) {
		assert_true(board.in_memory);
		assert_int_equal(bytes, 256);
		return board.pm;
	}
	assert_int_equal(phys, board.at);
	assert_int_equal(bytes, 8);
	return board.unmappable ? NULL : &board.control;
}

static void start(uint64_t at)
{
	capture_reset();
	memset(&board, 0, sizeof(board));
	board.at = at;
	board.control = 0x81 | 1U << 1;
}

static void put32(uint8_t reg, uint32_t value)
{
	memcpy(board.pm + reg, &value, sizeof(value));
}

static enum lb_watchdog_end stop(uint32_t id, uint8_t revision)
{
	const struct lb_watchdog_place place = {.id = id, .class = 0x0c050000U | revision};
	struct lb_error why = {""};
	enum lb_watchdog_end end;

	assert_true(lb_watchdog_sp5100.find(&place));
	end = lb_watchdog_sp5100.stop(&place, &why);
	assert_int_equal(end == LB_WATCHDOG_STAYS_ON, why.text[0] != '\0');
	return end;
}

static void test_places(void **state)
{
	(void)state;
	start(0xfec000f0);
	put32(0x6c, 0xfec000f0 | 1);
	assert_int_equal(stop(ID_SBX00, 0x3d), LB_WATCHDOG_IS_OFF);
	assert_int_equal(board.control, 0x82);
	start(0xfec000f0);
	put32(0x48, 0xfec000f0 | 1);
	assert_int_equal(stop(ID_SBX00, 0x40), LB_WATCHDOG_IS_OFF);
	start(0xfec000f0);
	put32(0x48, 0xfec000f0 | 1);
	assert_int_equal(stop(ID_HUDSON2, 0x40), LB_WATCHDOG_IS_OFF);
	start(0xfeb00000);
	board.pm[0] = 0x80;
	assert_int_equal(stop(ID_HUDSON2, 0x41), LB_WATCHDOG_IS_OFF);
	start(0xfed80b00);
	board.pm[4] = 2;
	assert_int_equal(stop(ID_KERNCZ, 0x49), LB_WATCHDOG_IS_OFF);
	start(0xfeb00000);
	board.in_memory = true;
	board.pm[0] = 0x80;
	assert_int_equal(stop(ID_KERNCZ, 0x51), LB_WATCHDOG_IS_OFF);
	assert_false(board.used_ports);
}

static void test_what_stands(void **state)
{
	static const uint32_t controls[] = {0x80, 0x09, UINT32_MAX};

	(void)state;
	start(0);
	assert_int_equal(stop(ID_SBX00, 0x3d), LB_WATCHDOG_WAS_OFF);
	put32(0x48, 0xfec000f0); // the address is not decoded
	assert_int_equal(stop(ID_SBX00, 0x40), LB_WATCHDOG_WAS_OFF);
	assert_int_equal(stop(ID_KERNCZ, 0x49), LB_WATCHDOG_WAS_OFF);
	memset(board.pm, 0xff, sizeof(board.pm)); // ports where nothing answers
	assert_int_equal(stop(ID_SBX00, 0x3d), LB_WATCHDOG_WAS_OFF);
	for (size_t i = 0; i < 3; i++) {
		start(0xfeb00000);
		board.pm[0] = 0x80;
		board.control = controls[i];
		assert_int_equal(stop(ID_KERNCZ, 0x49), LB_WATCHDOG_WAS_OFF);
		assert_int_equal(board.control, controls[i]);
	}
	start(0xfeb00000);
	board.pm[0] = 0x80;
	board.unmappable = true;
	assert_int_equal(stop(ID_KERNCZ, 0x49), LB_WATCHDOG_STAYS_ON);
}

static void test_others(void **state)
{
	static const uint32_t ids[] = {0x43851022, 0x790b1002, 0xa1238086};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		const struct lb_watchdog_place place = {.id = ids[i]};

		assert_false(lb_watchdog_sp5100.find(&place));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_what_stands),
		cmocka_unit_test(test_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
