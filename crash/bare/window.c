// SPDX-License-Identifier: BSD-2-Clause
// The two movable windows, and the dead kernel's memory through one of them.
#include <asm/bootparam.h>

#include "crash/bare/bare.h"
#include "crash/plan/e820.h"
#include "lib/cpu.h"
#include "lifeboat/x86.h"

// Maps the page of `phys`, and returns the virtual address of `phys`.
void *lb_window_map(const struct lb_window *window, uint64_t phys, bool uncached)
{
	uint64_t entry = (phys & ~(LB_PAGE - 1)) | X86_PTE_P | X86_PTE_W | X86_PTE_A | X86_PTE_D;

	if (uncached)
		entry |= X86_PTE_UNCACHED;
	*(volatile uint64_t *)(uintptr_t)window->pte = entry;
	cpu_invlpg(window->virt);
	return (void *)(uintptr_t)(window->virt + (phys & (LB_PAGE - 1)));
}

void lb_window_unmap(const struct lb_window *window)
{
	*(volatile uint64_t *)(uintptr_t)window->pte = 0;
	cpu_invlpg(window->virt);
}

// Only what e820_saved calls RAM is read, because the dead kernel's pointers may lead to a device.
static bool is_ram(const struct lb_handoff *handoff, uint64_t phys)
{
	const struct boot_e820_entry *entries = (const void *)(uintptr_t)handoff->e820_saved;

	for (uint32_t i = 0; i < handoff->e820_saved_count; i++) {
		if (entries[i].type == LB_E820_RAM && phys >= entries[i].addr &&
		    phys - entries[i].addr + LB_PAGE <= entries[i].size)
			return true;
	}
	return false;
}

static const void *read_page(void *ctx, uint64_t phys)
{
	const struct lb_handoff *handoff = ctx;

	if (!lb_aligned(phys, LB_PAGE) || !is_ram(handoff, phys))
		return NULL;
	return lb_window_map(&handoff->window, phys, false);
}

struct lb_physmem lb_window_physmem(const struct lb_handoff *handoff)
{
	return (struct lb_physmem){read_page, (void *)(uintptr_t)handoff};
}
