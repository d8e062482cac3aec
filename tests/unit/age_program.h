// SPDX-License-Identifier: BSD-2-Clause
// Debian's age as the judge: keys of age-keygen, and files that age encrypts and decrypts.
#ifndef LIFEBOAT_TESTS_UNIT_AGE_PROGRAM_H
#define LIFEBOAT_TESTS_UNIT_AGE_PROGRAM_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "unit.h"

struct age_key {
	char path[64]; // path of the identity file
	char recipient[80], secret[96];
};

static inline void age_run(const char *command, bool must_work)
{
	if (system(command) != 0 && must_work)
		fail_msg("%s: failed", command);
}

static inline size_t age_read_file(const char *path, void *data, size_t room)
{
	FILE *file = fopen(path, "rb");
	size_t bytes;

	if (!file)
		fail_msg("%s: does not exist", path);
	bytes = fread(data, 1, room, file);
	fclose(file);
	return bytes;
}

static inline void age_write_file(const char *path, const void *data, size_t bytes)
{
	FILE *file = fopen(path, "wb");

	if (!file || fwrite(data, 1, bytes, file) != bytes || fclose(file) != 0)
		fail_msg("%s: cannot be written", path);
}

// Makes key `number` in `folder`.
static inline void age_make_key(const char *folder, unsigned int number, struct age_key *ret_key)
{
	char command[200], text[512] = "", *line;

	snprintf(ret_key->path, sizeof(ret_key->path), "%s/key%u.txt", folder, number);
	snprintf(command, sizeof(command), "age-keygen -o %s 2>/dev/null", ret_key->path);
	age_run(command, true);
	age_read_file(ret_key->path, text, sizeof(text) - 1);
	line = strstr(text, "age1");
	assert_non_null(line);
	snprintf(ret_key->recipient, sizeof(ret_key->recipient), "%.62s", line);
	line = strstr(text, "AGE-SECRET-KEY-1");
	assert_non_null(line);
	snprintf(ret_key->secret, sizeof(ret_key->secret), "%.*s", (int)strcspn(line, "\n"), line);
}

// Decrypts `file` with `key`, in the folder of the key. Returns the size of the result, and whether age
// succeeded.
static inline size_t age_decrypt(const struct age_key *key, const void *file, size_t bytes, void *data,
				 size_t room, bool *ret_content)
{
	char sealed[80], opened[80], command[300];

	snprintf(sealed, sizeof(sealed), "%s.sealed", key->path);
	snprintf(opened, sizeof(opened), "%s.opened", key->path);
	age_write_file(sealed, file, bytes);
	snprintf(command, sizeof(command), "age -d -i %s %s >%s 2>/dev/null", key->path, sealed, opened);
	*ret_content = system(command) == 0;
	return age_read_file(opened, data, room);
}

#endif
