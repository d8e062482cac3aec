// SPDX-License-Identifier: BSD-2-Clause
// The whole dump: header, log and file in all four formats, given to other people's readers
// and, as ELF, taken apart here; and how it ends when it ends early.
#define _GNU_SOURCE // memmem()
#include <stdlib.h>
#include <string.h>

#include "age_made.h"
#include "crash/disk/dump_header.h"
#include "crash/disk/stamp.h"
#include "crash/plan/capturesize.h"
#include "crash/plan/dumpsize.h"
#include "fake_machine.h"
#include "lib/sha256.h"
#include "memory_disk.h"
#include "read_back.h"
#include "tools/common/unflatten.h"
#include "unit.h"

#define BEFORE 0xb7 // what the partition held
#define ROOMY (16 * LB_MIB)
#define PAGE_OFFSET 0xffff888000000000ULL
#define TEXT_PHYS (2 * LB_MIB)
#define TEXT_VIRT 0xffffffff81000000ULL
#define RAGGED_PHYS 0x9f000ULL // RAM that ends within a page
#define RAGGED_BYTES 0xc00ULL

static const char *const log_lines[] = {"Linux version 6.1.0-test-amd64", "Kernel panic - not syncing: test"};
static const char log_text[] = "[    1.000000] Linux version 6.1.0-test-amd64\n"
			       "[    2.000000] Kernel panic - not syncing: test\n";

static struct memory_disk disk;
static struct machine machine;
static struct lb_dump_header header;
static struct lb_partition *partition;
static struct lb_error err;
static char folder[] = "/tmp/test_dump.XXXXXX";
static struct age_key key;
static struct lb_crypt_file files[LB_CRYPT_PARTS];
static bool encrypted;

static struct {
	Elf64_Ehdr ehdr;
	Elf64_Phdr phdrs[3 + MACHINE_PIECES];
} core;
static uint8_t ragged[LB_PAGE] __attribute__((aligned(LB_PAGE)));

static void put_load(uint32_t i, uint64_t phys, uint64_t bytes, uint64_t now, uint64_t virt)
{
	core.phdrs[i] = (Elf64_Phdr){.p_type = PT_LOAD,
				     .p_flags = 7,
				     .p_offset = now,
				     .p_vaddr = virt,
				     .p_paddr = phys,
				     .p_filesz = bytes,
				     .p_memsz = bytes};
}

// As the purgatory finishes it.
static void make_core(void)
{
	memset(&core, 0, sizeof(core));
	memcpy(core.ehdr.e_ident, ELFMAG, SELFMAG);
	core.ehdr.e_ident[EI_CLASS] = ELFCLASS64;
	core.ehdr.e_ident[EI_DATA] = ELFDATA2LSB;
	core.ehdr.e_ident[EI_VERSION] = EV_CURRENT;
	core.ehdr.e_type = ET_CORE;
	core.ehdr.e_machine = EM_X86_64;
	core.ehdr.e_version = EV_CURRENT;
	core.ehdr.e_phoff = sizeof(core.ehdr);
	core.ehdr.e_ehsize = sizeof(core.ehdr);
	core.ehdr.e_phentsize = sizeof(core.phdrs[0]);
	core.ehdr.e_phnum = 3 + MACHINE_PIECES;
	core.phdrs[0].p_type = PT_NOTE;
	core.phdrs[0].p_offset = 0x12345000;
	core.phdrs[0].p_filesz = core.phdrs[0].p_memsz = sizeof(machine.notes);
	put_load(1, TEXT_PHYS, LB_MIB, TEXT_PHYS, TEXT_VIRT);
	put_load(2, machine.pieces[0].phys.start, lb_range_size(machine.pieces[0].phys),
		 machine.pieces[0].now, PAGE_OFFSET + machine.pieces[0].phys.start);
	put_load(3, RAGGED_PHYS, RAGGED_BYTES, RAGGED_PHYS, PAGE_OFFSET + RAGGED_PHYS);
	for (uint32_t i = 1; i < MACHINE_PIECES; i++)
		put_load(3 + i, machine.pieces[i].phys.start, lb_range_size(machine.pieces[i].phys),
			 machine.pieces[i].now, PAGE_OFFSET + machine.pieces[i].phys.start);
	machine_fill_page(ragged, 2);
	capture_ram_add(RAGGED_PHYS, ragged, LB_PAGE);
	machine.job.elfcorehdr = &core;
	machine.job.elfcorehdr_bytes = sizeof(core);
}

