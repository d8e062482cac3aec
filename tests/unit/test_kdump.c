// SPDX-License-Identifier: BSD-2-Clause
// The kdump-compressed file, judged by a reader of the tests' own. The reader is written from the format's
// description, by offsets, and shares nothing with the writer.
#include <stdlib.h>
#include <string.h>

#include <zlib.h>
#include <zstd.h>

#include "crash/disk/dump_header.h"
#include "crash/dump/kdump.h"
#include "fake_machine.h"
#include "lib/sha256.h"
#include "memory_disk.h"
#include "read_back.h"
#include "unit.h"

#define FILE_OFFSET (3 * LB_PAGE)
#define BEFORE 0xb7 // what was on the partition before
#define ROOMY (16 * LB_MIB)
#define PARTITION_BUFFERS 4

static struct memory_disk disk;
static struct machine machine;
static struct lb_dump_header header;
static struct lb_writer writer;
static struct lb_error err;

// ---- The reader.

struct reader {
	const uint8_t *file;
	uint64_t bytes;
	uint64_t max_mapnr, bitmap1, bitmap2, descs;
	uint32_t status;
};

enum page_state { PAGE_NO_RAM, PAGE_EXCLUDED, PAGE_LOST, PAGE_READ };

static uint64_t get(const struct reader *reader, uint64_t at, unsigned int bytes)
{
	uint64_t value = 0;

	assert_true(at + bytes <= reader->bytes);
	memcpy(&value, reader->file + at, bytes);
	return value;
}

static bool get_bit(const struct reader *reader, uint64_t bitmap, uint64_t pfn)
{
	return get(reader, bitmap + pfn / 8, 1) >> pfn % 8 & 1;
}

static void reader_open(struct reader *reader, const uint8_t *file, uint64_t bytes)
{
	uint64_t blocks;

	reader->file = file;
	reader->bytes = bytes;
	assert_memory_equal(file, "KDUMP   ", 8);
	assert_int_equal(get(reader, 8, 4), 6);
	reader->status = (uint32_t)get(reader, 424, 4);
	assert_int_equal(get(reader, 428, 4), 4096);
	blocks = get(reader, 436, 4);
	assert_int_equal(blocks % 2, 0);
	reader->max_mapnr = get(reader, 4096 + 96, 8);
	assert_int_equal(get(reader, 440, 4), reader->max_mapnr);
	assert_true(blocks / 2 * 4096 * 8 >= reader->max_mapnr);
	reader->bitmap1 = (1 + get(reader, 432, 4)) * 4096;
	reader->bitmap2 = reader->bitmap1 + blocks / 2 * 4096;
	reader->descs = reader->bitmap1 + blocks * 4096;
}

// Reads page `pfn`. `index` is its number among the pages that bitmap 2 has, which the caller counts.
static enum page_state read_page(const struct reader *reader, uint64_t pfn, uint64_t index, uint8_t *page)
{
	uint64_t at = reader->descs + 24 * index, offset, bytes, flags;
	uLongf length = LB_PAGE;

	if (!get_bit(reader, reader->bitmap1, pfn))
		return PAGE_NO_RAM;
	if (!get_bit(reader, reader->bitmap2, pfn))
		return PAGE_EXCLUDED;
	offset = get(reader, at, 8);
	bytes = get(reader, at + 8, 4);
	flags = get(reader, at + 12, 4);
	assert_int_equal(get(reader, at + 16, 8), 0);
	if (!offset)
		return PAGE_LOST;
	assert_in_range(bytes, 1, LB_PAGE);
	assert_true(offset + bytes <= reader->bytes);
	if (flags == 0x20) {
		assert_int_equal(ZSTD_decompress(page, LB_PAGE, reader->file + offset, bytes), LB_PAGE);
	} else if (flags == 0x1) {
		assert_int_equal(uncompress(page, &length, reader->file + offset, bytes), Z_OK);
		assert_int_equal(length, LB_PAGE);
	} else {
		assert_int_equal(flags, 0);
		assert_int_equal(bytes, LB_PAGE);
		memcpy(page, reader->file + offset, LB_PAGE);
	}
	return PAGE_READ;
}

