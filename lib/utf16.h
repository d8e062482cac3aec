// SPDX-License-Identifier: BSD-2-Clause
// Converts between the firmware's UTF-16 and our UTF-8. Pure.
#ifndef LIFEBOAT_LIB_UTF16_H
#define LIFEBOAT_LIB_UTF16_H

#include <stddef.h>
#include <stdint.h>

// Both functions stop at a NUL, and after `units` or at the end of `text`. They turn invalid input into
// U+FFFD, cut only between characters, and always NUL-terminate (room > 0). They return the length of the
// whole text without its NUL, in bytes or units; a length of `room` or more means that the text was cut.
size_t lb_utf16_to_utf8(const uint16_t *text, size_t units, char *out, size_t room);
size_t lb_utf8_to_utf16(const char *text, uint16_t *out, size_t room);

#endif
