; SPDX-License-Identifier: BSD-2-Clause
; Into the purgatory from the hook, out of it into the second kernel, and the
; exception entries between.
bits 64
default rel
%include "asm-defines.inc"
%include "traps.inc"

extern lb_purgatory_main, lb_trap_prepare, lb_trap, lb_tables
extern lb_purgatory_start, lb_purgatory_entry_offset, lb_purgatory_text_bytes, lb_purgatory_file_bytes, lb_purgatory_total_bytes
global lb_purgatory_entry, lb_trap_stubs, lb_stack_top, lb_cold_reset, lb_halt, lb_jump

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
	lea	rbx, [lb_tables]
	LOAD_TABLES rbx
	mov	rdi, r12
	mov	rsi, r13
	xor	ebp, ebp		; a backtrace ends here
	call	lb_purgatory_main
	ud2

lb_cold_reset:
	COLD_RESET

lb_halt:
	cli
.again:	hlt
	jmp	.again

; lb_jump(rdi: 64-bit entry point, rsi: boot_params). Linux's 64-bit boot protocol:
; CS 0x10, DS ES SS 0x18, interrupts off, RSI boot_params (boot.rst).
lb_jump:
	mov	rax, cr4
	and	eax, CR4_LA57		; paging depth cannot change here
	or	eax, CR4_JUMP
	mov	cr4, rax
	mov	rax, rdi
	xor	ebx, ebx
	xor	ecx, ecx
	xor	edx, edx
	xor	edi, edi
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

; Vectors 8, 10 to 14, 17, 21, 29 and 30 push an error code: SDM 3A, table 6-1.

align 16
lb_trap_stubs:
%assign vector 0
%rep 256
	align 16
%if vector = 8 || (vector >= 10 && vector <= 14) || vector = 17 || vector = 21 || vector = 29 || vector = 30
%else
	push	0
%endif
	push	strict dword vector
	jmp	strict near trap_common
%assign vector vector + 1
%endrep

trap_common:
	cld
	push	rax
	push	rcx
	push	rdx
	push	rbx
	push	rbp
	push	rsi
	push	rdi
	push	r8
	push	r9
	push	r10
	push	r11
	push	r12
	push	r13
	push	r14
	push	r15
	mov	rdi, rsp		; struct lb_trap_frame
	mov	rbp, rsp
	and	rsp, -16
	call	lb_trap
	mov	rsp, rbp
	pop	r15
	pop	r14
	pop	r13
	pop	r12
	pop	r11
	pop	r10
	pop	r9
	pop	r8
	pop	rdi
	pop	rsi
	pop	rbp
	pop	rbx
	pop	rdx
	pop	rcx
	pop	rax
	add	rsp, 16
	iretq

section .bss
align 4096
	resb	32768
lb_stack_top:
