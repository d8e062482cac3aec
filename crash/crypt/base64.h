// SPDX-License-Identifier: BSD-2-Clause
// Base64 (RFC 4648, section 4) without padding, as in age.
#ifndef LIFEBOAT_CRASH_CRYPT_BASE64_H
#define LIFEBOAT_CRASH_CRYPT_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LB_BASE64_BYTES(bytes) (((bytes)*4 + 2) / 3) // characters for so many bytes

// Writes LB_BASE64_BYTES(bytes) characters, no NUL.
void lb_base64_write(const uint8_t *data, size_t bytes, char *text);
// Reads `bytes` bytes from LB_BASE64_BYTES(bytes) characters. False: a character is not in the alphabet, or
// an unused bit of the last one is 1.
bool lb_base64_read(const char *text, size_t bytes, uint8_t *data);

#endif
