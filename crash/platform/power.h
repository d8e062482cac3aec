// SPDX-License-Identifier: BSD-2-Clause
// Ends the capture kernel.
#ifndef LIFEBOAT_CRASH_PLATFORM_POWER_H
#define LIFEBOAT_CRASH_PLATFORM_POWER_H

#include "lifeboat/capture_config.h"

// Prints what it does, and does what `end` says. Does a cold reset where power-off is unknown or does not
// work.
_Noreturn void lb_power_end(const struct lb_capture_config *capture, enum lb_capture_end end);

#endif
