// SPDX-License-Identifier: BSD-2-Clause
#include "crash/platform/watchdog.h"

#include "crash/platform/pcidev.h"
#include "crash/platform/platform.h"
#include "lib/mem.h"

static const struct lb_watchdog_driver *const drivers[] = {
	&lb_watchdog_wdat, &lb_watchdog_itco, &lb_watchdog_esb, &lb_watchdog_sp5100, &lb_watchdog_ib700,
};
#define DRIVERS (sizeof(drivers) / sizeof(drivers[0]))

// Stops one watchdog. Returns 1 if it stays on, else 0.
static uint32_t stop(const struct lb_watchdog_driver *driver, const struct lb_watchdog_place *place)
{
	struct lb_error why = {""};
	char name[16];

	switch (driver->stop(place, &why)) {
	case LB_WATCHDOG_WAS_OFF:
		return 0;
	case LB_WATCHDOG_IS_OFF:
		lb_say("watchdog %s%s%s was running, is stopped", driver->name, driver->find ? " at " : "",
		       driver->find ? lb_pcidev_name(place->pci, name) : "");
		return 0;
	case LB_WATCHDOG_STAYS_ON:
		break;
	}
	lb_say("warning: watchdog %s: %s", driver->name, why.text);
	return 1;
}

static uint32_t stop_at_function(const struct lb_watchdog_place *place)
{
	uint32_t on = 0;

	for (size_t i = 0; i < DRIVERS; i++) {
		if (drivers[i]->find && drivers[i]->find(place))
			on += stop(drivers[i], place);
	}
	return on;
}

static uint32_t stop_at_device(const struct lb_capture_config *capture, uint8_t device)
{
	struct lb_watchdog_place place = {.capture = capture, .pci.device = device};
	uint8_t functions = 1;
	uint32_t on = 0;

	for (uint8_t function = 0; function < functions; function++) {
		place.pci.function = function;
		place.id = lb_pcidev_read(place.pci, LB_PCI_ID);
		if ((place.id & LB_PCI_ID_VENDOR) == LB_PCI_VENDOR_NONE || place.id == LB_PCI_ID_RETRY)
			continue;
		if (function == 0 && lb_pcidev_read(place.pci, LB_PCI_HEADER) & LB_PCI_HEADER_MULTIFUNCTION)
			functions = LB_PCI_FUNCTIONS;
		place.class = lb_pcidev_read(place.pci, LB_PCI_CLASS);
		on += stop_at_function(&place);
	}
	return on;
}

uint32_t lb_watchdog_stop_all(const struct lb_capture_config *capture)
{
	const struct lb_watchdog_place machine = {.capture = capture};
	uint32_t on = 0;

	for (size_t i = 0; i < DRIVERS; i++) {
		if (!drivers[i]->find && !drivers[i]->module[0])
			on += stop(drivers[i], &machine);
	}
	for (uint8_t device = 0; device < LB_PCI_DEVICES; device++)
		on += stop_at_device(capture, device);
	return on;
}

void lb_watchdog_stop_of_module(const struct lb_capture_config *capture, const char *module)
{
	const struct lb_watchdog_place machine = {.capture = capture};
	const size_t bytes = lb_strlen(module) + 1;

	for (size_t i = 0; i < DRIVERS; i++) {
		if (drivers[i]->module[0] && bytes <= sizeof(drivers[i]->module) &&
		    memcmp(drivers[i]->module, module, bytes) == 0)
			stop(drivers[i], &machine);
	}
}
