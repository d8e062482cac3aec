// SPDX-License-Identifier: BSD-2-Clause
// Firmware speaks UTF-16, we speak UTF-8. Pure.
#ifndef LIFEBOAT_LIB_UTF16_H
#define LIFEBOAT_LIB_UTF16_H

#include <stddef.h>
#include <stdint.h>

// Both stop at a NUL or after `units`/at the end of `text`, turn what is not valid into U+FFFD, cut at a
// whole character, and always NUL-terminate (room > 0). They return the length of the whole text without its
// NUL, in bytes or units: a length of `room` or more says that the text was cut.
size_t lb_utf16_to_utf8(const uint16_t *text, size_t units, char *out, size_t room);
size_t lb_utf8_to_utf16(const char *text, uint16_t *out, size_t room);

#endif
