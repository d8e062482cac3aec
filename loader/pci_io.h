// SPDX-License-Identifier: BSD-2-Clause
// Configuration space of a PCI function that the firmware found; UEFI 2.10, 14.4.
#ifndef LIFEBOAT_LOADER_PCI_IO_H
#define LIFEBOAT_LOADER_PCI_IO_H

#include <efi.h>
#include <efipciio.h>
#include <stdint.h>

// A register by offset (lifeboat/pci.h); 0, which is no device we know, when it cannot be read.
uint32_t lb_pci_io_read(EFI_PCI_IO_PROTOCOL *pci, uint32_t reg);

#endif