// ---- What is written.

static bool (*chosen)(uint64_t pfn);
static bool (*own)(uint64_t pfn); // which of the chosen pages are written first; NULL: there is one pass only
static uint64_t choose_at, own_at;

static bool choose_all(uint64_t pfn)
{
	(void)pfn;
	return true;
}

static bool choose_some(uint64_t pfn)
{
	return pfn % 3 != 1 && (pfn < 300 || pfn > 700);
}

static bool own_some(uint64_t pfn)
{
	return pfn % 7 < 3 || pfn > 1200;
}

static bool own_none(uint64_t pfn)
{
	(void)pfn;
	return false;
}

static void choose_next(void *ctx, uint64_t pages, uint8_t *bits)
{
	assert_ptr_equal(ctx, &machine);
	assert_int_equal(pages % 8, 0);
	memset(bits, 0, pages / 8);
	for (uint64_t i = 0; i < pages; i++, choose_at++) {
		if (chosen(choose_at))
			bits[i / 8] |= (uint8_t)(1U << i % 8);
	}
}

static void choose_again(void *ctx)
{
	assert_ptr_equal(ctx, &machine);
	choose_at = 0;
}

static const struct lb_page_choice choice = {choose_next, &machine, choose_again};

// Makes disk, machine, helpers and writer. write_file() follows.
static void prepare(enum lb_dump_format format, uint32_t cpus, uint64_t partition_bytes)
{
	struct lb_partition *partition;

	machine_close(&machine);
	memory_disk_close(&disk);
	machine_open(&machine, format);
	machine_open_helpers(&machine, cpus);
	memory_disk_open(&disk, partition_bytes, BEFORE);
	if (lb_partition_open(&disk.disk, &disk.target, PARTITION_BUFFERS, &partition, &err))
		fail_msg("%s", err.text);
	memset(&header, 0, sizeof(header));
	memset(&writer, 0, sizeof(writer));
	writer.job = &machine.job;
	writer.partition = partition;
	writer.limit = lb_align_down(partition_bytes, LB_PAGE);
	writer.header = &header;
	writer.next.state = LB_DUMP_WRITING;
	writer.next.file_offset = FILE_OFFSET;
	err.text[0] = '\0';
	chosen = choose_all;
}

static void keep_own(void *ctx, uint64_t pages, uint8_t *bits)
{
	assert_ptr_equal(ctx, &machine);
	assert_int_equal(pages % 8, 0);
	for (uint64_t i = 0; i < pages; i++, own_at++) {
		if (!own(own_at))
			bits[i / 8] &= (uint8_t) ~(1U << i % 8);
	}
}

static void own_again(void *ctx)
{
	assert_ptr_equal(ctx, &machine);
	own_at = 0;
}

static const struct lb_page_choice own_first = {keep_own, &machine, own_again};

static int write_file(void)
{
	int result;

	choose_at = own_at = 0;
	result = lb_kdump_write(&writer, &choice, own ? &own_first : NULL, &err);
	assert_null(lb_helpers_collect()); // no batch is in flight
	lb_helpers_close();
	return result;
}

static void write_whole_file(void)
{
	if (write_file())
		fail_msg("%s", err.text);
}

static void check_digest(uint64_t at, uint64_t bytes, const uint8_t *wanted)
{
	uint8_t digest[LB_SHA256_BYTES];

	lb_sha256(disk.data + FILE_OFFSET + at, bytes, digest);
	assert_memory_equal(digest, wanted, sizeof(digest));
}

static void check_digests(void)
{
	const struct lb_dump_header *next = &writer.next;

	check_digest(0, next->desc_offset, next->head_sha256);
	check_digest(next->desc_offset, next->desc_bytes, next->desc_sha256);
	check_digest(next->data_offset, next->data_bytes, next->data_sha256);
}

static uint64_t count_own(void)
{
	uint64_t count = 0;

	for (uint64_t pfn = 0; own && pfn < MACHINE_MAX_PFN; pfn++)
		count += machine_page(&machine, pfn) && chosen(pfn) && own(pfn);
	return count;
}

