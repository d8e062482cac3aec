// SPDX-License-Identifier: BSD-2-Clause
// Removes what terminals, shells and editors leave in a text file.
#ifndef LIFEBOAT_TOOLS_FOOTPRINT_PLAIN_TEXT_H
#define LIFEBOAT_TOOLS_FOOTPRINT_PLAIN_TEXT_H

#include <stddef.h>

// Turns `bytes` bytes at `text` into a NUL-terminated text of the same lines, in place; text[bytes] must be
// the caller's, too. UTF-16 with its byte order mark, as PowerShell's > writes it, becomes ASCII; a mark of
// UTF-8 goes. Escape sequences go (ECMA-48: CSI, OSC and those of two bytes), so do the CRs in front of a
// line's end. What is left of control characters, and what is not ASCII, becomes '?': nothing of a file can
// steer a terminal.
void plain_text(char *text, size_t bytes);

// A name, in place: control characters, newlines among them, become '?' (C0, and C1 as UTF-8 has them).
void plain_name(char *text);

#endif
