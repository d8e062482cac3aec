// SPDX-License-Identifier: BSD-2-Clause
#include "tools/ctl/counters.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define KEY_END "last_end"
#define KEY_STAGE "last_stage"
#define KEY_DUMP "dump"
#define KEY_SETTLED "settled"

const struct counter counters_list[COUNTERS] = {
	{"boots", "boots", "Boots that were counted.", offsetof(struct counters, boots)},
	{"armed", "armed_boots", "Boots that were armed.", offsetof(struct counters, armed)},
	{"aside", "aside_boots", "Boots that Lifeboat stood aside from.", offsetof(struct counters, aside)},
	{"dumps", "dumps", "Panics that left a dump.", offsetof(struct counters, dumps)},
	{"unaccounted", "unaccounted_ends", "Armed boots that ended neither cleanly nor with a dump.",
	 offsetof(struct counters, unaccounted)},
	{"saves_failed", "failed_saves", "Attempts to save a dump that failed.",
	 offsetof(struct counters, saves_failed)},
};

static const char *const ends[] = {
	[END_UNKNOWN] = NULL, [END_CLEAN] = "clean", [END_DUMP] = "dump", [END_UNACCOUNTED] = "unaccounted"};

const char *counters_end_name(enum last_end end)
{
	return ends[end];
}

uint64_t counters_get(const struct counters *counters, const struct counter *counter)
{
	uint64_t value;

	memcpy(&value, (const char *)counters + counter->offset, sizeof(value));
	return value;
}

static enum last_end read_end(const struct state_text *text)
{
	char value[VARIABLE_VALUE];

	state_value(text, KEY_END, 0, value);
	for (size_t i = 1; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (strcmp(value, ends[i]) == 0)
			return (enum last_end)i;
	return END_UNKNOWN;
}

bool counters_read(const char *root, struct counters *ret_counters)
{
	static struct state_text text;
	char value[VARIABLE_VALUE];

	memset(ret_counters, 0, sizeof(*ret_counters));
	if (!state_read(root, STATE_COUNTERS, &text))
		return false;
	for (size_t i = 0; i < COUNTERS; i++) {
		const uint64_t number = state_number(&text, counters_list[i].name);

		memcpy((char *)ret_counters + counters_list[i].offset, &number, sizeof(number));
	}
	ret_counters->settled = state_number(&text, KEY_SETTLED);
	ret_counters->last_end = read_end(&text);
	state_value(&text, KEY_STAGE, 0, value);
	snprintf(ret_counters->last_stage, sizeof(ret_counters->last_stage), "%.63s", value);
	for (unsigned int i = 0; i < COUNTERS_DUMPS; i++) {
		state_value(&text, KEY_DUMP, i, value);
		if (value[0])
			counters_learn(ret_counters, value);
	}
	return true;
}

int counters_write(const char *root, const struct counters *counters, struct lb_error *err)
{
	static struct state_text text;

	text.bytes = 0;
	for (size_t i = 0; i < COUNTERS; i++)
		state_add(&text, counters_list[i].name, "%" PRIu64,
			  counters_get(counters, &counters_list[i]));
	state_add(&text, KEY_SETTLED, "%d", counters->settled);
	if (ends[counters->last_end])
		state_add(&text, KEY_END, "%s", ends[counters->last_end]);
	if (counters->last_stage[0])
		state_add(&text, KEY_STAGE, "%s", counters->last_stage);
	for (unsigned int i = 0; i < counters->known_count; i++)
		state_add(&text, KEY_DUMP, "%s", counters->known[i]);
	return state_write(root, STATE_COUNTERS, &text, err);
}

bool counters_know(const struct counters *counters, const char *arm_id)
{
	for (unsigned int i = 0; i < counters->known_count; i++)
		if (strcmp(counters->known[i], arm_id) == 0)
			return true;
	return false;
}

void counters_learn(struct counters *counters, const char *arm_id)
{
	if (counters_know(counters, arm_id))
		return;
	if (counters->known_count == COUNTERS_DUMPS) {
		memmove(counters->known[0], counters->known[1], sizeof(counters->known) - ARM_ID);
		counters->known_count--;
	}
	snprintf(counters->known[counters->known_count++], ARM_ID, "%.32s", arm_id);
}