// Judges the state of a page; returns whether it must be there. A page of zeroes needs no data, so it can be
// read even behind the checkpoint.
static bool check_state(enum page_state state, bool wanted, const uint8_t *original)
{
	if (!wanted && state == PAGE_READ && writer.next.state == LB_DUMP_WRITING &&
	    lb_compress_is_zero(original))
		return true;
	assert_int_equal(state, wanted ? PAGE_READ : PAGE_LOST);
	return wanted;
}

// Compares every page of the file with the machine's. Of the chosen pages the first `wanted`, in the order of
// writing, are there, and the others are lost. The bitmaps have exactly the chosen pages.
static void check_pages(const struct reader *reader, uint64_t wanted)
{
	uint8_t page[LB_PAGE];
	uint64_t index = 0, rank_own = 0, rank_other = count_own();

	for (uint64_t pfn = 0; pfn < reader->max_mapnr; pfn++) {
		const uint8_t *original = machine_page(&machine, pfn);
		enum page_state state = read_page(reader, pfn, index, page);

		if (!original) {
			assert_int_equal(state, PAGE_NO_RAM);
			assert_false(get_bit(reader, reader->bitmap2, pfn));
			continue;
		}
		if (!chosen(pfn)) {
			assert_int_equal(state, PAGE_EXCLUDED);
			continue;
		}
		if (check_state(state, (own && own(pfn) ? rank_own++ : rank_other++) < wanted, original))
			assert_memory_equal(page, original, LB_PAGE);
		index++;
	}
	for (uint64_t at = reader->bitmap1; at < reader->bitmap2; at++) {
		uint64_t pfn = (at - reader->bitmap1) * 8;

		if (pfn >= reader->max_mapnr)
			assert_int_equal(get(reader, at, 1), 0);
	}
	assert_int_equal(index, writer.next.page_count);
}

static uint64_t count_chosen(void)
{
	uint64_t count = 0;

	for (uint64_t pfn = 0; pfn < MACHINE_MAX_PFN; pfn++)
		count += machine_page(&machine, pfn) && chosen(pfn);
	return count;
}

static void check_whole_file(uint32_t status)
{
	const struct lb_dump_header *next = &writer.next;
	struct reader reader;

	assert_int_equal(next->page_count, count_chosen());
	assert_int_equal(next->pages_done, next->page_count);
	assert_int_equal(next->desc_total, next->page_count * 24);
	assert_int_equal(next->desc_bytes, next->desc_total);
	assert_int_equal(next->file_bytes, next->data_offset + next->data_bytes);
	reader_open(&reader, disk.data + FILE_OFFSET, next->file_bytes);
	assert_int_equal(reader.status, status);
	assert_int_equal(reader.descs, next->desc_offset);
	check_pages(&reader, next->page_count);
	check_digests();
	assert_int_equal(next->flags, own ? LB_DUMP_FLAG_KERNEL_FIRST : 0);
	assert_int_equal(next->kernel_bytes != 0, own != NULL);
}

static void check_own_data(void)
{
	const struct lb_dump_header *next = &writer.next;
	const uint64_t end = next->data_offset + next->kernel_bytes;
	struct reader reader;
	uint64_t index = 0;

	reader_open(&reader, disk.data + FILE_OFFSET, next->file_bytes);
	for (uint64_t pfn = 0; pfn < MACHINE_MAX_PFN; pfn++) {
		uint64_t offset;

		if (!machine_page(&machine, pfn) || !chosen(pfn))
			continue;
		offset = get(&reader, reader.descs + 24 * index++, 8);
		if (offset != next->data_offset) // the page of zeroes, which all of them share
			assert_int_equal(own(pfn), offset < end);
	}
}

// The kernel's own pages come first. Their data end at kernel_bytes, and everything else is as without them.
static void test_own_first(void **state)
{
	bool (*const rows[])(uint64_t) = {own_some, own_none, choose_all};

	(void)state;
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (uint32_t cpus = 1; cpus <= 4; cpus += 3) {
			prepare(LB_DUMP_ZSTD, cpus, ROOMY);
			chosen = choose_some;
			own = rows[i];
			write_whole_file();
			check_whole_file(0x20);
			check_own_data();
		}
	}
	own = NULL;
}

