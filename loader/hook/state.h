// SPDX-License-Identifier: BSD-2-Clause
// The hook's own runtime data, shared by its C and its assembly.
#ifndef LIFEBOAT_LOADER_HOOK_STATE_H
#define LIFEBOAT_LOADER_HOOK_STATE_H

#include <efi.h>

#include "lifeboat/desc.h"
#include "lifeboat/handoff.h"

extern struct lb_hook_sealed lb_hook_sealed;
extern struct lb_cpu_state lb_hook_cpu;
extern struct lb_descriptor_tables lb_hook_tables;
extern struct lb_table_register lb_hook_first_idtr; // for the hook's first instructions
extern EFI_RESET_SYSTEM lb_hook_original; // each stand-in passes on to these; virtual once the kernel
extern EFI_UPDATE_CAPSULE lb_hook_original_capsule; // has its own addresses
extern uint8_t lb_hook_armed; // set at ExitBootServices only
extern uint8_t lb_hook_capsule; // UpdateCapsule() took one since arming: each reset passes through
extern uint8_t lb_hook_fired; // the hook runs once

// From the linker script. The image is loaded as it was linked, sections page-aligned.
extern const uint8_t lb_hook_text_start[], lb_hook_text_end[], lb_hook_data_start[], lb_hook_data_end[];
extern const uint8_t lb_hook_crossing_end[]; // the code after the panic: from lb_hook_text_start to here

// entry.asm
EFI_STATUS EFIAPI lb_hook_reset_system(EFI_RESET_TYPE type, EFI_STATUS status, UINTN bytes, CHAR16 *data);
void lb_hook_physical(void);
void lb_hook_trap(void);
void lb_hook_trap_code(void);
void lb_hook_trap_nmi(void);

// capsule.asm
EFI_STATUS EFIAPI lb_hook_update_capsule(EFI_CAPSULE_HEADER **headers, UINTN count,
					 EFI_PHYSICAL_ADDRESS list);

// crossing.c. arm() calls the first two. They fill the checksums and the IDT that is used from the hook's
// entry on, for the physical addresses of this moment.
void lb_hook_seal(void);
void lb_hook_build_first_idt(void);
// Called from entry.asm only.
bool lb_hook_sound(void);
bool lb_hook_purgatory_sound(void); // prints a message if not; runs on the crash page tables
void lb_hook_build_tables(void);

#endif
