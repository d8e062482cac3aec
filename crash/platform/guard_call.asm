; SPDX-License-Identifier: BSD-2-Clause
; A call that an exception handler can end. The handler returns to lb_guard_broken, with the stack pointer
; that lb_guard_call() stored in *ret_stack.
bits 64
default rel

global lb_guard_call, lb_guard_broken

section .text

; bool lb_guard_call(void (*work)(void *ctx), void *ctx, uint64_t *ret_stack)
lb_guard_call:
	push	rbx
	push	rbp
	push	r12
	push	r13
	push	r14
	push	r15
	sub	rsp, 8			; align the stack to 16 bytes for the call
	mov	[rdx], rsp
	mov	rax, rdi
	mov	rdi, rsi
	sti
	call	rax
	cli
	mov	eax, 1
	jmp	return
lb_guard_broken:
	xor	eax, eax
return:
	add	rsp, 8
	pop	r15
	pop	r14
	pop	r13
	pop	r12
	pop	rbp
	pop	rbx
	ret
