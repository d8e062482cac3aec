// SPDX-License-Identifier: BSD-2-Clause
// Whole dumps: header, log, and the file in all four formats, read by libkdumpfile and drgn, and taken apart
// here if ELF. Dumps that end early, too.
#include "crash/disk/stamp.h"
#include "crash/plan/dumpsize.h"
#include "dump_made.h"

static void test_doubt(void **state)
{
	(void)state;
	prepare(LB_DUMP_ZLIB, ROOMY);
	machine.job.doubt = "no sign of a panic in the log";
	if (write_dump())
		fail_msg("%s", err.text);
	assert_string_equal(header.message, "complete: 1694 pages; no sign of a panic in the log");
}

// Puts a log of 16 records. Each has the same 4000 bytes in the ring, which are 34 KB as text.
static void put_long_log(void)
{
	const uint64_t descs = MACHINE_MAP + 0x11000, infos = descs + LB_PAGE, finalized = 2ULL << 62;
	static char line[4001];
	const char *lines[] = {line};

	for (unsigned int i = 0; i < 4000; i++)
		line[i] = "a\n"[i % 2];
	machine_put_log(&machine, lines, 1);
	machine_put(&machine, MACHINE_MAP + 0x10100 + 24, 15);
	for (uint64_t i = 0; i < 16; i++) {
		machine_put(&machine, descs + 24 * i, finalized | i);
		machine_put(&machine, descs + 24 * i + 8, 0);
		machine_put(&machine, descs + 24 * i + 16, 4008);
		machine_put(&machine, infos + 88 * i + 8, (i + 1) * 1000000000ULL);
		machine_put(&machine, infos + 88 * i + 16, 4000);
	}
}

// If the log does not have enough room, its end is written, beginning with a whole line.
static void test_long_log(void **state)
{
	const uint64_t limit = 4 * LB_PARTITION_BUFFER;
	const uint8_t *log;

	(void)state;
	prepare(LB_DUMP_ZLIB, limit);
	put_long_log();
	assert_int_equal(write_dump(), -1); // no room is left for pages
	log = disk.data + header.log_offset;
	assert_true(header.log_bytes <= limit - header.log_offset);
	assert_true(header.log_bytes > limit - header.log_offset - 64);
	assert_memory_equal(log, "               a\n", 17);
	assert_int_equal(log[header.log_bytes - 1], '\n');
	assert_non_null(strstr((const char *)log, "[   16.000000] a\n"));
	check_digest(header.log_offset, header.log_bytes, header.log_sha256);
}

static const char between[] = "lifeboat: the log of kdump's own kernel, which died next:\n";

static void test_two_logs(void **state)
{
	struct lb_deadspace none;
	char wanted[512];

	(void)state;
	prepare(LB_DUMP_ZLIB, 8 * LB_MIB);
	machine.job.kdump = &machine.dead; // kdump's kernel has the same log
	assert_int_equal(write_dump(), 0);
	snprintf(wanted, sizeof(wanted), "%s%s%s", log_text, between, log_text);
	assert_int_equal(header.log_bytes, strlen(wanted));
	assert_memory_equal(disk.data + header.log_offset, wanted, strlen(wanted));
	// Each kernel's log is written if it can be read.
	prepare(LB_DUMP_ZLIB, 8 * LB_MIB);
	none = machine.dead;
	none.cr3 = 0;
	machine.job.kdump = &none;
	assert_int_equal(write_dump(), 0);
	assert_int_equal(header.log_bytes, strlen(log_text) + strlen(between));
	assert_non_null(strstr(capture_said(), "the log of kdump's own kernel: "));
}

// A long log of the first kernel leaves room for the log of kdump's kernel.
static void test_two_long_logs(void **state)
{
	const char *second;
	uint64_t room;

	(void)state;
	prepare(LB_DUMP_ZLIB, 4 * LB_PARTITION_BUFFER);
	put_long_log();
	machine.job.kdump = &machine.dead;
	assert_int_equal(write_dump(), -1);
	room = 4 * LB_PARTITION_BUFFER - header.log_offset;
	second = strstr((const char *)disk.data + header.log_offset, between);
	assert_non_null(second);
	assert_in_range(second - (const char *)disk.data - header.log_offset, room / 4 * 3 - 64,
			room / 4 * 3);
	assert_in_range(header.log_bytes, room - 64, room);
	assert_memory_equal(second + sizeof(between) - 1, "               a\n", 17);
}

