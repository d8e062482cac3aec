// SPDX-License-Identifier: BSD-2-Clause
// The signature: a name for a cause, equal wherever and whenever it strikes. "class:function:hash", where
// function is the first that is not part of how every kernel dies, and hash comes of the names of the
// functions from there on, without offsets, and without the suffixes that compilers add.
#ifndef LIFEBOAT_CRASH_REPORT_SIGNATURE_H
#define LIFEBOAT_CRASH_REPORT_SIGNATURE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/sha256.h"

#define LB_SIGNATURE_BYTES 192U

struct lb_signature {
	struct lb_sha256 sha;
	uint32_t count; // of functions in the hash
	bool ended;
	char function[128]; // the first
};

void lb_signature_begin(struct lb_signature *signature);
// The next frame, from panic() on downwards. `certain` and `interrupted` as in struct lb_frame: what was
// interrupted by what has begun already is chance, and not counted, nor is anything below.
void lb_signature_add(struct lb_signature *signature, const char *function, bool certain, bool interrupted);
// A function to name where no frame is known, out of the log; may be "".
void lb_signature_fallback(struct lb_signature *signature, const char *function);
// Writes "class:function:hash" into `text`, of LB_SIGNATURE_BYTES; function and hash are "none" without frames.
char *lb_signature_text(struct lb_signature *signature, const char *reason_class, char *text);

// The name without ".cold", ".isra.0", ".constprop.0", ".part.0", however many.
// Returns `text`, of `bytes` bytes.
char *lb_signature_plain(const char *function, char *text, uint32_t bytes);

// Part of how a kernel dies or notices that it must: panic, oops, exception, watchdog, sanitizer.
bool lb_signature_is_generic(const char *plain);

#endif
