// SPDX-License-Identifier: BSD-2-Clause
// Constants and offsets for nasm. This file is only compiled to assembly text, from which the Makefile
// takes the marked lines (build/gen/asm-defines.inc).
#include "lifeboat/capture_config.h"
#include "lifeboat/desc.h"
#include "lifeboat/handoff.h"
#include "lifeboat/trampoline.h"
#include "lifeboat/x86.h"

#define DEFINE(name, value) __asm__ volatile("/* @define " #name " %0 */" ::"i"((long)(value)))
#define OFFSET(name, type, field) DEFINE(name, offsetof(struct type, field))

void lb_asm_defines(void);

void lb_asm_defines(void)
{
	DEFINE(HANDOFF_VERSION, LB_HANDOFF_VERSION);
	DEFINE(PURGATORY_MAGIC, LB_PURGATORY_MAGIC);
	DEFINE(HOOK_MAGIC, LB_HOOK_MAGIC);
	DEFINE(CAPTURE_IMAGE_MAGIC, LB_CAPTURE_IMAGE_MAGIC);

	OFFSET(CPU_R15, lb_cpu_state, regs.r15);
	OFFSET(CPU_R14, lb_cpu_state, regs.r14);
	OFFSET(CPU_R13, lb_cpu_state, regs.r13);
	OFFSET(CPU_R12, lb_cpu_state, regs.r12);
	OFFSET(CPU_RBP, lb_cpu_state, regs.rbp);
	OFFSET(CPU_RBX, lb_cpu_state, regs.rbx);
	OFFSET(CPU_R11, lb_cpu_state, regs.r11);
	OFFSET(CPU_R10, lb_cpu_state, regs.r10);
	OFFSET(CPU_R9, lb_cpu_state, regs.r9);
	OFFSET(CPU_R8, lb_cpu_state, regs.r8);
	OFFSET(CPU_RAX, lb_cpu_state, regs.rax);
	OFFSET(CPU_RCX, lb_cpu_state, regs.rcx);
	OFFSET(CPU_RDX, lb_cpu_state, regs.rdx);
	OFFSET(CPU_RSI, lb_cpu_state, regs.rsi);
	OFFSET(CPU_RDI, lb_cpu_state, regs.rdi);
	OFFSET(CPU_ORIG_RAX, lb_cpu_state, regs.orig_rax);
	OFFSET(CPU_RIP, lb_cpu_state, regs.rip);
	OFFSET(CPU_CS, lb_cpu_state, regs.cs);
	OFFSET(CPU_RFLAGS, lb_cpu_state, regs.rflags);
	OFFSET(CPU_RSP, lb_cpu_state, regs.rsp);
	OFFSET(CPU_SS, lb_cpu_state, regs.ss);
	OFFSET(CPU_FS_BASE, lb_cpu_state, regs.fs_base);
	OFFSET(CPU_GS_BASE, lb_cpu_state, regs.gs_base);
	OFFSET(CPU_DS, lb_cpu_state, regs.ds);
	OFFSET(CPU_ES, lb_cpu_state, regs.es);
	OFFSET(CPU_FS, lb_cpu_state, regs.fs);
	OFFSET(CPU_GS, lb_cpu_state, regs.gs);
	OFFSET(CPU_CR0, lb_cpu_state, cr0);
	OFFSET(CPU_CR2, lb_cpu_state, cr2);
	OFFSET(CPU_CR3, lb_cpu_state, cr3);
	OFFSET(CPU_CR4, lb_cpu_state, cr4);
	OFFSET(CPU_EFER, lb_cpu_state, efer);
	OFFSET(CPU_KERNEL_GS_BASE, lb_cpu_state, kernel_gs_base);
	OFFSET(CPU_TSC, lb_cpu_state, tsc);
	OFFSET(CPU_NMI_COUNT, lb_cpu_state, nmi_count);
	DEFINE(CPU_STATE_BYTES, sizeof(struct lb_cpu_state));

	OFFSET(SEALED_HANDOFF, lb_hook_sealed, handoff);
	OFFSET(SEALED_CR3_4, lb_hook_sealed, cr3_4level);
	OFFSET(SEALED_CR3_5, lb_hook_sealed, cr3_5level);
	OFFSET(SEALED_PHYSICAL, lb_hook_sealed, physical);
	OFFSET(SEALED_ENTRY, lb_hook_sealed, purgatory_entry);
	OFFSET(TABLES_GDTR, lb_descriptor_tables, gdtr);
	OFFSET(TABLES_IDTR, lb_descriptor_tables, idtr);

	OFFSET(TRAMPOLINE_GDT_LIMIT, lb_trampoline, gdt_limit);
	OFFSET(TRAMPOLINE_FAR, lb_trampoline, far_offset);
	OFFSET(TRAMPOLINE_LOW_ROOT, lb_trampoline, low_root);
	OFFSET(TRAMPOLINE_CR4, lb_trampoline, cr4);
	OFFSET(TRAMPOLINE_CR0, lb_trampoline, cr0);
	OFFSET(TRAMPOLINE_EFER, lb_trampoline, efer);
	OFFSET(TRAMPOLINE_CR3, lb_trampoline, cr3);
	OFFSET(TRAMPOLINE_ENTRY, lb_trampoline, entry);
	OFFSET(TRAMPOLINE_CPU, lb_trampoline, cpu);
	OFFSET(SMP_STACK, lb_smp_cpu, stack);
	OFFSET(SMP_FS_BASE, lb_smp_cpu, fs_base);

	DEFINE(CR0_RUN, X86_CR0_PG | X86_CR0_PE | X86_CR0_NE | X86_CR0_ET | X86_CR0_MP);
	DEFINE(CR4_RUN, X86_CR4_PAE | X86_CR4_MCE | X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT);
	DEFINE(CR4_JUMP, X86_CR4_PAE | X86_CR4_MCE);
	DEFINE(CR4_DROP_FIRST, X86_CR4_PGE | X86_CR4_LASS | X86_CR4_FRED);
	DEFINE(CR4_LA57, X86_CR4_LA57);
	DEFINE(CR4_VMXE, X86_CR4_VMXE);
	DEFINE(CR4_CET, X86_CR4_CET);
	DEFINE(MSR_EFER, X86_MSR_EFER);
	DEFINE(MSR_FS_BASE, X86_MSR_FS_BASE);
	DEFINE(MSR_GS_BASE, X86_MSR_GS_BASE);
	DEFINE(MSR_KERNEL_GS_BASE, X86_MSR_KERNEL_GS_BASE);
	DEFINE(VECTORS, X86_VECTORS);
	DEFINE(EXCEPTIONS, X86_EXCEPTIONS);
	DEFINE(PUSHES_CODE, X86_PUSHES_CODE);
	DEFINE(TRAP_STUB_BYTES, LB_TRAP_STUB_BYTES);
	DEFINE(SEL_CODE, X86_SEL_CODE);
	DEFINE(SEL_DATA, X86_SEL_DATA);
	DEFINE(SEL_TSS, X86_SEL_TSS);
}
