// SPDX-License-Identifier: BSD-2-Clause
// Checks at a program's end that its output was written.
#ifndef LIFEBOAT_TOOLS_COMMON_END_OUTPUT_H
#define LIFEBOAT_TOOLS_COMMON_END_OUTPUT_H

// Writes what standard output still holds. Returns `status`. Where some output was lost (a full disk, now
// or earlier), prints a sentence on standard error that begins with `program`, and returns EXIT_FAILURE.
int end_output(const char *program, int status);

#endif
