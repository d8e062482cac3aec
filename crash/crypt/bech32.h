// SPDX-License-Identifier: BSD-2-Clause
// Bech32: bytes as text with a checksum, behind a word that says what they are.
// Source: BIP 173, without its limit of 90 characters, as age has it.
#ifndef LIFEBOAT_CRASH_CRYPT_BECH32_H
#define LIFEBOAT_CRASH_CRYPT_BECH32_H

#include <stddef.h>
#include <stdint.h>

enum lb_bech32 {
	LB_BECH32_OK = 0,
	LB_BECH32_CHARACTER, // one that is none of its alphabet, or no "1" before the data
	LB_BECH32_CASE, // capital and small letters
	LB_BECH32_CHECKSUM,
	LB_BECH32_LENGTH, // no whole bytes, or more than there is room for
};

// The number of characters of `text` before the last "1"; `bytes` where there is none.
size_t lb_bech32_word(const char *text, size_t bytes);

// Reads the `bytes` characters of `text`. `data` has `room`; *ret_count bytes of it are the result.
enum lb_bech32 lb_bech32_read(const char *text, size_t bytes, uint8_t *data, size_t room, size_t *ret_count);

#endif
