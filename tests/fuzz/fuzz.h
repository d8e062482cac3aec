// SPDX-License-Identifier: BSD-2-Clause
// Shared by the libFuzzer targets. A target is one file. Its first lines state a property, which
// LLVMFuzzerTestOneInput() checks.
#ifndef LIFEBOAT_TESTS_FUZZ_FUZZ_H
#define LIFEBOAT_TESTS_FUZZ_FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

// Checks a property. If it does not hold, libFuzzer keeps the input.
#define fuzz_check(condition)                                                                                \
	do {                                                                                                 \
		if (!(condition)) {                                                                          \
			fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);       \
			abort();                                                                             \
		}                                                                                            \
	} while (0)

// The input, read from its beginning. Behind its end all bytes are zero.
struct fuzz_input {
	const uint8_t *next;
	size_t left;
};

// Takes a little-endian number of `bytes` bytes, at most 8.
static inline uint64_t fuzz_take(struct fuzz_input *input, unsigned int bytes)
{
	uint64_t value = 0;

	for (unsigned int i = 0; i < bytes && input->left; i++, input->left--)
		value |= (uint64_t)*input->next++ << (8 * i);
	return value;
}

// Allocates exactly `bytes` bytes, so that ASan sees an access beyond.
static inline void *fuzz_alloc(size_t bytes)
{
	void *memory = malloc(bytes ? bytes : 1);

	if (!memory)
		abort();
	return memory;
}

// Copies data into a NUL-terminated string of exactly its size.
static inline char *fuzz_string(const void *data, size_t bytes)
{
	char *text = fuzz_alloc(bytes + 1);

	if (bytes)
		memcpy(text, data, bytes);
	text[bytes] = '\0';
	return text;
}

// fuzz_poison_error() goes before the call. Afterwards fuzz_check_error() expects a message that begins with
// `prefix` and ends within its buffer.
static inline void fuzz_poison_error(struct lb_error *err)
{
	memset(err, 0xee, sizeof(*err));
}

static inline void fuzz_check_error(const struct lb_error *err, const char *prefix)
{
	fuzz_check(memchr(err->text, '\0', sizeof(err->text)));
	fuzz_check(err->text[0] && strncmp(err->text, prefix, strlen(prefix)) == 0);
}

// fuzz_poison() fills an output before the call. fuzz_check_untouched() expects that a failed call left it
// alone.
static inline void fuzz_poison(void *memory, size_t bytes)
{
	memset(memory, 0xee, bytes);
}

static inline void fuzz_check_untouched(const void *memory, size_t bytes)
{
	const uint8_t *at = memory;

	for (size_t i = 0; i < bytes; i++)
		fuzz_check(at[i] == 0xee);
}

#endif