// The report lies between log and file, with its own digest. A second target gets the same text.
static void test_report(void **state)
{
	(void)state;
	memset(report, 'r', sizeof(report));
	reports = 0;
	for (unsigned int i = 0; i < 2; i++) {
		uint64_t used;

		prepare(i ? LB_DUMP_ELF : LB_DUMP_ZSTD, ROOMY);
		machine.job.report = make_report;
		machine.job.ctx = report;
		used = lb_heap_used();
		if (write_dump())
			fail_msg("%s", err.text);
		// What the plan reserves for the writer.
		assert_in_range(lb_heap_used() - used, 1, LB_CAPTURE_WRITER);
		check_slots();
		assert_int_equal(header.report_offset, 3 * LB_DUMP_BLOCK);
		assert_int_equal(header.report_bytes, sizeof(report));
		assert_memory_equal(disk.data + header.report_offset, report, sizeof(report));
		check_digest(header.report_offset, header.report_bytes, header.report_sha256);
		assert_int_equal(header.file_offset, 5 * LB_DUMP_BLOCK);
		assert_int_equal(header.state, LB_DUMP_COMPLETE);
	}
	assert_int_equal(reports, 2);
}

// The report is left out if there is none, or no room for it.
static void test_no_report(void **state)
{
	(void)state;
	prepare(LB_DUMP_ZSTD, ROOMY);
	machine.job.report = make_report; // makes a report without text: its ctx is NULL
	assert_int_equal(write_dump(), 0);
	assert_int_equal(header.report_bytes, 0);
	assert_int_equal(header.file_offset, 3 * LB_DUMP_BLOCK);

	prepare(LB_DUMP_ZSTD, 4 * LB_DUMP_BLOCK);
	machine.job.report = make_report;
	machine.job.ctx = report;
	assert_int_equal(write_dump(), -1);
	assert_non_null(strstr(capture_said(), "the report is not on the disk: no room for it"));
	assert_non_null(strstr(err.text, "full"));
	assert_int_equal(header.report_bytes, 0);
	assert_int_equal(header.log_bytes, sizeof(log_text) - 1);
}

static void write_whole(enum lb_dump_format format)
{
	prepare(format, ROOMY);
	if (write_dump())
		fail_msg("%s", err.text);
	check_header(LB_DUMP_COMPLETE, format);
	assert_int_equal(header.pages_done, header.page_count);
}

static void test_kdump_formats(void **state)
{
	static const enum lb_dump_format formats[] = {LB_DUMP_ZSTD, LB_DUMP_ZLIB, LB_DUMP_RAW};

	(void)state;
	for (unsigned int i = 0; i < 3; i++) {
		write_whole(formats[i]);
		assert_int_equal(header.page_count, machine.ram.pages);
		assert_string_equal(header.message, "complete: 1694 pages");
		check_digest(header.file_offset, header.desc_offset, header.head_sha256);
		check_digest(header.file_offset + header.desc_offset, header.desc_bytes, header.desc_sha256);
		check_digest(header.file_offset + header.data_offset, header.data_bytes, header.data_sha256);
		read_back_file(disk.data + header.file_offset, header.file_bytes, &machine, all_there,
			       READ_BACK_KDUMP);
	}
}

static uint64_t unreadable; // number of a page frame

static bool all_but_unreadable(uint64_t pfn)
{
	return pfn != unreadable;
}

// Reading a page ends in a page fault or a machine check. Only this page is lost.
static void test_unreadable_page(void **state)
{
	static const enum lb_dump_format formats[] = {LB_DUMP_ZSTD, LB_DUMP_ELF};

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		prepare(formats[i], ROOMY);
		unreadable = machine.pieces[1].phys.start / LB_PAGE;
		capture_page_fails(machine.pieces[1].now);
		if (write_dump())
			fail_msg("%s", err.text);
		check_header(LB_DUMP_COMPLETE, formats[i]);
		assert_int_equal(header.pages_done, header.page_count);
		assert_non_null(strstr(header.message, " pages, 1 of them could not be read"));
		assert_non_null(strstr(capture_said(), "warning: 1 pages could not be read"));
		if (formats[i] != LB_DUMP_ELF)
			read_back_file(disk.data + header.file_offset, header.file_bytes, &machine,
				       all_but_unreadable, READ_BACK_KDUMP);
	}
}

