// SPDX-License-Identifier: BSD-2-Clause
// Stops the watchdogs that the dead kernel or its user space started. A running watchdog would reset the
// machine in the middle of a dump. Each kind of watchdog has a driver in a file of its own, listed in
// watchdog.c. A watchdog is found by a PCI function, by a table that the loader read, or by the module that
// drove it in the dead kernel.
#ifndef LIFEBOAT_CRASH_PLATFORM_WATCHDOG_H
#define LIFEBOAT_CRASH_PLATFORM_WATCHDOG_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/format.h"
#include "lifeboat/capture_config.h"

// The state of a watchdog after stop().
enum lb_watchdog_end {
	LB_WATCHDOG_WAS_OFF, // or there is none
	LB_WATCHDOG_IS_OFF,
	LB_WATCHDOG_STAYS_ON,
};

// The place where a watchdog was found.
struct lb_watchdog_place {
	const struct lb_capture_config *capture;
	struct lb_pci_address pci; // for drivers with find()
	uint32_t id, class; // the ID register and the class register of that function
};

struct lb_watchdog_driver {
	char name[12];
	char module[12]; // stop() needs this module in the dead kernel; "": it needs none
	// Returns true when the watchdog is behind this PCI function. NULL: the watchdog is not found by PCI.
	bool (*find)(const struct lb_watchdog_place *place);
	// Stops the watchdog, and reads back whether it stopped. Every wait is bounded. `ret_why` says why
	// the watchdog stays on, and what was done instead.
	enum lb_watchdog_end (*stop)(const struct lb_watchdog_place *place, struct lb_error *ret_why);
};

extern const struct lb_watchdog_driver lb_watchdog_wdat; // Hardware Watchdog Timers Design Specification
extern const struct lb_watchdog_driver
	lb_watchdog_itco; // ICH9 datasheet (316972) 13.9; 100 series PCH (332691) 35
extern const struct lb_watchdog_driver lb_watchdog_esb; // 6300ESB datasheet (300641) chapter 14
extern const struct lb_watchdog_driver lb_watchdog_sp5100; // AMD 44413, 45482, 52740
extern const struct lb_watchdog_driver lb_watchdog_ib700; // IB700 manual; Linux's driver of that name

// Stops the watchdogs that the tables describe, and those at PCI functions of segment 0, bus 0, where
// chipsets have theirs. Prints which of them ran. Returns how many stay on. Called before anything that takes
// long.
uint32_t lb_watchdog_stop_all(const struct lb_capture_config *capture);

// Stops the watchdog that `module` drove, if there is a driver for it. Called once the dead kernel's modules
// are known.
void lb_watchdog_stop_of_module(const struct lb_capture_config *capture, const char *module);

#endif
