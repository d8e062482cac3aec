// SPDX-License-Identifier: BSD-2-Clause
// At ExitBootServices the hook is armed, or it gives way. The OS runs only what the memory attributes table
// makes executable, so the table decides.
#ifndef LIFEBOAT_LOADER_HOOK_EXIT_BOOT_H
#define LIFEBOAT_LOADER_HOOK_EXIT_BOOT_H

#include <efi.h>
#include <stdbool.h>

#include "lifeboat/range.h"
#include "loader/hook/mat.h"

// Whether the table of this moment could be corrected for a hook whose image is `text` and `data`. Changes
// nothing. Boot services only.
enum lb_mat_status lb_exit_boot_rehearse(EFI_SYSTEM_TABLE *system, struct lb_range text,
					 struct lb_range data);

// Gets the memory that lb_exit_boot_decide() needs, for the table of this moment and some growth,
// and remembers the arguments. EFI_INCOMPATIBLE_VERSION: the table is malformed.
EFI_STATUS lb_exit_boot_prepare(EFI_SYSTEM_TABLE *system, struct lb_range text, struct lb_range data);

// Called at ExitBootServices, and again at each further call after one that failed; no allocation, no
// console. With `wanted`, where the table can be corrected, no capsule is pending, and the kernel has its
// words (late_words.h): corrects the table, stands in, and sets lb_hook_armed. Otherwise the runtime
// services are the firmware's and its table is untouched. Where somebody stands in front of the hook, the
// hook is a pass-through, and the table is corrected for it, or opened where that fails.
void lb_exit_boot_decide(bool wanted);

// Undoes lb_exit_boot_prepare(), and an lb_exit_boot_decide() after which boot services went on.
void lb_exit_boot_forget(void);

#endif
