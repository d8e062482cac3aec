; SPDX-License-Identifier: BSD-2-Clause
; The hook and the purgatory, inside lifeboat.efi.
bits 64
global lb_payload_hook, lb_payload_hook_end, lb_payload_purgatory, lb_payload_purgatory_end

section .rodata align=16
lb_payload_hook:
	incbin "hook.efi"
lb_payload_hook_end:
align 16
lb_payload_purgatory:
	incbin "purgatory.bin"
lb_payload_purgatory_end:
