// SPDX-License-Identifier: BSD-2-Clause
// A locked 6300ESB gets the longest time, written in the order that its registers require.
#include <string.h>

#include "capture_platform.h"
#include "crash/platform/pcidev.h"
#include "crash/platform/watchdog.h"
#include "unit.h"

static uint32_t fake_read(struct lb_pci_address at, uint32_t reg);
static int fake_bar(struct lb_pci_address at, unsigned int index, uint64_t *ret_phys, struct lb_error *err);
static void fake_enable(struct lb_pci_address at, bool master);
static volatile void *fake_map(uint64_t phys, uint64_t bytes);
#define lb_pcidev_read fake_read
#define lb_pcidev_bar fake_bar
#define lb_pcidev_enable fake_enable
#define lb_device_map fake_map
#include "crash/platform/watchdog_esb.c"

static struct {
	uint32_t lock;
	bool no_bar, unmappable, enabled;
	_Alignas(4) uint8_t registers[REGISTERS + 16];
} esb;

static uint32_t fake_read(struct lb_pci_address at, uint32_t reg)
{
	(void)at;
	assert_int_equal(reg, 0x68);
	return esb.lock;
}

static int fake_bar(struct lb_pci_address at, unsigned int index, uint64_t *ret_phys, struct lb_error *err)
{
	(void)at;
	assert_int_equal(index, 0);
	*ret_phys = 0xfebf0000;
	return esb.no_bar ? lb_fail(err, "BAR 0 has no address") : 0;
}

static void fake_enable(struct lb_pci_address at, bool master)
{
	(void)at;
	assert_false(master);
	esb.enabled = true;
}

static volatile void *fake_map(uint64_t phys, uint64_t bytes)
{
	assert_int_equal(phys, 0xfebf0000);
	assert_int_equal(bytes, REGISTERS);
	return esb.unmappable ? NULL : esb.registers;
}

static uint32_t word(uint32_t reg)
{
	uint32_t value;

	memcpy(&value, esb.registers + reg, sizeof(value));
	return value;
}

static enum lb_watchdog_end stop(uint32_t lock, struct lb_error *why)
{
	const struct lb_watchdog_place place = {.id = 0x25ab8086};

	esb.lock = lock;
	memset(esb.registers, 0, sizeof(esb.registers));
	assert_true(lb_watchdog_esb.find(&place));
	return lb_watchdog_esb.stop(&place, why);
}

static void test_locked(void **state)
{
	const struct lb_watchdog_place other = {.id = 0x25ac8086};
	struct lb_error why = {""};

	(void)state;
	assert_false(lb_watchdog_esb.find(&other));
	assert_int_equal(stop(0xaabbcc01, &why), LB_WATCHDOG_WAS_OFF); // locked while it was off
	assert_false(esb.enabled);
	assert_int_equal(stop(0xaabbcc03, &why), LB_WATCHDOG_STAYS_ON);
	assert_string_equal(why.text, "it is locked and cannot be stopped; it was given 2048 s");
	assert_true(esb.enabled);
	assert_int_equal(word(0), 0xfffff);
	assert_int_equal(word(4), 0xfffff);
	assert_int_equal(word(12), 0x100); // the reload was written last
	for (uint32_t i = REGISTERS; i < sizeof(esb.registers); i++)
		assert_int_equal(esb.registers[i], 0);
}

static void test_out_of_reach(void **state)
{
	struct lb_error why = {""};

	(void)state;
	esb.unmappable = true;
	assert_int_equal(stop(3, &why), LB_WATCHDOG_STAYS_ON);
	assert_string_equal(why.text, "its registers at 0xfebf0000 cannot be mapped");
	esb.no_bar = true;
	assert_int_equal(stop(3, &why), LB_WATCHDOG_STAYS_ON);
	assert_string_equal(why.text, "BAR 0 has no address");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_locked),
		cmocka_unit_test(test_out_of_reach),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