// A page that cannot be read is tried in both passes, and counted as lost once.
static void test_own_lost(void **state)
{
	(void)state;
	prepare(LB_DUMP_ZSTD, 1, ROOMY);
	own = choose_all;
	capture_page_fails(MACHINE_HIGH + 5 * LB_PAGE);
	write_whole_file();
	assert_int_equal(writer.lost_pages, 1);
	assert_int_equal(writer.next.pages_done, writer.next.page_count);
	check_digests();
	own = NULL;
}

static void test_formats(void **state)
{
	static const struct {
		enum lb_dump_format format;
		uint32_t status;
	} rows[] = {{LB_DUMP_ZSTD, 0x20}, {LB_DUMP_ZLIB, 0x1}, {LB_DUMP_RAW, 0}};

	(void)state;
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (uint32_t cpus = 1; cpus <= 4; cpus += 3) {
			prepare(rows[i].format, cpus, ROOMY);
			write_whole_file();
			check_whole_file(rows[i].status);
		}
	}
}

// The file has the same bytes with any number of CPUs.
static void test_cpus_do_not_matter(void **state)
{
	uint8_t first[LB_SHA256_BYTES];

	(void)state;
	for (uint32_t cpus = 1; cpus <= 8; cpus++) {
		prepare(LB_DUMP_ZSTD, cpus, ROOMY);
		write_whole_file();
		if (cpus == 1)
			memcpy(first, writer.next.data_sha256, sizeof(first));
		assert_memory_equal(writer.next.data_sha256, first, sizeof(first));
	}
}

static void test_headers(void **state)
{
	struct reader reader;
	uint64_t notes = 4096 + 104;

	(void)state;
	prepare(LB_DUMP_ZSTD, 1, ROOMY);
	machine.job.level = 31;
	write_whole_file();
	reader_open(&reader, disk.data + FILE_OFFSET, writer.next.file_bytes);
	assert_string_equal((const char *)reader.file + 12, "Linux");
	assert_string_equal((const char *)reader.file + 12 + 2 * 65, "6.1.0-test-amd64");
	assert_string_equal((const char *)reader.file + 12 + 4 * 65, "x86_64");
	assert_int_equal(get(&reader, 408, 8), 1700000000);
	assert_int_equal(get(&reader, 460, 4), MACHINE_CPUS);
	assert_int_equal(reader.max_mapnr, MACHINE_MAX_PFN);
	assert_int_equal(get(&reader, 4096, 8), MACHINE_PHYS_BASE);
	assert_int_equal(get(&reader, 4096 + 8, 4), 31);
	assert_int_equal(get(&reader, 4096 + 32, 8), notes + machine.vmcoreinfo_offset);
	assert_int_equal(get(&reader, 4096 + 40, 8), machine.dead.vmcoreinfo.bytes);
	assert_int_equal(get(&reader, 4096 + 48, 8), notes);
	assert_int_equal(get(&reader, 4096 + 56, 8), machine.notes_bytes);
	assert_memory_equal(reader.file + notes, machine.notes, machine.notes_bytes);
	assert_memory_equal(reader.file + get(&reader, 4096 + 32, 8), "OSRELEASE=", 10);
}

// The names come from the kernel's memory, unless its names are of another release, or missing.
static void test_names(void **state)
{
	static const char *const names[2][6] = {
		{"Linux", "host", "6.1.0-test-amd64", "#1 SMP", "x86_64", "(none)"},
		{"Linux", "host", "6.1.1-test-amd64", "#1 SMP", "x86_64", "(none)"},
	};
	static const char *const shown[2][2] = {{"host", "#1 SMP"}, {"(none)", "(unknown)"}};

	(void)state;
	for (uint32_t i = 0; i < 2; i++) {
		struct reader reader;

		prepare(LB_DUMP_ZSTD, 1, ROOMY);
		machine_map(&machine);
		machine_put_names(&machine, names[i]);
		write_whole_file();
		reader_open(&reader, disk.data + FILE_OFFSET, writer.next.file_bytes);
		assert_string_equal((const char *)reader.file + 12, "Linux");
		assert_string_equal((const char *)reader.file + 12 + 65, shown[i][0]);
		assert_string_equal((const char *)reader.file + 12 + 2 * 65, "6.1.0-test-amd64");
		assert_string_equal((const char *)reader.file + 12 + 3 * 65, shown[i][1]);
		assert_string_equal((const char *)reader.file + 12 + 4 * 65, "x86_64");
	}
}

