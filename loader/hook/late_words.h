// SPDX-License-Identifier: BSD-2-Clause
// Words for a Linux that somebody else starts. At ExitBootServices it gets a command line with them, in
// memory of the hook's own. Boot services only; all but the first function may run at TPL_NOTIFY.
#ifndef LIFEBOAT_LOADER_HOOK_LATE_WORDS_H
#define LIFEBOAT_LOADER_HOOK_LATE_WORDS_H

#include <efi.h>
#include <stdbool.h>

// Gets the memory that lb_late_words_give() needs, and remembers the arguments. `words`: bits as in
// crash/plan/panic_words.h; 0: the kernel has its words already.
EFI_STATUS lb_late_words_prepare(EFI_SYSTEM_TABLE *system, UINT32 words);

// True: the Linux that leaves boot services has the words. False: no Linux was found, or it cannot have
// them; its command line is as it was.
bool lb_late_words_give(void);

// Undoes lb_late_words_give() after an ExitBootServices that failed. Where the firmware's memory map cannot
// be read the words stay: the page with the kernel's boot_params may no longer be that kernel's. The words
// make an oops a panic and a panic a reset, then by the firmware.
void lb_late_words_take_back(void);

// Undoes lb_late_words_prepare() and lb_late_words_give().
void lb_late_words_forget(void);

#endif
