// SPDX-License-Identifier: BSD-2-Clause
#include "crash/crashkernel.h"

#include "lifeboat/range.h"

// The kernel rounds the RAM it compares with ranges up to this, since firmware
// keeps a few MiB of what was fitted (kernel/crash_reserve.c).
#define RAM_ROUNDING (128 * LB_MIB)

struct parser {
	const char *spec;
	const char *at;
	struct lb_error *err;
};

static int fail_at(const struct parser *parser, const char *wanted)
{
	size_t position = (size_t)(parser->at - parser->spec) + 1;

	if (*parser->at == '\0')
		return lb_fail(parser->err, "crashkernel=%s: ends at character %zu, wanted %s", parser->spec,
			       position, wanted);
	return lb_fail(parser->err, "crashkernel=%s: character %zu is '%c', wanted %s", parser->spec,
		       position, *parser->at, wanted);
}

// -1 when `c` is no digit in any base up to 16.
static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

// Bits to shift by for the unit letter, 0 when it is none.
static unsigned int unit_shift(char c)
{
	static const char units[] = "KMGTPE";

	for (unsigned int i = 0; units[i]; i++) {
		if (c == units[i] || c == units[i] - 'A' + 'a')
			return 10 * (i + 1);
	}
	return 0;
}

// A number in C's notation and an optional unit, as memparse() takes it, but for
// numbers beyond 64 bits, which are an error here.
static int parse_size(struct parser *parser, uint64_t *ret_bytes)
{
	const char *begin = parser->at;
	unsigned int base = 10;
	unsigned int shift;
	uint64_t value = 0;

	if (digit_value(*begin) < 0 || digit_value(*begin) > 9)
		return fail_at(parser, "a number");
	if (begin[0] == '0' && (begin[1] == 'x' || begin[1] == 'X')) {
		base = 16;
		parser->at += 2;
		if (digit_value(*parser->at) < 0)
			return fail_at(parser, "a hexadecimal digit");
	} else if (begin[0] == '0') {
		base = 8;
	}
	for (int digit; (digit = digit_value(*parser->at)) >= 0 && digit < (int)base; parser->at++) {
		if (__builtin_mul_overflow(value, base, &value) ||
		    __builtin_add_overflow(value, (uint64_t)digit, &value))
			return fail_at(parser, "a number of 64 bits at most");
	}
	shift = unit_shift(*parser->at);
	if (shift) {
		if (value > UINT64_MAX >> shift)
			return fail_at(parser, "a size of 64 bits at most");
		value <<= shift;
		parser->at++;
	}
	*ret_bytes = value;
	return 0;
}

static int refuse_suffix(const struct parser *parser)
{
	return lb_fail(parser->err,
		       "crashkernel=%s: \"%s\" at character %zu is not supported, the region always lies "
		       "below 4 GiB",
		       parser->spec, parser->at, (size_t)(parser->at - parser->spec) + 1);
}

// What may follow the size or the list: "@OFFSET", then the end.
static int parse_offset(struct parser *parser, uint64_t *ret_offset)
{
	uint64_t offset = 0;

	if (*parser->at == '@') {
		parser->at++;
		if (parse_size(parser, &offset))
			return -1;
	}
	if (*parser->at == ',')
		return refuse_suffix(parser);
	if (*parser->at != '\0')
		return fail_at(parser, "a unit (K, M, G, T), '@' or the end");
	*ret_offset = offset;
	return 0;
}

// START-[END]:SIZE. *ret_applies: does the range hold for `ram`?
static int parse_range(struct parser *parser, uint64_t ram, bool *ret_applies, uint64_t *ret_bytes)
{
	uint64_t start;
	uint64_t end = UINT64_MAX;
	uint64_t bytes;

	if (parse_size(parser, &start))
		return -1;
	if (*parser->at != '-')
		return fail_at(parser, "'-'");
	parser->at++;
	if (*parser->at != ':') {
		const char *begin = parser->at;

		if (parse_size(parser, &end))
			return -1;
		if (end <= start) {
			parser->at = begin;
			return fail_at(parser, "an end above the range's start");
		}
	}
	if (*parser->at != ':')
		return fail_at(parser, "':' and the size for this range");
	parser->at++;
	if (parse_size(parser, &bytes))
		return -1;
	*ret_applies = ram >= start && ram < end;
	*ret_bytes = bytes;
	return 0;
}

// The first range that holds decides, as in the kernel; the rest is checked all the same.
static int parse_ranges(struct parser *parser, uint64_t ram, uint64_t *ret_bytes)
{
	uint64_t found = 0;
	bool decided = false;

	for (;;) {
		bool applies = false;
		uint64_t bytes = 0;

		if (parse_range(parser, ram, &applies, &bytes))
			return -1;
		if (applies && !decided) {
			found = bytes;
			decided = true;
		}
		if (*parser->at != ',')
			break;
		if (digit_value(parser->at[1]) < 0 || digit_value(parser->at[1]) > 9)
			return refuse_suffix(parser);
		parser->at++;
	}
	*ret_bytes = found;
	return 0;
}

static bool is_range_list(const char *spec)
{
	return lb_strchr(spec, ':') != NULL || lb_strchr(spec, '-') != NULL;
}

int lb_crashkernel_parse(const char *spec, uint64_t ram, struct lb_crashkernel *ret_crashkernel,
			 struct lb_error *err)
{
	struct parser parser = {spec, spec, err};
	struct lb_crashkernel result = {0};
	uint64_t rounded = ram;
	int failed;

	if (lb_strcmp(spec, "auto") == 0) {
		*ret_crashkernel = (struct lb_crashkernel){.automatic = true};
		return 0;
	}
	if (*spec == '\0')
		return lb_fail(err, "crashkernel=: nothing follows, wanted auto, SIZE or RANGE:SIZE");
	if (!lb_align_up_checked(ram, RAM_ROUNDING, &rounded))
		rounded = UINT64_MAX;
	if (is_range_list(spec))
		failed = parse_ranges(&parser, rounded, &result.bytes);
	else
		failed = parse_size(&parser, &result.bytes);
	if (failed || parse_offset(&parser, &result.offset))
		return -1;
	if (result.bytes >= ram) {
		char wanted[16], has[16];

		return lb_fail(err, "crashkernel=%s: asks for %s, the machine has %s of RAM", spec,
			       lb_format_size(wanted, sizeof(wanted), result.bytes),
			       lb_format_size(has, sizeof(has), ram));
	}
	*ret_crashkernel = result;
	return 0;
}
