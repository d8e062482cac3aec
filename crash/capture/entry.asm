; SPDX-License-Identifier: BSD-2-Clause
; Into the capture kernel from the purgatory: Linux's 64-bit boot protocol, and RDI is the
; handoff. Everything in here is needed before the first line of C may run: zeroes where it
; expects them, addresses that are true, a stack, exceptions, SSE for the libraries.
bits 64
default rel
%include "asm-defines.inc"
%include "traps.inc"

extern lb_capture_main, lb_trap_prepare, lb_descriptor_tables, lb_libraries_block
extern lb_capture_start, lb_capture_file_end, lb_capture_end ; capture.lds
extern lb_capture_rela, lb_capture_rela_end
global lb_capture_entry

%define STACK_BYTES 65536
%define RELA_BYTES 24			; Elf64_Rela: r_offset, r_info, r_addend
%define RELA_ADDEND 16

section .head progbits alloc noexec nowrite align=8 ; the image's beginning
; struct lb_capture_image
	dq	CAPTURE_IMAGE_MAGIC
	dd	HANDOFF_VERSION
	dd	lb_capture_entry - $$
	dd	lb_capture_file_end - $$
	dd	lb_capture_end - $$
	dq	0

section .text

; rdi: struct lb_handoff, physical. The stack is the purgatory's until ours is zeroed.
lb_capture_entry:
	endbr64
	cli
	cld
	rdtsc
	shl	rdx, 32
	or	rax, rdx
	mov	r13, rax		; when we began
	mov	r12, rdi
	lea	rbx, [lb_capture_start]
	lea	rdi, [lb_capture_file_end]
	lea	rcx, [lb_capture_end]
	sub	rcx, rdi
	xor	eax, eax
	rep stosb
	; All of them are R_X86_64_RELATIVE (the Makefile looks): *(image + offset) = image +
	; addend, the image being linked at 0.
	lea	rsi, [lb_capture_rela]
	lea	rdi, [lb_capture_rela_end]
.next:	cmp	rsi, rdi
	jae	.relocated
	mov	rdx, [rsi]
	mov	rax, [rsi + RELA_ADDEND]
	add	rax, rbx
	mov	[rbx + rdx], rax
	add	rsi, RELA_BYTES
	jmp	.next
.relocated:
	lea	rsp, [stack_top]
	; SSE: the libraries use it, nothing else does. CR0.EM and CR0.TS clear, or it traps.
	mov	rax, CR0_RUN
	mov	cr0, rax
	mov	rax, cr4
	or	eax, CR4_RUN
	mov	cr4, rax
	call	lb_trap_prepare
	lea	rbx, [lb_descriptor_tables]
	LOAD_TABLES rbx
	; After the selectors: loading FS puts its base to 0.
	lea	rax, [lb_libraries_block]
	mov	rdx, rax
	shr	rdx, 32
	mov	ecx, MSR_FS_BASE
	wrmsr
	mov	rdi, r12
	mov	rsi, r13
	xor	ebp, ebp		; a backtrace ends here
	call	lb_capture_main
	ud2

section .bss
align 4096
	resb	STACK_BYTES
stack_top:
