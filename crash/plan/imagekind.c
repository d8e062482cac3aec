// SPDX-License-Identifier: BSD-2-Clause
#include "crash/plan/imagekind.h"

#include <stdbool.h>
#include <stdint.h>

#include "lib/mem.h"

// PE: Microsoft's "PE Format" document. All offsets come from the file.
#define DOS_PE_AT 0x3c
#define PE_SIGNATURE_BYTES 4
#define COFF_BYTES 20
#define COFF_SECTIONS_AT 2
#define COFF_OPTIONAL_BYTES_AT 16
#define SECTION_BYTES 40
#define SECTION_NAME_BYTES 8

#define HDRS_AT 0x202 // setup_header.header
#define TEXT_LOOKED_AT 512 // bytes of a file that decide whether it is text

struct bytes {
	const uint8_t *data;
	size_t count;
};

static bool has_at(struct bytes file, uint64_t at, const char *wanted, size_t count)
{
	return at <= file.count && count <= file.count - at && memcmp(file.data + at, wanted, count) == 0;
}

// Little endian; false when it lies outside of the file.
static bool read_number(struct bytes file, uint64_t at, unsigned int count, uint64_t *ret_value)
{
	uint64_t value = 0;

	if (at > file.count || count > file.count - at)
		return false;
	for (unsigned int i = 0; i < count; i++)
		value |= (uint64_t)file.data[at + i] << (8 * i);
	*ret_value = value;
	return true;
}

// Finds the PE's COFF header; false when this is no PE file.
static bool find_coff(struct bytes file, uint64_t *ret_coff)
{
	uint64_t pe;

	if (!has_at(file, 0, "MZ", 2) || !read_number(file, DOS_PE_AT, 4, &pe) ||
	    !has_at(file, pe, "PE\0", PE_SIGNATURE_BYTES))
		return false;
	*ret_coff = pe + PE_SIGNATURE_BYTES;
	return true;
}

static bool has_section(struct bytes file, uint64_t coff, const char *name, size_t name_bytes)
{
	uint64_t sections, optional, at;

	if (!read_number(file, coff + COFF_SECTIONS_AT, 2, &sections) ||
	    !read_number(file, coff + COFF_OPTIONAL_BYTES_AT, 2, &optional))
		return false;
	at = coff + COFF_BYTES + optional;
	for (uint64_t i = 0; i < sections; i++, at += SECTION_BYTES) {
		if (has_at(file, at, name, name_bytes))
			return true;
	}
	return false;
}

// Linux allows bytes above 0x7f in text: UTF-8.
static bool is_text(struct bytes file)
{
	size_t looked_at = file.count < TEXT_LOOKED_AT ? file.count : TEXT_LOOKED_AT;

	for (size_t i = 0; i < looked_at; i++) {
		uint8_t c = file.data[i];

		if ((c < ' ' && c != '\n' && c != '\r' && c != '\t' && c != '\f') || c == 0x7f)
			return false;
	}
	return true;
}

const char *lb_image_compression(const void *data, size_t bytes)
{
	static const struct {
		const char *name, *magic;
		size_t bytes;
	} known[] = {
		{"gzip", "\x1f\x8b", 2},
		{"xz",
		 "\xfd"
		 "7zXZ\0",
		 6},
		{"zstd", "\x28\xb5\x2f\xfd", 4},
		{"bzip2", "BZh", 3},
		{"lzma", "\x5d\0\0", 3},
		{"lzop", "\x89LZO", 4},
		{"lz4", "\x02\x21\x4c\x18", 4},
		{"lz4", "\x04\x22\x4d\x18", 4},
	};
	struct bytes file = {data, bytes};

	for (unsigned int i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (has_at(file, 0, known[i].magic, known[i].bytes))
			return known[i].name;
	}
	return NULL;
}

enum lb_image_kind lb_image_kind(const void *data, size_t bytes)
{
	struct bytes file = {data, bytes};
	uint64_t coff;

	if (bytes == 0)
		return LB_IMAGE_EMPTY;
	if (has_at(file, 0,
		   "\x7f"
		   "ELF",
		   4))
		return LB_IMAGE_ELF;
	if (lb_image_compression(data, bytes))
		return LB_IMAGE_COMPRESSED;
	if (find_coff(file, &coff)) {
		if (has_section(file, coff, ".linux\0", SECTION_NAME_BYTES) ||
		    has_section(file, coff, ".osrel\0", SECTION_NAME_BYTES))
			return LB_IMAGE_UKI;
		if (bytes >= HDRS_AT + 4 && !has_at(file, HDRS_AT, "HdrS", 4))
			return LB_IMAGE_EFI_PROGRAM;
		return LB_IMAGE_OTHER;
	}
	if (!has_at(file, 0, "MZ", 2) && is_text(file))
		return LB_IMAGE_TEXT;
	return LB_IMAGE_OTHER;
}
