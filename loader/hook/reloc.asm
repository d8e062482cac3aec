; SPDX-License-Identifier: BSD-2-Clause
; A base relocation block without an entry: the image is relocatable and needs none.
section .reloc progbits alloc noexec nowrite align=4
	dd	0
	dd	12
	dw	0, 0
