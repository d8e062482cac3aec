// SPDX-License-Identifier: BSD-2-Clause
// Whole encrypted dumps. Debian's age opens them with the same content, and no byte of the dead machine is on
// the disk in the clear.
#define _GNU_SOURCE // memmem()
#include "crash/plan/dumpsize.h"
#include "dump_made.h"
#include "tools/common/unflatten.h"

// Opens the encrypted file at `offset` of the partition with age. The caller frees the result. `whole`: age
// must report no error.
static uint8_t *open_sealed(uint64_t offset, uint64_t bytes, bool whole, size_t *ret_bytes)
{
	uint8_t *content = malloc(2 * ROOMY);
	bool is_content;

	assert_non_null(content);
	assert_memory_equal(disk.data + offset, "age-encryption.org/v1\n", 22);
	*ret_bytes = age_decrypt(&key, disk.data + offset, bytes, content, 2 * ROOMY, &is_content);
	assert_int_equal(is_content, whole);
	return content;
}

static uint8_t *rearrange(const uint8_t *flat, size_t bytes, size_t *ret_bytes)
{
	uint8_t *file = calloc(1, 2 * ROOMY);
	FILE *from = tmpfile(), *to = tmpfile();

	assert_non_null(file);
	assert_true(from && to);
	assert_int_equal(fwrite(flat, 1, bytes, from), bytes);
	fflush(from);
	assert_true(unflatten_wants(fileno(from)));
	if (unflatten(fileno(from), "it", fileno(to), &err) != 0)
		print_message("%s\n", err.text);
	rewind(to);
	*ret_bytes = fread(file, 1, 2 * ROOMY, to);
	fclose(from);
	fclose(to);
	return file;
}

static bool disk_has(const char *text)
{
	return memmem(disk.data, disk.bytes, text, strlen(text)) != NULL;
}

// After a file its key is wiped from memory, and only encrypted data of the dead machine is on the disk.
static void check_secrecy(void)
{
	static const struct lb_crypt_file none;

	for (unsigned int i = 0; i < LB_CRYPT_PARTS; i++)
		assert_memory_equal(&files[i], &none, sizeof(none));
	assert_false(disk_has("Kernel panic"));
	assert_false(disk_has("6.1.0-test"));
	assert_false(disk_has("KDUMP"));
	assert_false(disk_has("VMCOREINFO"));
	assert_false(disk_has("rrrrrrrr"));
	assert_string_equal(header.release, "");
	assert_int_equal(header.build_id_bytes, 0);
	assert_true(header.flags & LB_DUMP_FLAG_ENCRYPTED);
}

static void check_text(uint64_t offset, uint64_t bytes, const uint8_t *sha256, const char *wanted,
		       size_t length)
{
	size_t count;
	uint8_t *content = open_sealed(offset, bytes, true, &count);

	check_digest(offset, bytes, sha256);
	assert_int_equal(count, length);
	assert_memory_equal(content, wanted, length);
	free(content);
}

static void write_encrypted(enum lb_dump_format format)
{
	encrypted = true;
	reports = 0;
	memset(report, 'r', sizeof(report));
	prepare(format, ROOMY);
	encrypted = false;
	machine.job.doubt = "no sign of a panic in the log";
	if (write_dump())
		fail_msg("%s", err.text);
	check_slots();
	check_secrecy();
	assert_int_equal(header.state, LB_DUMP_COMPLETE);
	assert_int_equal(header.desc_total, 0);
	check_text(header.log_offset, header.log_bytes, header.log_sha256, log_text, sizeof(log_text) - 1);
	check_digest(header.file_offset, header.file_bytes, header.head_sha256);
}

static void test_encrypted_kdump(void **state)
{
	static const enum lb_dump_format formats[] = {LB_DUMP_ZSTD, LB_DUMP_ZLIB, LB_DUMP_RAW};

	(void)state;
	for (unsigned int i = 0; i < 3; i++) {
		size_t flat_bytes, bytes;
		uint8_t *flat, *file;

		write_encrypted(formats[i]);
		assert_string_equal(header.message, "complete: 1694 pages, encrypted to 1 recipient");
		flat = open_sealed(header.file_offset, header.file_bytes, true, &flat_bytes);
		file = rearrange(flat, flat_bytes, &bytes);
		read_back_file(file, bytes, &machine, all_there, READ_BACK_KDUMP);
		free(flat);
		free(file);
	}
}

