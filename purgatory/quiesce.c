// SPDX-License-Identifier: BSD-2-Clause
// Leaves interrupts as Linux leaves them for a kernel that starts (native_machine_shutdown() and
// disconnect_bsp_APIC()): PICs and IO-APICs masked, the local APIC enabled with only NMI in it. Otherwise
// the second kernel finds a timer that does not tick and devices whose interrupts are lost. The local APIC
// comes last: by then no source can send it another interrupt. Source: Intel SDM 3A chapter 10, 82093AA
// datasheet.
#include "crash/bare/lapic.h"
#include "lifeboat/ports.h"
#include "lifeboat/watchdog.h"
#include "purgatory/pci.h"
#include "purgatory/purgatory.h"

#define PIC_MASTER_DATA 0x21
#define PIC_SLAVE_DATA 0xa1

#define IOAPIC_SELECT 0x00
#define IOAPIC_WINDOW 0x10
#define IOAPIC_VERSION 1
#define IOAPIC_REDIRECTION 0x10
#define IOAPIC_MASKED (1U << 16) // and edge-triggered: clears Remote IRR

#define LAPIC_VERSION 0x30
#define LAPIC_TPR 0x80
#define LAPIC_SVR 0xf0
#define LAPIC_ISR 0x100
#define LAPIC_LVT_CMCI 0x2f0
#define LAPIC_LVT_THERMAL 0x330
#define LAPIC_LVT_PERF 0x340
#define LAPIC_LVT_LINT0 0x350
#define LAPIC_LVT_LINT1 0x360
#define LAPIC_LVT_ERROR 0x370
#define LAPIC_EXTINT (7U << 8)
#define LAPIC_NMI (4U << 8)
#define LAPIC_SVR_ENABLED (1U << 8)
#define LAPIC_MAX_EOIS 256 // at most one for each vector in service or waiting

#define RFLAGS_IF (1ULL << 9)

#define HPET_CONFIG 0x10
#define HPET_ENABLE_AND_LEGACY 3U

static void mask_pics(void)
{
	cpu_out8(PIC_MASTER_DATA, 0xff);
	cpu_out8(PIC_SLAVE_DATA, 0xff);
}

static void mask_ioapic(const struct lb_window *window, uint64_t phys)
{
	volatile uint32_t *select = lb_window_map(window, phys, true);
	volatile uint32_t *data = select + IOAPIC_WINDOW / sizeof(*select);
	uint32_t last;

	*select = IOAPIC_VERSION;
	last = *data >> 16 & 0xff;
	for (uint32_t pin = 0; pin <= last; pin++) {
		*select = IOAPIC_REDIRECTION + 2 * pin;
		*data = IOAPIC_MASKED;
		*select = IOAPIC_REDIRECTION + 2 * pin + 1;
		*data = 0;
	}
}

// The local APIC while waiting interrupts are taken; else NULL.
static const struct lb_lapic *volatile letting_in;
static volatile uint32_t let_in;

// False: no interrupt is expected now. A source that was not found may send for ever: after one interrupt
// for each vector, interrupts stay off.
static bool take_interrupt(struct lb_trap_frame *frame)
{
	if (!letting_in)
		return false;
	if (frame->vector != LB_LAPIC_SPURIOUS_VECTOR)
		lb_lapic_write(letting_in, LB_LAPIC_EOI, 0);
	let_in++;
	if (let_in == LAPIC_MAX_EOIS)
		frame->rflags &= ~RFLAGS_IF;
	return true;
}

// Takes the interrupts that the local APIC had accepted when the first kernel died. They stay in its
// request register until a CPU takes them; the second kernel would report "Spurious LAPIC timer interrupt"
// or "No irq handler for vector" at its first STI. They are taken here, when no source can send more. STI
// takes effect after the first NOP, and all waiting interrupts arrive before the second one.
// before the second.
static void let_waiting_interrupts_in(const struct lb_lapic *lapic)
{
	let_in = 0;
	letting_in = lapic;
	__asm__ volatile("sti\n\tnop\n\tnop\n\tcli" ::: "memory");
	letting_in = NULL;
	lb_say("%u waiting interrupts taken", let_in);
}

