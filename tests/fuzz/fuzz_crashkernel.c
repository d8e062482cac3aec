// SPDX-License-Identifier: BSD-2-Clause
// Property: the kernel understands what lb_crashkernel_parse() accepts in the same way, and it asks for less
// than the machine has. The judge is a model of the kernel's parse_crashkernel(), made with libc's
// strtoull(): size, offset and low size must be equal. What is refused is named, and nothing is written.
#include "crash/plan/crashkernel.h"
#include "fuzz.h"
#include "lifeboat/range.h"

static uint64_t kernel_memparse(const char *text, const char **ret_end)
{
	char *end;
	uint64_t value = strtoull(text, &end, 0);

	switch (*end) {
	case 'E':
	case 'e':
		value <<= 10;
		__attribute__((fallthrough));
	case 'P':
	case 'p':
		value <<= 10;
		__attribute__((fallthrough));
	case 'T':
	case 't':
		value <<= 10;
		__attribute__((fallthrough));
	case 'G':
	case 'g':
		value <<= 10;
		__attribute__((fallthrough));
	case 'M':
	case 'm':
		value <<= 10;
		__attribute__((fallthrough));
	case 'K':
	case 'k':
		value <<= 10;
		end++;
		break;
	default:
		break;
	}
	*ret_end = end;
	return value;
}

// Returns the size of the first range that holds `ram`. The kernel looks no further.
static uint64_t kernel_range_size(const char *text, uint64_t ram)
{
	for (;; text++) {
		uint64_t start = kernel_memparse(text, &text);
		uint64_t end = UINT64_MAX, bytes;

		text++; // the '-'
		if (*text != ':')
			end = kernel_memparse(text, &text);
		text++; // the ':'
		bytes = kernel_memparse(text, &text);
		if (bytes >= ram && !(ram >= start && ram < end))
			return 0; // "invalid size": the kernel reserves nothing
		if (ram >= start && ram < end)
			return bytes;
		if (*text != ',')
			return 0;
	}
}

static bool ends_in(const char *word, const char *suffix)
{
	size_t bytes = strlen(word), wanted = strlen(suffix);

	return bytes >= wanted && strcmp(word + bytes - wanted, suffix) == 0;
}

// Returns the last word that ends in `suffix`, or, without a suffix, in none of them; empty if there is none.
static const char *last_word(char *specs, const char *suffix)
{
	static char found[4096];
	char *copy = fuzz_string(specs, strlen(specs)), *rest = copy;

	found[0] = '\0';
	for (char *word; (word = strtok_r(rest, " \t\n\v\f\r", &rest));) {
		bool plain = !ends_in(word, ",high") && !ends_in(word, ",low") && !ends_in(word, ",cma");

		if (suffix ? ends_in(word, suffix) : plain)
			snprintf(found, sizeof(found), "%s", word);
	}
	free(copy);
	return found;
}

static void check_plain(const char *spec, uint64_t ram, uint64_t cma, const struct lb_crashkernel *result)
{
	const char *at = strchr(spec, '@');
	const char *end;
	uint64_t rounded = ram > UINT64_MAX - 128 * LB_MIB ? UINT64_MAX : lb_align_up(ram, 128 * LB_MIB);
	uint64_t bytes = strchr(spec, ':') ? kernel_range_size(spec, rounded) : kernel_memparse(spec, &end);

	fuzz_check(!result->high && !result->low_given);
	fuzz_check(result->bytes == bytes + (bytes ? cma : 0));
	fuzz_check(result->offset == (at ? kernel_memparse(at + 1, &end) : 0));
}

static void check_high(char *specs, uint64_t cma, const struct lb_crashkernel *result)
{
	const char *end, *low;
	uint64_t bytes = kernel_memparse(last_word(specs, ",high"), &end);

	fuzz_check(strcmp(end, ",high") == 0);
	fuzz_check(result->high && result->offset == 0 && result->bytes == bytes + (bytes ? cma : 0));
	low = last_word(specs, ",low");
	fuzz_check(result->low_given == (*low != '\0'));
	if (!*low)
		return;
	fuzz_check(result->low_bytes == kernel_memparse(low, &end));
	fuzz_check(strcmp(end, ",low") == 0);
}

static void check_model(char *specs, uint64_t ram, const struct lb_crashkernel *result)
{
	const char *end, *plain;
	const char *word = last_word(specs, ",cma");
	uint64_t cma = *word ? kernel_memparse(word, &end) : 0;

	plain = last_word(specs, NULL);
	if (result->automatic)
		fuzz_check(strcmp(plain, "auto") == 0 && result->bytes == 0 && result->offset == 0);
	else if (*plain)
		check_plain(plain, ram, cma, result);
	else
		check_high(specs, cma, result);
	fuzz_check(result->automatic || result->bytes < ram);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct fuzz_input input = {data, bytes};
	uint64_t ram = fuzz_take(&input, 6) * LB_KIB;
	char *specs = fuzz_string(input.next, input.left);
	struct lb_crashkernel result;
	struct lb_error err;

	fuzz_poison_error(&err);
	fuzz_poison(&result, sizeof(result));
	if (lb_crashkernel_parse(specs, ram, &result, &err)) {
		fuzz_check_error(&err, "crashkernel=");
		fuzz_check_untouched(&result, sizeof(result));
	} else {
		check_model(specs, ram, &result);
	}
	free(specs);
	return 0;
}
