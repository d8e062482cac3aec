// SPDX-License-Identifier: BSD-2-Clause
// The partitions that a dump would go to, chosen as the loader will choose them (loader/target.h).
#ifndef LIFEBOAT_TOOLS_CTL_TARGET_H
#define LIFEBOAT_TOOLS_CTL_TARGET_H

#include "lib/format.h"
#include "loader/options/dump_options.h"
#include "tools/ctl/findings.h"

#define TARGET_TEXT 192U
// Of the type's partitions: the firmware's order of disks decides which of them is the first.
#define TARGETS_MAX 8U

struct target {
	struct {
		char device[80];
		char text[TARGET_TEXT]; // "/dev/vda3 (PARTLABEL=lifeboat-dump, 20 GiB)"
	} list[TARGETS_MAX];
	unsigned int count;
	unsigned int kept; // others keep a dump that nobody has saved
	unsigned int files; // `dump-to` that name a file
	bool any; // no --dump-to: one of those is taken, whichever the firmware shows first
	struct findings notes; // partitions that are left out, and why; those that are small
};

// Fails where there is none, not even one that keeps a dump: with the command that makes one (gap_fail()).
// The notes are there all the same.
int target_find(const char *root, const struct lb_dump_options *dump, struct target *ret_target,
		struct lb_error *err);

// Reads the disk's GUID as GPT has it there.
int target_disk_guid(const char *root, const char *disk, uint8_t ret_guid[LB_UUID_BYTES],
		     struct lb_error *err);

#endif
