; SPDX-License-Identifier: BSD-2-Clause
; Brings a further CPU from its start-up interrupt to C. The code up to lb_trampoline_end is copied to a page
; below 1 MiB. It starts there in real mode with CS = that page, so it refers to itself by offsets only. It
; goes straight from real mode to long mode: one instruction may set CR0.PE and CR0.PG.
; Sources: Intel SDM 3A 9.4.4, 10.8.5.
default rel
%include "asm-defines.inc"
%include "traps.inc"

extern lb_smp_main
global lb_trampoline_start, lb_trampoline_long, lb_trampoline_end, lb_smp_entry

%define AT(field) (lb_trampoline_end - lb_trampoline_start + field)

section .text

bits 16
align 16
lb_trampoline_start:
	cli
	cld
	mov	ax, cs
	mov	ds, ax
	o32 lgdt [AT(TRAMPOLINE_GDT_LIMIT)]
	mov	eax, [AT(TRAMPOLINE_CR4)]
	mov	cr4, eax
	mov	eax, [AT(TRAMPOLINE_LOW_ROOT)]
	mov	cr3, eax
	mov	ecx, MSR_EFER
	mov	eax, [AT(TRAMPOLINE_EFER)]
	xor	edx, edx
	wrmsr
	mov	eax, [AT(TRAMPOLINE_CR0)]
	mov	cr0, eax
	jmp	dword far [AT(TRAMPOLINE_FAR)]

bits 64
align 16
lb_trampoline_long:
	mov	eax, SEL_DATA
	mov	ds, eax
	mov	es, eax
	mov	ss, eax
	xor	eax, eax
	mov	fs, eax
	mov	gs, eax
	lea	rbx, [lb_trampoline_end]
	xor	edi, edi
	xchg	rdi, [rbx + TRAMPOLINE_CPU]
	test	rdi, rdi
	jz	.never			; too late: lb_smp_start() waits no more
	mov	rax, [rbx + TRAMPOLINE_CR3]
	mov	cr3, rax
	jmp	[rbx + TRAMPOLINE_ENTRY]
.never:
	hlt
	jmp	.never
align 8
lb_trampoline_end:			; struct lb_trampoline follows in the copy

; rdi: struct lb_smp_cpu.
lb_smp_entry:
	mov	rsp, [rdi + SMP_STACK]
	LOAD_TABLES rdi
	mov	rax, [rdi + SMP_FS_BASE]
	mov	rdx, rax
	shr	rdx, 32
	mov	ecx, MSR_FS_BASE
	wrmsr
	xor	ebp, ebp
	call	lb_smp_main
.never:
	cli
	hlt
	jmp	.never