// The same machine is dumped in the clear and encrypted. No page is zero or can be compressed.
static void test_encrypted_size(void **state)
{
	uint64_t ends[2];

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		encrypted = i;
		prepare(LB_DUMP_RAW, ROOMY);
		encrypted = false;
		for (uint32_t piece = 0; piece < MACHINE_PIECES; piece++)
			memset(machine.content[piece], 0x5a, lb_range_size(machine.pieces[piece].phys));
		machine.dead.cr3 = 0;
		assert_int_equal(write_dump(), 0);
		assert_int_equal(header.pages_done, machine.ram.pages);
		ends[i] = header.file_offset + header.file_bytes;
	}
	assert_true(ends[1] > ends[0]);
	assert_in_range(lb_dump_size_encrypted(ends[0]), ends[1], ends[1] + ends[1] / 100 + 4 * 64 * LB_KIB);
}

static void test_encrypted_elf(void **state)
{
	size_t bytes;
	uint8_t *file;

	(void)state;
	write_encrypted(LB_DUMP_ELF);
	file = open_sealed(header.file_offset, header.file_bytes, true, &bytes);
	read_back_file(file, bytes, &machine, all_there, READ_BACK_ELF);
	free(file);
}

static const char *report_text(void *ctx, uint32_t *ret_bytes)
{
	*ret_bytes = sizeof(report);
	return ctx;
}

static void test_encrypted_report(void **state)
{
	(void)state;
	encrypted = true;
	memset(report, 'r', sizeof(report));
	prepare(LB_DUMP_ZSTD, ROOMY);
	encrypted = false;
	machine.job.report = report_text;
	machine.job.ctx = report;
	assert_int_equal(write_dump(), 0);
	check_secrecy();
	check_text(header.report_offset, header.report_bytes, header.report_sha256, report, sizeof(report));
}

// A partition that is full ends the dump early. age still opens the file, and readers can read what was
// written.
static void test_encrypted_full(void **state)
{
	(void)state;
	for (uint64_t bytes = 5 * LB_PAGE; bytes < 3 * LB_MIB; bytes += 97 * LB_PAGE) {
		size_t flat_bytes, file_bytes;
		uint8_t *flat, *file;

		encrypted = true;
		prepare(LB_DUMP_RAW, bytes);
		encrypted = false;
		assert_int_equal(write_dump(), -1);
		assert_non_null(strstr(err.text, "full"));
		check_secrecy();
		assert_int_equal(header.state, LB_DUMP_PARTIAL);
		assert_true(header.file_offset + header.file_bytes <= bytes);
		if (!header.file_bytes)
			continue;
		check_digest(header.file_offset, header.file_bytes, header.head_sha256);
		flat = open_sealed(header.file_offset, header.file_bytes, true, &flat_bytes);
		if (flat_bytes > 2 * LB_PAGE) {
			file = rearrange(flat, flat_bytes, &file_bytes);
			assert_memory_equal(file, "KDUMP   ", 8);
			assert_int_equal(file[424] & 8, 8); // flag: incomplete
			free(file);
		}
		free(flat);
	}
}

// The dump is interrupted. age opens every whole chunk that the last header covers, and no part of a chunk.
static void test_encrypted_interrupted(void **state)
{
	unsigned int interrupted = 0;
	uint64_t writes;

	(void)state;
	write_encrypted(LB_DUMP_ZSTD);
	writes = disk.writes;
	for (uint64_t after = 6; after < writes; after += 2) {
		struct lb_dump_header there;
		size_t bytes;

		encrypted = true;
		prepare(LB_DUMP_ZSTD, ROOMY);
		encrypted = false;
		disk.gone_after = after;
		assert_int_equal(write_dump(), -1);
		check_secrecy();
		if (lb_dump_header_choose((const void *)disk.data, &there, &err) != 0 ||
		    there.state != LB_DUMP_WRITING || !there.data_bytes)
			continue;
		interrupted++;
		free(open_sealed(there.file_offset, there.data_bytes, false, &bytes));
		assert_int_equal(bytes % LB_CHUNK_PLAIN, 0);
		assert_true(bytes + LB_CHUNK_SEALED > there.data_bytes / LB_CHUNK_SEALED * LB_CHUNK_PLAIN);
	}
	assert_true(interrupted > 3);
}

// A key is used for one file only. Another target has keys of its own.
static void test_key_used_once(void **state)
{
	(void)state;
	write_encrypted(LB_DUMP_ZSTD);
	machine.job.crypt = files; // the first dump has wiped these keys
	assert_int_equal(lb_dump_write(&machine.job, partition, &header, &err), -1);
	assert_string_equal(err.text, "encryption: there is no key for this file");
	assert_false(disk_has("Kernel panic"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_encrypted_kdump), cmocka_unit_test(test_encrypted_size),
		cmocka_unit_test(test_encrypted_elf),   cmocka_unit_test(test_encrypted_report),
		cmocka_unit_test(test_encrypted_full),  cmocka_unit_test(test_encrypted_interrupted),
		cmocka_unit_test(test_key_used_once),
	};

	return cmocka_run_group_tests(tests, make_key, tidy);
}