// The notes of a machine with many CPUs take more than a block.
static void test_many_notes(void **state)
{
	static uint8_t notes[300 * LB_KIB];
	struct reader reader;

	(void)state;
	prepare(LB_DUMP_ZSTD, 1, ROOMY);
	for (uint64_t i = 0; i < sizeof(notes); i++)
		notes[i] = (uint8_t)(i / 3);
	machine.job.notes = notes;
	machine.job.notes_bytes = sizeof(notes) - 104; // so that they end where a block ends
	write_whole_file();
	check_whole_file(0x20);
	reader_open(&reader, disk.data + FILE_OFFSET, writer.next.file_bytes);
	assert_int_equal(get(&reader, 432, 4), sizeof(notes) / 4096);
	assert_memory_equal(reader.file + 4096 + 104, notes, sizeof(notes) - 104);
}

static void test_nothing_known(void **state)
{
	struct reader reader;

	(void)state;
	prepare(LB_DUMP_ZSTD, 1, ROOMY);
	machine.job.nr_cpus = 0; // crash refuses a number of 0
	machine.dead.vmcoreinfo.bytes = 0;
	write_whole_file();
	reader_open(&reader, disk.data + FILE_OFFSET, writer.next.file_bytes);
	assert_int_equal(get(&reader, 460, 4), 1);
	assert_int_equal(get(&reader, 4096, 8), 0);
	assert_int_equal(get(&reader, 4096 + 32, 8), 0);
	assert_int_equal(get(&reader, 4096 + 40, 8), 0);
}

static void test_zero_pages_share(void **state)
{
	struct reader reader;
	uint64_t index = 0, zeroes = 0;

	(void)state;
	prepare(LB_DUMP_ZSTD, 2, ROOMY);
	write_whole_file();
	reader_open(&reader, disk.data + FILE_OFFSET, writer.next.file_bytes);
	for (uint64_t pfn = 0; pfn < MACHINE_MAX_PFN; pfn++) {
		const uint8_t *page = machine_page(&machine, pfn);
		uint64_t desc = reader.descs + 24 * index;

		if (!page)
			continue;
		index++;
		if (!lb_compress_is_zero(page)) {
			assert_int_not_equal(get(&reader, desc, 8), writer.next.data_offset);
			continue;
		}
		zeroes++;
		assert_int_equal(get(&reader, desc, 8), writer.next.data_offset);
		assert_int_equal(get(&reader, desc + 8, 4), LB_PAGE);
		assert_int_equal(get(&reader, desc + 12, 4), 0);
	}
	assert_in_range(zeroes, 200, 400);
}

static void test_chosen_pages(void **state)
{
	(void)state;
	prepare(LB_DUMP_ZSTD, 2, ROOMY);
	chosen = choose_some;
	write_whole_file();
	check_whole_file(0x20);
	assert_in_range(writer.next.page_count, 1, machine.ram.pages - 1);
	read_back_file(disk.data + FILE_OFFSET, writer.next.file_bytes, &machine, chosen, READ_BACK_KDUMP);
}

// choose_all() also chooses frames that are not RAM. Only RAM is written.
static void test_only_ram(void **state)
{
	(void)state;
	prepare(LB_DUMP_RAW, 1, ROOMY);
	write_whole_file();
	assert_int_equal(writer.next.page_count, machine.ram.pages);
}

// ---- What goes wrong.

static bool choose_own(uint64_t pfn)
{
	return own(pfn);
}

