// SPDX-License-Identifier: BSD-2-Clause
// The facts of a dead kernel. Each file that looks for facts fills in its part of the struct. docs/handoff.md
// says how each fact is found.
#ifndef LIFEBOAT_CRASH_DEAD_FACTS_H
#define LIFEBOAT_CRASH_DEAD_FACTS_H

#include <stdbool.h>
#include <stdint.h>

#include "crash/dead/deadmem.h"

#define LB_KERNEL_TEXT_ALIGN (2 * LB_MIB) // the least CONFIG_PHYSICAL_ALIGN

#define LB_BUILD_ID_BYTES 20 // SHA-1, what ld --build-id gives

struct lb_deadkernel {
	struct lb_deadspace space; // with VMCOREINFO, if has_vmcoreinfo
	bool encrypted; // a leaf or CR3 has bits at or above phys_bits: nothing else is filled

	bool has_text; // the kernel image was found at or above LB_KERNEL_MAP
	uint64_t text_virt; // _text
	uint64_t text_phys;
	uint64_t image_bytes; // from _text to the end of the last page mapped in line with it (bss included)
	uint64_t kaslr_offset; // text_virt - 0xffffffff81000000, or what VMCOREINFO says
	uint64_t phys_base; // text_phys - (text_virt - LB_KERNEL_MAP); may be "negative"

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

#endif
