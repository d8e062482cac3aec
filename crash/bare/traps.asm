; SPDX-License-Identifier: BSD-2-Clause
; Entries of exceptions after the panic, the two ways to end, and the copy and the MSR accesses that an
; exception may interrupt.
bits 64
default rel
%include "asm-defines.inc"
%include "traps.inc"

extern lb_trap
global lb_trap_stubs, lb_cold_reset, lb_halt
global lb_copy_page, lb_copy_page_reads, lb_copy_page_fails
global lb_msr_read, lb_msr_write, lb_msr_reads, lb_msr_writes, lb_msr_fails

section .text

lb_cold_reset:
	COLD_RESET

; bool lb_copy_page(void *to, const void *from). If lb_copy_page_reads faults, lb_trap() goes on at
; lb_copy_page_fails.
lb_copy_page:
	mov	ecx, 4096 / 8
lb_copy_page_reads:
	rep movsq
	mov	eax, 1
	ret
lb_copy_page_fails:
	xor	eax, eax
	ret

; bool lb_msr_read(uint32_t msr, uint64_t *ret_value), lb_msr_write(uint32_t msr, uint64_t value). If
; lb_msr_reads or lb_msr_writes faults, lb_trap() goes on at lb_msr_fails.
lb_msr_read:
	mov	ecx, edi
lb_msr_reads:
	rdmsr
	shl	rdx, 32
	or	rax, rdx
	mov	[rsi], rax
	mov	eax, 1
	ret
lb_msr_write:
	mov	ecx, edi
	mov	rax, rsi
	mov	rdx, rsi
	shr	rdx, 32
lb_msr_writes:
	wrmsr
	mov	eax, 1
	ret
lb_msr_fails:
	xor	eax, eax
	ret

lb_halt:
	cli
.again:	hlt
	jmp	.again

align TRAP_STUB_BYTES
lb_trap_stubs:
%assign vector 0
%rep VECTORS
	align TRAP_STUB_BYTES
%if vector >= EXCEPTIONS || !(PUSHES_CODE >> vector & 1)
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
