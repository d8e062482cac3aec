// SPDX-License-Identifier: BSD-2-Clause
// How the capture kernel ends.
#ifndef LIFEBOAT_CRASH_PLATFORM_POWER_H
#define LIFEBOAT_CRASH_PLATFORM_POWER_H

#include "lifeboat/capture_config.h"

// Says what it does, and does it. Where power-off is unknown or does not work: a cold reset.
_Noreturn void lb_power_end(const struct lb_capture_config *capture, enum lb_capture_end end);

#endif
