// SPDX-License-Identifier: BSD-2-Clause
// The data behind the trampoline's code, for a CPU that starts in real mode. crash/platform/smp.c writes
// it, trampoline.asm reads it.
#ifndef LIFEBOAT_TRAMPOLINE_H
#define LIFEBOAT_TRAMPOLINE_H

#include <stdint.h>

#include "lifeboat/desc.h"

struct __attribute__((packed, aligned(8))) lb_trampoline {
	// A descriptor table used until long mode: a real-mode LGDT takes only 32 bits of an address.
	uint64_t gdt[4]; // null, null, code 0x10, data 0x18
	uint16_t gdt_limit;
	uint32_t gdt_base;
	uint16_t padding;
	uint32_t far_offset; // of the 64-bit part, linear
	uint16_t far_selector;
	uint16_t padding2;
	uint32_t low_root; // a copy of the root below 4 GiB: a 32-bit CR3 holds no more
	uint32_t cr4;
	uint32_t cr0;
	uint32_t efer; // its low half; bit 8 (LME) set, bit 10 (LMA) not
	// In long mode.
	uint64_t cr3;
	uint64_t entry; // lb_smp_entry
	// struct lb_smp_cpu of the CPU that is awaited. A CPU takes it and leaves 0. A CPU that finds 0 has
	// come too late, and stays here.
	uint64_t cpu;
};

// One started CPU.
struct lb_smp_cpu {
	struct lb_descriptor_tables tables; // first: trampoline.asm loads them
	uint64_t stack; // top
	uint64_t fs_base; // the libraries find their stack canary through it
	uint32_t number; // number of the helper: 1 and up
	uint32_t alive; // set by the CPU itself, last
};

#endif
