// SPDX-License-Identifier: BSD-2-Clause
// The ELF core header that /proc/vmcore shows: a template made at arm time, and
// the few fields that only the dead kernel can tell.
//
//   Ehdr | PT_NOTE | PT_LOAD kernel text (PT_NULL until known) | PT_LOAD RAM … | spare PT_NULL … |
//
// The one PT_NOTE comes first and points at the notes area (crash looks nowhere
// else); p_offset of a PT_LOAD is a physical address (fs/proc/vmcore.c), that of
// low memory its backup; p_align 0 (crash takes another value in the second header
// for a netdump file). Source: the kernel's crash_prepare_elf64_headers().
//
// RAM that is not page-aligned is described to the byte. /proc/vmcore maps whole
// pages around each PT_LOAD and keeps the offset inside the page, and the second
// kernel never allocates a partial page (memblock_trim_memory()). So below 1 MiB
// the whole pages are swapped and come from the backup, the ragged bytes on either
// side stay where they are and come from there, in PT_LOADs of their own.
#ifndef LIFEBOAT_CRASH_PLAN_ELFCORE_H
#define LIFEBOAT_CRASH_PLAN_ELFCORE_H

#include <elf.h>

#include "crash/plan/e820.h"
#include "lifeboat/handoff.h"

// The facts that the template is made from.
struct lb_elfcore {
	const struct lb_e820 *saved; // RAM
	struct lb_range crash; // cut out of it
	struct lb_range crash_low; // the same; may be empty
	uint32_t spare; // slots for RAM that is hot-added after arming
	const struct lb_swap_range *swap; // lb_elfcore_swap()'s list
	uint32_t swap_count;
	struct lb_range notes; // lb_elfcore_notes_bytes() of it
};

// Returns the exact bytes of the template. Uses neither `swap` nor `notes`.
uint64_t lb_elfcore_bytes(const struct lb_elfcore *core);
// Bytes of the notes area: `cpus` NT_PRSTATUS, VMCOREINFO and LIFEBOAT up to a page
// each, and the zeroes that end it.
uint64_t lb_elfcore_notes_bytes(uint32_t cpus);

// The swap list: RAM of `saved` below 1 MiB, packed into `backup` in order.
int lb_elfcore_swap(const struct lb_e820 *saved, struct lb_range backup, struct lb_swap_range *ranges,
		    uint32_t capacity, uint32_t *ret_count, struct lb_error *err);

// Writes the template into `header` (`bytes` long, the rest of it is zeroed). The spare
// slots are PT_NULL and not counted in e_phnum until lb_elfcore_hotadd(). Refuses more than
// 65534 segments, spare ones included: e_phnum cannot say them, and /proc/vmcore does not
// know PN_XNUM.
int lb_elfcore_template(const struct lb_elfcore *core, void *header, uint64_t bytes, struct lb_error *err);

// After the panic. `page_offset`: direct map base, p_vaddr = page_offset + p_paddr;
// 0: unknown, p_vaddr stays 0. `text_*`: the kernel image; text_bytes 0: unknown, the
// PT_NULL slot is taken out, so that a reader meets the PT_NOTE and PT_LOADs only.
// Called once: the slot is gone or filled afterwards.
void lb_elfcore_finish(void *header, uint64_t page_offset, uint64_t text_virt, uint64_t text_phys,
		       uint64_t text_bytes);

// After the panic, before lb_elfcore_finish(): one more PT_LOAD, for RAM that was
// hot-added after arming (whole pages). Fails when no slot is left in the header's `bytes`;
// then nothing is written.
int lb_elfcore_hotadd(void *header, uint64_t bytes, struct lb_range ram, struct lb_error *err);

struct lb_elf_note {
	const char *name;
	uint32_t type;
	const void *desc;
	uint32_t desc_bytes;
};

// Appends one note at *pos of the area, keeping at least 12 zero bytes after it. Writes
// nothing when it does not fit.
int lb_elfcore_note(void *area, uint64_t area_bytes, uint64_t *pos, const struct lb_elf_note *note,
		    struct lb_error *err);

// struct elf_prstatus as the kernel writes it: 336 bytes, pr_pid at 32, pr_reg at 112.
struct lb_prstatus {
	uint8_t before_pid[32];
	int32_t pid;
	uint8_t before_regs[76];
	struct lb_user_regs regs;
	int32_t fpvalid;
	int32_t pad;
};
_Static_assert(sizeof(struct lb_prstatus) == 336, "elf_prstatus");

#endif
