// SPDX-License-Identifier: BSD-2-Clause
// What can be read out of a dead kernel's memory, knowing nothing but its CR3 and
// GS base. Everything read is hostile: every loop is bounded, every address is
// RAM or it is not followed. See docs/handoff.md for how each fact is found.
#ifndef LIFEBOAT_CRASH_DEAD_DEADKERNEL_H
#define LIFEBOAT_CRASH_DEAD_DEADKERNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "crash/dead/deadmem.h"
#include "lib/format.h"
#include "lifeboat/handoff.h"

#define LB_BUILD_ID_BYTES 20 // SHA-1, what ld --build-id gives

struct lb_deadkernel {
	struct lb_deadspace space; // with VMCOREINFO, if has_vmcoreinfo
	bool encrypted; // a leaf or CR3 has bits at or above phys_bits: nothing else is filled

	bool has_text; // the kernel image was found at or above 0xffffffff80000000
	uint64_t text_virt; // _text
	uint64_t text_phys;
	uint64_t image_bytes; // from _text to the end of the last page mapped in line with it (bss included)
	uint64_t kaslr_offset; // text_virt - 0xffffffff81000000, or what VMCOREINFO says
	uint64_t phys_base; // text_phys - (text_virt - 0xffffffff80000000); may be "negative"

	// Looked for only without VMCOREINFO.
	uint64_t swapper_pg_dir; // virtual; 0: not known
	bool has_build_id;
	uint8_t build_id[LB_BUILD_ID_BYTES];

	bool has_page_offset;
	uint64_t page_offset;

	bool has_vmcoreinfo;
	uint64_t vmcoreinfo_phys; // of the note's header
	uint64_t vmcoreinfo_candidates; // pages that began with such a note, up to the right one

	bool has_cpus;
	uint32_t this_cpu; // number of the CPU whose GS base was given
	uint32_t cpu_count; // entries of __per_cpu_offset[] that are CPUs
	uint64_t per_cpu_offset; // virtual address of __per_cpu_offset[]
	uint64_t crash_notes; // per-CPU address of each CPU's note buffer; 0: not found
};

// `gs_base`: MSR GS_BASE at the panic, the CPU's per-CPU base. `text`, of LB_VMCOREINFO_MAX bytes,
// takes VMCOREINFO's; ret_kernel->space points there. Always returns; what could not be
// found says so in its has_ field.
void lb_deadkernel_read(const struct lb_deadspace *space, uint64_t gs_base, char *text,
			struct lb_deadkernel *ret_kernel);

// Synthesises a VMCOREINFO for a kernel that had none yet, into `text` (LB_VMCOREINFO_MAX bytes):
// OSRELEASE=`release`, PAGESIZE, KERNELOFFSET, NUMBER(phys_base), SYMBOL(swapper_pg_dir) if
// known, NUMBER(pgtable_l5_enabled), BUILD-ID. Returns its length.
uint32_t lb_deadkernel_synthesise(const struct lb_deadkernel *kernel, const char *release, char *text);

// The registers that CPU `cpu` saved in its crash_notes. False when it left none.
bool lb_deadkernel_cpu_regs(const struct lb_deadkernel *kernel, uint32_t cpu, struct lb_user_regs *ret_regs,
			    int32_t *ret_pid);

#endif
