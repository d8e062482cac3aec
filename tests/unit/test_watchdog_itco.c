// SPDX-License-Identifier: BSD-2-Clause
// The TCO timer at its two places, over registers made here. Bridges without an address, functions that only
// look like one, and a timer that does not halt.
#include <string.h>

#include "capture_platform.h"
#include "crash/platform/pcidev.h"
#include "crash/platform/watchdog.h"
#include "lifeboat/ports.h"
#include "unit.h"

static uint16_t port_read(uint16_t port);
static void port_write(uint16_t port, uint16_t value);
static uint32_t fake_read(struct lb_pci_address at, uint32_t reg);
#define cpu_in16 port_read
#define cpu_out16 port_write
#define lb_pcidev_read fake_read
#include "crash/platform/watchdog_itco.c"

static struct {
	uint32_t pmbase, tcobase, tcoctl;
	uint16_t at, control; // port of the control register
	bool stuck;
	uint32_t writes;
} tco;

static uint16_t port_read(uint16_t port)
{
	assert_int_equal(port, tco.at);
	return tco.control;
}

static void port_write(uint16_t port, uint16_t value)
{
	assert_int_equal(port, tco.at);
	tco.writes++;
	if (!tco.stuck)
		tco.control = value;
}

static uint32_t fake_read(struct lb_pci_address at, uint32_t reg)
{
	assert_int_equal(at.device, 31);
	if (reg == 0x40)
		return tco.pmbase;
	return reg == 0x50 ? tco.tcobase : reg == 0x54 ? tco.tcoctl : UINT32_MAX;
}

#define LPC 0x06010002
#define SMBUS 0x0c050031

static struct lb_watchdog_place make(uint32_t id, uint32_t class)
{
	return (struct lb_watchdog_place){.pci.device = 31, .id = id, .class = class};
}

static void check_stops(const struct lb_watchdog_place *place)
{
	struct lb_error why = {""};

	tco.control = 0x1000;
	tco.stuck = false;
	assert_true(lb_watchdog_itco.find(place));
	assert_int_equal(lb_watchdog_itco.stop(place, &why), LB_WATCHDOG_IS_OFF);
	assert_int_equal(tco.control, 0x1800);
	tco.writes = 0;
	assert_int_equal(lb_watchdog_itco.stop(place, &why), LB_WATCHDOG_WAS_OFF);
	assert_int_equal(tco.writes, 0);
	tco.control = 0;
	tco.stuck = true;
	assert_int_equal(lb_watchdog_itco.stop(place, &why), LB_WATCHDOG_STAYS_ON);
	assert_non_null(strstr(why.text, "it does not halt, control 0x0 at port 0x"));
}

static void test_lpc(void **state)
{
	struct lb_watchdog_place place = make(0x29188086, LPC), unknown = make(0xa1488086, LPC);

	(void)state;
	memset(&tco, 0, sizeof(tco));
	tco.pmbase = 0x601;
	tco.at = 0x668;
	check_stops(&place);
	assert_false(lb_watchdog_itco.find(&unknown)); // this chipset has its timer behind the SMBus function
	tco.pmbase = 1;
	assert_false(lb_watchdog_itco.find(&place));
}

static void test_smbus(void **state)
{
	// The 100 series, and a chipset that is not known yet.
	static const uint32_t ids[] = {0xa1238086, 0xeeee8086};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct lb_watchdog_place place = make(ids[i], SMBUS);

		memset(&tco, 0, sizeof(tco));
		tco.tcobase = 0x401;
		tco.tcoctl = 0x101;
		tco.at = 0x408;
		check_stops(&place);
	}
}

static void test_what_is_none(void **state)
{
	struct lb_watchdog_place place = make(0xa1238086, SMBUS);
	static const struct {
		uint32_t base, control;
	} wrong[] = {{0, 0},          {0x401, 0}, {0x400, 0x100}, {1, 0x100}, {UINT32_MAX, UINT32_MAX},
		     {0x10401, 0x100}};

	(void)state;
	memset(&tco, 0, sizeof(tco));
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		tco.tcobase = wrong[i].base;
		tco.tcoctl = wrong[i].control;
		assert_false(lb_watchdog_itco.find(&place));
	}
	tco.tcobase = 0x401;
	tco.tcoctl = 0x100;
	tco.pmbase = 0x601;
	place.id = 0xa1231022; // another maker's
	assert_false(lb_watchdog_itco.find(&place));
	place = make(0x29188086, 0x06040000); // a bridge of another kind
	assert_false(lb_watchdog_itco.find(&place));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lpc),
		cmocka_unit_test(test_smbus),
		cmocka_unit_test(test_what_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
