// SPDX-License-Identifier: BSD-2-Clause
// The two watchdogs that the loader can start and the purgatory stops, by their PCI
// functions. Sources: 6300ESB datasheet (300641) chapter 14; ICH9 datasheet (316972)
// 13.1.14 and 13.9.
#ifndef LIFEBOAT_WATCHDOG_H
#define LIFEBOAT_WATCHDOG_H

#include <stdbool.h>
#include <stdint.h>

#include "lifeboat/ports.h"

// The 6300ESB's vendor and device, as in the ID register. The lock byte enables it, and has to be accessed
// as a byte.
#define LB_ESB_ID 0x25ab8086U
#define LB_ESB_LOCK 0x68
#define LB_ESB_LOCK_ENABLE 0x02U

// The TCO of a chipset's LPC bridge: 16-bit registers at PMBASE + 60h.
#define LB_LPC_CLASS 0x0601U
#define LB_LPC_PMBASE 0x40
#define LB_LPC_PMBASE_BITS 0xff80U
#define LB_TCO_AT 0x60
#define LB_TCO_CONTROL1 0x08
#define LB_TCO_CONTROL1_HALT (1U << 11)

// Whether the LPC bridge `id`, as in the ID register, has its TCO registers laid out like this. Newer
// chipsets have theirs behind the SMBus function. An unknown bridge is left alone.
static inline bool lb_lpc_has_tco(uint32_t id)
{
	uint32_t device = id >> 16;

	return (id & 0xffff) == 0x8086 && ((device >= 0x2640 && device <= 0x2642) || // ICH6
					   (device >= 0x27b8 && device <= 0x27bd) || // ICH7
					   (device >= 0x2810 && device <= 0x2815) || // ICH8
					   (device >= 0x2912 && device <= 0x2919) || // ICH9
					   (device >= 0x3a14 && device <= 0x3a1a) || // ICH10
					   (device >= 0x3b00 && device <= 0x3b1f) || // 5 series
					   (device >= 0x1c41 && device <= 0x1c5f) || // 6 series
					   (device >= 0x1e41 && device <= 0x1e5f) || // 7 series
					   (device >= 0x8c41 && device <= 0x8c5f) || // 8 series
					   (device >= 0x8cc1 && device <= 0x8cc6)); // 9 series
}

// Stops the TCO at port `tco`, or lets it count again.
static inline void lb_tco_halt(uint16_t tco, bool halt)
{
	uint16_t port = (uint16_t)(tco + LB_TCO_CONTROL1);
	uint16_t control = cpu_in16(port);

	cpu_out16(port, (uint16_t)(halt ? control | LB_TCO_CONTROL1_HALT : control & ~LB_TCO_CONTROL1_HALT));
}

#endif
