// SPDX-License-Identifier: BSD-2-Clause
#include "crash/report/mask.h"

#include <stdbool.h>
#include <stdint.h>

#include "lib/format.h"
#include "lib/mem.h"
#include "lib/number.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

// A value is secret if its word contains one of these, in either case. A '=' or ": " comes between word and
// value.
static const char *const secret_parts[] = {
	"passw", "passphrase", "pwd", "secret", "token", "credential", "apikey", "psk", "privkey", "cookie",
};
// A value is also secret if its word, or what follows the word's last '_', is one of these, in either case.
static const char *const secret_words[] = {
	"key",      "pass",    "auth",    "ip",       "mac",        "host",
	"hostname", "nfsroot", "netroot", "cifsroot", "nameserver",
};

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_alnum(char c)
{
	return (lower(c) >= 'a' && lower(c) <= 'z') || lb_is_decimal(c);
}

static bool is_word(char c)
{
	return is_alnum(c) || c == '_';
}

static bool begins_with(const char *text, uint32_t bytes, const char *word)
{
	uint32_t at = 0;

	while (at < bytes && word[at] && lower(text[at]) == word[at])
		at++;
	return !word[at];
}

static bool is_secret(const char *word, uint32_t bytes)
{
	uint32_t last = bytes;

	while (last && is_alnum(word[last - 1]))
		last--;
	for (uint32_t i = 0; i < COUNT(secret_words); i++) {
		if (lb_strlen(secret_words[i]) == bytes - last &&
		    begins_with(word + last, bytes - last, secret_words[i]))
			return true;
	}
	for (uint32_t at = 0; at < bytes; at++) {
		for (uint32_t i = 0; i < COUNT(secret_parts); i++) {
			if (begins_with(word + at, bytes - at, secret_parts[i]))
				return true;
		}
	}
	return false;
}

// Puts LB_MASKED in place of `bytes` at `text`. Returns its end.
static char *mask(char *text, uint32_t bytes)
{
	uint32_t letters = bytes < sizeof(LB_MASKED) - 1 ? bytes : sizeof(LB_MASKED) - 1;

	memcpy(text, LB_MASKED, letters);
	memmove(text + letters, text + bytes, lb_strlen(text + bytes) + 1);
	return text + letters;
}

// Returns the length of the value at `text`. A value in quotation marks ends behind the second one. Any other
// value ends before `quote`, if a quotation mark is before its word, or before a blank.
static uint32_t value_bytes(const char *text, char quote)
{
	bool quoted = *text == '"' || *text == '\'';
	char end = quoted ? *text : quote == '"' || quote == '\'' ? quote : ' ';
	uint32_t at = quoted;

	while (text[at] && text[at] != end)
		at++;
	return at + (quoted && text[at]);
}

// Masks the value behind the word of `bytes` at `text`, if the word is one of a secret. `before` is the
// character before the word. Returns where to go on.
static char *mask_value(char *text, uint32_t bytes, char before)
{
	char *at = text + bytes;
	bool in_quotes = *at == before && (before == '"' || before == '\'');

	at += in_quotes; // as in "password": "...", also without the blank
	if ((*at != '=' && (*at != ':' || (at[1] != ' ' && !in_quotes))) || !is_secret(text, bytes))
		return text + bytes;
	at++;
	while (*at == ' ')
		at++;
	return *at ? mask(at, value_bytes(at, in_quotes ? ' ' : before)) : at;
}

// Returns the length of user:password in "://user:password@". `text` begins behind the slashes.
static uint32_t login_bytes(const char *text)
{
	uint32_t at = 0;

	while (text[at] && text[at] != ' ' && text[at] != '/' && text[at] != '@')
		at++;
	return text[at] == '@' ? at : 0;
}

static bool is_hex_or_colon(char c)
{
	return lb_digit_value(c) >= 0 || c == ':';
}

// Returns the length of a MAC address: six or more pairs of digits with ':' or '-' between them. A network
// card has six pairs. PXE puts one more in front, the card's kind.
static uint32_t mac_bytes(const char *text)
{
	char between = lb_hex_byte(text) < 0 ? '\0' : text[2];
	uint32_t pairs = 1;

	if (between != ':' && between != '-')
		return 0;
	while (text[3 * pairs - 1] == between && lb_hex_byte(text + 3 * pairs) >= 0)
		pairs++;
	return pairs < 6 || is_word(text[3 * pairs - 1]) ? 0 : 3 * pairs - 1;
}

// Returns the length of an IPv4 address: four numbers up to 255 with '.' between them.
static uint32_t ipv4_bytes(const char *text)
{
	uint32_t at = 0;

	for (uint32_t i = 0; i < 4; i++) {
		uint32_t number = 0, digits = 0;

		for (; lb_is_decimal(text[at]) && digits < 4; digits++)
			number = 10 * number + (uint32_t)(text[at++] - '0');
		if (!digits || digits > 3 || number > 255 || (i < 3 && text[at++] != '.'))
			return 0;
	}
	return is_alnum(text[at]) || (text[at] == '.' && is_alnum(text[at + 1])) ? 0 : at;
}

// Returns the length of an IPv6 address: eight groups of up to four hexadecimal digits with ':' between them.
// "::" stands for some of the groups.
static uint32_t ipv6_bytes(const char *text)
{
	uint32_t at = 0, groups = 0, gaps = 0, digits = 0;

	for (; is_hex_or_colon(text[at]); at++) {
		if (text[at] != ':') {
			groups += digits++ == 0;
			if (digits > 4)
				return 0;
		} else {
			gaps += at && text[at - 1] == ':';
			if (at && text[at - 1] != ':' && text[at + 1] == ' ')
				break; // punctuation, not part of the address
			digits = 0;
		}
	}
	if (is_alnum(text[at]) || text[at] == '.' || groups > 8 || gaps > 1 || (gaps ? !groups : groups != 8))
		return 0;
	return at;
}

static uint32_t address_bytes(const char *text)
{
	uint32_t bytes = mac_bytes(text);

	if (!bytes)
		bytes = ipv4_bytes(text);
	return bytes ? bytes : ipv6_bytes(text);
}

static uint32_t word_bytes(const char *text)
{
	uint32_t at = 0;

	while (is_word(text[at]))
		at++;
	return at;
}

static bool is_host(const char *text, const char *host)
{
	size_t length = host ? lb_strlen(host) : 0;

	return length && lb_strncmp(text, host, length) == 0 && !is_word(text[length]) && text[length] != '-';
}

void lb_mask_line(char *line, const char *host)
{
	char before = ' ', *at = line;

	while (*at) {
		uint32_t bytes = is_word(before) || before == '.' ? 0 : address_bytes(at);

		if (!bytes && before == '/' && at - line >= 3 && lb_strncmp(at - 3, "://", 3) == 0)
			bytes = login_bytes(at);
		if (!bytes && !is_word(before) && is_host(at, host))
			bytes = (uint32_t)lb_strlen(host);
		if (bytes)
			at = mask(at, bytes);
		else if ((bytes = word_bytes(at)))
			at = mask_value(at, bytes, before);
		else
			at++;
		before = at[-1];
	}
}
