// SPDX-License-Identifier: BSD-2-Clause
// Bech32: bytes as text with a checksum, behind a word that says what they are.
// Source: BIP 173, without its limit of 90 characters, as in age.
#ifndef LIFEBOAT_CRASH_CRYPT_BECH32_H
#define LIFEBOAT_CRASH_CRYPT_BECH32_H

#include <stddef.h>
#include <stdint.h>

enum lb_bech32 {
	LB_BECH32_OK = 0,
	LB_BECH32_CHARACTER, // a character that is not in the alphabet, or no "1" before the data
	LB_BECH32_CASE, // both capital and small letters
	LB_BECH32_CHECKSUM,
	LB_BECH32_LENGTH, // not whole bytes, or more than there is room for
};

// Returns the number of characters of `text` before the last "1"; `bytes` if there is no "1".
size_t lb_bech32_word(const char *text, size_t bytes);

// Decodes the `bytes` characters of `text` into *ret_count bytes at `data`, which has `room` bytes.
enum lb_bech32 lb_bech32_read(const char *text, size_t bytes, uint8_t *data, size_t room, size_t *ret_count);

#endif
