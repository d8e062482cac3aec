// SPDX-License-Identifier: BSD-2-Clause
// Tells before arming what a panic will leave: a dump, a log on the console, or nothing. For the built-in
// capture kernel. Pure.
#ifndef LIFEBOAT_LOADER_OPTIONS_EVIDENCE_H
#define LIFEBOAT_LOADER_OPTIONS_EVIDENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/format.h"

struct lb_evidence {
	uint32_t partitions; // that a dump can be written to
	uint32_t kept; // partitions left out only because they keep a dump that is not saved yet
	bool console; // a console for the log
	const char *unmatched; // the first --dump-to without a partition; NULL: there is none
};

// Returns a sentence that warns when a panic leaves less than a dump; NULL: a dump will be left.
const char *lb_evidence_warning(const struct lb_evidence *evidence);

// Fails without a partition to dump to: the first kernel then gets no words. Its own way to end in a panic,
// and the message on its screen, are worth more.
int lb_evidence_late(const struct lb_evidence *evidence, struct lb_error *err);

// Judges what --require asks for: a partition for each --dump-to, and that a panic leaves something. A
// partition that keeps a dump does not fail: the system has to boot to save it.
int lb_evidence_require(const struct lb_evidence *evidence, struct lb_error *err);

#endif
