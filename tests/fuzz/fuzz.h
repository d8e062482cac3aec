// SPDX-License-Identifier: BSD-2-Clause
// What the libFuzzer targets share. A target is one file that states its property
// in its first lines and checks it in LLVMFuzzerTestOneInput().
#ifndef LIFEBOAT_TESTS_FUZZ_FUZZ_H
#define LIFEBOAT_TESTS_FUZZ_FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

// A property that must hold; libFuzzer keeps the input that broke it.
#define fuzz_check(condition)                                                                                \
	do {                                                                                                 \
		if (!(condition)) {                                                                          \
			fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);       \
			abort();                                                                             \
		}                                                                                            \
	} while (0)

// The input, taken from its beginning; zeros follow its end.
struct fuzz_input {
	const uint8_t *next;
	size_t left;
};

// A little-endian number of `bytes` bytes, 8 at most.
static inline uint64_t fuzz_take(struct fuzz_input *input, unsigned int bytes)
{
	uint64_t value = 0;

	for (unsigned int i = 0; i < bytes && input->left; i++, input->left--)
		value |= (uint64_t)*input->next++ << (8 * i);
	return value;
}

// Memory of exactly `bytes` bytes, so that ASan sees the first one beyond.
static inline void *fuzz_alloc(size_t bytes)
{
	void *memory = malloc(bytes ? bytes : 1);

	if (!memory)
		abort();
	return memory;
}

// NUL-terminated, in exactly as many bytes as it takes.
static inline char *fuzz_string(const void *data, size_t bytes)
{
	char *text = fuzz_alloc(bytes + 1);

	if (bytes)
		memcpy(text, data, bytes);
	text[bytes] = '\0';
	return text;
}

// A message is there, begins with `prefix` and ends inside its buffer. Fill it
// with fuzz_poison_error() before the call.
static inline void fuzz_poison_error(struct lb_error *err)
{
	memset(err, 0xee, sizeof(*err));
}

static inline void fuzz_check_error(const struct lb_error *err, const char *prefix)
{
	fuzz_check(memchr(err->text, '\0', sizeof(err->text)));
	fuzz_check(err->text[0] && strncmp(err->text, prefix, strlen(prefix)) == 0);
}

// Is every byte still what fuzz_poison() wrote? For output that a failure leaves alone.
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
