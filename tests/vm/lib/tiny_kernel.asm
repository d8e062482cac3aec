; SPDX-License-Identifier: BSD-2-Clause
; The smallest second kernel: a bzImage (nasm -f bin) that the loader accepts. It prints on COM1 that it was
; entered, and resets the machine. Fields: Documentation/arch/x86/boot.rst.
bits 64
org 0

SETUP_SECTORS equ 1
KERNEL equ (SETUP_SECTORS + 1) * 512
KERNEL_BYTES equ 8192
ENTRY_64 equ 0x200

	times 0x1f1 - ($ - $$) db 0
	db	SETUP_SECTORS
	dw	0
	dd	KERNEL_BYTES / 16	; syssize
	dw	0, 0, 0
	dw	0xaa55			; boot_flag
	db	0xeb, header_end - 0x202	; jump
	db	"HdrS"
	dw	0x020f			; version
	times 0x211 - ($ - $$) db 0
	db	1			; loadflags: LOADED_HIGH
	times 0x230 - ($ - $$) db 0
	dd	2 << 20			; kernel_alignment
	db	1, 21			; relocatable_kernel, min_alignment
	dw	3			; xloadflags: 64-bit, above 4 GiB
	dd	2047			; cmdline_size
	times 0x248 - ($ - $$) db 0
	dd	0x100, KERNEL_BYTES - 0x100	; payload_offset, payload_length
	times 0x258 - ($ - $$) db 0
	dq	16 << 20		; pref_address
	dd	2 << 20			; init_size
	dd	0			; handover_offset
header_end:

	times KERNEL - ($ - $$) db 0
	times ENTRY_64 db 0xcc
	lea	rsi, [rel text]
	mov	edi, text_end - text
.next:	mov	dx, 0x3fd		; line status
.wait:	in	al, dx
	test	al, 0x20		; holding register empty
	jz	.wait
	lodsb
	mov	dx, 0x3f8
	out	dx, al
	dec	edi
	jnz	.next
	mov	dx, 0xcf9
	mov	al, 0x02
	out	dx, al
	mov	al, 0x06
	out	dx, al
.stay:	hlt
	jmp	.stay

text:	db	13, 10, "tiny kernel: entered", 13, 10
text_end:
	; Content for tests to flip bits in.
%assign number 0
%rep 1536
	dd	number * 2654435761 & 0xffffffff
%assign number number + 1
%endrep
	times KERNEL + KERNEL_BYTES - ($ - $$) db 0
