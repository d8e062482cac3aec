// SPDX-License-Identifier: BSD-2-Clause
// The partitions, and files on a partition, that the built-in capture kernel writes to: --dump-to, resolved
// while the firmware can be asked. Nothing here stops the arming; loader/options/evidence.h judges a
// missing partition.
#ifndef LIFEBOAT_LOADER_TARGET_H
#define LIFEBOAT_LOADER_TARGET_H

#include "lifeboat/dumpdisk.h"
#include "loader/blockdev.h"
#include "loader/machine.h"
#include "loader/options/dump_options.h"

// A partition that may be written to.
struct lb_target_found {
	struct lb_target target;
	struct lb_blockdev device;
	bool has_header; // the header belongs to this partition, by its GUID
	bool waits; // there is a dump that nobody has saved, or that cannot be read
	struct lb_dump_header header; // as it was found; zeroes where none can be read
};

struct lb_targets {
	uint32_t count;
	struct lb_target_found found[LB_MAX_TARGETS]; // in the order of --dump-to
	uint32_t kept; // partitions left out, because they hold a dump that nobody has saved
	const char *unmatched; // the first --dump-to that no partition can serve; NULL: none, or none given
};

// Finds the partitions. Warns of those that cannot be used, and leaves them out. Shows the dumps on them
// that nobody has saved, and verdicts of a self-test. `machine` says how PCI functions are reached.
void lb_targets_find(const struct lb_dump_options *options, const struct lb_machine *machine,
		     struct lb_targets *ret_targets);

// Warns, with numbers, of partitions smaller than `worst` bytes.
void lb_targets_judge_size(const struct lb_targets *targets, uint64_t worst);

// The last self-test's verdict, from the first partition: enum lb_selftest.
uint32_t lb_targets_verdict(const struct lb_targets *targets);

// The bytes of the partition, or of the file.
uint64_t lb_target_bytes(const struct lb_target *target);

#endif
