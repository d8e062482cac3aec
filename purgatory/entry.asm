; SPDX-License-Identifier: BSD-2-Clause
; Into the purgatory from the hook, out of it into the second kernel.
bits 64
default rel
%include "asm-defines.inc"
%include "traps.inc"

extern lb_purgatory_main, lb_trap_prepare, lb_descriptor_tables
extern lb_purgatory_start, lb_purgatory_entry_offset, lb_purgatory_text_bytes, lb_purgatory_file_bytes, lb_purgatory_total_bytes
global lb_purgatory_entry, lb_stack_top, lb_jump

section .head progbits alloc noexec nowrite align=8
; struct lb_purgatory_header
	dq	PURGATORY_MAGIC
	dd	HANDOFF_VERSION
	dd	lb_purgatory_entry_offset
	dd	lb_purgatory_text_bytes
	dd	lb_purgatory_file_bytes
	dd	lb_purgatory_total_bytes
	dd	0

section .text

; rdi: struct lb_handoff, rsi: struct lb_cpu_state, both physical.
lb_purgatory_entry:
	endbr64
	cli
	cld
	mov	r12, rdi
	mov	r13, rsi
	; Nothing guards the data since it was loaded: begin with zeros again. The hook's
	; tables and stacks, in use until ours are loaded, lie elsewhere.
	lea	rdx, [lb_purgatory_start]
	mov	edi, lb_purgatory_file_bytes
	mov	ecx, lb_purgatory_total_bytes
	sub	ecx, edi
	add	rdi, rdx
	xor	eax, eax
	rep stosb
	lea	rsp, [lb_stack_top]
	call	lb_trap_prepare
	lea	rbx, [lb_descriptor_tables]
	LOAD_TABLES rbx
	mov	rdi, r12
	mov	rsi, r13
	xor	ebp, ebp		; a backtrace ends here
	call	lb_purgatory_main
	ud2

; lb_jump(rdi: 64-bit entry point, rsi: boot_params, rdx: handoff). Linux's 64-bit boot
; protocol: CS 0x10, DS ES SS 0x18, interrupts off, RSI boot_params (boot.rst). RDI is
; the handoff, which Linux does not look at.
lb_jump:
	mov	rax, cr4
	and	eax, CR4_LA57		; paging depth cannot change here
	or	eax, CR4_JUMP
	mov	cr4, rax
	mov	rax, rdi
	mov	rdi, rdx
	xor	ebx, ebx
	xor	ecx, ecx
	xor	edx, edx
	xor	ebp, ebp
	xor	r8d, r8d
	xor	r9d, r9d
	xor	r10d, r10d
	xor	r11d, r11d
	xor	r12d, r12d
	xor	r13d, r13d
	xor	r14d, r14d
	xor	r15d, r15d
	jmp	rax

section .bss
align 4096
	resb	32768
lb_stack_top:
