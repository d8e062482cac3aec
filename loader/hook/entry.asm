; SPDX-License-Identifier: BSD-2-Clause
; From a dead kernel's ResetSystem call to the purgatory. Past the one-shot flag
; nothing may fail and nothing may allocate; what goes wrong is a cold reset.
bits 64
default rel
%include "asm-defines.inc"
%include "traps.inc"

extern lb_hook_armed, lb_hook_fired, lb_hook_original, lb_hook_cpu, lb_hook_sealed
extern lb_hook_first_idtr, lb_hook_sound, lb_hook_build_tables, lb_hook_tables, lb_hook_stack_top
extern lb_hook_purgatory_sound, lb_cpu_trace_off
extern lb_hook_entry_offset, lb_hook_text_bytes, lb_hook_file_bytes

global lb_hook_reset_system, lb_hook_physical, lb_hook_trap_nmi, lb_hook_trap, lb_hook_trap_code
global lb_msr_read, lb_msr_write

EFI_RESET_COLD equ 0
EFI_RESET_WARM equ 1

section .head progbits alloc noexec nowrite align=8
; struct lb_hook_header
	dq	HOOK_MAGIC
	dd	lb_hook_entry_offset
	dd	lb_hook_text_bytes
	dd	lb_hook_file_bytes
	dd	0

section .text

; ResetSystem(ecx type, rdx status, r8 size, r9 data), EFI calling convention, at
; whatever virtual address the kernel gave us, on its stack and page tables.
lb_hook_reset_system:
	endbr64
	cmp	ecx, EFI_RESET_WARM
	jne	.pass
	cmp	byte [lb_hook_armed], 0
	je	.pass
	; A fault from here on resets, whatever is left of the kernel. The kernel's GDT and
	; TSS do: code is at 0x10 there, too, and the IST stacks 1 to 4 are as good as ours.
	; Not so with FRED, which uses no IDT until we turn it off, and for which Linux leaves
	; those stacks empty: there an NMI or a fault before our tables are loaded is a triple
	; fault, and that is a reset.
	lidt	[lb_hook_first_idtr]
	mov	[lb_hook_cpu + CPU_RAX], rax
	mov	al, 1
	xchg	[lb_hook_fired], al
	test	al, al
	jnz	.cold			; a nested panic: enough

	mov	[lb_hook_cpu + CPU_R15], r15
	mov	[lb_hook_cpu + CPU_R14], r14
	mov	[lb_hook_cpu + CPU_R13], r13
	mov	[lb_hook_cpu + CPU_R12], r12
	mov	[lb_hook_cpu + CPU_RBP], rbp
	mov	[lb_hook_cpu + CPU_RBX], rbx
	mov	[lb_hook_cpu + CPU_R11], r11
	mov	[lb_hook_cpu + CPU_R10], r10
	mov	[lb_hook_cpu + CPU_R9], r9
	mov	[lb_hook_cpu + CPU_R8], r8
	mov	[lb_hook_cpu + CPU_RCX], rcx
	mov	[lb_hook_cpu + CPU_RDX], rdx
	mov	[lb_hook_cpu + CPU_RSI], rsi
	mov	[lb_hook_cpu + CPU_RDI], rdi
	or	qword [lb_hook_cpu + CPU_ORIG_RAX], -1	; not in a system call
	pushfq
	pop	qword [lb_hook_cpu + CPU_RFLAGS]
	cli
	cld
	rdtsc
	shl	rdx, 32
	or	rax, rdx
	mov	[lb_hook_cpu + CPU_TSC], rax
	mov	qword [lb_hook_cpu + CPU_NMI_COUNT], 0
	mov	rax, [rsp]			; the registers as after our return
	mov	[lb_hook_cpu + CPU_RIP], rax
	lea	rax, [rsp + 8]
	mov	[lb_hook_cpu + CPU_RSP], rax
%macro SAVE_SEGMENT 2
	mov	eax, %1
	mov	[lb_hook_cpu + %2], rax
%endmacro
	SAVE_SEGMENT cs, CPU_CS
	SAVE_SEGMENT ss, CPU_SS
	SAVE_SEGMENT ds, CPU_DS
	SAVE_SEGMENT es, CPU_ES
	SAVE_SEGMENT fs, CPU_FS
	SAVE_SEGMENT gs, CPU_GS
%macro SAVE_MSR 2
	mov	ecx, %1
	rdmsr
	shl	rdx, 32
	or	rax, rdx
	mov	[lb_hook_cpu + %2], rax
%endmacro
	SAVE_MSR MSR_FS_BASE, CPU_FS_BASE
	SAVE_MSR MSR_GS_BASE, CPU_GS_BASE
	SAVE_MSR MSR_KERNEL_GS_BASE, CPU_KERNEL_GS_BASE
	SAVE_MSR MSR_EFER, CPU_EFER
%macro SAVE_CONTROL 2
	mov	rax, %1
	mov	[lb_hook_cpu + %2], rax
%endmacro
	SAVE_CONTROL cr0, CPU_CR0
	SAVE_CONTROL cr2, CPU_CR2
	SAVE_CONTROL cr3, CPU_CR3
	SAVE_CONTROL cr4, CPU_CR4

	lea	rsp, [lb_hook_stack_top]	; the virtual alias of our own stack
	call	lb_hook_sound
	test	al, al
	jz	.unsound
	jmp	[lb_hook_sealed + SEALED_PHYSICAL]

.unsound:
	mov	rsp, [lb_hook_cpu + CPU_RSP]	; our own data was overwritten: reset
	sub	rsp, 8				; through the firmware
.cold:
	mov	ecx, EFI_RESET_COLD
	xor	edx, edx
	xor	r8d, r8d
	xor	r9d, r9d
.pass:
	jmp	[lb_hook_original]

; The same text at its physical address, which Linux maps one to one: still here
; when CR3 changes. Addresses taken from now on are physical.
lb_hook_physical:
	endbr64
	lea	rsp, [lb_hook_stack_top]
	call	lb_hook_build_tables
	mov	eax, 0x400			; no hardware breakpoints
	mov	dr7, rax
	mov	rax, cr4			; FRED first: with it the IDT is not used at all
	mov	rcx, ~CR4_DROP_FIRST
	and	rax, rcx
	mov	cr4, rax
	lea	rbx, [lb_hook_tables]
	LOAD_TABLES rbx

	mov	rax, cr4
	test	eax, CR4_VMXE
	jz	.no_vmx
	lea	rcx, [.no_vmx]
	mov	[trap_resume], rcx		; #UD when VMX is enabled but not on
	vmxoff
.no_vmx:
	mov	qword [trap_resume], 0

	; What traces to the kernel's linear addresses ends with the kernel's tables; behind vmxoff,
	; for in VMX operation the processor trace may refuse.
	call	lb_cpu_trace_off

	mov	rax, [lb_hook_sealed + SEALED_CR3_4]
	mov	rdx, cr4
	mov	ebx, CR4_RUN
	test	edx, CR4_LA57
	jz	.four
	mov	rax, [lb_hook_sealed + SEALED_CR3_5]
	or	ebx, CR4_LA57
.four:
	mov	cr3, rax			; only crash memory, low 1 MiB and this image now
	mov	cr4, rbx			; CET goes before CR0.WP may
	mov	eax, CR0_RUN
	mov	cr0, rax

	call	lb_hook_purgatory_sound
	test	al, al
	jz	lb_hook_trap.reset
	mov	rdi, [lb_hook_sealed + SEALED_HANDOFF]	; unchecked: the purgatory can say what is wrong
	lea	rsi, [lb_hook_cpu]
	jmp	[lb_hook_sealed + SEALED_ENTRY]	; rdi: handoff, rsi: struct lb_cpu_state

; bool lb_msr_read(uint32_t msr, uint64_t *ret_value), lb_msr_write(uint32_t msr, uint64_t value).
lb_msr_read:
	lea	rax, [msr_faults]
	mov	[trap_resume], rax
	mov	ecx, edi
	rdmsr
	shl	rdx, 32
	or	rax, rdx
	mov	[rsi], rax
	jmp	msr_done
lb_msr_write:
	lea	rax, [msr_faults]
	mov	[trap_resume], rax
	mov	ecx, edi
	mov	rax, rsi
	mov	rdx, rsi
	shr	rdx, 32
	wrmsr
msr_done:
	mov	qword [trap_resume], 0
	mov	eax, 1
	ret
msr_faults:
	xor	eax, eax
	ret

lb_hook_trap_nmi:
	endbr64			; CET may still be as the kernel had it
	inc	qword [lb_hook_cpu + CPU_NMI_COUNT]
	iretq

; Any exception. Some are expected, and say where to go on.
lb_hook_trap_code:
	endbr64
	add	rsp, 8				; the vectors that push an error code
lb_hook_trap:
	endbr64
	mov	rax, [trap_resume]
	test	rax, rax
	jz	.reset
	mov	qword [trap_resume], 0
	mov	[rsp], rax
	iretq
.reset:
	COLD_RESET

section .data
align 8
trap_resume: dq 0
