// SPDX-License-Identifier: BSD-2-Clause
// A watchdog that the dead kernel, or its user space, started would reset the machine in the middle of a dump.
// A kind of watchdog is a driver in a file of its own, and a line in watchdog.c. It is found by a PCI
// function, by what the loader read in a table, or by the module that drove it in the dead kernel.
#ifndef LIFEBOAT_CRASH_PLATFORM_WATCHDOG_H
#define LIFEBOAT_CRASH_PLATFORM_WATCHDOG_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/format.h"
#include "lifeboat/capture_config.h"

// A watchdog's end.
enum lb_watchdog_end {
	LB_WATCHDOG_WAS_OFF, // also: it is not there
	LB_WATCHDOG_IS_OFF,
	LB_WATCHDOG_STAYS_ON,
};

// The place where a watchdog was found.
struct lb_watchdog_place {
	const struct lb_capture_config *capture;
	struct lb_pci_address pci; // of a driver that knows PCI functions
	uint32_t id, class; // of that function: the ID register, the class register
};

struct lb_watchdog_driver {
	char name[12];
	char module[12]; // of the dead kernel, without which nothing is touched; "": any kernel
	// Is it behind this PCI function? NULL: it is not found by PCI.
	bool (*find)(const struct lb_watchdog_place *place);
	// Stops it, and reads back. Every wait is bounded. `ret_why` says why one stays on, and what was
	// done instead.
	enum lb_watchdog_end (*stop)(const struct lb_watchdog_place *place, struct lb_error *ret_why);
};

extern const struct lb_watchdog_driver lb_watchdog_wdat; // Hardware Watchdog Timers Design Specification
extern const struct lb_watchdog_driver
	lb_watchdog_itco; // ICH9 datasheet (316972) 13.9; 100 series PCH (332691) 35
extern const struct lb_watchdog_driver lb_watchdog_esb; // 6300ESB datasheet (300641) chapter 14
extern const struct lb_watchdog_driver lb_watchdog_sp5100; // AMD 44413, 45482, 52740
extern const struct lb_watchdog_driver lb_watchdog_ib700; // IB700 manual; Linux's driver of that name

// Before anything that takes long: stops all that is found by the tables and at the PCI functions of
// segment 0, bus 0, where chipsets have theirs, and says what ran. How many stay on.
uint32_t lb_watchdog_stop_all(const struct lb_capture_config *capture);

// Once the dead kernel's modules are known: stops the one that `module` drove, if there is a driver for it.
void lb_watchdog_stop_of_module(const struct lb_capture_config *capture, const char *module);

#endif
