// SPDX-License-Identifier: BSD-2-Clause
// Each driver is asked about its own places, and the result is reported.
#include <string.h>

#include "capture_platform.h"
#include "crash/platform/pcidev.h"
#include "unit.h"

static uint32_t fake_read(struct lb_pci_address at, uint32_t reg);
static char *fake_name(struct lb_pci_address at, char *text);
#define lb_pcidev_read fake_read
#define lb_pcidev_name fake_name
#include "crash/platform/watchdog.c"

#define KNOWN 0x12348086U

static struct {
	uint32_t id[LB_PCI_DEVICES][LB_PCI_FUNCTIONS]; // 0: nothing answers there
	uint32_t header[LB_PCI_DEVICES];
	uint32_t reads, finds, stops, tables, modules;
	enum lb_watchdog_end end;
	const struct lb_capture_config *capture;
} machine;

static uint32_t fake_read(struct lb_pci_address at, uint32_t reg)
{
	const uint32_t id = machine.id[at.device][at.function];

	assert_int_equal(at.segment | at.bus, 0);
	machine.reads++;
	if (!id)
		return UINT32_MAX;
	return reg == LB_PCI_ID ? id : reg == LB_PCI_HEADER ? machine.header[at.device] : 0x0c050041;
}

static char *fake_name(struct lb_pci_address at, char *text)
{
	lb_snprintf(text, 16, "%u.%u", at.device, at.function);
	return text;
}

static bool find(const struct lb_watchdog_place *place)
{
	machine.finds++;
	assert_int_equal(place->class, 0x0c050041);
	return place->id == KNOWN;
}

static enum lb_watchdog_end end(const struct lb_watchdog_place *place, struct lb_error *ret_why)
{
	assert_ptr_equal(place->capture, machine.capture);
	if (machine.end == LB_WATCHDOG_STAYS_ON)
		lb_fail(ret_why, "it is stubborn");
	return machine.end;
}

static enum lb_watchdog_end stop_function(const struct lb_watchdog_place *place, struct lb_error *ret_why)
{
	machine.stops++;
	return end(place, ret_why);
}

static enum lb_watchdog_end stop_table(const struct lb_watchdog_place *place, struct lb_error *ret_why)
{
	machine.tables++;
	return end(place, ret_why);
}

static enum lb_watchdog_end stop_module(const struct lb_watchdog_place *place, struct lb_error *ret_why)
{
	machine.modules++;
	return end(place, ret_why);
}

static bool find_none(const struct lb_watchdog_place *place)
{
	(void)place;
	return false;
}

const struct lb_watchdog_driver lb_watchdog_wdat = {.name = "T", .stop = stop_table};
const struct lb_watchdog_driver lb_watchdog_itco = {.name = "F", .find = find, .stop = stop_function};
const struct lb_watchdog_driver lb_watchdog_esb = {.name = "N", .find = find_none, .stop = stop_function};
const struct lb_watchdog_driver lb_watchdog_sp5100 = {.name = "N", .find = find_none, .stop = stop_function};
const struct lb_watchdog_driver lb_watchdog_ib700 = {.name = "M", .module = "mwdt", .stop = stop_module};

static struct lb_capture_config capture;

static void start(enum lb_watchdog_end wanted)
{
	capture_reset();
	memset(&machine, 0, sizeof(machine));
	machine.end = wanted;
	machine.capture = &capture;
}

static void test_places(void **state)
{
	(void)state;
	start(LB_WATCHDOG_WAS_OFF);
	assert_int_equal(lb_watchdog_stop_all(&capture), 0);
	assert_int_equal(machine.tables, 1);
	assert_int_equal(machine.reads, LB_PCI_DEVICES);
	assert_int_equal(machine.stops, 0);
	machine.id[31][0] = 0x99998086;
	machine.id[31][4] = KNOWN;
	assert_int_equal(lb_watchdog_stop_all(&capture), 0);
	assert_int_equal(machine.stops, 0); // function 0 says that the device has no other function
	machine.header[31] = LB_PCI_HEADER_MULTIFUNCTION;
	machine.id[20][0] = KNOWN;
	machine.id[21][0] = LB_PCI_ID_RETRY;
	assert_int_equal(lb_watchdog_stop_all(&capture), 0);
	assert_int_equal(machine.stops, 2);
	assert_int_equal(machine.modules, 0);
	assert_string_equal(capture_said(), "");
}

static void test_ends(void **state)
{
	(void)state;
	start(LB_WATCHDOG_IS_OFF);
	machine.id[20][0] = KNOWN;
	assert_int_equal(lb_watchdog_stop_all(&capture), 0);
	assert_non_null(strstr(capture_said(), "watchdog T was running, is stopped"));
	assert_non_null(strstr(capture_said(), "watchdog F at 20.0 was running, is stopped"));
	start(LB_WATCHDOG_STAYS_ON);
	machine.id[20][0] = KNOWN;
	assert_int_equal(lb_watchdog_stop_all(&capture), 2);
	assert_non_null(strstr(capture_said(), "warning: watchdog F: it is stubborn"));
}

static void test_modules(void **state)
{
	static const char *const others[] = {"", "mwd", "mwdtx", "a_module_with_a_long_name"};

	(void)state;
	start(LB_WATCHDOG_IS_OFF);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		lb_watchdog_stop_of_module(&capture, others[i]);
	assert_int_equal(machine.modules, 0);
	lb_watchdog_stop_of_module(&capture, "mwdt");
	assert_int_equal(machine.modules, 1);
	assert_non_null(strstr(capture_said(), "watchdog M was running, is stopped"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_modules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
