// SPDX-License-Identifier: BSD-2-Clause
#include "loader/pci_io.h"

uint32_t lb_pci_io_read(EFI_PCI_IO_PROTOCOL *pci, uint32_t reg)
{
	uint32_t value = 0;

	return EFI_ERROR(pci->Pci.Read(pci, EfiPciIoWidthUint32, reg, 1, &value)) ? 0 : value;
}
