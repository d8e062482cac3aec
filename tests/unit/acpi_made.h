// SPDX-License-Identifier: BSD-2-Clause
// Makes ACPI tables for unit tests, and judges what each reader of a table must do with damaged ones.
#ifndef LIFEBOAT_TESTS_UNIT_ACPI_MADE_H
#define LIFEBOAT_TESTS_UNIT_ACPI_MADE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/format.h"
#include "unit.h"

#define ACPI_LENGTH_AT 4
#define ACPI_REVISION_AT 8
#define ACPI_CHECKSUM_AT 9

struct made {
	uint8_t bytes[12288];
	uint32_t used;
};

// Reads a table. On failure asserts that the output was left as it was.
typedef int acpi_reader(const void *table, uint64_t bytes, struct lb_error *err);

static inline void put(struct made *made, uint32_t at, uint64_t value, uint32_t bytes)
{
	assert_true(at + bytes <= sizeof(made->bytes));
	memcpy(made->bytes + at, &value, bytes);
}

// Adds `bytes` bytes of 0xee; returns where they begin.
static inline uint32_t extend(struct made *made, uint32_t bytes)
{
	uint32_t at = made->used;

	assert_true(at + bytes <= sizeof(made->bytes));
	memset(made->bytes + at, 0xee, bytes);
	made->used += bytes;
	return at;
}

// Makes a table of `bytes` bytes, zero except for its signature.
static inline struct made made_table(const char *signature, uint32_t bytes)
{
	struct made made = {.used = bytes};

	memcpy(made.bytes, signature, 4);
	return made;
}

// Writes length and checksum. To be called again after each change.
static inline void seal(struct made *made)
{
	uint8_t sum = 0;

	put(made, ACPI_LENGTH_AT, made->used, 4);
	made->bytes[ACPI_CHECKSUM_AT] = 0;
	for (uint32_t i = 0; i < made->used; i++)
		sum = (uint8_t)(sum + made->bytes[i]);
	made->bytes[ACPI_CHECKSUM_AT] = (uint8_t)-sum;
}

static inline struct made made_from(const void *table, uint32_t bytes)
{
	struct made made = {.used = bytes};

	assert_true(bytes <= sizeof(made.bytes));
	memcpy(made.bytes, table, bytes);
	return made;
}

// Reads a copy of exactly `bytes` bytes, so that ASan sees a read beyond. The error's text is empty after
// success.
static inline int read_exact(acpi_reader *reader, const struct made *made, uint64_t bytes,
			     struct lb_error *err)
{
	uint8_t *exact = malloc(bytes ? bytes : 1);
	int status;

	assert_non_null(exact);
	memcpy(exact, made->bytes, bytes);
	memset(err, 0, sizeof(*err));
	status = reader(exact, bytes, err);
	free(exact);
	return status;
}

static inline void assert_reads(acpi_reader *reader, const struct made *made)
{
	struct lb_error err;

	if (read_exact(reader, made, made->used, &err) != 0)
		fail_msg("%s", err.text);
}

static inline void assert_fails(acpi_reader *reader, const struct made *made, uint64_t bytes,
				const char *wanted)
{
	struct lb_error err;

	assert_int_equal(read_exact(reader, made, bytes, &err), -1);
	if (!strstr(err.text, wanted))
		fail_msg("\"%s\" does not say \"%s\"", err.text, wanted);
}

// Damages the header of a good table called `name`, which needs `least` bytes. The reader must name the table
// in each refusal. A revision of any value must be accepted.
static inline void check_header(acpi_reader *reader, const struct made *good, const char *name,
				uint32_t least)
{
	struct made made = *good;
	char text[64];
	struct lb_error err;

	assert_reads(reader, good);
	lb_snprintf(text, sizeof(text), "ACPI table %s: ", name);
	for (uint32_t bytes = 0; bytes < good->used; bytes++)
		assert_fails(reader, good, bytes, text);
	for (made.used = 36; made.used < least; made.used++) {
		seal(&made);
		lb_snprintf(text, sizeof(text), "ACPI table %s: its length is %u, wanted %u at least", name,
			    made.used, least);
		assert_fails(reader, &made, made.used, text);
	}
	for (; made.used < good->used; made.used++) { // no byte behind the end is read
		seal(&made);
		if (read_exact(reader, &made, made.used, &err) != 0)
			assert_ptr_equal(strstr(err.text, "ACPI table "), err.text);
	}
	made = *good;
	put(&made, ACPI_LENGTH_AT, 0, 4);
	assert_fails(reader, &made, made.used, "its length is 0, wanted");
	put(&made, ACPI_LENGTH_AT, UINT32_MAX, 4);
	assert_fails(reader, &made, made.used, "its length is 4294967295, wanted");
	put(&made, ACPI_LENGTH_AT, made.used + 1, 4);
	assert_fails(reader, &made, made.used, " at most");
	made = *good;
	made.bytes[made.used - 1]++;
	lb_snprintf(text, sizeof(text), "ACPI table %s: its checksum is 0x%02x, wanted 0x%02x", name,
		    made.bytes[ACPI_CHECKSUM_AT], (uint8_t)(made.bytes[ACPI_CHECKSUM_AT] - 1));
	assert_fails(reader, &made, made.used, text);
	for (unsigned int revision = 0; revision < 256; revision += 85) {
		made = *good;
		made.bytes[ACPI_REVISION_AT] = (uint8_t)revision;
		seal(&made);
		assert_reads(reader, &made);
	}
}

// POISON() fills an output before the call. assert_poisoned() expects it unchanged after a failed call.
#define POISON(output) memset(&(output), 0xee, sizeof(output))
static inline void assert_poisoned(const void *output, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		assert_int_equal(((const uint8_t *)output)[i], 0xee);
}

#endif