// On a partition that is too small the writer fails. The pages on it are right, and the header counts them.
static void fill_partitions(void)
{
	uint64_t whole, done = 0, announced = 0;
	unsigned int partial = 0;

	prepare(LB_DUMP_ZSTD, 1, ROOMY);
	write_whole_file();
	whole = FILE_OFFSET + lb_align_up(writer.next.file_bytes, LB_PAGE);
	for (uint64_t bytes = FILE_OFFSET; bytes < whole;
	     bytes += bytes < 80 * LB_PAGE ? LB_PAGE : 193 * LB_PAGE) {
		const struct lb_dump_header *next = &writer.next;
		struct reader reader;

		prepare(LB_DUMP_ZSTD, 1, bytes + 512); // the partition ends in part of a block
		assert_int_equal(write_file(), -1);
		assert_non_null(strstr(err.text, "full"));
		assert_true(FILE_OFFSET + next->file_bytes <= bytes);
		if (!next->desc_total)
			continue;
		// If the descriptors of all pages took more than half of the partition, only the kernel's own
		// pages are written.
		if (own && count_chosen() > (bytes - FILE_OFFSET - next->desc_offset) / 2 / 24)
			chosen = choose_own;
		assert_int_equal(next->page_count, count_chosen());
		assert_true(next->pages_done >= done || next->page_count != announced);
		announced = next->page_count;
		done = next->pages_done;
		reader_open(&reader, disk.data + FILE_OFFSET, next->file_bytes);
		assert_int_equal(reader.status, 0x20 | 0x8);
		assert_int_equal(next->desc_bytes, next->desc_total);
		check_pages(&reader, next->pages_done);
		check_digests();
		partial++;
	}
	assert_true(partial > 10);
	assert_true(done > machine.ram.pages / 2);

	prepare(LB_DUMP_ZSTD, 1, whole);
	write_whole_file();
	check_whole_file(0x20);
}

static bool own_few(uint64_t pfn)
{
	return pfn % 256 == 5;
}

// If the descriptors of all pages took more than half of the partition, the kernel's own pages are written
// and counted as all.
static void test_own_only(void **state)
{
	const struct lb_dump_header *next = &writer.next;
	struct reader reader;
	uint64_t most;

	(void)state;
	own = own_few;
	prepare(LB_DUMP_ZSTD, 1, ROOMY);
	write_whole_file();
	most = FILE_OFFSET + next->desc_offset + lb_align_up(2 * next->desc_total, LB_PAGE);

	for (uint64_t bytes = most - LB_PAGE; bytes <= most; bytes += LB_PAGE) {
		prepare(LB_DUMP_ZSTD, 1, bytes);
		assert_int_equal(write_file(), -1);
		assert_true((strstr(err.text, "own") != NULL) == (bytes < most));
		assert_int_equal(next->flags, LB_DUMP_FLAG_KERNEL_FIRST);
		if (bytes < most)
			chosen = choose_own;
		assert_int_equal(next->page_count, count_chosen());
		reader_open(&reader, disk.data + FILE_OFFSET, next->file_bytes);
		assert_int_equal(reader.status, 0x20 | 0x8);
		check_pages(&reader, next->pages_done);
		assert_true(next->pages_done >= count_own());
		check_digests();
	}
	own = NULL;
}

static void test_full(void **state)
{
	(void)state;
	own = NULL;
	fill_partitions();
	own = own_some;
	fill_partitions();
	own = NULL;
}

static uint64_t pages_seen;

// Lets time pass while pages are compressed, so that a checkpoint comes every other batch.
static const void *slow_page(void *ctx, uint32_t cpu, uint64_t phys)
{
	(void)ctx;
	(void)cpu;
	(void)phys;
	if (pages_seen++ % LB_BATCH_PAGES == 0)
		capture_clock_move(LB_CHECKPOINT_MS / 2);
	return NULL;
}

