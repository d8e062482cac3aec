// SPDX-License-Identifier: BSD-2-Clause
// The EFI memory attributes table (UEFI 2.10, 4.6.4): Linux maps runtime images by
// it, and edk2 lists runtime code that it did not load as an image as one "Runtime Code,
// not executable" entry. This makes a copy in which the hook's text is executable.
// Pure; called at ExitBootServices, so: no allocation, no console.
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
	LB_MAT_UNCHANGED = 0, // the text is executable as it is (or not listed at all)
	LB_MAT_SPLIT = 1, // *out is the table to install
	LB_MAT_FAILED = 2, // malformed, no room, or it did not come out right
};

// Room for the copy of `table` when it may have grown by `spare` entries. 0: malformed.
size_t lb_mat_room(const struct lb_mat_header *table, uint32_t spare);

// `text` and `data` are the page-aligned parts of the hook's image. Entries that
// hold some of them are split at their edges, each piece inside the old entry and
// of its type; text becomes read-only and executable, data writable and not
// executable. Version, flags and entry size are kept.
enum lb_mat_status lb_mat_split(const struct lb_mat_header *table, struct lb_range text, struct lb_range data,
				void *out, size_t out_bytes);

// Takes the attributes off, in place, that keep `text` from running or `data` from being written:
// off whole entries, so that more can be run and written than has to be. For a table that cannot
// be split; a malformed one is left as it is.
void lb_mat_open(struct lb_mat_header *table, struct lb_range text, struct lb_range data);

#endif
