// SPDX-License-Identifier: BSD-2-Clause
#include "crash/plan/acpis5.h"

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

#define SLP_TYP_MAX 7

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
static bool read_package(struct cursor cursor, uint8_t *ret_a, uint8_t *ret_b)
{
	uint8_t op, count, a, b;

	if (!next(&cursor, &op) || op != AML_PACKAGE || !skip_package_length(&cursor) ||
	    !next(&cursor, &count) || count < 2 || !take_type(&cursor, &a) || !take_type(&cursor, &b))
		return false;
	*ret_a = a;
	*ret_b = b;
	return true;
}

bool lb_acpi_s5(const uint8_t *aml, size_t bytes, uint8_t *ret_a, uint8_t *ret_b)
{
	static const char name[] = {'_', 'S', '5', '_'};

	for (size_t i = 1; i + sizeof(name) <= bytes; i++) {
		bool named = aml[i - 1] == AML_NAME ||
			     (i >= 2 && aml[i - 1] == AML_ROOT && aml[i - 2] == AML_NAME);
		struct cursor behind = {aml + i + sizeof(name), aml + bytes};

		if (named && memcmp(aml + i, name, sizeof(name)) == 0 && read_package(behind, ret_a, ret_b))
			return true;
	}
	return false;
}