// Reads an interrupted dump as lifeboat-save does: by the header on the disk, with descriptors that point
// beyond the checkpoint zeroed. False if there is no header.
static bool check_interrupted(void)
{
	struct lb_dump_header found;
	struct reader reader;
	uint64_t bytes;
	uint8_t *file;

	if (lb_dump_header_choose((const void *)disk.data, &found, NULL))
		return false; // no header was written yet
	assert_int_equal(found.state, LB_DUMP_WRITING);
	assert_int_equal(found.file_bytes, 0);
	bytes = found.data_offset + found.data_bytes;
	file = malloc(bytes);
	assert_non_null(file);
	memcpy(file, disk.data + FILE_OFFSET, bytes);
	assert_int_equal(found.desc_bytes, found.desc_total);
	for (uint64_t at = found.desc_offset; at < found.desc_offset + found.desc_total; at += 24) {
		uint64_t offset;
		uint32_t size;

		memcpy(&offset, file + at, sizeof(offset));
		memcpy(&size, file + at + 8, sizeof(size));
		if (offset && (offset < found.data_offset || offset + size > bytes))
			memset(file + at, 0, 24);
	}
	reader_open(&reader, file, bytes);
	assert_int_equal(reader.status & 0x8,
			 found.pages_done == found.page_count ? reader.status & 0x8 : 0x8);
	check_pages(&reader, found.pages_done);
	free(file);
	return true;
}

// Damages a sector in the slot of this header, so that the checkpoint before it counts.
static void tear(const struct lb_dump_header *of)
{
	memset(disk.data + of->sequence % LB_DUMP_SLOTS * LB_DUMP_BLOCK + 512, 0, 512);
}

// The power fails after every third write in turn.
static void run_interrupted(void)
{
	uint64_t writes, before = 0;
	unsigned int readable = 0, readable_torn = 0;

	prepare(LB_DUMP_ZSTD, 1, ROOMY);
	capture_old_page_by(slow_page, NULL);
	write_whole_file();
	writes = disk.writes;
	assert_true(writer.next.checkpoints > 5);
	for (uint64_t after = 0; after < writes; after += 3) {
		prepare(LB_DUMP_ZSTD, 1, ROOMY);
		disk.dark_after = after;
		pages_seen = 0;
		capture_old_page_by(slow_page, NULL);
		write_file(); // the writer cannot notice, and what it reads back may be missing
		if (check_interrupted()) {
			readable++;
			lb_dump_header_choose((const void *)disk.data, &header, NULL);
			assert_true(header.pages_done >= before);
			before = header.pages_done;
			tear(&header);
			readable_torn += check_interrupted();
		}
	}
	assert_true(readable > writes / 6);
	assert_true(readable_torn > readable / 2);
	assert_true(before > machine.ram.pages / 2);
}

static void test_interrupted(void **state)
{
	(void)state;
	own = NULL;
	run_interrupted();
	own = own_some;
	run_interrupted();
	own = NULL;
}

// The disk is pulled out after every third write in turn. The writer fails. The disk then holds what a power
// failure leaves.
static void run_disk_gone(void)
{
	struct lb_dump_header there = {0};
	uint64_t writes;
	unsigned int readable = 0;

	prepare(LB_DUMP_ZSTD, 1, ROOMY);
	capture_old_page_by(slow_page, NULL);
	write_whole_file();
	writes = disk.writes;
	for (uint64_t after = 0; after < writes; after += 3) {
		prepare(LB_DUMP_ZSTD, 1, ROOMY);
		disk.gone_after = after;
		pages_seen = 0;
		capture_old_page_by(slow_page, NULL);
		assert_int_equal(write_file(), -1);
		assert_non_null(strstr(err.text, "gone"));
		readable += check_interrupted();
		// The caller's header is the one on the disk, or the one before it: the disk may have failed
		// between the write of a header and the flush.
		lb_dump_header_choose((const void *)disk.data, &there, NULL);
		assert_true(header.checkpoints <= there.checkpoints);
		assert_true(!header.magic || header.state == LB_DUMP_WRITING);
	}
	assert_true(readable > writes / 8);
}

static void test_disk_gone(void **state)
{
	(void)state;
	own = NULL;
	run_disk_gone();
	own = own_some;
	run_disk_gone();
	own = NULL;
}

// The disk gives back other data for bitmap 2 than was written.
static int lying_poll(struct lb_disk *of, uint32_t *ret_tag, struct lb_error *error)
{
	struct memory_disk *fake = of->state;
	int result = memory_disk_poll(of, ret_tag, error);

	if (result == 1 && fake->requests[*ret_tag].op == LB_DISK_READ)
		memset(fake->requests[*ret_tag].buffer, 0xff, LB_PAGE);
	return result;
}

