// SPDX-License-Identifier: BSD-2-Clause
#include "crash/dead/vmcoreinfo.h"

#include "lib/format.h"
#include "lib/mem.h"
#include "lib/number.h"

// The bytes of the line that begins at `at`.
static uint32_t line_bytes(const struct lb_vmcoreinfo *info, uint32_t at)
{
	uint32_t end = at;

	while (end < info->bytes && info->text[end] != '\n' && info->text[end])
		end++;
	return end - at;
}

// The rest of the line that begins with `key`. NULL when no line does.
static const char *find_value(const struct lb_vmcoreinfo *info, const char *key, uint32_t *ret_bytes)
{
	const size_t key_bytes = lb_strlen(key);
	uint32_t at = 0;

	while (at < info->bytes) {
		const uint32_t bytes = line_bytes(info, at);

		if (bytes >= key_bytes && memcmp(info->text + at, key, key_bytes) == 0) {
			*ret_bytes = bytes - (uint32_t)key_bytes;
			return info->text + at + key_bytes;
		}
		at += bytes + 1;
	}
	return NULL;
}

bool lb_vmcoreinfo_number(const struct lb_vmcoreinfo *info, const char *key, unsigned int base,
			  uint64_t *ret_number)
{
	uint32_t bytes;
	const char *value = find_value(info, key, &bytes);

	return value && lb_number_read(value, bytes, base, ret_number);
}

uint32_t lb_vmcoreinfo_text(const struct lb_vmcoreinfo *info, const char *key, char *ret_text, uint32_t bytes)
{
	uint32_t found;
	const char *value = find_value(info, key, &found);

	if (!value || !bytes)
		return 0;
	if (found > bytes - 1)
		found = bytes - 1;
	memcpy(ret_text, value, found);
	ret_text[found] = '\0';
	return found;
}

const char *lb_vmcoreinfo_numbers(const struct lb_vmcoreinfo *info, const struct lb_vmcoreinfo_key *keys,
				  uint32_t count, void *values)
{
	for (uint32_t i = 0; i < count; i++) {
		uint64_t number;

		if (!lb_vmcoreinfo_number(info, keys[i].key, keys[i].base, &number))
			return keys[i].key;
		memcpy((uint8_t *)values + keys[i].at, &number, sizeof(number));
	}
	return NULL;
}