static void open_filter(void)
{
	struct lb_filter_level level;
	void *memory = lb_heap_pages(lb_filter_bytes());

	assert_non_null(memory);
	machine.job.filter = lb_filter_open(memory, &machine.dead, &machine.ram, LB_FILTER_ALL, &level);
	machine.job.level = level.bits;
	assert_non_null(machine.job.filter);
	assert_int_equal(machine.job.level, LB_FILTER_ZERO); // there are no struct pages
}

// As the loader does when it arms.
static void encrypt(void)
{
	struct lb_recipients recipients = {.count = 0};

	age_add_recipient(&recipients, &key);
	for (unsigned int i = 0; i < LB_CRYPT_PARTS; i++) {
		if (lb_age_make(&recipients, &age_random, &files[i], &err) != 0)
			fail_msg("%s", err.text);
	}
	machine.job.crypt = files;
	machine.job.sealing = lb_chunk_new();
	machine.job.recipients = 1;
	assert_non_null(machine.job.sealing);
}

static void prepare(enum lb_dump_format format, uint64_t partition_bytes)
{
	machine_close(&machine);
	memory_disk_close(&disk);
	machine_open(&machine, format);
	machine_map(&machine);
	machine_put_log(&machine, log_lines, 2);
	make_core();
	if (encrypted)
		encrypt();
	if (format != LB_DUMP_ELF)
		machine_open_helpers(&machine, 2);
	open_filter();
	memory_disk_open(&disk, partition_bytes, BEFORE);
	if (lb_partition_open(&disk.disk, &disk.target, 8, &partition, &err))
		fail_msg("%s", err.text);
	memset(&header, 0, sizeof(header));
	memset(header.arm_id, 0x11, sizeof(header.arm_id));
	memset(header.partuuid, 0x22, sizeof(header.partuuid));
	header.partition_bytes = partition_bytes;
	header.saved = 1; // the dump before this one
	header.file_bytes = 77;
	header.tsc_hook = 1000;
	header.tsc_begun = 2000;
	header.tsc_khz = 3000;
	header.tsc_end = 4000;
	err.text[0] = '\0';
}

static int write_dump(void)
{
	int result = lb_dump_write(&machine.job, partition, &header, &err);

	assert_null(lb_helpers_collect());
	lb_helpers_close();
	return result;
}

static void check_digest(uint64_t at, uint64_t bytes, const uint8_t *wanted)
{
	uint8_t digest[LB_SHA256_BYTES];

	lb_sha256(disk.data + at, bytes, digest);
	assert_memory_equal(digest, wanted, sizeof(digest));
}

// Either slot can be lost: the header that a dump has ended with is in both.
static void check_slots(void)
{
	const struct lb_dump_slots *slots = (const void *)disk.data;
	const uint64_t same_from = offsetof(struct lb_dump_header, report_offset);
	struct lb_dump_slots one_lost;
	struct lb_dump_header found;

	if (lb_dump_header_choose(slots, &found, &err))
		fail_msg("%s", err.text);
	assert_memory_equal(&found, &header, sizeof(header));
	for (unsigned int i = 0; i < LB_DUMP_SLOTS; i++) {
		for (uint64_t at = 0; at < sizeof(slots->slot[i].zeroes); at++)
			assert_int_equal(slots->slot[i].zeroes[at], 0);
		one_lost = *slots;
		memset(&one_lost.slot[i], 0, 512);
		if (lb_dump_header_choose(&one_lost, &found, &err))
			fail_msg("%s", err.text);
		assert_memory_equal(&found, &header, offsetof(struct lb_dump_header, sequence));
		assert_memory_equal((uint8_t *)&found + same_from, (uint8_t *)&header + same_from,
				    offsetof(struct lb_dump_header, sha256) - same_from);
	}
}