static void test_bitmap_changed(void **state)
{
	struct lb_disk_driver lying = memory_disk_driver;

	(void)state;
	lying.poll = lying_poll;
	prepare(LB_DUMP_ZSTD, 2, ROOMY);
	disk.disk.driver = &lying;
	assert_int_equal(write_file(), -1);
	assert_string_equal(err.text, "bitmap read back from the disk: page 0x0 is no RAM");
	assert_int_equal(writer.next.desc_bytes, writer.next.desc_total);
}

static void test_no_memory(void **state)
{
	(void)state;
	prepare(LB_DUMP_ZSTD, 1, ROOMY);
	capture_heap_limit(lb_heap_used());
	assert_int_equal(write_file(), -1);
	assert_non_null(strstr(err.text, "no memory"));
}

// ---- Memory.

static bool choose_few(uint64_t pfn)
{
	return pfn % 1024 == 3;
}

static const void *any_page(void *ctx, uint32_t cpu, uint64_t phys)
{
	(void)cpu;
	(void)phys;
	return ctx;
}

// Returns the most heap used for a machine whose last piece of RAM has `bytes`.
static uint64_t heap_for(uint64_t bytes, uint64_t *ret_pages)
{
	static uint8_t page[LB_PAGE] __attribute__((aligned(LB_PAGE)));

	prepare(LB_DUMP_ZSTD, 2, ROOMY);
	page[17] = 1;
	capture_old_page_by(any_page, page);
	machine.ram.pages += bytes / LB_PAGE - lb_range_size(machine.pieces[2].phys) / LB_PAGE;
	machine.pieces[2].phys.end = machine.pieces[2].phys.start + bytes;
	machine.ram.max_pfn = machine.pieces[2].phys.end / LB_PAGE;
	chosen = choose_few;
	write_whole_file();
	*ret_pages = writer.next.pages_done;
	return lb_heap_used();
}

static void test_constant_memory(void **state)
{
	uint64_t pages = 0, small = heap_for(2 * LB_MIB, &pages);

	(void)state;
	assert_int_equal(pages, 3);
	assert_int_equal(heap_for(64 * LB_GIB, &pages), small);
	assert_int_equal(pages, 2 + 64 * LB_GIB / LB_PAGE / 1024);
	assert_true(small < 4 * LB_MIB);
}

static struct {
	unsigned int calls;
	uint64_t last, pages;
} told;

static void tell(void *ctx, uint64_t pages_done, uint64_t pages, uint64_t bytes_written)
{
	assert_ptr_equal(ctx, &told);
	assert_true(bytes_written > 0);
	assert_true(pages_done >= told.last);
	told.calls++;
	told.last = pages_done;
	told.pages = pages;
}

static void test_progress(void **state)
{
	(void)state;
	prepare(LB_DUMP_ZSTD, 1, ROOMY);
	memset(&told, 0, sizeof(told));
	pages_seen = 0;
	capture_old_page_by(slow_page, NULL);
	machine.job.progress = tell;
	machine.job.progress_ctx = &told;
	write_whole_file();
	assert_in_range(told.calls, 20, 80); // 53 batches of one second each
	assert_int_equal(told.pages, machine.ram.pages);
	assert_true(told.last > machine.ram.pages - 2 * LB_BATCH_PAGES);
}

static int tidy(void **state)
{
	(void)state;
	machine_close(&machine);
	memory_disk_close(&disk);
	capture_reset();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_formats),
		cmocka_unit_test(test_own_first),
		cmocka_unit_test(test_own_lost),
		cmocka_unit_test(test_own_only),
		cmocka_unit_test(test_cpus_do_not_matter),
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_many_notes),
		cmocka_unit_test(test_nothing_known),
		cmocka_unit_test(test_zero_pages_share),
		cmocka_unit_test(test_chosen_pages),
		cmocka_unit_test(test_only_ram),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_interrupted),
		cmocka_unit_test(test_disk_gone),
		cmocka_unit_test(test_bitmap_changed),
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_constant_memory),
		cmocka_unit_test(test_progress),
	};

	return cmocka_run_group_tests(tests, NULL, tidy);
}
