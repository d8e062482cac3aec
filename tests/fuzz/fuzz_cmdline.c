// SPDX-License-Identifier: BSD-2-Clause
// Property: a kernel that reads the command line made here sees what was promised. The judge is a model of
// the kernel's next_arg() and parse_args(). It shares no code with crash/plan/cmdline.c and
// kernel_arguments.c. It takes the user's text and the result apart, and expects
//
//   armed     the user's arguments in their order, without crashkernel= and initrd=FILE; then Lifeboat's, before
//             "--", without those that the user's make superfluous; the same text behind "--"; nothing that
//             keeps a panic from restarting, EFI from running, or memory from being read
//   late      the same with all of the user's arguments; a second call changes nothing more
//   unarmed   the user's arguments without initrd=FILE; a second call changes nothing more
//   capture   Lifeboat's arguments, then the user's, with room for " no5lvl"
//
// The result is never longer than the kernel's limit or the buffer. If it would be, nothing is written.
#include "crash/plan/kernel_arguments.h"
#include "crash/plan/panic_words.h"
#include "fuzz.h"

#define ARGUMENTS_MAX 4096
// The kernel takes this byte for a space, Lifeboat does not (cmdline.h). So kernel and Lifeboat see different
// arguments in text that has it. Such text is refused, or dropped, when arming.
#define NO_BREAK_SPACE 0xa0

static const struct {
	const char *text;
	bool yields; // gives way to what the user says of the same thing
	const char *path; // path of the sysctl with the same meaning
} armed_words[LB_WORD_COUNT] = {
	{"panic=-1", false, ""},
	{"reboot=efi,cold,panic_warm", false, ""},
	{"crash_kexec_post_notifiers", false, ""},
	{"efi=runtime", false, ""},
	{"oops=panic", true, "/kernel/panic_on_oops"},
	{"unknown_nmi_panic", true, "/kernel/unknown_nmi_panic"},
	{"softlockup_panic=1", true, "/kernel/softlockup_panic"},
	{"hung_task_panic=1", true, "/kernel/hung_task_panic"},
	{"nmi_watchdog=panic", true, "/kernel/hardlockup_panic"},
};
static const char *const capture_words[] = {
	"elfcorehdr=0x12345000", "nr_cpus=1", "reset_devices",         "irqpoll",    "nokaslr", "numa=off",
	"acpi_no_memhotplug",    "mce=off",   "cgroup_disable=memory", "novmcoredd", "panic=10"};

struct argument {
	const char *param, *value; // value is NULL without '='
};

struct arguments {
	char *text; // memory that the texts point into
	struct argument list[ARGUMENTS_MAX];
	size_t count;
	const char *rest; // the text behind "--", for init
};

static bool kernel_is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r') || (uint8_t)c == NO_BREAK_SPACE;
}

// lib/cmdline.c, next_arg(): takes the argument at `args` apart in place.
static char *kernel_next_arg(char *args, struct argument *ret_argument)
{
	bool quoted = *args == '"', in_quote = quoted;
	size_t equals = 0, i;

	args += quoted;
	for (i = 0; args[i]; i++) {
		if (kernel_is_space(args[i]) && !in_quote)
			break;
		if (equals == 0 && args[i] == '=')
			equals = i;
		if (args[i] == '"')
			in_quote = !in_quote;
	}
	*ret_argument = (struct argument){args, NULL};
	if (equals) {
		args[equals] = '\0';
		ret_argument->value = args + equals + 1;
		if (args[equals + 1] == '"') {
			ret_argument->value++;
			if (args[i - 1] == '"')
				args[i - 1] = '\0';
		}
	}
	if (quoted && i > 0 && args[i - 1] == '"')
		args[i - 1] = '\0';
	if (args[i]) {
		args[i] = '\0';
		i++;
	}
	for (args += i; kernel_is_space(*args);)
		args++;
	return args;
}

// kernel/params.c, parse_args().
static void kernel_parse_args(const char *line, struct arguments *arguments)
{
	char *args = arguments->text = fuzz_string(line, strlen(line));

	arguments->count = 0;
	while (kernel_is_space(*args))
		args++;
	while (*args) {
		struct argument *next = &arguments->list[arguments->count];

		fuzz_check(arguments->count < ARGUMENTS_MAX);
		args = kernel_next_arg(args, next);
		if (!next->value && strcmp(next->param, "--") == 0)
			break;
		arguments->count++;
	}
	arguments->rest = line + (args - arguments->text);
}

static bool names_initrd_file(const struct argument *argument)
{
	const char *value = argument->value ? argument->value : "";

	return strcmp(argument->param, "initrd") == 0 &&
	       lb_cmdline_is_initrd_file((struct lb_word){value, strlen(value)});
}

static bool is_crashkernel(const struct argument *argument)
{
	return strcmp(argument->param, "crashkernel") == 0;
}

static bool same(const struct argument *a, const struct argument *b)
{
	return strcmp(a->param, b->param) == 0 && !a->value == !b->value &&
	       (!a->value || strcmp(a->value, b->value) == 0);
}

// Expects the next arguments of `line`, from *at on, to be these words.
static void check_words(const struct arguments *line, size_t *at, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++, (*at)++) {
		const struct argument *found = &line->list[*at];
		const char *equals = strchr(words[i], '=');
		size_t param = equals ? (size_t)(equals - words[i]) : strlen(words[i]);

		fuzz_check(*at < line->count);
		fuzz_check(strlen(found->param) == param && memcmp(found->param, words[i], param) == 0);
		fuzz_check(!found->value == !equals && (!equals || strcmp(found->value, equals + 1) == 0));
	}
}

// Expects the next arguments to be the user's, without those that Lifeboat takes away.
static void check_user(const struct arguments *line, size_t *at, const struct arguments *user,
		       bool drop_crashkernel, bool drop_initrd)
{
	for (size_t i = 0; i < user->count; i++) {
		const struct argument *wanted = &user->list[i];

		if ((drop_crashkernel && is_crashkernel(wanted)) ||
		    (drop_initrd && names_initrd_file(wanted)))
			continue;
		fuzz_check(*at < line->count && same(&line->list[*at], wanted));
		(*at)++;
	}
}

// Memory for a result, of exactly the size that the function is told.
struct output {
	char *text;
	size_t bytes;
};

static void check_output(struct output *output, int result, size_t max, size_t reserve,
			 const struct lb_error *err)
{
	if (result) {
		fuzz_check_untouched(output->text, output->bytes);
		fuzz_check(memchr(err->text, '\0', sizeof(err->text)) && err->text[0]);
		return;
	}
	fuzz_check(memchr(output->text, '\0', output->bytes));
	fuzz_check(strlen(output->text) + reserve <= max);
	fuzz_check(strlen(output->text) + reserve < output->bytes);
}

// lib/cmdline.c, parse_option_str().
static bool kernel_option(const char *list, const char *option)
{
	size_t bytes = strlen(option);

	for (; list; list = strchr(list, ',')) {
		list += *list == ',';
		if (strncmp(list, option, bytes) == 0 && (list[bytes] == '\0' || list[bytes] == ','))
			return true;
	}
	return false;
}

// drivers/firmware/efi/libstub/efi-stub-helper.c, efi_parse_options().
static bool stub_nosoftreserve(const struct arguments *line)
{
	bool given = false;

	for (size_t i = 0; i < line->count; i++) {
		if (strcmp(line->list[i].param, "efi") == 0 && line->list[i].value)
			given = kernel_option(line->list[i].value, "nosoftreserve");
	}
	return given;
}

// kernel/reboot.c, reboot_setup().
static bool kernel_forces(const char *tokens)
{
	for (; tokens; tokens = strchr(tokens, ',')) {
		tokens += *tokens == ',';
		if (*(strncmp(tokens, "panic_", 6) == 0 ? tokens + 6 : tokens) == 'f')
			return true;
	}
	return false;
}

// fs/proc/proc_sysctl.c, process_sysctl_arg(), and the look-up of its path.
static bool kernel_names(const char *param, const char *wanted)
{
	char path[64] = "";

	if (strncmp(param, "sysctl", 6) != 0 || (param[6] != '.' && param[6] != '/'))
		return false;
	for (param += 6; *param && strlen(path) + 1 < sizeof(path); param++) {
		char c = *param == '.' ? '/' : *param;

		if (c != '/' || param[1] == '\0' || (param[1] != '.' && param[1] != '/'))
			path[strlen(path)] = c;
	}
	return !*param && strcmp(path, wanted) == 0;
}

