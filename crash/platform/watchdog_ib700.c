// SPDX-License-Identifier: BSD-2-Clause
// The driver of the watchdog of IB700 boards. The watchdog has two ports that cannot be probed. Only the
// driver's module in a dead kernel tells that the ports are there. Writing anything to the second port stops
// it.
#include "crash/platform/watchdog.h"
#include "lifeboat/ports.h"

#define PORT_STOP 0x441

static enum lb_watchdog_end ib700_stop(const struct lb_watchdog_place *place, struct lb_error *ret_why)
{
	(void)place;
	(void)ret_why;
	cpu_out8(PORT_STOP, 0);
	return LB_WATCHDOG_IS_OFF;
}

const struct lb_watchdog_driver lb_watchdog_ib700 = {
	.name = "ib700", .module = "ib700wdt", .stop = ib700_stop};
