// SPDX-License-Identifier: BSD-2-Clause
#include "crash/plan/trial.h"

#include "lib/mem.h"
#include "lib/number.h"
#include "lib/text_line.h"

#define LINE 160U

static const char *const marks[] = {[LB_TRIAL_PENDING] = "pending",
				    [LB_TRIAL_BEGUN] = "begun",
				    [LB_TRIAL_PROVED] = "proved",
				    [LB_TRIAL_ASIDE] = "aside"};
#define MARKS (sizeof(marks) / sizeof(marks[0]))

const char *lb_trial_mark_name(enum lb_trial_mark mark)
{
	return marks[mark];
}

const char *lb_trial_aside_name(enum lb_trial_aside aside)
{
	static const char *const names[] = {[LB_ASIDE_NOT] = "",
					    [LB_ASIDE_OFF] = "off",
					    [LB_ASIDE_TRIAL] = "trial",
					    [LB_ASIDE_PANICS] = "panics"};

	return names[aside];
}

static bool read_mark(const char *value, enum lb_trial_mark *ret_mark)
{
	for (uint32_t i = 0; i < MARKS; i++) {
		if (lb_strcmp(value, marks[i]) == 0) {
			*ret_mark = (enum lb_trial_mark)i;
			return true;
		}
	}
	return false;
}

static bool read_number(const char *value, unsigned int base, uint64_t *ret_number)
{
	return value[0] != '-' && lb_number_read(value, (uint32_t)lb_strlen(value), base, ret_number);
}

static bool read_count(const char *value, uint32_t *ret_count)
{
	uint64_t number;

	if (!read_number(value, 10, &number) || number > UINT32_MAX)
		return false;
	*ret_count = (uint32_t)number;
	return true;
}

// "0xSTART-0xEND", of whole pages.
static bool read_range(const char *value, struct lb_range *ret_range)
{
	const char *dash = lb_strchr(value, '-');
	char start[LB_NUMBER_MAX];
	struct lb_range range;

	if (!dash || (size_t)(dash - value) >= sizeof(start) || lb_strncmp(value, "0x", 2) != 0 ||
	    lb_strncmp(dash + 1, "0x", 2) != 0)
		return false;
	lb_snprintf(start, sizeof(start), "%.*s", (int)(dash - value), value);
	if (!read_number(start + 2, 16, &range.start) || !read_number(dash + 3, 16, &range.end) ||
	    range.end < range.start || !lb_aligned(range.start | range.end, LB_PAGE))
		return false;
	*ret_range = range;
	return true;
}

// One more than there is room for does not count.
static bool read_counted(const char *value, struct lb_trial *trial)
{
	uint8_t id[LB_TRIAL_ID];

	if (lb_strlen(value) != 2 * sizeof(id))
		return false;
	for (size_t i = 0; i < sizeof(id); i++) {
		int byte = lb_hex_byte(value + 2 * i);

		if (byte < 0)
			return false;
		id[i] = (uint8_t)byte;
	}
	if (trial->counted_count < LB_TRIAL_COUNTED)
		memcpy(trial->counted[trial->counted_count++], id, sizeof(id));
	return true;
}

static bool take(struct lb_trial *trial, const char *key, const char *value)
{
	if (lb_strcmp(key, "mark") == 0)
		return read_mark(value, &trial->mark);
	if (lb_strcmp(key, "hash") == 0)
		return read_number(value, 16, &trial->hash);
	if (lb_strcmp(key, "failed") == 0)
		return read_count(value, &trial->failed);
	if (lb_strcmp(key, "panics") == 0)
		return read_count(value, &trial->panics);
	if (lb_strcmp(key, "counted") == 0)
		return read_counted(value, trial);
	if (lb_strcmp(key, "crash") == 0)
		return read_range(value, &trial->crash);
	if (lb_strcmp(key, "crash_low") == 0)
		return read_range(value, &trial->crash_low);
	if (lb_strcmp(key, "hook") == 0)
		return read_range(value, &trial->hook);
	if (lb_strcmp(key, "why") == 0)
		lb_snprintf(trial->why, sizeof(trial->why), "%s", value);
	return true;
}

int lb_trial_parse(const char *text, size_t bytes, struct lb_trial *ret_trial, struct lb_error *err)
{
	struct lb_trial trial = {.mark = LB_TRIAL_PENDING};
	bool has_mark = false;
	size_t end = 0;

	while (end < bytes && text[end])
		end++;
	for (size_t at = 0; at < end;) {
		char line[LINE], *value;
		const char *equals;

		at += lb_text_line(text + at, end - at, line, sizeof(line));
		equals = lb_strchr(line, '=');
		if (!equals)
			continue;
		value = line + (equals - line);
		*value++ = '\0';
		if (!take(&trial, line, value))
			return lb_fail(err, "trial mark: \"%.20s=%.60s\" is no value of that key", line,
				       value);
		has_mark |= lb_strcmp(line, "mark") == 0;
	}
	if (!has_mark)
		return lb_fail(err, "trial mark: no line \"mark=\" in its %zu bytes", end);
	*ret_trial = trial;
	return 0;
}

// The text that is written, and how far it is.
struct out {
	char *text;
	size_t used;
};

static void __attribute__((format(printf, 2, 3))) add(struct out *out, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	out->used += lb_vsnprintf(out->text + out->used, LB_TRIAL_ROOM - out->used, format, args);
	va_end(args);
}

static void add_range(struct out *out, const char *key, struct lb_range range)
{
	if (!lb_range_empty(range))
		add(out, "%s=0x%lx-0x%lx\n", key, (unsigned long)range.start, (unsigned long)range.end);
}

