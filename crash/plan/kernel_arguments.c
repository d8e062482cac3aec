// SPDX-License-Identifier: BSD-2-Clause
#include "crash/plan/kernel_arguments.h"

#include "crash/plan/panic_words.h"
#include "crash/plan/refused_words.h"
#include "lib/mem.h"

#define CAPTURE_WORDS                                                                                        \
	"nr_cpus=1 reset_devices irqpoll nokaslr numa=off acpi_no_memhotplug mce=off cgroup_disable=memory " \
	"novmcoredd panic=10"

static bool is_initrd_file(struct lb_argument argument)
{
	return lb_word_is(argument.key, "initrd") && lb_cmdline_is_initrd_file(argument.value);
}

// To the kernel's isspace() byte 0xa0, Latin-1's no-break space, ends a word. Here it does
// not: the byte is a part of letters in UTF-8, and file names have those.
static bool ends_early(struct lb_word word)
{
	for (size_t i = 0; i < word.bytes; i++) {
		if ((uint8_t)word.text[i] == 0xa0)
			return true;
	}
	return false;
}

static int fail_ends_early(const char *what, struct lb_word word, struct lb_error *err)
{
	return lb_fail(err,
		       "%s: %.*s holds byte 0xa0 (of a no-break space, or of a letter in UTF-8), at which "
		       "the kernel ends a word",
		       what, (int)word.bytes, word.text);
}

static int fail_refused(struct lb_word word, const char *reason, struct lb_error *err)
{
	return lb_fail(err, "kernel arguments: %.*s cannot be had when armed: %s", (int)word.bytes, word.text,
		       reason);
}

// Words for a kernel that has not been started yet are given to it without initrd=FILE.
static int check_armable(const char *user, bool drop_initrd, struct lb_error *err)
{
	struct lb_word word;
	const char *reason = lb_refused_early(user, &word);
	size_t pos = 0;
	bool open = false;

	if (reason)
		return fail_refused(word, reason, err);
	while (lb_cmdline_next_open(user, &pos, &word, &open)) {
		reason = lb_refused_word(word);
		if (reason)
			return fail_refused(word, reason, err);
		if (open)
			return lb_fail(err, "kernel arguments: the quote in %.*s is not closed",
				       (int)word.bytes, word.text);
		if (ends_early(word) && !(drop_initrd && is_initrd_file(lb_cmdline_take_apart(word))))
			return fail_ends_early("kernel arguments", word, err);
	}
	return 0;
}

static int check_capture(const char *user, struct lb_error *err)
{
	struct lb_word word;
	size_t pos = 0;
	bool open = false;

	while (lb_cmdline_next_open(user, &pos, &word, &open)) {
		if (lb_word_is(lb_cmdline_take_apart(word).key, "elfcorehdr"))
			return lb_fail(err, "capture arguments: %.*s is set by Lifeboat itself, wanted none",
				       (int)word.bytes, word.text);
		if (open)
			return lb_fail(err, "capture arguments: the quote in %.*s is not closed",
				       (int)word.bytes, word.text);
		if (ends_early(word))
			return fail_ends_early("capture arguments", word, err);
	}
	if (user[pos])
		return lb_fail(err, "capture arguments: \"%s\": arguments for init are not supported",
			       user + pos);
	return 0;
}

// A line being put together. `out` NULL: only measured.
struct line {
	char *out;
	size_t bytes;
};

static void put(struct line *line, const char *text, size_t bytes)
{
	if (line->out)
		memcpy(line->out + line->bytes, text, bytes);
	line->bytes += bytes;
}

// Puts one or more words, with a space before them unless they are the first.
static void put_words(struct line *line, const char *text, size_t bytes)
{
	if (bytes == 0)
		return;
	if (line->bytes)
		put(line, " ", 1);
	put(line, text, bytes);
}

static void put_literal(struct line *line, const char *text)
{
	put_words(line, text, lb_strlen(text));
}

// The parts of a command line, in order.
struct recipe {
	const char *before; // ours, overridden by the user's
	const char *console; // a console= for each word
	const char *user; // words and, from " -- " on, what goes to init
	uint32_t words; // ours, of enum lb_panic_word
	bool drop_crashkernel; // of the user's
	bool drop_initrd;
	size_t reserve; // bytes left free below the kernel's limit
};

