// SPDX-License-Identifier: BSD-2-Clause
// Where the built-in capture kernel writes: --dump-to, resolved while firmware can still
// be asked. Nothing here stops the arming: without a partition the log goes to the console.
#ifndef LIFEBOAT_LOADER_TARGET_H
#define LIFEBOAT_LOADER_TARGET_H

#include "lifeboat/dumpdisk.h"
#include "loader/blockdev.h"
#include "loader/options/dump_options.h"

// A partition that may be written to, and what was on it.
struct lb_target_found {
	struct lb_target target;
	struct lb_blockdev device;
	bool has_header; // and this is it
	struct lb_dump_header header;
};

struct lb_targets {
	uint32_t count;
	struct lb_target_found found[LB_MAX_TARGETS]; // in the order of --dump-to
};

// Finds the partitions. What cannot be used is warned about and left out; dumps that wait
// on them, and verdicts of a self-test, are shown.
void lb_targets_find(const struct lb_dump_options *options, struct lb_targets *ret_targets);

// Warns, with numbers, of partitions that are smaller than `worst` bytes.
void lb_targets_judge_size(const struct lb_targets *targets, uint64_t worst);

// The last thing before the first kernel starts: puts an empty header for this arming on
// every one of them. The capture kernel leaves alone what could not be written; warned about.
void lb_targets_mark(const struct lb_targets *targets, const uint8_t arm_id[16], bool selftest);

// Of the last self-test, by the first partition: enum lb_selftest.
uint32_t lb_targets_verdict(const struct lb_targets *targets);

uint64_t lb_target_bytes(const struct lb_target *target);

#endif
