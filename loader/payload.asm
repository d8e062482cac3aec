; SPDX-License-Identifier: BSD-2-Clause
; The hook, the purgatory and the capture kernel, inside lifeboat.efi.
bits 64
global lb_payload_hook, lb_payload_hook_end, lb_payload_purgatory, lb_payload_purgatory_end
global lb_payload_capture, lb_payload_capture_end

section .rodata align=16
lb_payload_hook:
	incbin "hook.bin"
lb_payload_hook_end:
align 16
lb_payload_purgatory:
	incbin "purgatory.bin"
lb_payload_purgatory_end:
align 16
lb_payload_capture:
	incbin "capture.bin"
lb_payload_capture_end:
