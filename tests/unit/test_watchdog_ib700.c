// SPDX-License-Identifier: BSD-2-Clause
// One write to the port that stops the watchdog.
#include "crash/platform/watchdog.h"
#include "lifeboat/ports.h"
#include "unit.h"

static void port_write(uint16_t port, uint8_t value);
#define cpu_out8 port_write
#include "crash/platform/watchdog_ib700.c"

static uint32_t writes;

static void port_write(uint16_t port, uint8_t value)
{
	(void)value;
	assert_int_equal(port, 0x441);
	writes++;
}

static void test_stop(void **state)
{
	const struct lb_watchdog_place place = {.id = 0};
	struct lb_error why;

	(void)state;
	assert_null(lb_watchdog_ib700.find);
	assert_string_equal(lb_watchdog_ib700.module, "ib700wdt");
	assert_int_equal(lb_watchdog_ib700.stop(&place, &why), LB_WATCHDOG_IS_OFF);
	assert_int_equal(writes, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_stop)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
