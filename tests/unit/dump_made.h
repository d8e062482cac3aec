// SPDX-License-Identifier: BSD-2-Clause
// A machine with a log and RAM, a partition in memory, and a whole dump of the machine on the partition, for
// tests of dump.c. It is a header with state, so that each test program has its own.
#ifndef LIFEBOAT_TESTS_UNIT_DUMP_MADE_H
#define LIFEBOAT_TESTS_UNIT_DUMP_MADE_H

#include <stdlib.h>
#include <string.h>

#include "age_made.h"
#include "crash/disk/dump_header.h"
#include "fake_machine.h"
#include "lib/sha256.h"
#include "memory_disk.h"
#include "read_back.h"
#include "unit.h"

#define BEFORE 0xb7 // what was on the partition before
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

static inline void put_load(uint32_t i, uint64_t phys, uint64_t bytes, uint64_t now, uint64_t virt)
{
	core.phdrs[i] = (Elf64_Phdr){.p_type = PT_LOAD,
				     .p_flags = 7,
				     .p_offset = now,
				     .p_vaddr = virt,
				     .p_paddr = phys,
				     .p_filesz = bytes,
				     .p_memsz = bytes};
}

// Makes the ELF core header as the purgatory finishes it.
static inline void make_core(void)
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

static inline void open_filter(void)
{
	struct lb_filter_level level;
	void *memory = lb_heap_pages(lb_filter_bytes());

	assert_non_null(memory);
	machine.job.filter = lb_filter_open(memory, &machine.dead, &machine.ram, LB_FILTER_ALL, &level);
	machine.job.level = level.bits;
	assert_non_null(machine.job.filter);
	assert_int_equal(machine.job.level, LB_FILTER_ZERO); // without struct pages only zeroes are left out
}

// Makes keys and files as the loader does when it arms.
static inline void encrypt(void)
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

static inline void prepare(enum lb_dump_format format, uint64_t partition_bytes)
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
	header.saved = 1; // a dump was there, and is saved
	header.file_bytes = 77;
	header.tsc_hook = 1000;
	header.tsc_begun = 2000;
	header.tsc_khz = 3000;
	header.tsc_end = 4000;
	err.text[0] = '\0';
}

static inline int write_dump(void)
{
	int result = lb_dump_write(&machine.job, partition, &header, &err);

	assert_null(lb_helpers_collect());
	lb_helpers_close();
	return result;
}

static inline void check_digest(uint64_t at, uint64_t bytes, const uint8_t *wanted)
{
	uint8_t digest[LB_SHA256_BYTES];

	lb_sha256(disk.data + at, bytes, digest);
	assert_memory_equal(digest, wanted, sizeof(digest));
}

// Judges that either slot may be lost: at a dump's end its header is in both.
static inline void check_slots(void)
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

// Judges what holds for the header of any ended dump.
static inline void check_header(uint32_t state, enum lb_dump_format format)
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

static char report[5000]; // a page and part of another
static unsigned int reports;

static inline const char *make_report(void *ctx, uint32_t *ret_bytes)
{
	struct lb_dump_header there;

	// When the report is made, the log is on the disk already.
	assert_int_equal(lb_dump_header_choose((const void *)disk.data, &there, &err), 0);
	assert_int_equal(there.log_bytes, sizeof(log_text) - 1);
	reports++;
	*ret_bytes = sizeof(report);
	return ctx;
}

static inline bool all_there(uint64_t pfn)
{
	(void)pfn;
	return true;
}

static inline int make_key(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(folder));
	age_make_key(folder, 0, &key);
	return 0;
}

static inline int tidy(void **state)
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

#endif
