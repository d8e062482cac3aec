// SPDX-License-Identifier: BSD-2-Clause
#include "crash/dead/dead.h"

#include "lib/format.h"
#include "lib/mem.h"
#include "lib/number.h"

// How many bytes of the line that begins at `at` there are.
static uint32_t line_bytes(const struct lb_dead *dead, uint32_t at)
{
	uint32_t end = at;

	while (end < dead->vmcoreinfo_bytes && dead->vmcoreinfo[end] != '\n' && dead->vmcoreinfo[end])
		end++;
	return end - at;
}

// What follows `key` on its line. NULL when no line begins with it.
static const char *find_value(const struct lb_dead *dead, const char *key, uint32_t *ret_bytes)
{
	const size_t key_bytes = lb_strlen(key);
	uint32_t at = 0;

	while (at < dead->vmcoreinfo_bytes) {
		const uint32_t bytes = line_bytes(dead, at);

		if (bytes >= key_bytes && memcmp(dead->vmcoreinfo + at, key, key_bytes) == 0) {
			*ret_bytes = bytes - (uint32_t)key_bytes;
			return dead->vmcoreinfo + at + key_bytes;
		}
		at += bytes + 1;
	}
	return NULL;
}

bool lb_dead_number(const struct lb_dead *dead, const char *key, unsigned int base, uint64_t *ret_number)
{
	uint32_t bytes;
	const char *value = find_value(dead, key, &bytes);

	return value && lb_number_read(value, bytes, base, ret_number);
}

uint32_t lb_dead_text(const struct lb_dead *dead, const char *key, char *ret_text, uint32_t bytes)
{
	uint32_t found;
	const char *value = find_value(dead, key, &found);

	if (!value || !bytes)
		return 0;
	if (found > bytes - 1)
		found = bytes - 1;
	memcpy(ret_text, value, found);
	ret_text[found] = '\0';
	return found;
}

const char *lb_dead_numbers(const struct lb_dead *dead, const struct lb_dead_key *keys, uint32_t count,
			    void *values)
{
	for (uint32_t i = 0; i < count; i++) {
		uint64_t number;

		if (!lb_dead_number(dead, keys[i].key, keys[i].base, &number))
			return keys[i].key;
		memcpy((uint8_t *)values + keys[i].at, &number, sizeof(number));
	}
	return NULL;
}