size_t lb_trial_print(const struct lb_trial *trial, char text[LB_TRIAL_ROOM])
{
	struct out out = {.text = text};

	add(&out, "mark=%s\nhash=%016lx\nfailed=%u\npanics=%u\n", marks[trial->mark],
	    (unsigned long)trial->hash, trial->failed, trial->panics);
	for (uint32_t i = 0; i < trial->counted_count; i++) {
		add(&out, "counted=");
		for (uint32_t j = 0; j < LB_TRIAL_ID; j++)
			add(&out, "%02x", trial->counted[i][j]);
		add(&out, "\n");
	}
	add_range(&out, "crash", trial->crash);
	add_range(&out, "crash_low", trial->crash_low);
	add_range(&out, "hook", trial->hook);
	if (trial->why[0])
		add(&out, "why=%s\n", trial->why);
	return out.used;
}

static void begin(struct lb_trial *trial, bool *ret_write)
{
	trial->mark = LB_TRIAL_BEGUN;
	*ret_write = true;
}

static void count_failure(struct lb_trial *trial)
{
	if (trial->failed < LB_TRIAL_FAILURES)
		trial->failed++;
	trial->mark = trial->failed < LB_TRIAL_FAILURES ? LB_TRIAL_PENDING : LB_TRIAL_ASIDE;
	lb_snprintf(trial->why, sizeof(trial->why), "%u boot%s on trial did not complete", trial->failed,
		    trial->failed == 1 ? "" : "s");
}

enum lb_trial_aside lb_trial_find(struct lb_trial *trial, bool *ret_write)
{
	bool write = false;
	enum lb_trial_aside aside = LB_ASIDE_NOT;

	if (trial->mark == LB_TRIAL_BEGUN) {
		count_failure(trial);
		write = true;
		aside = LB_ASIDE_TRIAL;
	} else if (trial->mark == LB_TRIAL_ASIDE) {
		aside = LB_ASIDE_TRIAL;
	} else if (trial->panics >= LB_TRIAL_PANICS) {
		aside = LB_ASIDE_PANICS;
	} else if (trial->mark == LB_TRIAL_PENDING) {
		begin(trial, &write);
	}
	*ret_write = write;
	return aside;
}

void lb_trial_first(struct lb_trial *trial)
{
	*trial = (struct lb_trial){.mark = LB_TRIAL_BEGUN};
}

void lb_trial_know(struct lb_trial *trial, uint64_t hash, bool *ret_write)
{
	*ret_write = false;
	if (trial->mark != LB_TRIAL_PROVED || trial->hash == hash)
		return;
	trial->failed = 0;
	trial->why[0] = '\0';
	begin(trial, ret_write);
}

static bool is_counted(const struct lb_trial *trial, const uint8_t arm_id[LB_TRIAL_ID])
{
	for (uint32_t i = 0; i < trial->counted_count; i++) {
		if (memcmp(trial->counted[i], arm_id, LB_TRIAL_ID) == 0)
			return true;
	}
	return false;
}

enum lb_trial_aside lb_trial_count(struct lb_trial *trial, const uint8_t arm_id[LB_TRIAL_ID], bool *ret_write)
{
	*ret_write = !is_counted(trial, arm_id);
	if (*ret_write) {
		if (trial->counted_count < LB_TRIAL_COUNTED)
			trial->counted_count++;
		memmove(trial->counted[1], trial->counted[0], (trial->counted_count - 1) * LB_TRIAL_ID);
		memcpy(trial->counted[0], arm_id, LB_TRIAL_ID);
		if (trial->panics < LB_TRIAL_PANICS)
			trial->panics++;
	}
	return trial->panics < LB_TRIAL_PANICS ? LB_ASIDE_NOT : LB_ASIDE_PANICS;
}

void lb_trial_retreat(struct lb_trial *trial, const struct lb_trial *found)
{
	trial->mark = found ? found->mark : LB_TRIAL_PENDING;
	trial->hash = found ? found->hash : 0;
	trial->failed = found ? found->failed : 0;
	lb_snprintf(trial->why, sizeof(trial->why), "%s", found ? found->why : "");
}

static bool same_range(struct lb_range a, struct lb_range b)
{
	return a.start == b.start && a.end == b.end;
}

static bool same_places(const struct lb_trial *trial, const struct lb_trial_boot *boot)
{
	return same_range(trial->crash, boot->crash) && same_range(trial->crash_low, boot->crash_low) &&
	       same_range(trial->hook, boot->hook);
}

bool lb_trial_complete(struct lb_trial *trial, const struct lb_trial_boot *boot)
{
	bool changed = trial->panics > 0;

	trial->panics = 0;
	if (boot->begun && trial->mark == LB_TRIAL_BEGUN) {
		trial->mark = LB_TRIAL_PROVED;
		trial->hash = boot->hash;
		trial->failed = 0;
		trial->why[0] = '\0';
		changed = true;
	}
	if (trial->mark == LB_TRIAL_PROVED && !lb_range_empty(boot->crash) && !same_places(trial, boot)) {
		trial->crash = boot->crash;
		trial->crash_low = boot->crash_low;
		trial->hook = boot->hook;
		changed = true;
	}
	return changed;
}

bool lb_trial_renew(struct lb_trial *trial)
{
	bool changed = trial->mark != LB_TRIAL_PENDING || trial->failed || trial->panics || trial->why[0];

	trial->mark = LB_TRIAL_PENDING;
	trial->failed = 0;
	trial->panics = 0;
	trial->why[0] = '\0';
	return changed;
}