// What is true of each header that a dump has ended with.
static void check_header(uint32_t state, enum lb_dump_format format)
{
	static const uint8_t build_id[20] = {0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99,
					     0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff, 0x01, 0x23, 0x45, 0x67};
	uint8_t eleven[16];

	check_slots();
	memset(eleven, 0x11, sizeof(eleven));
	assert_memory_equal(header.arm_id, eleven, sizeof(eleven));
	assert_int_equal(header.partuuid[15], 0x22);
	assert_int_equal(header.partition_bytes, disk.bytes);
	assert_int_equal(header.saved, 0);
	assert_int_equal(header.state, state);
	assert_int_equal(header.format, format);
	assert_int_equal(header.dump_level, format == LB_DUMP_ELF ? 0 : LB_FILTER_ZERO);
	assert_int_equal(header.crash_time, 1700000000);
	assert_string_equal(header.release, "6.1.0-test-amd64");
	assert_int_equal(header.build_id_bytes, 20);
	assert_memory_equal(header.build_id, build_id, 20);
	assert_int_equal(header.tsc_hook, 1000);
	assert_int_equal(header.tsc_begun, 2000);
	assert_int_equal(header.tsc_khz, 3000);
	assert_true(header.tsc_end > header.tsc_first_byte && header.tsc_first_byte > 4000);
	assert_int_equal(header.log_offset, 2 * LB_DUMP_BLOCK);
	assert_int_equal(header.log_bytes, sizeof(log_text) - 1);
	assert_memory_equal(disk.data + 2 * LB_DUMP_BLOCK, log_text, sizeof(log_text) - 1);
	check_digest(header.log_offset, header.log_bytes, header.log_sha256);
	assert_int_equal(header.file_offset, 3 * LB_DUMP_BLOCK);
}

static void test_doubt(void **state)
{
	(void)state;
	prepare(LB_DUMP_ZLIB, ROOMY);
	machine.job.doubt = "no sign of a panic in the log";
	if (write_dump())
		fail_msg("%s", err.text);
	assert_string_equal(header.message, "complete: 1694 pages; no sign of a panic in the log");
}

// Of 16 records, each of which is the same 4000 bytes in the ring and 34 KB as text.
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

// Of a log that has no room its end counts, from the beginning of a line on.
static void test_long_log(void **state)
{
	const uint64_t limit = 4 * LB_PARTITION_BUFFER;
	const uint8_t *log;

	(void)state;
	prepare(LB_DUMP_ZLIB, limit);
	put_long_log();
	assert_int_equal(write_dump(), -1); // there is no room for pages
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
	machine.job.kdump = &machine.dead; // the same log once more
	assert_int_equal(write_dump(), 0);
	snprintf(wanted, sizeof(wanted), "%s%s%s", log_text, between, log_text);
	assert_int_equal(header.log_bytes, strlen(wanted));
	assert_memory_equal(disk.data + header.log_offset, wanted, strlen(wanted));
	// Of each kernel what can be read.
	prepare(LB_DUMP_ZLIB, 8 * LB_MIB);
	none = machine.dead;
	none.cr3 = 0;
	machine.job.kdump = &none;
	assert_int_equal(write_dump(), 0);
	assert_int_equal(header.log_bytes, strlen(log_text) + strlen(between));
	assert_non_null(strstr(capture_said(), "the log of kdump's own kernel: "));
}

// A long log of the first kernel leaves room for that of kdump's.
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

static char report[5000]; // a page, and a part of one
static unsigned int reports;

static const char *make_report(void *ctx, uint32_t *ret_bytes)
{
	struct lb_dump_header there;

	// The log is safe by then.
	assert_int_equal(lb_dump_header_choose((const void *)disk.data, &there, &err), 0);
	assert_int_equal(there.log_bytes, sizeof(log_text) - 1);
	reports++;
	*ret_bytes = sizeof(report);
	return ctx;
}

