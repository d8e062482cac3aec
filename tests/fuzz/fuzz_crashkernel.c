// SPDX-License-Identifier: BSD-2-Clause
// Property: what lb_crashkernel_parse() accepts, the kernel understands in the same
// way (a model of its parse_crashkernel_mem() and parse_crashkernel_simple(), made
// with libc's strtoull(), says the same size and offset), and asks for less than
// the machine has. What it refuses, it refuses by name and writes nothing.
#include "crash/crashkernel.h"
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

// The size that the first range to hold `ram` gives; the kernel looks no further.
static uint64_t kernel_range_size(const char *text, uint64_t ram)
{
	for (;; text++) {
		uint64_t start = kernel_memparse(text, &text);
		uint64_t end = UINT64_MAX, bytes;

		text++; // '-'
		if (*text != ':')
			end = kernel_memparse(text, &text);
		text++; // ':'
		bytes = kernel_memparse(text, &text);
		if (ram >= start && ram < end)
			return bytes;
		if (*text != ',')
			return 0;
	}
}

static void check_model(const char *spec, uint64_t ram, const struct lb_crashkernel *result)
{
	const char *at = strchr(spec, '@');
	const char *end;
	uint64_t rounded = ram > UINT64_MAX - 128 * LB_MIB ? UINT64_MAX : lb_align_up(ram, 128 * LB_MIB);
	uint64_t bytes = strchr(spec, ':') ? kernel_range_size(spec, rounded) : kernel_memparse(spec, &end);

	fuzz_check(result->bytes == bytes);
	fuzz_check(result->offset == (at ? kernel_memparse(at + 1, &end) : 0));
	fuzz_check(result->bytes < ram);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct fuzz_input input = {data, bytes};
	uint64_t ram = fuzz_take(&input, 6) * LB_KIB;
	char *spec = fuzz_string(input.next, input.left);
	struct lb_crashkernel result;
	struct lb_error err;

	fuzz_poison_error(&err);
	fuzz_poison(&result, sizeof(result));
	if (lb_crashkernel_parse(spec, ram, &result, &err)) {
		fuzz_check_error(&err, "crashkernel=");
		fuzz_check_untouched(&result, sizeof(result));
	} else if (result.automatic) {
		fuzz_check(strcmp(spec, "auto") == 0 && result.bytes == 0 && result.offset == 0);
	} else {
		check_model(spec, ram, &result);
	}
	free(spec);
	return 0;
}
