// SPDX-License-Identifier: BSD-2-Clause
#include "tools/save/save_conf.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOOK_SECONDS 600U
#define HOOK_SECONDS_MAX 86400U
#define BLANKS " \t\r\n"

struct setting {
	const char *word;
	size_t at; // in struct save_conf
	uint64_t max;
	bool is_size;
};

static const struct setting settings[] = {
	{"keep", offsetof(struct save_conf, keep), UINT64_MAX, false},
	{"max-bytes", offsetof(struct save_conf, max_bytes), UINT64_MAX, true},
	{"min-free", offsetof(struct save_conf, min_free), UINT64_MAX, true},
	{"hook-seconds", offsetof(struct save_conf, hook_seconds), HOOK_SECONDS_MAX, false},
};

static bool parse(const struct setting *setting, const char *text, uint64_t *ret_number)
{
	static const char units[] = "KMGT";
	unsigned int shift = 0;
	const char *unit;
	uint64_t number;
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	number = strtoull(text, &end, 10);
	unit = setting->is_size && *end ? strchr(units, *end) : NULL;
	if (unit) {
		shift = 10 * (unsigned int)(unit - units + 1);
		end++;
	}
	if (errno || *end || !number || number > setting->max >> shift)
		return false;
	*ret_number = number << shift;
	return true;
}

// Cuts the comment off.
static void strip(char *line)
{
	for (char *c = line; *c; c++) {
		if (*c == '#' && (c == line || strchr(BLANKS, c[-1]))) {
			*c = '\0';
			return;
		}
	}
}

static int take_line(char *line, unsigned int number, struct save_conf *conf, struct lb_error *err)
{
	char *rest, *word, *value;

	strip(line);
	word = strtok_r(line, BLANKS, &rest);
	if (!word)
		return 0;
	value = strtok_r(NULL, BLANKS, &rest);
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		const struct setting *setting = &settings[i];
		uint64_t found;

		if (strcmp(word, setting->word) != 0)
			continue;
		if (!value || strtok_r(NULL, BLANKS, &rest) || !parse(setting, value, &found))
			return lb_fail(err, SAVE_CONF ", line %u: %s: wanted %s", number, word,
				       setting->is_size            ? "a size, as 20G"
				       : setting->max < UINT64_MAX ? "1 to 86400"
								   : "a number from 1 on");
		memcpy((char *)conf + setting->at, &found, sizeof(found));
		return 0;
	}
	return lb_fail(err, SAVE_CONF ", line %u: %.40s: not known", number, word);
}

int save_conf_read(struct save_conf *ret_conf, struct lb_error *err)
{
	const struct save_conf none = {.hook_seconds = HOOK_SECONDS};
	FILE *file = fopen(SAVE_CONF, "re");
	unsigned int number = 0;
	char line[256];
	int failed = 0;

	*ret_conf = none;
	if (!file)
		return errno == ENOENT ? 0 : lb_fail(err, SAVE_CONF ": %s", strerror(errno));
	while (!failed && fgets(line, sizeof(line), file))
		failed =
			strchr(line, '\n') || feof(file)
				? take_line(line, ++number, ret_conf, err)
				: lb_fail(err, SAVE_CONF ", line %u: longer than 254 characters", number + 1);
	if (!failed && ferror(file))
		failed = lb_fail(err, SAVE_CONF ": %s", strerror(errno));
	fclose(file);
	if (failed)
		*ret_conf = none;
	return failed;
}
