// SPDX-License-Identifier: BSD-2-Clause
// A synthetic bzImage: whole, with each field damaged in turn, and truncated at each byte. LIFEBOAT_VMLINUZ
// names a real bzImage, which is truncated at a sample of places.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crash/plan/bzimage.h"
#include "lifeboat/range.h"
#include "unit.h"

#define SETUP_SECTS 4
#define SETUP_BYTES ((SETUP_SECTS + 1) * 512)
#define KERNEL_BYTES 4096
#define FILE_BYTES (SETUP_BYTES + KERNEL_BYTES)
#define PE_AT 0x40
#define VERSION_AT 0x300

static uint8_t file[FILE_BYTES + 100];

static void put(unsigned int at, uint64_t value, unsigned int bytes)
{
	memcpy(file + at, &value, bytes);
}

// Makes `file` a good bzImage. The offsets are those of Documentation/arch/x86/boot.rst.
static int reset(void **state)
{
	(void)state;
	memset(file, 0x90, sizeof(file));
	memset(file, 0, 0x400);
	put(0, 0x5a4d, 2); // MZ
	put(0x3c, PE_AT, 4);
	put(PE_AT, 0x4550, 4); // PE
	put(PE_AT + 4, 0x8664, 2); // machine
	put(PE_AT + 6, 1, 2); // sections
	put(PE_AT + 20, 0xa0, 2); // optional header
	memcpy(file + PE_AT + 24 + 0xa0, ".setup\0\0", 8);
	put(0x1f1, SETUP_SECTS, 1);
	put(0x1f4, KERNEL_BYTES / 16, 4);
	put(0x1fe, 0xaa55, 2);
	put(0x200, 0x6aeb, 2);
	memcpy(file + 0x202, "HdrS", 4);
	put(0x206, 0x20f, 2);
	put(0x20e, VERSION_AT - 0x200, 2);
	put(0x211, 1, 1);
	put(0x22c, 0x7fffffff, 4);
	put(0x230, 0x200000, 4);
	put(0x234, 1, 1);
	put(0x236, 0x3f, 2);
	put(0x238, 2047, 4);
	put(0x248, 0x400, 4);
	put(0x24c, 0x800, 4);
	put(0x258, 0x1000000, 8);
	put(0x260, 0x3378000, 4);
	put(0x268, 0x12345678, 4);
	strcpy((char *)file + VERSION_AT, "6.1.0-56-cloud-amd64 (debian-kernel@lists.debian.org) #1 SMP");
	return 0;
}

static void check_refused(const void *data, size_t bytes, const char *wanted)
{
	struct lb_bzimage image = {.init_size = 77};
	struct lb_error err = {""};

	if (lb_bzimage_parse("/boot/vmlinuz", data, bytes, &image, &err) != -1)
		fail_msg("accepted, wanted the refusal: %s", wanted);
	if (strncmp(err.text, "/boot/vmlinuz: ", 15) != 0 || !strstr(err.text, wanted))
		fail_msg("\"%s\" does not say \"%s\"", err.text, wanted);
	assert_int_equal(image.init_size, 77);
}

static struct lb_bzimage parse(size_t bytes)
{
	struct lb_bzimage image;
	struct lb_error err = {""};

	if (lb_bzimage_parse("/boot/vmlinuz", file, bytes, &image, &err))
		fail_msg("%s", err.text);
	return image;
}

static void test_good(void **state)
{
	struct lb_bzimage image = parse(FILE_BYTES);

	(void)state;
	assert_ptr_equal(image.kernel, file + SETUP_BYTES);
	assert_int_equal(image.kernel_bytes, KERNEL_BYTES);
	assert_int_equal(image.init_size, 0x3378000);
	assert_int_equal(image.alignment, 0x200000);
	assert_int_equal(image.min_address, 0x1000000);
	assert_int_equal(image.cmdline_max, 2047);
	assert_string_equal(image.release, "6.1.0-56-cloud-amd64");
	assert_int_equal(image.header.setup_sects, SETUP_SECTS);
	assert_int_equal(image.header.kernel_info_offset, 0x12345678);
}

// Bytes behind the kernel, such as a signature or padding, are accepted.
static void test_good_with_more_behind(void **state)
{
	(void)state;
	assert_int_equal(parse(FILE_BYTES + 100).kernel_bytes, KERNEL_BYTES);
}

static void test_good_variants(void **state)
{
	(void)state;
	put(0x230, 0x1000, 4); // a kernel alignment below the one that Lifeboat uses
	assert_int_equal(parse(FILE_BYTES).alignment, 0x200000);
	put(0x230, 0x1000000, 4);
	assert_int_equal(parse(FILE_BYTES).alignment, 0x1000000);
	put(0x248, KERNEL_BYTES - 0x800, 4); // the payload ends where the kernel ends
	put(0x1f1, 0, 1); // setup_sects: 0 means 4
	assert_ptr_equal(parse(FILE_BYTES).kernel, file + SETUP_BYTES);
	put(0x201, 0x66, 1); // the header ends before kernel_info_offset
	assert_int_equal(parse(FILE_BYTES).header.kernel_info_offset, 0);
	put(0x201, 0x7f, 1); // the header is longer than any known today
	assert_int_equal(parse(FILE_BYTES).header.kernel_info_offset, 0x12345678);
	put(0x206, 0x20c, 2);
	assert_int_equal(parse(FILE_BYTES).header.version, 0x20c);
}

static void test_release_left_out(void **state)
{
	static const uint16_t pointers[] = {0, SETUP_BYTES - 0x200, 0xffff, VERSION_AT - 0x200 - 1};

	(void)state;
	for (unsigned int i = 0; i < sizeof(pointers) / sizeof(pointers[0]); i++) {
		put(0x20e, pointers[i], 2);
		assert_string_equal(parse(FILE_BYTES).release, "");
	}
	put(0x20e, VERSION_AT - 0x200, 2);
	memset(file + VERSION_AT, 'x', 64); // a release of one byte more than there is room for
	assert_string_equal(parse(FILE_BYTES).release, "");
	file[VERSION_AT + 63] = '\0';
	assert_int_equal(strlen(parse(FILE_BYTES).release), 63);
	file[VERSION_AT + 10] = '\n';
	assert_string_equal(parse(FILE_BYTES).release, "");
	// The release may reach to the last byte of the setup area and no further.
	memset(file + SETUP_BYTES - 10, 'x', 10);
	put(0x20e, SETUP_BYTES - 10 - 0x200, 2);
	assert_string_equal(parse(FILE_BYTES).release, "");
	file[SETUP_BYTES - 1] = '\0';
	assert_string_equal(parse(FILE_BYTES).release, "xxxxxxxxx");
}

// Damages each field alone.
static void test_bad_fields(void **state)
{
	static const struct {
		unsigned int at, bytes;
		uint64_t value;
		const char *wanted;
	} bad[] = {
		{0x1fe, 2, 0, "field boot_flag is 0x0, wanted 0xaa55"},
		{0x202, 4, 0x12345678, "no HdrS"},
		{0x206, 2, 0x20b, "boot protocol 2.11, wanted 2.12"},
		{0x206, 2, 0, "boot protocol 0.0"},
		{0x200, 1, 0xe9, "field jump is 0x6ae9"},
		{0x201, 1, 0x60, "field jump is 0x60eb"},
		{0x1f1, 1, 5, "truncated: has 6656 bytes, setup_sects and syssize say 7168"},
		{0x1f1, 1, 255, "truncated"},
		{0x1f4, 4, KERNEL_BYTES / 16 + 1,
		 "truncated: has 6656 bytes, setup_sects and syssize say 6672"},
		{0x1f4, 4, 0xffffffff, "truncated"},
		{0x1f4, 4, 0, "field syssize says 0 bytes"},
		{0x1f4, 4, 32, "field syssize says 512 bytes"},
		{0x248, 4, KERNEL_BYTES, "fields payload_offset 0x1000 and payload_length 0x800"},
		{0x248, 4, KERNEL_BYTES - 0x800 + 1, "fields payload_offset 0x801"},
		{0x248, 4, 0xffffffff, "fields payload_offset 0xffffffff"},
		{0x24c, 4, KERNEL_BYTES, "payload_length 0x1000 are not inside"},
		{0x24c, 4, 0xfffffff0, "payload_length 0xfffffff0 are not inside"},
		{0x24c, 4, 0, "payload_length 0x0"},
		{0x260, 4, 0, "field init_size is 0x0"},
		{0x260, 4, KERNEL_BYTES - 1, "field init_size is 0xfff"},
		{0x260, 4, 0x40000001, "field init_size is 0x40000001"},
		{0x260, 4, 0xffffffff, "field init_size is 0xffffffff"},
		{0x211, 1, 0, "field loadflags is 0x0"},
		{0x236, 2, 0x3e, "32-bit only: field xloadflags is 0x3e"},
		{0x234, 1, 0, "field relocatable_kernel is 0"},
		{0x230, 4, 0, "field kernel_alignment is 0x0"},
		{0x230, 4, 0x300000, "field kernel_alignment is 0x300000"},
		{0x230, 4, 0x80000000, "field kernel_alignment is 0x80000000"},
		{0x258, 8, 0x100000000, "field pref_address is 0x100000000"},
		{0x238, 4, 0, "field cmdline_size is 0"},
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		reset(NULL);
		put(bad[i].at, bad[i].value, bad[i].bytes);
		check_refused(file, FILE_BYTES, bad[i].wanted);
	}
	reset(NULL);
	put(0, 0, 2); // the file is not a PE image either
	put(0x202, 0x12345678, 4);
	check_refused(file, FILE_BYTES, "field header is 0x12345678, wanted 0x53726448");
}

