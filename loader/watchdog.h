// SPDX-License-Identifier: BSD-2-Clause
// The machine's watchdog, for panics that nothing else ends: the kernel's own loop before EFI runtime
// services are up, and a hang with interrupts off. Its driver in the first kernel takes it over; without a
// driver it resets the machine in the end. After a panic the purgatory stops it.
#ifndef LIFEBOAT_LOADER_WATCHDOG_H
#define LIFEBOAT_LOADER_WATCHDOG_H

#include <efi.h>

#include "lib/format.h"

// Starts an Intel 6300ESB, else the TCO of an ICH6 to 9-series chipset. `seconds` is as --watchdog takes it
// (loader/options/options.h). Sources: 6300ESB datasheet (300641) chapter 14; ICH9 datasheet (316972)
// 10.1.63, 13.1.14, 13.8.3 and 13.9.
// *ret_name: the name of what was started. Fails where there is no watchdog, or it may not reset.
int lb_watchdog_start(uint32_t seconds, const char **ret_name, struct lb_error *err);

// Stops the watchdog that was started, before a return to the firmware.
void lb_watchdog_stop(void);

#endif
