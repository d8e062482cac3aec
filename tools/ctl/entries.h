// SPDX-License-Identifier: BSD-2-Clause
// The firmware's Driver#### and Boot#### entries, and their order (UEFI 2.10, 3.1).
#ifndef LIFEBOAT_TOOLS_CTL_ENTRIES_H
#define LIFEBOAT_TOOLS_CTL_ENTRIES_H

#include <stdbool.h>

#include "tools/ctl/disk.h"

enum entry_kind { ENTRY_DRIVER, ENTRY_BOOT };

#define ENTRY_FILE 256U // bytes of a file's name, its NUL included
#define ENTRY_TITLE "Lifeboat"

struct entry {
	enum entry_kind kind;
	const struct partition *partition;
	const char *file; // "\EFI\lifeboat\lifeboatx64.efi"
	const char *words; // its load options, for shim; "": none
};

enum entry_state {
	ENTRY_ABSENT,
	ENTRY_ELSEWHERE, // there, but not in the order; or a boot entry that is not the first
	ENTRY_READY,
};

// Looks for an entry of ours for this file on this partition. The number is set only where there is one.
enum entry_state entry_find(const struct entry *entry, unsigned int *ret_number);

// Makes the entry, or takes an existing one, and puts its number into the order: a driver's last, a boot
// entry's first. Writes nothing where it is ready. Where the order cannot be written, a new entry is
// removed again.
int entry_add(const struct entry *entry, unsigned int *ret_number, struct lb_error *err);

// Removes every entry of this kind with our title for this file on this partition, and their numbers from
// the order. *ret_count: how many there were.
int entry_remove(const struct entry *entry, unsigned int *ret_count, struct lb_error *err);

// Puts the boot entry of ours on this partition to the front of the order, whatever file it names; with
// `dry_run` nothing is written. *ret_state: what was found; ret_number: its number where it is there.
int entry_put_first(const struct partition *partition, bool dry_run, enum entry_state *ret_state,
		    unsigned int *ret_number, struct lb_error *err);

// Whether the first boot entry is ours and on this partition.
bool entry_first_is_ours(const struct partition *partition);
// The file of the first boot entry that is not ours and that lies on this partition; false: none does.
bool entry_first_boot_file(const struct partition *partition, char ret_file[ENTRY_FILE]);

#endif
