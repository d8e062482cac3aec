// SPDX-License-Identifier: BSD-2-Clause
// Makes lines of untrusted text safe for a terminal.
#ifndef LIFEBOAT_LIB_TEXT_LINE_H
#define LIFEBOAT_LIB_TEXT_LINE_H

#include <stddef.h>

// Copies the first line of `text`, `bytes` long and without a NUL, to `ret_line`, of `room` bytes (1 and
// up). What does not fit beside the NUL is cut; '?' stands for all that is not printable ASCII. Returns the
// bytes of the text taken, its line feed included: at least 1, unless `bytes` is 0.
size_t lb_text_line(const char *text, size_t bytes, char *ret_line, size_t room);

#endif