// Compares the bytes that a PT_LOAD has in the file with the machine's memory.
static void check_load(const uint8_t *content, const Elf64_Phdr *load)
{
	for (uint64_t done = 0; done < load->p_filesz; done += LB_PAGE) {
		uint64_t phys = load->p_paddr + done;
		uint64_t bytes = load->p_filesz - done < LB_PAGE ? load->p_filesz - done : LB_PAGE;
		const uint8_t *page = phys == RAGGED_PHYS ? ragged : machine_page(&machine, phys / LB_PAGE);

		assert_non_null(page);
		assert_memory_equal(content + done, page, bytes);
	}
}

static void test_elf(void **state)
{
	const uint8_t *file;
	const Elf64_Phdr *phdrs;
	uint64_t end;

	(void)state;
	write_whole(LB_DUMP_ELF);
	file = disk.data + header.file_offset;
	phdrs = (const Elf64_Phdr *)(file + sizeof(Elf64_Ehdr));
	assert_memory_equal(file, &core.ehdr, sizeof(core.ehdr));
	assert_int_equal(phdrs[0].p_type, PT_NOTE);
	assert_int_equal(phdrs[0].p_filesz, machine.notes_bytes);
	assert_memory_equal(file + phdrs[0].p_offset, machine.notes, machine.notes_bytes);
	end = phdrs[0].p_offset + phdrs[0].p_filesz;
	for (uint32_t i = 1; i < core.ehdr.e_phnum; i++) {
		assert_int_equal(phdrs[i].p_type, PT_LOAD);
		assert_int_equal(phdrs[i].p_paddr, core.phdrs[i].p_paddr);
		assert_int_equal(phdrs[i].p_vaddr, core.phdrs[i].p_vaddr);
		assert_int_equal(phdrs[i].p_filesz, core.phdrs[i].p_filesz);
		assert_int_equal(phdrs[i].p_offset % LB_PAGE, phdrs[i].p_paddr % LB_PAGE);
		assert_true(phdrs[i].p_offset + phdrs[i].p_filesz <= header.file_bytes);
		check_load(file + phdrs[i].p_offset, &phdrs[i]);
		if (i == 1)
			continue; // the kernel's text is part of RAM, and written there
		assert_true(phdrs[i].p_offset >= end);
		end = phdrs[i].p_offset + phdrs[i].p_filesz;
	}
	assert_int_equal(end, header.file_bytes);
	assert_int_equal(phdrs[1].p_offset, phdrs[4].p_offset + TEXT_PHYS - LB_MIB);
	assert_int_equal(header.page_count, machine.ram.pages + 1);
	assert_int_equal(header.data_offset + header.data_bytes, header.file_bytes);
	assert_int_equal(header.desc_total, 0);
	check_digest(header.file_offset, header.file_bytes, header.head_sha256);
	read_back_file(file, header.file_bytes, &machine, all_there, READ_BACK_ELF);
}

// RAM that begins within a page. The kernel's text is in no RAM, and is written on its own.
static void test_elf_ragged_start(void **state)
{
	const Elf64_Phdr *phdrs;

	(void)state;
	prepare(LB_DUMP_ELF, ROOMY);
	core.phdrs[3].p_paddr += 0x123;
	core.phdrs[3].p_offset += 0x123;
	core.phdrs[3].p_filesz = 0x456;
	core.phdrs[1].p_offset += LB_MIB; // the text's content lies elsewhere than RAM's
	if (write_dump())
		fail_msg("%s", err.text);
	phdrs = (const Elf64_Phdr *)(disk.data + header.file_offset + sizeof(Elf64_Ehdr));
	assert_int_equal(phdrs[3].p_offset % LB_PAGE, 0x123);
	assert_memory_equal(disk.data + header.file_offset + phdrs[3].p_offset, ragged + 0x123, 0x456);
	assert_true(phdrs[1].p_offset < phdrs[2].p_offset);
	assert_memory_equal(disk.data + header.file_offset + phdrs[1].p_offset,
			    machine_page(&machine, (TEXT_PHYS + LB_MIB) / LB_PAGE), LB_PAGE);
}