static bool is_dropped(const struct recipe *recipe, struct lb_word word)
{
	struct lb_argument argument = lb_cmdline_take_apart(word);

	if (recipe->drop_crashkernel && lb_word_is(argument.key, "crashkernel"))
		return true;
	return recipe->drop_initrd && is_initrd_file(argument);
}

static void compose(const struct recipe *recipe, struct line *line)
{
	struct lb_word word;
	size_t pos = 0;

	put_literal(line, recipe->before);
	while (lb_cmdline_next(recipe->console, &pos, &word)) {
		put_literal(line, "console=");
		put(line, word.text, word.bytes);
	}
	pos = 0;
	while (lb_cmdline_next(recipe->user, &pos, &word)) {
		if (!is_dropped(recipe, word))
			put_words(line, word.text, word.bytes);
	}
	for (uint32_t i = 0; i < LB_WORD_COUNT; i++) {
		const char *ours = lb_panic_word_for(i, recipe->user);

		if (ours && recipe->words & LB_WORD_BIT(i))
			put_literal(line, ours);
	}
	put_literal(line, recipe->user + pos);
}

static int build(const char *what, const struct recipe *recipe, size_t max, char *out, size_t out_bytes,
		 struct lb_error *err)
{
	struct line line = {NULL, 0};

	compose(recipe, &line);
	if (line.bytes + recipe->reserve > max)
		return lb_fail(err, "%s: the command line takes %zu bytes, the kernel's cmdline_size is %zu",
			       what, line.bytes + recipe->reserve, max);
	if (line.bytes + recipe->reserve >= out_bytes)
		return lb_fail(err, "%s: the command line takes %zu bytes, Lifeboat has room for %zu", what,
			       line.bytes + recipe->reserve, out_bytes ? out_bytes - 1 : 0);
	line = (struct line){out, 0};
	compose(recipe, &line);
	out[line.bytes] = '\0';
	return 0;
}

int lb_cmdline_armed(const char *user, uint32_t words, size_t max, char *out, size_t out_bytes,
		     struct lb_error *err)
{
	const struct recipe recipe = {
		.before = "",
		.console = "",
		.user = user,
		.words = words,
		.drop_crashkernel = true,
		.drop_initrd = true,
	};

	if (check_armable(user, true, err) != 0)
		return -1;
	return build("kernel arguments", &recipe, max, out, out_bytes, err);
}

int lb_cmdline_late(const char *user, uint32_t words, size_t max, char *out, size_t out_bytes,
		    struct lb_error *err)
{
	struct recipe recipe = {.before = "", .console = "", .user = user, .words = words};
	struct lb_word crashkernel;

	if (check_armable(user, false, err) != 0)
		return -1;
	if (!(words & LB_WORDS_BESIDE_KDUMP) && lb_cmdline_last(user, "crashkernel", &crashkernel))
		recipe.words &= ~LB_WORD_BIT(LB_WORD_NOTIFIERS);
	return build("kernel arguments", &recipe, max, out, out_bytes, err);
}

int lb_cmdline_unarmed(const char *user, size_t max, char *out, size_t out_bytes, struct lb_error *err)
{
	const struct recipe recipe = {
		.before = "",
		.console = "",
		.user = user,
		.drop_initrd = true,
	};

	return build("kernel arguments", &recipe, max, out, out_bytes, err);
}

int lb_cmdline_capture(const struct lb_cmdline_second *second, char *out, size_t out_bytes,
		       struct lb_error *err)
{
	char before[sizeof("elfcorehdr=0x0123456789abcdef " CAPTURE_WORDS)];
	const struct recipe recipe = {
		.before = before,
		.console = second->console,
		.user = second->user,
		.reserve = sizeof(LB_CMDLINE_NO5LVL) - 1,
	};

	if (check_capture(second->user, err) != 0)
		return -1;
	lb_snprintf(before, sizeof(before), "elfcorehdr=0x%lx %s", second->elfcorehdr, CAPTURE_WORDS);
	return build("capture arguments", &recipe, second->max, out, out_bytes, err);
}