// kernel/sysctl.c, proc_dointvec() of one number, with the host's strtoul(), which also knows C's notation.
static bool kernel_takes_for_zero(const char *value)
{
	unsigned long number;
	char *end;

	while (*value == ' ' || (*value >= '\t' && *value <= '\r'))
		value++;
	value += *value == '-' && value[1];
	if (*value < '0' || *value > '9')
		return false;
	number = strtoul(value, &end, 0);
	return number == 0 && (*end == '\0' || strchr(" \t\n", *end));
}

static bool spoils_a_panic(const struct argument *one)
{
	if (strcmp(one->param, "noefi") == 0)
		return true;
	if (!one->value)
		return false;
	return (strcmp(one->param, "reboot") == 0 && kernel_forces(one->value)) ||
	       (strcmp(one->param, "efi") == 0 && kernel_option(one->value, "noruntime")) ||
	       (strcmp(one->param, "mem_encrypt") == 0 && kernel_option(one->value, "on")) ||
	       (kernel_names(one->param, "/kernel/panic") && kernel_takes_for_zero(one->value));
}

// arch/x86/lib/cmdline.c, cmdline_find_option(), which knows neither quotes nor "--".
static bool encrypts_early(const char *line)
{
	static const char word[] = "mem_encrypt=on";
	const char *at = line;

	while ((at = strstr(at, word))) {
		const char *end = at + strlen(word);

		if ((at == line || (uint8_t)at[-1] <= ' ') && (uint8_t)*end <= ' ')
			return true;
		at = end;
	}
	return false;
}

static struct arguments user_arguments, line_arguments;

// kernel/params.c, parameq().
static bool kernel_same_param(const char *a, const char *b, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++) {
		if ((a[i] == '-' ? '_' : a[i]) != (b[i] == '-' ? '_' : b[i]))
			return false;
	}
	return a[bytes] == '\0';
}

// True if one of the user's first `count` arguments makes this word of Lifeboat's superfluous.
static bool is_superfluous(uint32_t word, const char *text, const struct arguments *line, size_t count)
{
	size_t param = strcspn(text, "=");
	bool said = false, same_value = false;

	for (size_t i = 0; i < count; i++) {
		const struct argument *one = &line->list[i];

		if (armed_words[word].yields && kernel_names(one->param, armed_words[word].path))
			said = true;
		if (!kernel_same_param(one->param, text, param))
			continue;
		said = true;
		same_value =
			text[param] ? one->value && strcmp(one->value, text + param + 1) == 0 : !one->value;
	}
	return armed_words[word].yields ? said : same_value;
}

// Expects Lifeboat's words behind the user's arguments: in order, and all that are needed.
static void check_ours(const struct arguments *line, size_t user, uint32_t words)
{
	bool soft = stub_nosoftreserve(line);
	size_t at = user;

	for (uint32_t word = 0; word < LB_WORD_COUNT; word++) {
		const char *text =
			word == LB_WORD_EFI && soft ? "efi=runtime,nosoftreserve" : armed_words[word].text;
		size_t before = at;

		if (!(words & LB_WORD_BIT(word)))
			continue;
		if (at < line->count && strncmp(line->list[at].param, text, strcspn(text, "=")) == 0)
			check_words(line, &at, &text, 1);
		// The word is there, or is not needed. If quoted, or with other dashes, it may be there
		// twice.
		fuzz_check(at > before || is_superfluous(word, text, line, user));
		fuzz_check(at == before || !armed_words[word].yields ||
			   !is_superfluous(word, text, line, user));
	}
	fuzz_check(at == line->count);
}

static void check_armed(const char *user, uint32_t words, size_t max, struct output *output)
{
	struct lb_error err;
	size_t at = 0;
	int result;

	fuzz_poison_error(&err);
	fuzz_poison(output->text, output->bytes);
	result = lb_cmdline_armed(user, words, max, output->text, output->bytes, &err);
	check_output(output, result, max, 0, &err);
	if (result)
		return;
	kernel_parse_args(output->text, &line_arguments);
	if (!strchr(user, NO_BREAK_SPACE)) {
		check_user(&line_arguments, &at, &user_arguments, true, true);
		fuzz_check(strcmp(line_arguments.rest, user_arguments.rest) == 0);
		fuzz_check(stub_nosoftreserve(&line_arguments) == stub_nosoftreserve(&user_arguments));
		check_ours(&line_arguments, at, words);
	}
	for (size_t i = 0; i < line_arguments.count; i++)
		fuzz_check(!spoils_a_panic(&line_arguments.list[i]));
	fuzz_check(!encrypts_early(output->text));
	free(line_arguments.text);
}

