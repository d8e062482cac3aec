// SPDX-License-Identifier: BSD-2-Clause
#include "crash/plan/crashkernel.h"

#include "lib/number.h"
#include "lifeboat/range.h"

// The kernel rounds the RAM it compares with ranges up to this, since firmware
// keeps a few MiB of what was fitted (parse_crashkernel_mem(), kernel/crash_reserve.c).
#define RAM_ROUNDING (128 * LB_MIB)

#define SHOWN_MAX 80 // of a specification that is longer, messages show this much

// One specification of possibly several: it ends at a blank or at the end of the text.
struct parser {
	const char *spec;
	size_t bytes;
	const char *at;
	struct lb_error *err;
};

// The kernel knows four kinds by their endings and takes the last of each.
enum kind {
	KIND_PLAIN, // auto, a size, a list of ranges
	KIND_HIGH,
	KIND_LOW,
	KIND_CMA,
	KINDS,
};

static const char suffixes[KINDS][sizeof(",high")] = {"", ",high", ",low", ",cma"};

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool at_end(const struct parser *parser)
{
	return parser->at == parser->spec + parser->bytes;
}

static int shown(const struct parser *parser)
{
	return parser->bytes < SHOWN_MAX ? (int)parser->bytes : SHOWN_MAX;
}

static int fail_at(const struct parser *parser, const char *wanted)
{
	size_t position = (size_t)(parser->at - parser->spec) + 1;

	if (at_end(parser))
		return lb_fail(parser->err, "crashkernel=%.*s: ends at character %zu, wanted %s",
			       shown(parser), parser->spec, position, wanted);
	return lb_fail(parser->err, "crashkernel=%.*s: character %zu is '%c', wanted %s", shown(parser),
		       parser->spec, position, *parser->at, wanted);
}

static int fail_larger_than_ram(const struct parser *parser, uint64_t bytes, uint64_t ram)
{
	char wanted[16], has[16];

	return lb_fail(parser->err, "crashkernel=%.*s: asks for %s, the machine has %s of RAM", shown(parser),
		       parser->spec, lb_format_size(wanted, sizeof(wanted), bytes),
		       lb_format_size(has, sizeof(has), ram));
}

static int parse_size(struct parser *parser, uint64_t *ret_bytes)
{
	const char *begin = parser->at;

	if (lb_size_read(begin, &parser->at, ret_bytes) != 0)
		return fail_at(parser, parser->at == begin ? "a number" : "a size of 64 bits at most");
	return 0;
}

// Checks that the specification ends here. `wanted` names what could have followed.
static int parse_end(const struct parser *parser, const char *wanted)
{
	return at_end(parser) ? 0 : fail_at(parser, wanted);
}

// Reads what may follow the size or the list: "@OFFSET", then the end.
static int parse_offset(struct parser *parser, uint64_t *ret_offset)
{
	bool given = *parser->at == '@';
	uint64_t offset = 0;

	if (given) {
		parser->at++;
		if (parse_size(parser, &offset) != 0)
			return -1;
	}
	if (parse_end(parser, given ? "a unit (K, M, G, T) or the end"
				    : "a unit (K, M, G, T), '@', \",high\", \",low\" or the end") != 0)
		return -1;
	*ret_offset = offset;
	return 0;
}

// START-[END]:SIZE. *ret_applies: does the range hold for `ram`?
static int parse_range(struct parser *parser, uint64_t ram, bool *ret_applies, uint64_t *ret_bytes)
{
	uint64_t start;
	uint64_t end = UINT64_MAX;
	uint64_t bytes;

	if (parse_size(parser, &start) != 0)
		return -1;
	if (*parser->at != '-')
		return fail_at(parser, "'-'");
	parser->at++;
	if (*parser->at != ':') {
		const char *begin = parser->at;

		if (parse_size(parser, &end) != 0)
			return -1;
		if (end <= start) {
			parser->at = begin;
			return fail_at(parser, "an end above the range's start");
		}
	}
	if (*parser->at != ':')
		return fail_at(parser, "':' and the size for this range");
	parser->at++;
	if (parse_size(parser, &bytes) != 0)
		return -1;
	*ret_applies = ram >= start && ram < end;
	*ret_bytes = bytes;
	return 0;
}

// Parses a list of ranges. The first range that holds decides, as in the kernel. The kernel gives up at an
// earlier range whose size is all of RAM or more; the size is then 0. The rest of the list is checked all the
// same.
static int parse_ranges(struct parser *parser, uint64_t ram, uint64_t *ret_bytes)
{
	uint64_t found = 0;
	bool decided = false;

	for (;;) {
		bool applies = false;
		uint64_t bytes = 0;

		if (parse_range(parser, ram, &applies, &bytes) != 0)
			return -1;
		if (!decided && applies)
			found = bytes;
		if (applies || bytes >= ram)
			decided = true;
		if (*parser->at != ',')
			break;
		parser->at++;
	}
	*ret_bytes = found;
	return 0;
}

