// SPDX-License-Identifier: BSD-2-Clause
// The signature: a name for the cause of a crash, equal on every machine and each time. Its form is
// "class:function:hash". `function` is the first one that is not part of how every kernel dies. `hash` is
// made from the names of the functions from there on, without offsets and without the suffixes that compilers
// add.
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
// Adds the next frame, from panic() on downwards. `certain` and `interrupted` are as in struct lb_frame. Once
// a frame counts, an interrupted frame ends the signature: what was interrupted is chance.
void lb_signature_add(struct lb_signature *signature, const char *function, bool certain, bool interrupted);
// Sets the function that is named if no frame counts. It comes from the log and may be "".
void lb_signature_fallback(struct lb_signature *signature, const char *function);
// Writes "class:function:hash" into `text`, of LB_SIGNATURE_BYTES. If no frame counts, the hash is "none".
// Without a function its name is "none", too. Returns `text`.
char *lb_signature_text(struct lb_signature *signature, const char *reason_class, char *text);

// Copies a function's name into `text`, of `bytes` bytes, without suffixes such as ".cold", ".isra.0",
// ".constprop.0" and ".part.0". Returns `text`.
char *lb_signature_plain(const char *function, char *text, uint32_t bytes);

// Returns true for a function that is part of how a kernel dies or notices that it must: panic, oops,
// exception, watchdog, sanitizer.
bool lb_signature_is_generic(const char *plain);

#endif
