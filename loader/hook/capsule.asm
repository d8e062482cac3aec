; SPDX-License-Identifier: BSD-2-Clause
; Stands in for UpdateCapsule. The firmware finds a capsule in RAM after a reset that leaves RAM
; alone, a warm one on most machines: from then on such a reset is no panic's.
bits 64
default rel

extern lb_hook_armed, lb_hook_capsule, lb_hook_original_capsule

global lb_hook_update_capsule

section .text

; UpdateCapsule(rcx headers, rdx count, r8 scatter list), EFI calling convention, physical or virtual.
lb_hook_update_capsule:
	endbr64
	sub	rsp, 40
	call	[lb_hook_original_capsule]
	add	rsp, 40
	test	rax, rax
	jnz	.done				; not EFI_SUCCESS: no capsule was taken
	mov	byte [lb_hook_capsule], 1
	mov	byte [lb_hook_armed], 0
.done:
	ret
