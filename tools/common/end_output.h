// SPDX-License-Identifier: BSD-2-Clause
// The end of a program that prints.
#ifndef LIFEBOAT_TOOLS_COMMON_END_OUTPUT_H
#define LIFEBOAT_TOOLS_COMMON_END_OUTPUT_H

// Writes what standard output still holds. Returns `status`, or, where some of what was printed did not get
// out (a full disk, now or earlier), EXIT_FAILURE after a sentence on standard error that begins with
// `program`.
int end_output(const char *program, int status);

#endif
