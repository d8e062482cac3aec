// SPDX-License-Identifier: BSD-2-Clause
// Counts how this machine's boots ended, since lifeboatctl first looked: /var/lib/lifeboat/counters.
#ifndef LIFEBOAT_TOOLS_CTL_COUNTERS_H
#define LIFEBOAT_TOOLS_CTL_COUNTERS_H

#include "tools/ctl/state.h"

#define COUNTERS_DUMPS 64U // dumps known by name; beyond, the oldest are forgotten
#define ARM_ID 33U // an arm_id's 32 hexadecimal digits and a NUL

enum last_end {
	END_UNKNOWN, // nothing was counted yet
	END_CLEAN, // it was shut down or restarted, or it was not armed
	END_DUMP, // it left a dump
	END_UNACCOUNTED, // it was armed, was not shut down, and left no dump
};

struct counters {
	uint64_t boots, armed, aside, dumps, unaccounted, saves_failed;
	bool settled; // a boot has completed since: every unknown dump is a new one
	enum last_end last_end; // of the boot before this one
	char last_stage[64]; // the last stage that it is known to have reached; "": not known
	char known[COUNTERS_DUMPS][ARM_ID]; // dumps that were counted
	unsigned int known_count;
};

// False, and all 0: nothing was counted yet.
bool counters_read(const char *root, struct counters *ret_counters);
int counters_write(const char *root, const struct counters *counters, struct lb_error *err);

bool counters_know(const struct counters *counters, const char *arm_id);
void counters_learn(struct counters *counters, const char *arm_id);

// "clean", "dump", "unaccounted"; NULL where it is not known.
const char *counters_end_name(enum last_end end);

struct counter {
	const char *name; // in a line of the file, and of a member in JSON
	const char *metric; // for Prometheus
	const char *help;
	size_t offset; // in struct counters
};
#define COUNTERS 6U
extern const struct counter counters_list[COUNTERS];
uint64_t counters_get(const struct counters *counters, const struct counter *counter);

#endif
