// SPDX-License-Identifier: BSD-2-Clause
// The driver of the watchdog of AMD's southbridges and FCHs, which their SMBus function identifies. Power
// management registers say where the watchdog's two registers are. Power management registers are behind a
// pair of ports, since Family 17h also in memory. A decoder that is off is left off: on the newest chips it
// would start the timer.
#include "crash/platform/pcidev.h"
#include "crash/platform/platform.h"
#include "crash/platform/watchdog.h"
#include "lifeboat/ports.h"

#define ID_SBX00 0x43851002U
#define ID_HUDSON2 0x780b1022U
#define ID_KERNCZ 0x790b1022U
// From these revisions (in the class register) on, the layout differs.
#define SBX00_SB800 0x40
#define HUDSON2_EFCH 0x41
#define KERNCZ_EFCH 0x49
#define KERNCZ_MMIO 0x51 // the ports are gone

#define PM_INDEX 0xcd6
#define PM_DATA 0xcd7
#define SP5100_BASE 0x6c // 32 bits
#define SB800_BASE 0x48 // 32 bits
#define SB800_DECODE (1U << 0)
#define BASE_BITS 0xfffffff8U
#define EFCH_DECODE 0x00
#define EFCH_DECODE_WATCHDOG (1U << 7)
#define EFCH_ISA 0x04
#define EFCH_ISA_MMIO (1U << 1)
#define EFCH_WATCHDOG 0xfeb00000U
#define EFCH_MMIO 0xfed80000U
#define EFCH_MMIO_PM 0x300
#define EFCH_MMIO_WATCHDOG 0xb00

#define REGISTERS 8 // control and count
#define CONTROL_RUN (1U << 0)
#define CONTROL_DISABLED (1U << 3)

static uint8_t pm_port(uint8_t reg)
{
	cpu_out8(PM_INDEX, reg);
	return cpu_in8(PM_DATA);
}

static uint32_t pm_port32(uint8_t reg)
{
	uint32_t value = 0;

	for (uint8_t i = 4; i > 0; i--)
		value = value << 8 | pm_port((uint8_t)(reg + i - 1));
	return value;
}

static uint8_t pm_memory(uint8_t reg)
{
	const volatile uint8_t *pm = lb_device_map(EFCH_MMIO + EFCH_MMIO_PM, 0x100);

	return pm ? pm[reg] : 0;
}

static uint32_t base_of_efch(uint8_t (*pm)(uint8_t reg))
{
	if (pm(EFCH_DECODE) & EFCH_DECODE_WATCHDOG)
		return EFCH_WATCHDOG;
	return pm(EFCH_ISA) & EFCH_ISA_MMIO ? EFCH_MMIO + EFCH_MMIO_WATCHDOG : 0;
}

// Returns the address of the watchdog's registers; 0: they cannot be reached, so nobody started the watchdog.
static uint32_t base_of(const struct lb_watchdog_place *place)
{
	const uint8_t revision = (uint8_t)place->class;
	uint32_t base;

	if (place->id == ID_KERNCZ && revision >= KERNCZ_MMIO)
		return base_of_efch(pm_memory);
	if ((place->id == ID_KERNCZ && revision >= KERNCZ_EFCH) ||
	    (place->id == ID_HUDSON2 && revision >= HUDSON2_EFCH))
		return base_of_efch(pm_port);
	if (place->id == ID_SBX00 && revision < SBX00_SB800)
		return pm_port32(SP5100_BASE) & BASE_BITS;
	base = pm_port32(SB800_BASE);
	return base & SB800_DECODE ? base & BASE_BITS : 0;
}

static bool sp5100_find(const struct lb_watchdog_place *place)
{
	return place->id == ID_SBX00 || place->id == ID_HUDSON2 || place->id == ID_KERNCZ;
}

static enum lb_watchdog_end sp5100_stop(const struct lb_watchdog_place *place, struct lb_error *ret_why)
{
	const uint32_t base = base_of(place);
	volatile uint32_t *control;
	uint32_t was;

	if (!base || base == (UINT32_MAX & BASE_BITS))
		return LB_WATCHDOG_WAS_OFF;
	control = lb_device_map(base, REGISTERS);
	if (!control) {
		lb_fail(ret_why, "its registers at 0x%x cannot be mapped", base);
		return LB_WATCHDOG_STAYS_ON;
	}
	was = *control;
	if (was == UINT32_MAX || was & CONTROL_DISABLED || !(was & CONTROL_RUN))
		return LB_WATCHDOG_WAS_OFF;
	*control = was & ~CONTROL_RUN;
	if (!(*control & CONTROL_RUN))
		return LB_WATCHDOG_IS_OFF;
	lb_fail(ret_why, "it does not stop, control 0x%x at 0x%x", *control, base);
	return LB_WATCHDOG_STAYS_ON;
}

const struct lb_watchdog_driver lb_watchdog_sp5100 = {
	.name = "sp5100", .find = sp5100_find, .stop = sp5100_stop};
