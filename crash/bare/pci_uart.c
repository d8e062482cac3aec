// SPDX-License-Identifier: BSD-2-Clause
#include "crash/bare/pci_uart.h"

#include <stdbool.h>

#include "crash/bare/pci_registers.h"

#define CLASS_SERIAL 0x0700
#define CLASS_MULTIPORT 0x0702

int lb_pci_uart(const struct lb_pci_space *space, struct lb_console *ret_console, struct lb_error *err)
{
	uint32_t class = lb_pci_read(space, LB_PCI_CLASS) >> 16, bar = lb_pci_read(space, LB_PCI_BAR0);
	bool port = bar & LB_PCI_BAR_IO;
	uint32_t decode = port ? LB_PCI_COMMAND_IO : LB_PCI_COMMAND_MEMORY, command;
	uint64_t address = bar & ~LB_PCI_BAR_IO_FLAGS; // if the BAR is I/O space

	if (lb_pci_read(space, LB_PCI_ID) == UINT32_MAX)
		return lb_fail(err, "nothing answers there");
	if (class != CLASS_SERIAL && class != CLASS_MULTIPORT)
		return lb_fail(err, "its PCI class is 0x%04x, wanted a serial card's, 0x0700 or 0x0702",
			       class);
	if (!port && lb_pci_bar(space, 0, &address, err) != 0)
		return -1;
	if (address == 0)
		return lb_fail(err, "BAR 0 has no address");
	// Writes bits 15:0 only: ones would clear the status above.
	command = lb_pci_read(space, LB_PCI_COMMAND) & LB_PCI_CONTROL_HALF;
	if (!(command & decode))
		lb_pci_write(space, LB_PCI_COMMAND, command | decode);
	*ret_console =
		(struct lb_console){.type = port ? LB_CONSOLE_PORT : LB_CONSOLE_MMIO, .address = address};
	return 0;
}
