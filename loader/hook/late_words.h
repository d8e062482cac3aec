// SPDX-License-Identifier: BSD-2-Clause
// Words for a Linux that somebody else starts: at ExitBootServices it gets a command line with them, in
// memory of the hook's own. Boot services only; all but the first may run at TPL_NOTIFY.
#ifndef LIFEBOAT_LOADER_HOOK_LATE_WORDS_H
#define LIFEBOAT_LOADER_HOOK_LATE_WORDS_H

#include <efi.h>
#include <stdbool.h>

// Gets the memory that lb_late_words_give() needs, and remembers the arguments. `words`: bits as in
// crash/plan/panic_words.h; 0: whatever starts has its words already.
EFI_STATUS lb_late_words_prepare(EFI_SYSTEM_TABLE *system, UINT32 words);

// True: the Linux that leaves boot services has the words. False: none was found, or it cannot have
// them, and what there is was left as it is.
bool lb_late_words_give(void);

// Undoes what lb_late_words_give() did: an ExitBootServices that failed may have left it.
// Where the firmware's memory map cannot be read the words stay: whether the page that they are told in is still that
// kernel's is not known. They make an oops a panic and a panic a reset, then by the firmware.
void lb_late_words_take_back(void);

// Undoes all of it.
void lb_late_words_forget(void);

#endif
