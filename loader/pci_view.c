// SPDX-License-Identifier: BSD-2-Clause
#include "loader/pci_view.h"

#include "crash/bare/pci_bridges.h"
#include "crash/bare/pci_uart.h"
#include "crash/disk/target_function.h"
#include "lib/cpu.h"
#include "lifeboat/x86.h"
#include "loader/firmware.h"
#include "pgtable/walk.h"

struct view {
	unsigned int phys_bits;
	bool unmapped; // a page was asked for that is not mapped
};

static const void *table_page(void *ctx, uint64_t phys)
{
	(void)ctx;
	return (const void *)(uintptr_t)phys;
}

// Firmware maps all memory that it knows of, at its own address. Other addresses would be a page fault.
static volatile void *map(void *ctx, uint64_t phys)
{
	const struct lb_physmem mem = {.page = table_page};
	struct view *view = ctx;
	const struct lb_walk walk = {.mem = &mem,
				     .cr3 = cpu_cr3(),
				     .la57 = cpu_cr4() & X86_CR4_LA57,
				     .phys_bits = view->phys_bits};
	struct lb_walk_leaf leaf;

	if (lb_walk(&walk, phys, &leaf) == LB_WALK_MAPPED && leaf.phys == phys)
		return (volatile void *)(uintptr_t)phys;
	view->unmapped = true;
	return NULL;
}

static struct lb_pci_config config_of(const struct lb_machine *machine, struct view *view)
{
	*view = (struct view){.phys_bits = machine->phys_bits};
	return (struct lb_pci_config){.ecam = machine->acpi.mcfg.ecam,
				      .ecam_count = machine->acpi.mcfg.count,
				      .map = map,
				      .ctx = view};
}

static int look(const struct lb_machine *machine, struct lb_target *target, struct lb_error *err)
{
	struct view view;
	const struct lb_pci_config config = config_of(machine, &view);
	const struct lb_pci_space space = lb_pci_select(&config, target->pci);

	if (lb_pci_bridges(&config, target->pci, target->bridges, err) != 0)
		return -1;
	return view.unmapped ? 0 : lb_target_function_check(&space, target, err);
}

// The firmware's timers may use the two ports, too, so the timers wait.
int lb_pci_view_check(const struct lb_machine *machine, struct lb_target *target, struct lb_error *err)
{
	const EFI_TPL level = BS->RaiseTPL(TPL_HIGH_LEVEL);
	int result = look(machine, target, err);

	BS->RestoreTPL(level);
	return result;
}

int lb_pci_view_uart(const struct lb_machine *machine, uint64_t bdf, struct lb_console *ret_console,
		     struct lb_error *err)
{
	const struct lb_pci_address at = {
		.bus = bdf >> 8 & 0xff, .device = bdf >> 3 & 0x1f, .function = bdf & 7};
	const EFI_TPL level = BS->RaiseTPL(TPL_HIGH_LEVEL);
	struct view view;
	const struct lb_pci_config config = config_of(machine, &view);
	const struct lb_pci_space space = lb_pci_select(&config, at);
	int result = lb_pci_uart(&space, ret_console, err);

	BS->RestoreTPL(level);
	return result;
}