static bool lapic_in_service(const struct lb_lapic *lapic)
{
	for (uint32_t i = 0; i < 8; i++) {
		if (lb_lapic_read(lapic, LAPIC_ISR + 16 * i))
			return true;
	}
	return false;
}

static void quiesce_lapic(const struct lb_window *window)
{
	struct lb_lapic lapic = {NULL};
	uint32_t last_lvt;
	uint64_t phys;

	if (!lb_lapic_find(&phys))
		return;
	if (phys)
		lapic.mmio = lb_window_map(window, phys, true);

	last_lvt = lb_lapic_read(&lapic, LAPIC_VERSION) >> 16 & 0xff;
	if (last_lvt >= 3) // masked first: an error LVT with vector 0 would report itself
		lb_lapic_write(&lapic, LAPIC_LVT_ERROR, LB_LAPIC_MASKED);
	lb_lapic_write(&lapic, LB_LAPIC_LVT_TIMER, LB_LAPIC_MASKED);
	lb_lapic_write(&lapic, LB_LAPIC_TIMER_COUNT, 0);
	if (last_lvt >= 4)
		lb_lapic_write(&lapic, LAPIC_LVT_PERF, LB_LAPIC_MASKED);
	if (last_lvt >= 5)
		lb_lapic_write(&lapic, LAPIC_LVT_THERMAL, LB_LAPIC_MASKED);
	if (last_lvt >= 6)
		lb_lapic_write(&lapic, LAPIC_LVT_CMCI, LB_LAPIC_MASKED);
	lb_lapic_write(&lapic, LAPIC_TPR, 0);
	lb_lapic_write(&lapic, LAPIC_SVR, LAPIC_SVR_ENABLED | LB_LAPIC_SPURIOUS_VECTOR);
	lb_lapic_write(&lapic, LAPIC_LVT_LINT0, LB_LAPIC_MASKED | LAPIC_EXTINT);
	lb_lapic_write(&lapic, LAPIC_LVT_LINT1, LAPIC_NMI); // the NMI button works in the second kernel
	for (uint32_t i = 0; i < LAPIC_MAX_EOIS && lapic_in_service(&lapic); i++)
		lb_lapic_write(&lapic, LB_LAPIC_EOI, 0);
	let_waiting_interrupts_in(&lapic);
}

static void stop_hpet(const struct lb_window *window, uint64_t phys)
{
	volatile uint32_t *config = lb_window_map(window, phys + HPET_CONFIG, true);

	*config &= ~HPET_ENABLE_AND_LEGACY;
}

static volatile void *map_config(void *ctx, uint64_t phys)
{
	return lb_window_map(ctx, phys, true);
}

// Quiesces every function that the handoff leads to, as pci.h describes.
static void quiesce_pci(const struct lb_handoff *handoff)
{
	struct lb_pci_config config = {.map = map_config, .ctx = (void *)(uintptr_t)&handoff->device_window};
	struct lb_pci_count count = {0};

	if (lb_pci_wants_ports(handoff->ecam, handoff->ecam_count))
		lb_pci_quiesce(&config, 0, 0, UINT8_MAX, &count);
	for (uint32_t i = 0; i < handoff->ecam_count && i < LB_MAX_ECAM; i++) {
		const struct lb_ecam *ecam = &handoff->ecam[i];

		config.ecam = ecam;
		config.ecam_count = 1;
		lb_pci_quiesce(&config, ecam->segment, ecam->bus_first, ecam->bus_last, &count);
	}
	if (count.tco)
		lb_tco_halt(count.tco, true);
	lb_say("PCI by %s: %u functions, bus mastering off at %u, MSI at %u",
	       handoff->ecam_count ? "ECAM" : "ports", count.functions, count.masters, count.msi);
}

void lb_quiesce(const struct lb_handoff *handoff)
{
	if (handoff->has_8259)
		mask_pics();
	for (uint32_t i = 0; i < handoff->ioapic_count && i < LB_MAX_IOAPICS; i++)
		mask_ioapic(&handoff->device_window, handoff->ioapic[i]);
	if (handoff->hpet)
		stop_hpet(&handoff->device_window, handoff->hpet);
	quiesce_pci(handoff);
	lb_trap_expect(take_interrupt);
	quiesce_lapic(&handoff->device_window);
	lb_window_unmap(&handoff->device_window);
}
