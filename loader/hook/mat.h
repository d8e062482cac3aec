// SPDX-License-Identifier: BSD-2-Clause
// The EFI memory attributes table (UEFI 2.10, 4.6.4). Linux maps runtime images by it. edk2 lists runtime
// code that it did not load as an image as one entry, "Runtime Code, not executable". This makes a copy of
// the table in which the hook's text is executable. Pure. Called at ExitBootServices: no allocation, no
// console.
#ifndef LIFEBOAT_LOADER_HOOK_MAT_H
#define LIFEBOAT_LOADER_HOOK_MAT_H

#include <efi.h>
#include <stddef.h>

#include "lifeboat/range.h"

struct lb_mat_header {
	uint32_t version;
	uint32_t entries;
	uint32_t entry_bytes; // at least sizeof(EFI_MEMORY_DESCRIPTOR)
	uint32_t flags;
};

enum lb_mat_status {
	LB_MAT_UNCHANGED = 0, // the text is executable already, or not listed at all
	LB_MAT_SPLIT = 1, // *out is the table to install
	LB_MAT_FAILED = 2, // malformed, no room, or the copy came out wrong
};

// The bytes for a copy of `table` that has grown by `spare` entries. 0: malformed.
size_t lb_mat_room(const struct lb_mat_header *table, uint32_t spare);

// `text` and `data` are the page-aligned parts of the hook's image. Each entry that holds some of them is
// split at their edges. Each piece stays inside the old entry and keeps its type. Text becomes read-only
// and executable, data writable and not executable. Version, flags and entry size are kept.
enum lb_mat_status lb_mat_split(const struct lb_mat_header *table, struct lb_range text, struct lb_range data,
				void *out, size_t out_bytes);

// For a table that cannot be split. Clears, in place, the attributes that keep `text` from running or
// `data` from being written. It clears them for whole entries, so more than the hook becomes executable and
// writable. A malformed table is left alone.
void lb_mat_open(struct lb_mat_header *table, struct lb_range text, struct lb_range data);

#endif
