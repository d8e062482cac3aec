// SPDX-License-Identifier: BSD-2-Clause
// What ACPI tables have in common: a header with length and checksum, addresses that name
// their space, and lists of entries that begin with type and length. Whatever a table says
// of its lengths, nothing beyond the caller's bytes is read.
// Source: ACPI 6.5, 5.2.6 (header), 5.2.3.2 (Generic Address Structure).
#ifndef LIFEBOAT_CRASH_PLAN_ACPI_TABLE_H
#define LIFEBOAT_CRASH_PLAN_ACPI_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/format.h"
#include "lifeboat/range.h"

// No table that is read here is larger; DSDTs of some hundred KiB exist.
#define LB_ACPI_MAX_BYTES LB_MIB

struct __attribute__((packed)) lb_acpi_header {
	char signature[4];
	uint32_t bytes; // of the table, this header included
	uint8_t revision, checksum; // all bytes add up to 0
	char oem[6], oem_table[8];
	uint32_t oem_revision, creator, creator_revision;
};
_Static_assert(sizeof(struct lb_acpi_header) == 36, "ACPI 6.5, table 5.4");

struct __attribute__((packed)) lb_acpi_address {
	uint8_t space; // enum lb_acpi_space
	uint8_t bits, offset, access;
	uint64_t address;
};
_Static_assert(sizeof(struct lb_acpi_address) == 12, "ACPI 6.5, table 5.1");

enum lb_acpi_space {
	LB_ACPI_MEMORY = 0,
	LB_ACPI_PORT = 1,
};

enum lb_acpi_access {
	LB_ACPI_ACCESS_ANY = 0, // not told
	LB_ACPI_ACCESS_8 = 1,
	LB_ACPI_ACCESS_32 = 3,
};

// A table whose length and checksum are right.
struct lb_acpi_table {
	const char *name; // the signature, for messages
	const uint8_t *data; // the caller's
	uint32_t bytes; // what its header says
};

// Do all bytes add up to 0, as those of a table and of the root pointer must?
bool lb_acpi_sums_to_zero(const void *data, uint32_t bytes);

// The number of bytes to read at `header`, which has 36: the length that it gives, but 36 at least and
// LB_ACPI_MAX_BYTES at most.
uint64_t lb_acpi_bytes(const void *header);

// The table called `name` at `data`, which has `bytes`. One of fewer than `least` bytes (36
// or more), or of more than `bytes`, and a wrong checksum are errors. Neither signature
// nor revision is judged: tables only grow, and by length one sees what they have.
int lb_acpi_open(const void *data, uint64_t bytes, const char *name, uint32_t least,
		 struct lb_acpi_table *ret_table, struct lb_error *err);

struct lb_acpi_entry {
	uint32_t index, type;
	uint32_t bytes; // header included, never less than it
	const uint8_t *data; // its header
};

// A walk over entries: for (walk = lb_acpi_walk(…); lb_acpi_more(&walk);) lb_acpi_next(…).
struct lb_acpi_walk {
	const struct lb_acpi_table *table;
	uint32_t at, width, index;
};

// The entries from byte `first` on, which is inside the table or its end. `width` is the
// size of type and of length: 1 or 2 bytes each.
struct lb_acpi_walk lb_acpi_walk(const struct lb_acpi_table *table, uint32_t first, uint32_t width);

// Is another entry there? Fewer bytes than type and length take are padding.
bool lb_acpi_more(const struct lb_acpi_walk *walk);

// The next entry, when there is more. A length that is less than type and length take, or
// more than the table has left, is an error; the walk is over then.
int lb_acpi_next(struct lb_acpi_walk *walk, struct lb_acpi_entry *ret_entry, struct lb_error *err);

#endif
