// SPDX-License-Identifier: BSD-2-Clause
// The driver of the TCO timer of Intel's chipsets. Up to the 9 series its registers are at the LPC bridge's
// PMBASE, from the 100 series on at the SMBus function's TCOBASE. The registers there are the same.
#include "crash/platform/pcidev.h"
#include "crash/platform/watchdog.h"
#include "lifeboat/ports.h"
#include "lifeboat/watchdog.h"

#define INTEL 0x8086U
#define SMBUS_CLASS 0x0c05U
#define SMBUS_TCOBASE 0x50
#define TCOBASE_IO 1U
#define TCOBASE_BITS 0xffe0U
#define SMBUS_TCOCTL 0x54
#define TCOCTL_ENABLE (1U << 8)

// Returns 0 on older chipsets: these two registers of their SMBus function read as 0.
static uint16_t port_of_smbus(struct lb_pci_address pci)
{
	const uint32_t base = lb_pcidev_read(pci, SMBUS_TCOBASE), control = lb_pcidev_read(pci, SMBUS_TCOCTL);

	if (base == UINT32_MAX || base >> 16 || !(base & TCOBASE_IO) || !(control & TCOCTL_ENABLE))
		return 0;
	return (uint16_t)(base & TCOBASE_BITS);
}

// Returns the port of the TCO registers; 0: there is none behind this function.
static uint16_t port_of(const struct lb_watchdog_place *place)
{
	uint16_t pmbase;

	if ((place->id & LB_PCI_ID_VENDOR) != INTEL)
		return 0;
	if (place->class >> 16 == SMBUS_CLASS)
		return port_of_smbus(place->pci);
	if (place->class >> 16 != LB_LPC_CLASS || !lb_lpc_has_tco(place->id))
		return 0;
	pmbase = (uint16_t)(lb_pcidev_read(place->pci, LB_LPC_PMBASE) & LB_LPC_PMBASE_BITS);
	return pmbase ? (uint16_t)(pmbase + LB_TCO_AT) : 0;
}

static bool itco_find(const struct lb_watchdog_place *place)
{
	return port_of(place) != 0;
}

static bool halted(uint16_t tco)
{
	return cpu_in16((uint16_t)(tco + LB_TCO_CONTROL1)) & LB_TCO_CONTROL1_HALT;
}

static enum lb_watchdog_end itco_stop(const struct lb_watchdog_place *place, struct lb_error *ret_why)
{
	const uint16_t tco = port_of(place);

	if (halted(tco))
		return LB_WATCHDOG_WAS_OFF;
	lb_tco_halt(tco, true);
	if (halted(tco))
		return LB_WATCHDOG_IS_OFF;
	lb_fail(ret_why, "it does not halt, control 0x%x at port 0x%x",
		cpu_in16((uint16_t)(tco + LB_TCO_CONTROL1)), tco);
	return LB_WATCHDOG_STAYS_ON;
}

const struct lb_watchdog_driver lb_watchdog_itco = {.name = "iTCO", .find = itco_find, .stop = itco_stop};
