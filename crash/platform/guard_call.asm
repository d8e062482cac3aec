; SPDX-License-Identifier: BSD-2-Clause
; The call that can be broken off: whoever breaks it off returns from his exception to
; lb_guard_broken, on the stack that was noted here.
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
	sub	rsp, 8			; a call wants it 16-byte aligned
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
