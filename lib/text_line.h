// SPDX-License-Identifier: BSD-2-Clause
// Lines of a text that comes from elsewhere, for a terminal.
#ifndef LIFEBOAT_LIB_TEXT_LINE_H
#define LIFEBOAT_LIB_TEXT_LINE_H

#include <stddef.h>

// The first line of `text`, `bytes` long and without a NUL: into `ret_line`, of `room` bytes (1 and up), as
// much of it as has room beside the NUL, with '?' for all that is not printable ASCII. Returns how many
// bytes of the text it was, its line feed included: at least 1, unless `bytes` is 0.
size_t lb_text_line(const char *text, size_t bytes, char *ret_line, size_t room);

#endif
