// SPDX-License-Identifier: BSD-2-Clause
// The driver of Intel's 6300ESB. The purgatory has disabled each one that it found. One that still runs was
// locked by its driver (nowayout). Until a reset a locked watchdog can only be given more time.
#include "crash/platform/pcidev.h"
#include "crash/platform/platform.h"
#include "crash/platform/watchdog.h"
#include "lifeboat/watchdog.h"

#define REGISTERS 0x10
#define TIMER1 0x00
#define TIMER2 0x04
#define RELOAD 0x0c
#define RELOAD_NOW 0x100
#define TIMER_MAX 0xfffffU // in ticks of 1/1024 s, the configuration that drivers choose
#define TIMER_SECONDS (2 * (TIMER_MAX + 1) / 1024) // of both timers together

static bool esb_find(const struct lb_watchdog_place *place)
{
	return place->id == LB_ESB_ID;
}

static bool runs(struct lb_pci_address pci)
{
	return lb_pcidev_read(pci, LB_ESB_LOCK) & LB_ESB_LOCK_ENABLE;
}

static void put(volatile uint8_t *registers, uint32_t reg, uint32_t value)
{
	*(volatile uint16_t *)(registers + RELOAD) = 0x80;
	*(volatile uint16_t *)(registers + RELOAD) = 0x86;
	if (reg == RELOAD)
		*(volatile uint16_t *)(registers + reg) = (uint16_t)value;
	else
		*(volatile uint32_t *)(registers + reg) = value;
}

static enum lb_watchdog_end esb_stop(const struct lb_watchdog_place *place, struct lb_error *ret_why)
{
	volatile uint8_t *registers;
	uint64_t phys;

	if (!runs(place->pci))
		return LB_WATCHDOG_WAS_OFF;
	if (lb_pcidev_bar(place->pci, 0, &phys, ret_why) != 0)
		return LB_WATCHDOG_STAYS_ON;
	lb_pcidev_enable(place->pci, false);
	registers = lb_device_map(phys, REGISTERS);
	if (!registers) {
		lb_fail(ret_why, "its registers at 0x%lx cannot be mapped", phys);
		return LB_WATCHDOG_STAYS_ON;
	}
	put(registers, TIMER1, TIMER_MAX);
	put(registers, TIMER2, TIMER_MAX);
	put(registers, RELOAD, RELOAD_NOW);
	lb_fail(ret_why, "it is locked and cannot be stopped; it was given %u s", TIMER_SECONDS);
	return LB_WATCHDOG_STAYS_ON;
}

const struct lb_watchdog_driver lb_watchdog_esb = {.name = "i6300esb", .find = esb_find, .stop = esb_stop};
