// SPDX-License-Identifier: BSD-2-Clause
// PCI functions that a dead kernel's drivers left running: no more interrupts, no more
// DMA.
//
// Of every function that answers:
//  - MSI and MSI-X are switched off, and INTx is held back (Command.InterruptDisable):
//    a device that loses its MSI enable signals by INTx instead, on a line that it shares.
//    Linux's pci_enable_device() lets INTx through again.
//  - Bus mastering is switched off, and the function read once more: no answer can pass
//    the writes it had on their way (PCIe Base 2.4.1). Linux's kexec does that, too; a
//    driver that wants DMA calls pci_set_master().
//  - SR-IOV is switched off: virtual functions answer to no scan, so this is the only
//    way to stop theirs.
//  - ATS, PRI and PASID are switched off, once it masters no more: a function that goes on
//    asking for translations gets none from an IOMMU that is switched off later, and what
//    it remembers of the dead kernel's is forgotten. Linux switches them on anew.
//
// But bus mastering stays where it is not the device's own DMA:
//  - at bridges (header type 1 and 2, class 06h). What is behind one has been stopped by
//    itself; a bridge that refuses what is still on its way reports errors, at worst as
//    NMI or machine check, and firmware's own devices (management controller, USB legacy)
//    may be behind one that the second kernel never enables. No driver enables it at host
//    and LPC bridges, where it is for the chipset's own masters.
//  - at interrupt controllers (class 0800h): an IO-APIC's interrupts are its writes.
// A 6300ESB's watchdog is disabled, an Intel LPC bridge's TCO reported: nobody would feed
// them until the dump is done.
// The IOMMU as a PCI function (class 0806h, AMD's) is not touched at all: its tables are
// in use until the second kernel has copied them.
#ifndef LIFEBOAT_PURGATORY_PCI_H
#define LIFEBOAT_PURGATORY_PCI_H

#include <stdbool.h>
#include <stdint.h>

#include "crash/bare/pci_config.h"

struct lb_pci_count {
	uint32_t functions; // that answered
	uint32_t masters; // whose bus mastering was on and is off
	uint32_t msi; // that had MSI or MSI-X on
	uint16_t tco; // port of a chipset's watchdog, which only the caller can stop; 0: none seen
};

// Is segment 0 to be scanned by ports, since no entry of `ecam` begins with its bus 0? The others have
// other segments or buses, and are scanned beside it.
bool lb_pci_wants_ports(const struct lb_ecam *ecam, uint32_t count);

// Every bus of the range by itself, whatever bridges say of buses behind them: 256
// buses are 8192 reads and what is present. Bounded whatever the registers hold. Adds to
// `count`.
void lb_pci_quiesce(const struct lb_pci_config *config, uint16_t segment, uint8_t bus_first, uint8_t bus_last,
		    struct lb_pci_count *count);

#endif