static void check_late(const char *user, uint32_t words, size_t max, struct output *output)
{
	struct lb_error err;
	size_t at = 0;
	int result;
	char *once;

	fuzz_poison_error(&err);
	fuzz_poison(output->text, output->bytes);
	result = lb_cmdline_late(user, words, max, output->text, output->bytes, &err);
	check_output(output, result, max, 0, &err);
	if (result)
		return;
	kernel_parse_args(output->text, &line_arguments);
	check_user(&line_arguments, &at, &user_arguments, false, false);
	fuzz_check(strcmp(line_arguments.rest, user_arguments.rest) == 0);
	for (size_t i = 0; i < user_arguments.count; i++) {
		if (is_crashkernel(&user_arguments.list[i]) && !(words & LB_WORDS_BESIDE_KDUMP))
			words &= ~LB_WORD_BIT(LB_WORD_NOTIFIERS);
	}
	check_ours(&line_arguments, at, words);
	for (size_t i = 0; i < line_arguments.count; i++)
		fuzz_check(!spoils_a_panic(&line_arguments.list[i]));
	free(line_arguments.text);

	once = fuzz_string(output->text, strlen(output->text));
	fuzz_check(lb_cmdline_late(once, words, max, output->text, output->bytes, &err) == 0);
	fuzz_check(strcmp(once, output->text) == 0);
	free(once);
}

static void check_unarmed(const char *user, size_t max, struct output *output)
{
	struct lb_error err;
	size_t at = 0;
	int result;
	char *once;

	fuzz_poison_error(&err);
	fuzz_poison(output->text, output->bytes);
	result = lb_cmdline_unarmed(user, max, output->text, output->bytes, &err);
	check_output(output, result, max, 0, &err);
	if (result || strchr(user, NO_BREAK_SPACE))
		return;
	kernel_parse_args(output->text, &line_arguments);
	check_user(&line_arguments, &at, &user_arguments, false, true);
	fuzz_check(at == line_arguments.count);
	fuzz_check(strcmp(line_arguments.rest, user_arguments.rest) == 0);
	free(line_arguments.text);

	once = fuzz_string(output->text, strlen(output->text));
	fuzz_check(lb_cmdline_unarmed(once, max, output->text, output->bytes, &err) == 0);
	fuzz_check(strcmp(once, output->text) == 0);
	free(once);
}

static void check_capture(const char *user, size_t max, struct output *output)
{
	const struct lb_cmdline_second second = {0x12345000, "", user, max};
	struct lb_error err;
	size_t at = 0;
	int result;

	fuzz_poison_error(&err);
	fuzz_poison(output->text, output->bytes);
	result = lb_cmdline_capture(&second, output->text, output->bytes, &err);
	check_output(output, result, max, strlen(LB_CMDLINE_NO5LVL), &err);
	if (result)
		return;
	strcat(output->text, LB_CMDLINE_NO5LVL);
	kernel_parse_args(output->text, &line_arguments);
	check_words(&line_arguments, &at, capture_words, sizeof(capture_words) / sizeof(capture_words[0]));
	check_user(&line_arguments, &at, &user_arguments, false, false);
	check_words(&line_arguments, &at, (const char *const[]){"no5lvl"}, 1);
	fuzz_check(at == line_arguments.count && *line_arguments.rest == '\0');
	free(line_arguments.text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct fuzz_input input = {data, bytes};
	uint32_t chosen = fuzz_take(&input, 1); // bit 0: oops=panic
	size_t max = fuzz_take(&input, 2);
	struct output output = {.bytes = fuzz_take(&input, 2)};
	uint32_t words;
	char *user;

	if (input.left >= ARGUMENTS_MAX)
		return 0;
	user = fuzz_string(input.next, input.left);
	output.text = fuzz_alloc(output.bytes);
	kernel_parse_args(user, &user_arguments);
	words = LB_WORDS_NEEDED | LB_WORD_BIT(LB_WORD_NOTIFIERS) | (chosen & 0x1f) << LB_WORD_OOPS |
		(chosen & 0x20 ? LB_WORDS_BESIDE_KDUMP : 0);
	check_armed(user, words, max, &output);
	check_late(user, words, max, &output);
	check_unarmed(user, max, &output);
	check_capture(user, max, &output);
	free(user_arguments.text);
	free(output.text);
	free(user);
	return 0;
}