// With any value of any byte of the header, the file is accepted, or refused with a message.
static void test_each_byte_of_the_header(void **state)
{
	unsigned int refused = 0;

	(void)state;
	for (unsigned int at = 0x1f1; at < 0x26c; at++) {
		for (unsigned int value = 0; value < 256; value++) {
			uint8_t *copy = malloc(FILE_BYTES);
			struct lb_bzimage image;
			struct lb_error err = {""};

			assert_non_null(copy);
			memcpy(copy, file, FILE_BYTES);
			copy[at] = (uint8_t)value;
			if (lb_bzimage_parse("/boot/vmlinuz", copy, FILE_BYTES, &image, &err)) {
				assert_int_equal(strncmp(err.text, "/boot/vmlinuz: ", 15), 0);
				refused++;
			} else {
				const uint8_t *kernel = image.kernel;

				assert_true(kernel >= copy &&
					    kernel + image.kernel_bytes <= copy + FILE_BYTES);
			}
			free(copy);
		}
	}
	assert_true(refused > 2000);
}

// Parses a truncated copy in memory of exactly that size, so that ASan sees a read beyond the end.
static void check_truncation(const uint8_t *data, size_t bytes)
{
	uint8_t *copy = malloc(bytes ? bytes : 1);

	assert_non_null(copy);
	memcpy(copy, data, bytes);
	check_refused(copy, bytes,
		      bytes == 0   ? "the file is empty"
		      : bytes == 1 ? "is a text file"
				   : "truncated");
	free(copy);
}

static void test_every_truncation(void **state)
{
	(void)state;
	for (size_t bytes = 0; bytes < FILE_BYTES; bytes++)
		check_truncation(file, bytes);
}

static void check_kind(const void *begin, size_t bytes, const char *wanted)
{
	memset(file, 0, sizeof(file));
	memcpy(file, begin, bytes);
	check_refused(file, FILE_BYTES, wanted);
	check_refused(file, bytes, wanted);
}

static void test_other_files(void **state)
{
	static const char text[] = "#!/bin/sh\n# Gr\xc3\xbc\xc3\x9f"
				   "e\necho hello\n";

	(void)state;
	check_kind("\x7f"
		   "ELF\2\1\1",
		   7, "is an ELF file (a vmlinux?)");
	check_kind("\x1f\x8b\x08", 3, "is compressed with gzip");
	check_kind("\xfd"
		   "7zXZ\0",
		   6, "is compressed with xz");
	check_kind("\x28\xb5\x2f\xfd", 4, "is compressed with zstd");
	check_kind("BZh91AY", 7, "is compressed with bzip2");
	check_kind("\x5d\0\0\x80", 4, "is compressed with lzma");
	check_kind("\x89LZO\0", 5, "is compressed with lzop");
	check_kind("\x02\x21\x4c\x18", 4, "is compressed with lz4");
	check_kind("\x04\x22\x4d\x18", 4, "is compressed with lz4");
	check_refused(text, sizeof(text) - 1, "is a text file");
	check_refused("\n", 1, "is a text file");
	check_refused(file, 0, "the file is empty");
	memset(file, 0, sizeof(file));
	check_refused(file, FILE_BYTES, "field boot_flag is 0x0");
}

