// SPDX-License-Identifier: BSD-2-Clause
// The configuration space of a PCI function, read through the firmware; UEFI 2.10, 14.4.
#ifndef LIFEBOAT_LOADER_PCI_IO_H
#define LIFEBOAT_LOADER_PCI_IO_H

#include <efi.h>
#include <efipciio.h>
#include <stdint.h>

// Reads the register at an offset (lifeboat/pci.h). Returns 0, which is no known device, when that fails.
uint32_t lb_pci_io_read(EFI_PCI_IO_PROTOCOL *pci, uint32_t reg);

#endif
