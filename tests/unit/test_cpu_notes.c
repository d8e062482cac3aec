// SPDX-License-Identifier: BSD-2-Clause
// Finds the note of each CPU in a dump, of Lifeboat's and of the kernel's notes, in both formats. CPUs
// without a note, and files with wrong fields.
#define _GNU_SOURCE // memfd_create()
#include <elf.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "crash/plan/elfcore.h"
#include "tools/common/cpu_notes.h"
#include "unit.h"

#define BLOCK 4096U
#define NOTES_AT 0x3000U

static uint8_t area[0x4000];
static uint64_t area_bytes;
static struct cpu_notes notes;

static void add(const char *name, uint32_t type, const void *desc, uint32_t bytes)
{
	const struct lb_elf_note note = {name, type, desc, bytes};
	struct lb_error err;

	if (lb_elfcore_note(area, sizeof(area), &area_bytes, &note, &err) != 0)
		fail_msg("%s", err.text);
}

static void make(const char *mark, uint32_t count, const int32_t *pids)
{
	memset(area, 0, sizeof(area));
	area_bytes = 0;
	for (uint32_t i = 0; i < count; i++) {
		const struct lb_prstatus status = {.pid = pids[i]};

		add("CORE", NT_PRSTATUS, &status, sizeof(status));
	}
	add("VMCOREINFO", 0, "OSRELEASE=x\n", 12);
	if (mark)
		add(mark, 0, "VERSION=1\n", 10);
}

static void read_file(const void *head, size_t head_bytes, const void *sub, size_t sub_bytes)
{
	int file = memfd_create("dump", 0);

	assert_true(file >= 0);
	assert_int_equal(pwrite(file, head, head_bytes, 0), head_bytes);
	assert_int_equal(pwrite(file, sub, sub_bytes, BLOCK), sub_bytes);
	assert_int_equal(pwrite(file, area, area_bytes, NOTES_AT), area_bytes);
	memset(&notes, 0xee, sizeof(notes));
	cpu_notes_read(file, &notes);
	close(file);
}

static void read_elf(uint64_t at, uint64_t bytes)
{
	const Elf64_Ehdr head = {.e_ident = "\x7f"
					    "ELF\x02\x01\x01",
				 .e_phoff = BLOCK,
				 .e_phnum = 2};
	const Elf64_Phdr segments[2] = {{.p_type = PT_LOAD},
					{.p_type = PT_NOTE, .p_offset = at, .p_filesz = bytes}};

	read_file(&head, sizeof(head), segments, sizeof(segments));
}

static void read_kdump(int32_t version, int32_t block_bytes)
{
	uint64_t sub[13] = {[6] = NOTES_AT, [7] = area_bytes};
	uint8_t head[464] = "KDUMP   ";

	memcpy(head + 8, &version, 4);
	memcpy(head + 428, &block_bytes, 4);
	read_file(head, sizeof(head), sub, sizeof(sub));
}

// Returns the number of CPU `cpu`'s note, or -1 if there is none.
static int found(uint32_t cpu, uint32_t cpus)
{
	uint32_t number;

	return cpu_notes_find(&notes, cpu, cpus, &number) ? (int)number : -1;
}

static void ours_name_their_cpu(void **state)
{
	const int32_t pids[] = {1, 3, 4}; // CPU 1 has no note

	(void)state;
	for (unsigned int kdump = 0; kdump < 2; kdump++) {
		make(kdump ? "LIFEBOAT" : "QEMU", 3, pids);
		if (kdump)
			read_kdump(6, BLOCK);
		else
			read_elf(NOTES_AT, area_bytes);
		assert_true(notes.are_read && notes.by_pid);
		assert_int_equal(found(0, 4), 0);
		assert_int_equal(found(1, 4), -1);
		assert_int_equal(found(2, 4), 1);
		assert_int_equal(found(3, 0), 2);
		assert_int_equal(found(4, 4), -1);
		assert_int_equal(found(UINT32_MAX, 4), -1);
	}
}

static void the_kernel_s_are_in_order_or_nobody_s(void **state)
{
	const int32_t pids[] = {0, 3, 812};

	(void)state;
	make(NULL, 3, pids);
	read_elf(NOTES_AT, area_bytes);
	assert_true(notes.are_read && !notes.by_pid);
	for (int cpu = 0; cpu < 3; cpu++) {
		assert_int_equal(found((uint32_t)cpu, 3), cpu);
		assert_int_equal(found((uint32_t)cpu, 0), cpu);
		// Three notes for four CPUs: it is unknown whose they are.
		assert_int_equal(found((uint32_t)cpu, 4), -1);
	}
	assert_int_equal(found(3, 3), -1);
}

static void what_cannot_be_read_is_in_order(void **state)
{
	const int32_t pids[] = {1, 2};
	const char other[512] = "DISKDUMP";

	(void)state;
	make("LIFEBOAT", 2, pids);
	read_file(other, sizeof(other), "", 1);
	assert_false(notes.are_read);
	assert_int_equal(found(1, 2), 1);
	read_kdump(3, BLOCK);
	assert_false(notes.are_read);
	read_kdump(6, -1);
	assert_false(notes.are_read);
	read_elf(UINT64_MAX - 8, 4096);
	assert_false(notes.are_read);
	read_elf(NOTES_AT, UINT64_MAX);
	assert_false(notes.are_read);
	read_elf(NOTES_AT, area_bytes + 1); // one byte more than the file has
	assert_false(notes.are_read);
}

static void sizes_that_lie_end_the_walk(void **state)
{
	const int32_t pids[] = {1, 2};
	uint32_t huge = UINT32_MAX;
	const uint64_t second = sizeof(Elf64_Nhdr) + 8 + sizeof(struct lb_prstatus);

	(void)state;
	make("LIFEBOAT", 2, pids);
	memcpy(area + second + 4, &huge, 4);
	read_elf(NOTES_AT, area_bytes);
	assert_true(notes.are_read && !notes.by_pid);
	assert_int_equal(notes.count, 1);
	make("LIFEBOAT", 2, pids);
	huge = 16; // smaller than struct elf_prstatus
	memcpy(area + 4, &huge, 4);
	read_elf(NOTES_AT, area_bytes);
	assert_int_equal(notes.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ours_name_their_cpu),
		cmocka_unit_test(the_kernel_s_are_in_order_or_nobody_s),
		cmocka_unit_test(what_cannot_be_read_is_in_order),
		cmocka_unit_test(sizes_that_lie_end_the_walk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
