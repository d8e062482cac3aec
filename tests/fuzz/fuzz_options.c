// SPDX-License-Identifier: BSD-2-Clause
// Property: whatever load options and lifeboat.conf hold, what is kept fits, ends where it must, and is in
// normal form. The first mistake is reported, and everything behind it still counts. Options that
// lb_options_finish() accepts have all that a boot needs. Line ends of DOS or Unix, and a byte order mark,
// make no difference, nor does --KEY=VALUE in place of a line of lifeboat.conf.
#include "fuzz.h"
#include "lib/mem.h"
#include "lifeboat/uart.h"
#include "loader/options/config.h"
#include "loader/options/load_options.h"
#include "loader/options/options.h"
#include "loader/options/path.h"

#define CONFIG "\\EFI\\lifeboat\\lifeboat.conf"

static void check_text(const char *text, size_t room)
{
	fuzz_check(memchr(text, '\0', room));
}

// Expects an empty path, or an absolute one with single slashes of one kind.
static void check_path(const char *path)
{
	check_text(path, LB_MAX_PATH);
	fuzz_check(!strchr(path, '/') && !strstr(path, "\\\\"));
	fuzz_check(!path[0] || path[0] == '\\' || strchr(path, ':'));
}

static void check_options(const struct lb_options *options)
{
	check_path(options->kernel);
	check_path(options->capture);
	check_path(options->capture_initrd);
	fuzz_check(options->initrd_count <= LB_MAX_INITRDS);
	for (uint32_t i = 0; i < options->initrd_count; i++)
		check_path(options->initrd[i]);
	check_text(options->capture_args, sizeof(options->capture_args));
	check_text(options->crashkernel, sizeof(options->crashkernel));
	check_text(options->cmdline, sizeof(options->cmdline));
	fuzz_check(options->on_mismatch <= LB_POLICY_HALT);
	fuzz_check(options->dump.to_count <= LB_MAX_TARGETS);
	for (uint32_t i = 0; i < options->dump.to_count; i++) {
		check_text(options->dump.to[i].word, sizeof(options->dump.to[i].word));
		fuzz_check(options->dump.to[i].by != LB_DUMP_BY_LABEL ||
			   *lb_dump_to_label(&options->dump.to[i]));
	}
	fuzz_check(options->dump.format <= LB_DUMP_ELF && options->dump.end <= LB_CAPTURE_HALT);
	fuzz_check(options->dump.level <= 31 && options->dump.cpus <= LB_MAX_CAPTURE_CPUS);
	switch (options->console.type) {
	case LB_CONSOLE_NONE:
		fuzz_check(options->console.address == 0);
		break;
	case LB_CONSOLE_PORT:
		fuzz_check(options->console.address > 0 && options->console.address <= LB_UART_PORT_MAX);
		break;
	case LB_CONSOLE_MMIO:
		fuzz_check(options->console.address > 0 && options->console.address % LB_PAGE <= LB_PAGE - 8);
		break;
	default:
		abort();
	}
}

static int parse_config(const char *text, size_t bytes, struct lb_options *options)
{
	char *file = fuzz_string(text, bytes); // no byte behind `bytes` may be read
	char *exact = fuzz_alloc(bytes);
	struct lb_error err;
	int result;

	memcpy(exact, file, bytes);
	fuzz_poison_error(&err);
	lb_options_init(options);
	lb_options_source(options, "\\EFI\\lifeboat");
	result = lb_config_parse(CONFIG, exact, bytes, options, &err);
	if (result)
		fuzz_check_error(&err, CONFIG ":");
	check_options(options);
	free(exact);
	free(file);
	return result;
}

// Parses the same text with the line ends of another editor.
static void check_other_editor(const char *text, size_t bytes, const struct lb_options *wanted, int result)
{
	static struct lb_options options;
	char *other = fuzz_alloc(2 * bytes + 3);
	size_t used = 0;

	if (bytes < 3 || memcmp(text, "\xef\xbb\xbf", 3) != 0) {
		memcpy(other, "\xef\xbb\xbf", 3);
		used = 3;
	}
	for (size_t i = 0; i < bytes; i++) {
		if (text[i] == '\n')
			other[used++] = '\r';
		other[used++] = text[i];
	}
	fuzz_check(parse_config(other, used, &options) == result);
	fuzz_check(memcmp(&options, wanted, sizeof(options)) == 0);
	free(other);
}

