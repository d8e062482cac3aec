// SPDX-License-Identifier: BSD-2-Clause
#include "crash/plan/dsdt.h"

#include "crash/plan/acpi_table.h"
#include "lib/mem.h"

// ACPI 6.5, 20.3.
enum aml {
	AML_ZERO = 0x00,
	AML_ONE = 0x01,
	AML_NAME = 0x08,
	AML_BYTE = 0x0a,
	AML_WORD = 0x0b,
	AML_DWORD = 0x0c,
	AML_PACKAGE = 0x12,
	AML_ROOT = '\\',
};

#define SLP_TYP_MAX 7U

struct cursor {
	const uint8_t *at, *end;
};

static bool next(struct cursor *cursor, uint8_t *ret_byte)
{
	if (cursor->at == cursor->end)
		return false;
	*ret_byte = *cursor->at++;
	return true;
}

// The length itself does not matter, only how many bytes say it: two bits of the first.
static bool skip_package_length(struct cursor *cursor)
{
	uint8_t first;

	if (!next(cursor, &first) || cursor->end - cursor->at < first >> 6)
		return false;
	cursor->at += first >> 6;
	return true;
}

// A constant of any width, little endian, as long as it is small.
static bool take_type(struct cursor *cursor, uint8_t *ret_type)
{
	uint8_t op, value, more = 0;
	int high;

	if (!next(cursor, &op))
		return false;
	if (op == AML_ZERO || op == AML_ONE) {
		*ret_type = op;
		return true;
	}
	high = op == AML_BYTE ? 0 : op == AML_WORD ? 1 : op == AML_DWORD ? 3 : -1;
	if (high < 0 || !next(cursor, &value) || value > SLP_TYP_MAX)
		return false;
	for (; high; high--) {
		if (!next(cursor, &more) || more)
			return false;
	}
	*ret_type = value;
	return true;
}

// The package behind a name.
static bool read_package(struct cursor cursor, struct lb_dsdt *ret_dsdt)
{
	struct lb_dsdt dsdt;
	uint8_t op, count;

	if (!next(&cursor, &op) || op != AML_PACKAGE || !skip_package_length(&cursor) ||
	    !next(&cursor, &count) || count < 2 || !take_type(&cursor, &dsdt.s5a) ||
	    !take_type(&cursor, &dsdt.s5b))
		return false;
	*ret_dsdt = dsdt;
	return true;
}

int lb_dsdt_read(const void *table, uint64_t bytes, struct lb_dsdt *ret_dsdt, struct lb_error *err)
{
	static const char name[] = {'_', 'S', '5', '_'};
	struct lb_acpi_table opened;
	const uint8_t *aml;
	size_t length;

	if (lb_acpi_open(table, bytes, "DSDT", sizeof(struct lb_acpi_header), &opened, err) != 0)
		return -1;
	aml = opened.data + sizeof(struct lb_acpi_header);
	length = opened.bytes - sizeof(struct lb_acpi_header);
	for (size_t i = 1; i + sizeof(name) <= length; i++) {
		bool named = aml[i - 1] == AML_NAME ||
			     (i >= 2 && aml[i - 1] == AML_ROOT && aml[i - 2] == AML_NAME);
		struct cursor behind = {aml + i + sizeof(name), aml + length};

		if (named && memcmp(aml + i, name, sizeof(name)) == 0 && read_package(behind, ret_dsdt))
			return 0;
	}
	return lb_fail(err,
		       "ACPI table DSDT: no \\_S5 that names two sleep types, wanted constants of 0 to %u",
		       SLP_TYP_MAX);
}