static void test_elf_header_is_checked(void **state)
{
	(void)state;
	prepare(LB_DUMP_ELF, ROOMY);
	machine.job.elfcorehdr_bytes = sizeof(core) - 1;
	assert_int_equal(write_dump(), -1);
	assert_string_equal(err.text, "ELF core header: 6 program headers in 399 bytes");
	check_header(LB_DUMP_PARTIAL, LB_DUMP_ELF);
	assert_int_equal(header.file_bytes, 0);

	prepare(LB_DUMP_ELF, ROOMY);
	core.ehdr.e_ident[0] = 0;
	assert_int_equal(write_dump(), -1);
	prepare(LB_DUMP_ELF, ROOMY);
	core.ehdr.e_phentsize = 32;
	assert_int_equal(write_dump(), -1);
}

static void test_full(void **state)
{
	uint8_t *whole = malloc(ROOMY);

	(void)state;
	assert_non_null(whole);
	for (enum lb_dump_format format = LB_DUMP_ZSTD; format <= LB_DUMP_ELF; format++) {
		uint64_t whole_bytes, partition_bytes;

		write_whole(format);
		whole_bytes = header.file_bytes;
		memcpy(whole, disk.data + header.file_offset, whole_bytes);
		for (partition_bytes = 4 * LB_PAGE; partition_bytes < whole_bytes + 3 * LB_PAGE;
		     partition_bytes += 401 * 512) {
			struct lb_error why;

			prepare(format, partition_bytes);
			assert_int_equal(write_dump(), -1);
			why = err;
			assert_non_null(strstr(why.text, "full"));
			check_header(LB_DUMP_PARTIAL, format);
			assert_memory_equal(header.message, why.text, strlen(header.message));
			assert_true(header.file_offset + header.file_bytes <= partition_bytes);
			assert_true(header.pages_done < machine.ram.pages);
			if (format != LB_DUMP_ELF)
				continue;
			assert_memory_equal(disk.data + header.file_offset, whole, header.file_bytes);
			check_digest(header.file_offset, header.file_bytes, header.head_sha256);
		}
	}
	free(whole);
}

// One partition has room for the headers only, the other for the log too.
static void test_tiny(void **state)
{
	(void)state;
	prepare(LB_DUMP_ZSTD, 2 * LB_PAGE);
	assert_int_equal(write_dump(), -1);
	assert_int_equal(header.state, LB_DUMP_PARTIAL);
	assert_int_equal(header.log_bytes, 0);
	prepare(LB_DUMP_ZSTD, 3 * LB_PAGE);
	assert_int_equal(write_dump(), -1);
	check_header(LB_DUMP_PARTIAL, LB_DUMP_ZSTD);
	assert_int_equal(header.file_bytes, 0);
}

// If the disk fails before the first write, the caller's header is unchanged. Later it is as last written.
static void test_disk_gone(void **state)
{
	struct lb_dump_header before;
	uint64_t writes;

	(void)state;
	write_whole(LB_DUMP_ZSTD);
	writes = disk.writes;
	for (uint64_t after = 0; after < writes; after += 5) {
		prepare(LB_DUMP_ZSTD, ROOMY);
		before = header;
		disk.gone_after = after;
		assert_int_equal(write_dump(), -1);
		assert_non_null(strstr(err.text, "memory disk: gone"));
		if (!after)
			assert_memory_equal(&header, &before, sizeof(header));
		else
			assert_true(header.state == LB_DUMP_WRITING || !header.magic);
	}
}

static void test_second_target(void **state)
{
	(void)state;
	prepare(LB_DUMP_ZSTD, ROOMY);
	disk.gone_after = 20;
	assert_int_equal(lb_dump_write(&machine.job, partition, &header, &err), -1);
	memory_disk_close(&disk);
	memory_disk_open(&disk, ROOMY, BEFORE);
	assert_int_equal(lb_partition_open(&disk.disk, &disk.target, 8, &partition, &err), 0);
	assert_int_equal(write_dump(), 0);
	check_header(LB_DUMP_COMPLETE, LB_DUMP_ZSTD);
	assert_int_equal(header.page_count, machine.ram.pages);
}