// Makes a PE file with systemd-stub's sections. The last of its three sections is called `name`.
static void make_pe(const char *name)
{
	reset(NULL);
	memset(file + 0x1f1, 0, 0x100);
	put(PE_AT + 6, 3, 2);
	memset(file + PE_AT + 24 + 0xa0, 0, 3 * 40);
	memcpy(file + PE_AT + 24 + 0xa0, ".text\0\0\0", 8);
	memcpy(file + PE_AT + 24 + 0xa0 + 40, ".linuxrc", 8);
	memcpy(file + PE_AT + 24 + 0xa0 + 80, name, 8);
}

static void test_pe_files(void **state)
{
	(void)state;
	make_pe(".linux\0\0");
	check_refused(file, FILE_BYTES,
		      "is a unified kernel image (it has a .linux section), wanted a bzImage");
	make_pe(".osrel\0\0");
	check_refused(file, FILE_BYTES, "is a unified kernel image");
	make_pe(".data\0\0\0");
	check_refused(file, FILE_BYTES, "is an EFI program but no Linux kernel");

	// The section table and the PE headers point outside of the file.
	put(PE_AT + 6, 0xffff, 2);
	check_refused(file, FILE_BYTES, "is an EFI program");
	put(PE_AT + 20, 0xffff, 2);
	check_refused(file, FILE_BYTES, "is an EFI program");
	put(0x3c, 0xffffffff, 4);
	check_refused(file, FILE_BYTES, "field boot_flag is 0x0");
	put(0x3c, FILE_BYTES - 4, 4);
	memcpy(file + FILE_BYTES - 4, "PE\0", 4);
	check_refused(file, FILE_BYTES, "is an EFI program");
}

static uint8_t *read_file(const char *path, size_t *ret_bytes)
{
	FILE *stream = fopen(path, "rb");
	uint8_t *data;
	long bytes;

	if (!stream)
		fail_msg("LIFEBOAT_VMLINUZ: %s cannot be opened", path);
	assert_int_equal(fseek(stream, 0, SEEK_END), 0);
	bytes = ftell(stream);
	assert_true(bytes > 0);
	rewind(stream);
	data = malloc((size_t)bytes);
	assert_non_null(data);
	assert_int_equal(fread(data, 1, (size_t)bytes, stream), bytes);
	fclose(stream);
	*ret_bytes = (size_t)bytes;
	return data;
}

#define REAL_SAMPLES 400 // truncations spread over the whole file, in addition to all within the first 4 KiB

static void test_real_kernel(void **state)
{
	const char *path = getenv("LIFEBOAT_VMLINUZ");
	struct lb_bzimage image;
	struct lb_error err = {""};
	uint8_t *data;
	size_t bytes, needed;

	(void)state;
	if (!path) {
		print_message("LIFEBOAT_VMLINUZ is not set: skipped\n");
		skip();
	}
	data = read_file(path, &bytes);
	if (lb_bzimage_parse(path, data, bytes, &image, &err))
		fail_msg("%s", err.text);
	assert_true(image.release[0] >= '2' && image.release[0] <= '9');
	needed = (size_t)((const uint8_t *)image.kernel - data) + image.kernel_bytes;
	assert_in_range(needed, 1 << 20, bytes);

	for (size_t cut = 0; cut < LB_PAGE; cut++)
		check_truncation(data, cut);
	for (size_t i = 1; i <= REAL_SAMPLES; i++)
		check_refused(data, (size_t)((uint64_t)(needed - 1) * i / REAL_SAMPLES), "truncated");
	free(data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_good, reset),
		cmocka_unit_test_setup(test_good_with_more_behind, reset),
		cmocka_unit_test_setup(test_good_variants, reset),
		cmocka_unit_test_setup(test_release_left_out, reset),
		cmocka_unit_test_setup(test_bad_fields, reset),
		cmocka_unit_test_setup(test_each_byte_of_the_header, reset),
		cmocka_unit_test_setup(test_every_truncation, reset),
		cmocka_unit_test_setup(test_other_files, reset),
		cmocka_unit_test_setup(test_pe_files, reset),
		cmocka_unit_test(test_real_kernel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
