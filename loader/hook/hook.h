// SPDX-License-Identifier: BSD-2-Clause
// The hook's services: the loader calls them on the hook that it placed in runtime memory.
#ifndef LIFEBOAT_LOADER_HOOK_HOOK_H
#define LIFEBOAT_LOADER_HOOK_HOOK_H

#include <efi.h>
#include <stdbool.h>

#include "lifeboat/range.h"
#include "loader/hook/mat.h"

// The protocol by which a second copy of the loader finds that a hook is placed.
#define LB_HOOK_GUID                                                                                         \
	{                                                                                                    \
		0x2f1d8a64, 0x7b0c, 0x4e39,                                                                  \
		{                                                                                            \
			0xa3, 0x51, 0xc8, 0x6e, 0x19, 0xd4, 0x0f, 0x72                                       \
		}                                                                                            \
	}

struct lb_hook_arm {
	uint64_t handoff; // physical address of struct lb_handoff
	uint64_t cr3_4level; // as in the handoff: needed before crash memory is mapped
	uint64_t cr3_5level;
	// Words that the hook gives to the Linux that leaves boot services: bits as in
	// crash/plan/panic_words.h. Where it cannot give them, nothing is armed. 0: the kernel has them
	// already.
	uint32_t late_words;
};

struct lb_hook {
	struct lb_range text; // page-aligned physical ranges of the image:
	struct lb_range data; // the crash page tables map both

	// Whether the memory attributes table of this moment can be corrected so that the hook runs.
	// Changes nothing. On LB_MAT_FAILED arming is pointless.
	enum lb_mat_status(EFIAPI *rehearse)(void);

	// Stands in for gRT->ResetSystem and gRT->UpdateCapsule. After ExitBootServices a warm reset goes
	// to the purgatory, until UpdateCapsule() takes a capsule; everything else passes through. Where
	// the memory attributes table cannot be corrected at ExitBootServices, both services are the
	// firmware's from then on. Boot services only.
	EFI_STATUS(EFIAPI *arm)(const struct lb_hook_arm *arm);

	// Whether the hook is armed. True at the earliest at ExitBootServices, once the hook's event of
	// TPL_NOTIFY has run.
	bool(EFIAPI *is_armed)(void);

	// Undoes arm(): runtime services, events, memory. EFI_ACCESS_DENIED: somebody stands in front of
	// the hook, which stays as a pass-through. Does nothing when not armed.
	EFI_STATUS(EFIAPI *disarm)(void);
};

// The hook's entry point, lb_hook_header.entry. It returns the hook's own data.
typedef struct lb_hook *(EFIAPI *lb_hook_entry)(EFI_SYSTEM_TABLE *system_table);

#endif
