// SPDX-License-Identifier: BSD-2-Clause
#include "crash/plan/refused_words.h"

#include "lib/format.h"
#include "lib/mem.h"
#include "lib/number.h"

#define NO_RUNTIME "the panic reaches Lifeboat through EFI runtime services"
#define ENCRYPTED "encrypted memory cannot be read after the panic"

static struct lb_word skip(struct lb_word word, size_t bytes)
{
	return (struct lb_word){word.text + bytes, word.bytes - bytes};
}

static bool begins_with(struct lb_word word, const char *wanted)
{
	size_t bytes = lb_strlen(wanted);

	return word.bytes >= bytes && memcmp(word.text, wanted, bytes) == 0;
}

// reboot_setup() looks at first letters, behind an optional "panic_".
static bool is_force(struct lb_word token)
{
	static const char prefix[] = "panic_";

	if (begins_with(token, prefix))
		token = skip(token, sizeof(prefix) - 1);
	return begins_with(token, "f");
}

static bool is_noruntime(struct lb_word token)
{
	return lb_word_is(token, "noruntime");
}

static bool is_on(struct lb_word token)
{
	return lb_word_is(token, "on");
}

static bool is_separator(char c)
{
	return c == '.' || c == '/';
}

// Takes `name` off the path, with one or more separators before it.
static bool take_component(struct lb_word *path, const char *name)
{
	if (path->bytes == 0 || !is_separator(path->text[0]))
		return false;
	while (path->bytes > 0 && is_separator(path->text[0]))
		*path = skip(*path, 1);
	if (!begins_with(*path, name))
		return false;
	*path = skip(*path, lb_strlen(name));
	return true;
}

// "sysctl", then a path below /proc/sys in which every '.' is a '/', which the file system
// looks up: "//" is "/" to it (process_sysctl_arg(), fs/proc/proc_sysctl.c).
bool lb_is_sysctl(struct lb_word key, const char *name)
{
	static const char prefix[] = "sysctl";

	if (!begins_with(key, prefix))
		return false;
	key = skip(key, sizeof(prefix) - 1);
	return take_component(&key, "kernel") && take_component(&key, name) && key.bytes == 0;
}

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

// Does proc_dointvec() take the value for zero? It passes over blanks, takes one '-', a number
// in C's notation, and minds nothing behind a space, a tab or a newline (kernel/sysctl.c).
static bool is_zero(struct lb_word value)
{
	while (value.bytes > 0 && is_space(value.text[0]))
		value = skip(value, 1);
	if (begins_with(value, "-"))
		value = skip(value, 1);
	if ((begins_with(value, "0x") || begins_with(value, "0X")) && value.bytes > 2 &&
	    lb_digit_value(value.text[2]) >= 0)
		value = skip(value, 2);
	if (!begins_with(value, "0"))
		return false;
	while (begins_with(value, "0"))
		value = skip(value, 1);
	return value.bytes == 0 || value.text[0] == ' ' || value.text[0] == '\t' || value.text[0] == '\n';
}

const char *lb_refused_word(struct lb_word word)
{
	struct lb_argument argument = lb_cmdline_take_apart(word);

	if (lb_word_is(argument.key, "reboot") && lb_cmdline_any_token(argument.value, is_force))
		return "a forced reboot does not stop the other CPUs";
	// Our efi=runtime does not undo this word: kernels before 5.16 do not know it.
	if (lb_word_is(argument.key, "noefi"))
		return NO_RUNTIME;
	if (lb_word_is(argument.key, "efi") && lb_cmdline_any_token(argument.value, is_noruntime))
		return NO_RUNTIME;
	// efi_parse_options(), from 6.9 on.
	if (lb_word_is(argument.key, "mem_encrypt") && lb_cmdline_any_token(argument.value, is_on))
		return ENCRYPTED;
	// The kernel writes it just before it starts init, long after it read our panic=-1.
	if (lb_is_sysctl(argument.key, "panic") && is_zero(argument.value))
		return "a panic would hang instead of restarting";
	return NULL;
}

// To cmdline_find_option() a word ends at the first byte up to the space, nowhere else.
static bool is_early_space(char c)
{
	return (uint8_t)c <= ' ';
}

const char *lb_refused_early(const char *text, struct lb_word *ret_word)
{
	struct lb_word word = {text, 0};

	for (; *text; text++) {
		if (is_early_space(*text)) {
			word = (struct lb_word){text + 1, 0};
			continue;
		}
		word.bytes++;
		if ((!text[1] || is_early_space(text[1])) && lb_word_is(word, "mem_encrypt=on")) {
			*ret_word = word;
			return ENCRYPTED;
		}
	}
	return NULL;
}
