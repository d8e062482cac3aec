// SPDX-License-Identifier: BSD-2-Clause
// A panic of an armed boot leaves a dump, a log on the console, or nothing: which of them, before it is armed. Of the
// built-in capture kernel. Pure.
#ifndef LIFEBOAT_LOADER_OPTIONS_EVIDENCE_H
#define LIFEBOAT_LOADER_OPTIONS_EVIDENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/format.h"

struct lb_evidence {
	uint32_t partitions; // a dump can be written to
	uint32_t kept; // partitions that would do, if they did not keep a dump that waits there unsaved
	bool console; // for the log
	const char *unmatched; // the first --dump-to that no partition can serve; NULL: there is none
};

// The sentence that warns of less than a dump; NULL: a dump will be left.
const char *lb_evidence_warning(const struct lb_evidence *evidence);

// Fails where the first kernel would get no words: without a partition to dump to its own way to
// end in a panic, and the message on its screen, are worth more.
int lb_evidence_late(const struct lb_evidence *evidence, struct lb_error *err);

// Judges what --require asks for: a partition for each --dump-to, and that a panic leaves something.
// Partitions that keep a dump are content: the system that is to save it has to boot.
int lb_evidence_require(const struct lb_evidence *evidence, struct lb_error *err);

#endif