static bool is_range_list(const struct parser *parser)
{
	for (size_t i = 0; i < parser->bytes; i++) {
		if (parser->spec[i] == ':' || parser->spec[i] == '-')
			return true;
	}
	return false;
}

static int parse_plain(struct parser *parser, uint64_t ram, struct lb_crashkernel *result)
{
	uint64_t rounded;
	int failed;

	if (parser->bytes == 4 && lb_strncmp(parser->spec, "auto", 4) == 0) {
		result->automatic = true;
		return 0;
	}
	if (!lb_align_up_checked(ram, RAM_ROUNDING, &rounded))
		rounded = UINT64_MAX;
	if (is_range_list(parser))
		failed = parse_ranges(parser, rounded, &result->bytes);
	else
		failed = parse_size(parser, &result->bytes);
	return failed != 0 || parse_offset(parser, &result->offset) != 0 ? -1 : 0;
}

// SIZE and the kind's ending, nothing else.
static int parse_suffixed(struct parser *parser, enum kind kind, uint64_t *ret_bytes)
{
	size_t suffix = lb_strlen(suffixes[kind]);
	uint64_t bytes;

	if (parse_size(parser, &bytes) != 0)
		return -1;
	if (parser->at + suffix != parser->spec + parser->bytes) {
		char wanted[40];

		lb_snprintf(wanted, sizeof(wanted), "a unit (K, M, G, T) or \"%s\"", suffixes[kind]);
		return fail_at(parser, wanted);
	}
	*ret_bytes = bytes;
	return 0;
}

static enum kind kind_of(const struct parser *parser)
{
	enum kind kind = KIND_HIGH;

	for (; kind < KINDS; kind++) {
		size_t suffix = lb_strlen(suffixes[kind]);

		if (parser->bytes >= suffix &&
		    lb_strncmp(parser->spec + parser->bytes - suffix, suffixes[kind], suffix) == 0)
			return kind;
	}
	return KIND_PLAIN;
}

// The last of each kind; `spec` NULL where there is none.
static void find_last(const char *specs, struct parser last[KINDS], struct lb_error *err)
{
	const char *at = specs;

	for (;;) {
		struct parser parser = {.err = err};

		while (is_blank(*at))
			at++;
		if (!*at)
			return;
		parser.spec = parser.at = at;
		while (*at && !is_blank(*at))
			at++;
		parser.bytes = (size_t)(at - parser.spec);
		last[kind_of(&parser)] = parser;
	}
}

static int parse_high(struct parser last[KINDS], struct lb_crashkernel *result)
{
	if (parse_suffixed(&last[KIND_HIGH], KIND_HIGH, &result->bytes) != 0)
		return -1;
	result->high = true;
	if (!last[KIND_LOW].spec)
		return 0;
	result->low_given = true;
	return parse_suffixed(&last[KIND_LOW], KIND_LOW, &result->low_bytes);
}

// Fails: there is neither a plain form nor ",high", and the other forms only add to one of these.
static int fail_no_size(const char *specs, const struct parser last[KINDS], struct lb_error *err)
{
	const struct parser *lone = last[KIND_LOW].spec ? &last[KIND_LOW] : &last[KIND_CMA];

	if (!lone->spec)
		return lb_fail(err, "crashkernel=%s: nothing follows, wanted auto, SIZE or RANGE:SIZE",
			       specs);
	return lb_fail(err,
		       "crashkernel=%.*s: gives the region itself no size, wanted crashkernel=SIZE,high too",
		       shown(lone), lone->spec);
}

// Adds ",cma" memory. In Linux the second kernel shares it with the first kernel's user space. Here the
// second kernel has it for itself.
static int add_cma(struct parser *cma, struct lb_crashkernel *result)
{
	uint64_t bytes;

	if (!cma->spec)
		return 0;
	if (parse_suffixed(cma, KIND_CMA, &bytes) != 0)
		return -1;
	if (result->automatic || result->bytes == 0)
		return 0;
	if (__builtin_add_overflow(result->bytes, bytes, &result->bytes)) {
		cma->at = cma->spec;
		return fail_at(cma, "a size that together with the other has 64 bits at most");
	}
	return 0;
}

int lb_crashkernel_parse(const char *specs, uint64_t ram, struct lb_crashkernel *ret_crashkernel,
			 struct lb_error *err)
{
	struct parser last[KINDS] = {{0}};
	struct lb_crashkernel result = {0};
	const struct parser *decides;
	int failed;

	find_last(specs, last, err);
	decides = last[KIND_PLAIN].spec ? &last[KIND_PLAIN] : &last[KIND_HIGH];
	if (!decides->spec)
		return fail_no_size(specs, last, err);
	failed = last[KIND_PLAIN].spec ? parse_plain(&last[KIND_PLAIN], ram, &result)
				       : parse_high(last, &result);
	if (failed != 0 || add_cma(&last[KIND_CMA], &result) != 0)
		return -1;
	if (result.bytes >= ram)
		return fail_larger_than_ram(decides, result.bytes, ram);
	*ret_crashkernel = result;
	return 0;
}