// Prepares a file whose blocks all have their stamps, except the one at `lost`. *ret_before is a copy of the
// partition, which the caller frees.
static void prepare_file(uint64_t lost, uint8_t **ret_before)
{
	prepare(LB_DUMP_ZSTD, ROOMY);
	disk.target.extent_count = 1;
	disk.target.extents[0] = (struct lb_extent){0, ROOMY};
	lb_stamp_fill(disk.target.file_id, 0, disk.data, ROOMY);
	if (lost)
		disk.data[lost]++;
	*ret_before = malloc(ROOMY);
	assert_non_null(*ret_before);
	memcpy(*ret_before, disk.data, ROOMY);
	assert_int_equal(lb_partition_open(&disk.disk, &disk.target, 8, &partition, &err), 0);
}

// The file has lost one block. Nothing is written from there on, and the header says that the dump is
// partial.
static void test_file(void **state)
{
	uint64_t wrote;
	uint8_t *before;

	(void)state;
	prepare_file(0, &before);
	assert_int_equal(write_dump(), 0);
	check_header(LB_DUMP_COMPLETE, LB_DUMP_ZSTD);
	wrote = header.file_offset + header.file_bytes;
	assert_memory_equal(disk.data + lb_align_up(wrote, LB_DUMP_BLOCK),
			    before + lb_align_up(wrote, LB_DUMP_BLOCK),
			    ROOMY - lb_align_up(wrote, LB_DUMP_BLOCK));
	free(before);
	for (uint64_t lost = header.file_offset; lost < wrote; lost += 97 * LB_DUMP_BLOCK) {
		prepare_file(lost, &before);
		assert_int_equal(write_dump(), -1);
		assert_non_null(strstr(err.text, "does not have its stamp any more"));
		check_header(LB_DUMP_PARTIAL, LB_DUMP_ZSTD);
		assert_non_null(strstr(header.message, "does not have its stamp any more"));
		assert_memory_equal(disk.data + lost, before + lost, ROOMY - lost);
		assert_true(header.file_offset + header.data_offset + header.data_bytes <= lost ||
			    !header.data_bytes);
		free(before);
	}
}

// A dump is complete without a log.
static void test_no_log(void **state)
{
	static const uint8_t none[20];

	(void)state;
	prepare(LB_DUMP_ZSTD, ROOMY);
	machine.dead.vmcoreinfo.bytes = 0;
	assert_int_equal(write_dump(), 0);
	assert_non_null(strstr(capture_said(), "the dead kernel's log: "));
	assert_int_equal(header.state, LB_DUMP_COMPLETE);
	assert_int_equal(header.log_bytes, 0);
	check_digest(0, 0, header.log_sha256);
	assert_int_equal(header.file_offset, 2 * LB_DUMP_BLOCK);
	assert_string_equal(header.release, "");
	assert_int_equal(header.build_id_bytes, 0);
	assert_memory_equal(header.build_id, none, sizeof(none));
}

static void test_worst_case(void **state)
{
	uint64_t slack = 16 * LB_MIB + 4 * LB_MIB + LB_DUMP_REPORT_MAX; // for log, notes and report
	uint64_t worst;

	(void)state;
	prepare(LB_DUMP_RAW, ROOMY);
	for (uint32_t i = 0; i < MACHINE_PIECES; i++)
		memset(machine.content[i], 0x5a, lb_range_size(machine.pieces[i].phys)); // no page is zero
	machine.dead.cr3 = 0;
	assert_int_equal(write_dump(), 0);
	worst = lb_dump_size_largest(machine.ram.pages, machine.ram.max_pfn);
	assert_in_range(worst, header.file_offset + header.file_bytes,
			header.file_offset + header.file_bytes + slack + 4 * LB_PAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kdump_formats),
		cmocka_unit_test(test_doubt),
		cmocka_unit_test(test_long_log),
		cmocka_unit_test(test_two_logs),
		cmocka_unit_test(test_two_long_logs),
		cmocka_unit_test(test_report),
		cmocka_unit_test(test_no_report),
		cmocka_unit_test(test_unreadable_page),
		cmocka_unit_test(test_elf),
		cmocka_unit_test(test_elf_ragged_start),
		cmocka_unit_test(test_elf_header_is_checked),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_tiny),
		cmocka_unit_test(test_disk_gone),
		cmocka_unit_test(test_second_target),
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_no_log),
		cmocka_unit_test(test_worst_case),
	};

	return cmocka_run_group_tests(tests, make_key, tidy);
}
