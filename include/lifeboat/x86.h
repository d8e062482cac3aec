// SPDX-License-Identifier: BSD-2-Clause
// x86-64 architecture constants. Numbers only, so that nasm gets the same ones
// through the generated build/gen/asm-defines.inc. Source: Intel SDM volume 3
// (chapters 2, 4, 6, 10; volume 4 for MSRs) and AMD APM volume 2.
#ifndef LIFEBOAT_X86_H
#define LIFEBOAT_X86_H

#include <stdint.h>

// Page-table entries, SDM 3A 4.5.
#define X86_PTE_P (1ULL << 0)
#define X86_PTE_W (1ULL << 1)
#define X86_PTE_U (1ULL << 2)
#define X86_PTE_PWT (1ULL << 3)
#define X86_PTE_PCD (1ULL << 4)
#define X86_PTE_A (1ULL << 5)
#define X86_PTE_D (1ULL << 6)
#define X86_PTE_PS (1ULL << 7) // leaf, in a PD or PDPT entry
#define X86_PTE_NX (1ULL << 63)
#define X86_PTE_ADDR 0x000ffffffffff000ULL // bits 51:12; those from the physical width up must be 0
#define X86_PT_ENTRIES 512
#define X86_PTE_UNCACHED (X86_PTE_PCD | X86_PTE_PWT) // PAT entry 3
// Lower-half addresses are canonical up to here with 4 levels (SDM 1 3.3.7.1): an identity
// map by a 4-level root reaches no further.
#define X86_END_OF_4LEVEL (1ULL << 47)
#define X86_PDPT_BYTES (1ULL << 39) // the reach of one PDPT

#define X86_CR0_PE (1ULL << 0)
#define X86_CR0_MP (1ULL << 1)
#define X86_CR0_EM (1ULL << 2)
#define X86_CR0_TS (1ULL << 3)
#define X86_CR0_ET (1ULL << 4)
#define X86_CR0_NE (1ULL << 5)
#define X86_CR0_WP (1ULL << 16)
#define X86_CR0_PG (1ULL << 31)

#define X86_CR4_PAE (1ULL << 5)
#define X86_CR4_MCE (1ULL << 6)
#define X86_CR4_PGE (1ULL << 7)
#define X86_CR4_OSFXSR (1ULL << 9)
#define X86_CR4_OSXMMEXCPT (1ULL << 10)
#define X86_CR4_LA57 (1ULL << 12)
#define X86_CR4_VMXE (1ULL << 13)
#define X86_CR4_CET (1ULL << 23)
#define X86_CR4_LASS (1ULL << 27)
#define X86_CR4_FRED (1ULL << 32)

// Vectors, SDM 3A 6.3.1 and table 6-1.
#define X86_VECTORS 256
#define X86_EXCEPTIONS 32 // from here on external interrupts
#define X86_VECTOR_NMI 2
#define X86_VECTOR_DF 8
#define X86_VECTOR_GP 13
#define X86_VECTOR_PF 14
#define X86_VECTOR_MC 18
// A bit for each exception that pushes an error code: 8, 10 to 14, 17, 21, 29 and 30.
#define X86_PUSHES_CODE (1U << 8 | 0x1fU << 10 | 1U << 17 | 1U << 21 | 1U << 29 | 1U << 30)

#define X86_MSR_APIC_BASE 0x1b
#define X86_APIC_BASE_BSP (1U << 8)
#define X86_APIC_BASE_X2APIC (1U << 10)
#define X86_APIC_BASE_ENABLE (1U << 11)
#define X86_MSR_MCG_STATUS 0x17a
#define X86_MCG_RIPV 1ULL // the interrupted program may go on
#define X86_MSR_X2APIC 0x800 // + register offset / 16
#define X86_LAPIC_ID 0x20 // a register offset
#define X86_MSR_EFER 0xc0000080
#define X86_EFER_LMA (1ULL << 10)
#define X86_MSR_FS_BASE 0xc0000100
#define X86_MSR_GS_BASE 0xc0000101
#define X86_MSR_KERNEL_GS_BASE 0xc0000102

// The selectors of the Linux 64-bit boot protocol (Documentation/arch/x86/boot.rst: __BOOT_CS 0x10,
// __BOOT_DS 0x18). All our programs use them.
#define X86_SEL_CODE 0x10
#define X86_SEL_DATA 0x18
#define X86_SEL_TSS 0x20

#endif