// Between log and file, with a digest of its own; the next target gets the same text.
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
		assert_in_range(lb_heap_used() - used, 1, LB_CAPTURE_WRITER); // what the plan has for it
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

// It is left out where it has no room, and where there is none.
static void test_no_report(void **state)
{
	(void)state;
	prepare(LB_DUMP_ZSTD, ROOMY);
	machine.job.report = make_report; // its text is NULL
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

static bool all_there(uint64_t pfn)
{
	(void)pfn;
	return true;
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

static uint64_t unreadable; // a page frame

static bool all_but_unreadable(uint64_t pfn)
{
	return pfn != unreadable;
}

// Its reading ends in a page fault or a machine check: it alone is lost.
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

// Against the machine: `bytes` of a PT_LOAD's content in the file.
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
			continue; // kernel text lies in RAM's
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

// RAM that begins within a page, and text that is in no RAM and so has content of its own.
static void test_elf_ragged_start(void **state)
{
	const Elf64_Phdr *phdrs;

	(void)state;
	prepare(LB_DUMP_ELF, ROOMY);
	core.phdrs[3].p_paddr += 0x123;
	core.phdrs[3].p_offset += 0x123;
	core.phdrs[3].p_filesz = 0x456;
	core.phdrs[1].p_offset += LB_MIB; // found elsewhere than RAM is
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

// A partition that takes the headers, and one that takes the log.
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

// Gone before the first write: the caller's header is as it was. Later: as last written.
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

// A file whose stamps are there but for the one at `lost`; as it then was into *ret_before, the caller's to free.
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

// Wherever the file has lost a block, nothing is written from there on, and what was written says so.
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

// A dump without a log is a dump.
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
	uint64_t slack = 16 * LB_MIB + 4 * LB_MIB + LB_DUMP_REPORT_MAX; // for log, notes, report
	uint64_t worst;

	(void)state;
	prepare(LB_DUMP_RAW, ROOMY);
	for (uint32_t i = 0; i < MACHINE_PIECES; i++)
		memset(machine.content[i], 0x5a, lb_range_size(machine.pieces[i].phys)); // nothing is zero
	machine.dead.cr3 = 0;
	assert_int_equal(write_dump(), 0);
	worst = lb_dump_size_largest(machine.ram.pages, machine.ram.max_pfn);
	assert_in_range(worst, header.file_offset + header.file_bytes,
			header.file_offset + header.file_bytes + slack + 4 * LB_PAGE);
}

// ---- Encrypted.

// The file at `offset` of the partition, as age opens it; the caller frees it. `whole`: age is content.
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

// No key outlives its file, and nothing of the dead machine is on the disk but encrypted.
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

// The same machine, once in the clear and once encrypted, nothing of it zero or compressed.
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

// Ended early by a partition that is full: age is content with what there is, and readers with what that makes.
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
			assert_int_equal(file[424] & 8, 8); // incomplete
			free(file);
		}
		free(flat);
	}
}

// Interrupted: every whole chunk that the last header speaks of is opened, and it ends with one.
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

// A key is used once: for another target there are others.
static void test_key_used_once(void **state)
{
	(void)state;
	write_encrypted(LB_DUMP_ZSTD);
	machine.job.crypt = files; // wiped
	assert_int_equal(lb_dump_write(&machine.job, partition, &header, &err), -1);
	assert_string_equal(err.text, "encryption: there is no key for this file");
	assert_false(disk_has("Kernel panic"));
}

static int make_key(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(folder));
	age_make_key(folder, 0, &key);
	return 0;
}

static int tidy(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	age_run(command, true);
	machine_close(&machine);
	memory_disk_close(&disk);
	capture_reset();
	return 0;
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
		cmocka_unit_test(test_encrypted_kdump),
		cmocka_unit_test(test_encrypted_size),
		cmocka_unit_test(test_encrypted_elf),
		cmocka_unit_test(test_encrypted_report),
		cmocka_unit_test(test_encrypted_full),
		cmocka_unit_test(test_encrypted_interrupted),
		cmocka_unit_test(test_key_used_once),
	};

	return cmocka_run_group_tests(tests, make_key, tidy);
}