// Parses one "key value" line alone, and the same as an option.
static void check_as_option(const char *line)
{
	static struct lb_options by_line, by_word;
	const char *blank = strpbrk(line, " \t");
	const char *value = blank ? blank + strspn(blank, " \t") : "";
	char *word = fuzz_alloc(strlen(line) + 4);
	struct lb_error err;
	int result;

	sprintf(word, "--%.*s=%s", blank ? (int)(blank - line) : 0, line, value);
	result = parse_config(line, strlen(line), &by_line);
	lb_options_init(&by_word);
	lb_options_source(&by_word, "\\EFI\\lifeboat");
	fuzz_check(lb_options_words(&by_word, 1, (const char *const[]){word}, &err) == result);
	fuzz_check(!by_line.unknown);
	by_word.unknown = false; // only words set it
	fuzz_check(memcmp(&by_line, &by_word, sizeof(by_word)) == 0);
	free(word);
}

// True for lines that can be compared: with a value, without quotes that would be lost, and with a key that
// has the same form on the command line.
static bool is_comparable(const char *line)
{
	static const char *const other[] = {"kernel", "arguments", "help", "version"};
	size_t key = strcspn(line, " \t");

	if (!strchr(" \t", line[key]) || !line[key] || !line[key + strspn(line + key, " \t")] ||
	    strpbrk(line, "\"\r\n=") || strchr("#\xef \t\r", line[0]) ||
	    strchr(" \t", line[strlen(line) - 1]))
		return false;
	for (unsigned int i = 0; i < sizeof(other) / sizeof(other[0]); i++) {
		if (strlen(other[i]) == key && memcmp(other[i], line, key) == 0)
			return false;
	}
	return true;
}

// Parses the words of the load options; -1 if they are not text.
static int parse_words(const uint8_t *data, size_t bytes, struct lb_options *options, struct lb_error *err)
{
	const char *list[LB_MAX_WORDS];
	size_t room = bytes * 2 + 1;
	uint16_t *aligned = fuzz_alloc(bytes);
	char *text = fuzz_alloc(room);
	uint32_t count = 0;
	int result;

	if (bytes)
		memcpy(aligned, data, bytes);
	result = lb_load_options_text(aligned, bytes, text, room, err);
	if (result == 0) {
		check_text(text, room);
		result = lb_load_options_split(text, list, LB_MAX_WORDS, &count, err);
	}
	if (result == 0) {
		for (uint32_t i = 0; i < count; i++)
			fuzz_check(list[i] >= text && list[i] + strlen(list[i]) < text + room);
		lb_options_source(options, "");
		result = lb_options_words(options, count, list, err);
	}
	free(text);
	free(aligned);
	return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	static struct lb_options options;
	struct fuzz_input input = {data, bytes};
	size_t config_bytes = fuzz_take(&input, 2);
	struct lb_error err;
	char *config;
	int result;

	if (config_bytes > input.left)
		config_bytes = input.left;
	config = fuzz_string(input.next, config_bytes);
	result = parse_config(config, config_bytes, &options);
	check_other_editor(config, config_bytes, &options, result);
	if (strlen(config) == config_bytes && is_comparable(config))
		check_as_option(config);
	free(config);

	fuzz_poison_error(&err);
	if (parse_words(input.next + config_bytes, input.left - config_bytes, &options, &err))
		fuzz_check_error(&err, "");
	check_options(&options);

	fuzz_poison_error(&err);
	if (lb_options_finish(&options, &err))
		fuzz_check_error(&err, "");
	else if (!options.help && !options.version)
		fuzz_check((options.kernel[0] || options.footprint) && options.crashkernel[0]);
	check_options(&options);
	return 0;
}
