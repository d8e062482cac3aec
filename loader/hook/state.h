// SPDX-License-Identifier: BSD-2-Clause
// The hook's own runtime data, shared by main.c, crossing.c and entry.asm.
#ifndef LIFEBOAT_HOOK_STATE_H
#define LIFEBOAT_HOOK_STATE_H

#include <efi.h>

#include "lifeboat/desc.h"
#include "lifeboat/handoff.h"

extern struct lb_hook_sealed lb_hook_sealed;
extern struct lb_cpu_state lb_hook_cpu;
extern struct lb_tables lb_hook_tables;
extern EFI_RESET_SYSTEM lb_hook_original;
extern uint8_t lb_hook_armed; // set at ExitBootServices only
extern uint8_t lb_hook_fired; // one shot

uint64_t lb_hook_sum(const struct lb_hook_sealed *sealed);

// entry.asm
EFI_STATUS EFIAPI lb_hook_reset_system(EFI_RESET_TYPE type, EFI_STATUS status, UINTN bytes, CHAR16 *data);
void lb_hook_physical(void);
void lb_hook_trap(void);
void lb_hook_trap_code(void);
void lb_hook_trap_nmi(void);

// crossing.c, called from entry.asm only
bool lb_hook_sound(void);
void lb_hook_build_tables(void);

#endif
