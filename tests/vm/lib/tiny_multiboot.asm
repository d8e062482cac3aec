; SPDX-License-Identifier: BSD-2-Clause
; The smallest kernel that is not Linux: a Multiboot2 image (nasm -f bin). It prints on COM1 that it was
; entered, and stays. Fields: Multiboot2 Specification 2.0, 3.1.
bits 32
LOAD equ 0x100000
org LOAD

MAGIC equ 0xe85250d6

header:
	dd	MAGIC, 0, header_end - header, -(MAGIC + header_end - header)
	dw	2, 0			; addresses
	dd	24, header, LOAD, image_end, image_end
	dw	3, 0			; entry
	dd	12, entry
	align 8
	dw	0, 0			; end
	dd	8
header_end:

entry:	mov	esi, text
	mov	edi, text_end - text
.next:	mov	dx, 0x3fd		; line status
.wait:	in	al, dx
	test	al, 0x20
	jz	.wait
	mov	dx, 0x3f8
	lodsb
	out	dx, al
	dec	edi
	jnz	.next
.stay:	cli
	hlt
	jmp	.stay

text:	db	"tiny multiboot: entered", 13, 10
text_end:
image_end:
