// SPDX-License-Identifier: BSD-2-Clause
#include "crash/plan/cmdline.h"

#include "lib/format.h"
#include "lib/mem.h"
#include "lib/number.h"

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

bool lb_word_is(struct lb_word word, const char *wanted)
{
	return word.bytes == lb_strlen(wanted) && memcmp(word.text, wanted, word.bytes) == 0;
}

// Takes one pair of quotes off. The closing one may be missing at the end of the line.
static struct lb_word unquote(struct lb_word word)
{
	if (word.bytes == 0 || word.text[0] != '"')
		return word;
	word.text++;
	word.bytes--;
	if (word.bytes > 0 && word.text[word.bytes - 1] == '"')
		word.bytes--;
	return word;
}

struct lb_argument lb_cmdline_take_apart(struct lb_word word)
{
	struct lb_word plain = unquote(word);
	struct lb_argument argument = {plain, {plain.text + plain.bytes, 0}, false};
	size_t equals = 1; // a word that begins with '=' has no value

	while (equals < plain.bytes && plain.text[equals] != '=')
		equals++;
	if (equals >= plain.bytes)
		return argument;
	argument.key.bytes = equals;
	argument.has_value = true;
	argument.value = unquote((struct lb_word){plain.text + equals + 1, plain.bytes - equals - 1});
	return argument;
}

bool lb_cmdline_next_open(const char *text, size_t *pos, struct lb_word *ret_word, bool *ret_open)
{
	size_t at = *pos;
	bool quoted = false;
	struct lb_word word;

	while (is_space(text[at]))
		at++;
	word.text = text + at;
	for (; text[at] && (quoted || !is_space(text[at])); at++) {
		if (text[at] == '"')
			quoted = !quoted;
	}
	word.bytes = (size_t)(text + at - word.text);
	if (word.bytes == 0 || lb_word_is(unquote(word), "--")) {
		*pos = (size_t)(word.text - text);
		return false;
	}
	*pos = at;
	*ret_word = word;
	*ret_open = quoted;
	return true;
}

bool lb_cmdline_next(const char *text, size_t *pos, struct lb_word *ret_word)
{
	bool open;

	return lb_cmdline_next_open(text, pos, ret_word, &open);
}

bool lb_cmdline_next_value(const char *text, const char *key, size_t *pos, struct lb_word *ret_value)
{
	struct lb_word word;

	while (lb_cmdline_next(text, pos, &word)) {
		struct lb_argument argument = lb_cmdline_take_apart(word);

		if (!lb_word_is(argument.key, key))
			continue;
		*ret_value = argument.value;
		return true;
	}
	return false;
}

bool lb_cmdline_last(const char *text, const char *key, struct lb_word *ret_value)
{
	size_t pos = 0;
	bool found = false;

	while (lb_cmdline_next_value(text, key, &pos, ret_value))
		found = true;
	return found;
}

bool lb_cmdline_is_initrd_file(struct lb_word value)
{
	size_t at = 0;

	if (value.bytes == 0 || !lb_is_decimal(value.text[0]))
		return true;
	// A number in C's notation, perhaps with a unit, up to the comma.
	while (at < value.bytes &&
	       (lb_is_decimal(value.text[at]) || (value.text[at] >= 'a' && value.text[at] <= 'z') ||
		(value.text[at] >= 'A' && value.text[at] <= 'Z')))
		at++;
	return at + 1 >= value.bytes || value.text[at] != ',' || !lb_is_decimal(value.text[at + 1]);
}

bool lb_cmdline_any_token(struct lb_word value, bool (*test)(struct lb_word token))
{
	size_t begin = 0;

	for (size_t at = 0; at <= value.bytes; at++) {
		if (at < value.bytes && value.text[at] != ',')
			continue;
		if (test((struct lb_word){value.text + begin, at - begin}))
			return true;
		begin = at + 1;
	}
	return false;
}

static bool is_nosoftreserve(struct lb_word token)
{
	return lb_word_is(token, "nosoftreserve");
}

bool lb_cmdline_nosoftreserve(const char *text)
{
	struct lb_word word;
	size_t pos = 0;
	bool given = false;

	while (lb_cmdline_next(text, &pos, &word)) {
		struct lb_argument argument = lb_cmdline_take_apart(word);

		if (lb_word_is(argument.key, "efi") && argument.has_value)
			given = lb_cmdline_any_token(argument.value, is_nosoftreserve);
	}
	return given;
}
