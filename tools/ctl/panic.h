// SPDX-License-Identifier: BSD-2-Clause
// One real panic, requested by lifeboatctl test --panic, and its result: /var/lib/lifeboat/panic.
#ifndef LIFEBOAT_TOOLS_CTL_PANIC_H
#define LIFEBOAT_TOOLS_CTL_PANIC_H

#include "tools/ctl/options.h"
#include "tools/ctl/proof.h"

struct panic {
	// "complete", "partial", "interrupted": the dump that it left. "none seen": no boot since has found
	// one. "asked for": this is the boot that was to panic.
	char outcome[16];
	char stale[PROOF_CHANGE]; // what changed since, in words; "": nothing
	uint64_t first_byte_ms, end_ms; // from the panic on; 0: not known
	uint64_t dump_bytes;
};

// Panics this machine once somebody has typed the confirmation; does not return then. Otherwise returns the
// exit status: a panic would not be captured, or nobody confirmed.
int panic_command(const struct options *options);

// Looks for that panic's dump on the partitions, and records the result. Call it with the state locked.
int panic_take(const char *root, struct lb_error *err);

// Reads what is written down; false: no panic was asked for.
bool panic_read(const char *root, struct panic *ret_panic);

#endif
