// SPDX-License-Identifier: BSD-2-Clause
// Reads RAM from the ELF core header: order, merging, ragged ends, and headers with wrong content.
#include <stdlib.h>
#include <string.h>

#include <elf.h>

#include "crash/dead/ram.h"
#include "crash/plan/elfcore.h"
#include "unit.h"

#define MAX 16U

struct header {
	Elf64_Ehdr ehdr;
	Elf64_Phdr phdr[MAX];
};

static struct header header;
static struct lb_ram_piece pieces[MAX];
static struct lb_ram ram;
static struct lb_error err;

static void start(void)
{
	memset(&header, 0, sizeof(header));
	memcpy(header.ehdr.e_ident, ELFMAG, SELFMAG);
	header.ehdr.e_ident[EI_CLASS] = ELFCLASS64;
	header.ehdr.e_type = ET_CORE;
	header.ehdr.e_phoff = sizeof(header.ehdr);
	header.ehdr.e_phentsize = sizeof(Elf64_Phdr);
	header.ehdr.e_phnum = 1;
	header.phdr[0].p_type = PT_NOTE;
	header.phdr[0].p_filesz = 100;
}

static Elf64_Phdr *add(uint64_t phys, uint64_t end, uint64_t now)
{
	Elf64_Phdr *segment = &header.phdr[header.ehdr.e_phnum++];

	assert_true(header.ehdr.e_phnum <= MAX);
	*segment = (Elf64_Phdr){.p_type = PT_LOAD,
				.p_paddr = phys,
				.p_offset = now,
				.p_filesz = end - phys,
				.p_memsz = end - phys};
	segment->p_vaddr = 0xffff888000000000ULL + phys;
	return segment;
}

static int read_ram(void)
{
	uint64_t bytes = sizeof(Elf64_Ehdr) + header.ehdr.e_phnum * sizeof(Elf64_Phdr);

	assert_true(lb_ram_capacity(&header, bytes) <= MAX);
	memset(&err, 0, sizeof(err));
	return lb_ram_read(&header, bytes, pieces, &ram, &err);
}

static void check_piece(uint32_t i, uint64_t phys, uint64_t end, uint64_t now)
{
	assert_true(i < ram.count);
	assert_int_equal(ram.pieces[i].phys.start, phys);
	assert_int_equal(ram.pieces[i].phys.end, end);
	assert_int_equal(ram.pieces[i].now, now);
}

static void test_order(void **state)
{
	uint64_t now;

	(void)state;
	start();
	add(0x1000, 0x9f000, 0x7000000);
	add(0x100000, 0x8000000, 0x100000);
	add(0x200000000, 0x240000000, 0x200000000);
	add(0x100000000, 0x140000000, 0x100000000); // hot-added RAM
	assert_int_equal(read_ram(), 0);
	assert_int_equal(ram.count, 4);
	check_piece(0, 0x1000, 0x9f000, 0x7000000);
	check_piece(1, 0x100000, 0x8000000, 0x100000);
	check_piece(2, 0x100000000, 0x140000000, 0x100000000);
	check_piece(3, 0x200000000, 0x240000000, 0x200000000);
	assert_int_equal(ram.max_pfn, 0x240000);
	assert_int_equal(ram.pages, 0x9e + 0x7f00 + 0x80000);
	assert_true(lb_ram_find(&ram, 0x1000, &now));
	assert_int_equal(now, 0x7000000);
	assert_true(lb_ram_find(&ram, 0x9e000, &now));
	assert_int_equal(now, 0x709d000);
	assert_true(lb_ram_find(&ram, 0x13ffff000, &now));
	assert_int_equal(now, 0x13ffff000);
	assert_false(lb_ram_find(&ram, 0, &now));
	assert_false(lb_ram_find(&ram, 0x9f000, &now));
	assert_false(lb_ram_find(&ram, 0x140000000, &now));
	assert_false(lb_ram_find(&ram, UINT64_MAX, &now));
}

// The kernel's text repeats RAM and is left out. Only PT_LOADs are RAM.
static void test_not_ram(void **state)
{
	(void)state;
	start();
	add(0x1000000, 0x3000000, 0x1000000)->p_vaddr = 0xffffffff81000000ULL;
	add(0x100000, 0x8000000, 0x100000);
	add(0x8000000, 0x9000000, 0x8000000)->p_type = PT_NULL;
	add(0xa000000, 0xa000000, 0xa000000);
	assert_int_equal(lb_ram_capacity(&header, sizeof(header)), 1);
	assert_int_equal(read_ram(), 0);
	assert_int_equal(ram.count, 1);
	check_piece(0, 0x100000, 0x8000000, 0x100000);
}

static void test_merge(void **state)
{
	(void)state;
	start();
	add(0x300000, 0x400000, 0x300000);
	add(0x100000, 0x180800, 0x100000); // a page across two entries
	add(0x180800, 0x200000, 0x180800);
	add(0x200000, 0x300000, 0x900000); // adjacent, but with its content elsewhere
	assert_int_equal(read_ram(), 0);
	assert_int_equal(ram.count, 3);
	check_piece(0, 0x100000, 0x200000, 0x100000);
	check_piece(1, 0x200000, 0x300000, 0x900000);
	check_piece(2, 0x300000, 0x400000, 0x300000);
}

static void test_ragged(void **state)
{
	(void)state;
	start();
	add(0x0, 0x9f000, 0x5000000); // low memory, with its content in the backup
	add(0x9f000, 0x9fc00, 0x9f000); // the last, partial page is not counted
	add(0x100010, 0x2ffff0, 0x100010);
	add(0x300100, 0x300f00, 0x300100);
	assert_int_equal(read_ram(), 0);
	assert_int_equal(ram.count, 2);
	check_piece(0, 0, 0x9f000, 0x5000000);
	check_piece(1, 0x101000, 0x2ff000, 0x101000);
	assert_int_equal(ram.pages, 0x9f + 0x1fe);
	assert_int_equal(ram.max_pfn, 0x2ff);
}

// Reads a header as loader and purgatory make it.
static void test_template(void **state)
{
	struct boot_e820_entry entries[] = {
		{.addr = 0, .size = 0x9fc00, .type = LB_E820_RAM},
		{.addr = 0x100000, .size = 0x7f00000, .type = LB_E820_RAM},
	};
	const struct lb_e820 saved = {.entries = entries, .count = 2};
	const struct lb_swap_range swap = {0, 0x4100000, 0x9f000};
	const struct lb_elfcore core = {
		.saved = &saved,
		.crash = {0x4000000, 0x5000000},
		.spare = 2,
		.swap = &swap,
		.swap_count = 1,
		.notes = {0x4001000, 0x4002000},
	};
	uint8_t file[4096];
	uint64_t bytes;

	(void)state;
	bytes = lb_elfcore_bytes(&core);
	assert_true(bytes <= sizeof(file));
	assert_int_equal(lb_elfcore_template(&core, file, bytes, &err), 0);
	assert_int_equal(lb_elfcore_hotadd(file, bytes, (struct lb_range){0x100000000, 0x108000000}, &err),
			 0);
	lb_elfcore_finish(file, 0xffff888000000000ULL, 0xffffffff81000000ULL, 0x1000000, 0x2000000);
	assert_int_equal(lb_ram_capacity(file, bytes), 5);
	assert_int_equal(lb_ram_read(file, bytes, pieces, &ram, &err), 0);
	assert_int_equal(ram.count, 4);
	check_piece(0, 0, 0x9f000, 0x4100000);
	check_piece(1, 0x100000, 0x4000000, 0x100000);
	check_piece(2, 0x5000000, 0x8000000, 0x5000000);
	check_piece(3, 0x100000000, 0x108000000, 0x100000000);
}

static void check_refused(const char *words)
{
	const struct lb_ram before = ram;

	assert_int_equal(read_ram(), -1);
	assert_non_null(strstr(err.text, words));
	assert_memory_equal(&ram, &before, sizeof(ram));
}

static void test_refused(void **state)
{
	(void)state;
	start();
	check_refused("hold no page");
	add(0x100800, 0x101700, 0x100800);
	check_refused("hold no page");
	add(0x200000, 0x300000, 0x200000);
	add(0x2ff000, 0x400000, 0x2ff000);
	check_refused("RAM 0x200000-0x300000 and 0x2ff000-0x400000 overlap");
	start();
	add(0x200000, 0x300000, 0x200010);
	check_refused("0x200010, wanted a page's beginning");
	start();
	add(0x200000, 0x300000, UINT64_MAX - 0x1000);
	check_refused("segment 1");
	start();
	add(0xfffffffffffff000, 0x1000, 0x1000);
	check_refused("beyond 52 bits");
}

static void test_no_header(void **state)
{
	struct header good;

	(void)state;
	start();
	add(0x200000, 0x300000, 0x200000);
	good = header;
	assert_int_equal(lb_ram_capacity(&header, sizeof(header)), 1);
	assert_int_equal(lb_ram_capacity(&header, sizeof(Elf64_Ehdr) + 2 * sizeof(Elf64_Phdr) - 1), 0);
	assert_int_equal(lb_ram_capacity(&header, 10), 0);
	header.ehdr.e_ident[0] = 0;
	check_refused("not an x86-64 core");
	header = good;
	header.ehdr.e_ident[EI_CLASS] = ELFCLASS32;
	check_refused("not an x86-64 core");
	header = good;
	header.ehdr.e_type = ET_EXEC;
	check_refused("not an x86-64 core");
	header = good;
	header.ehdr.e_phoff++;
	check_refused("not an x86-64 core");
	header = good;
	header.ehdr.e_phentsize--;
	check_refused("not an x86-64 core");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),     cmocka_unit_test(test_not_ram),
		cmocka_unit_test(test_merge),     cmocka_unit_test(test_ragged),
		cmocka_unit_test(test_template),  cmocka_unit_test(test_refused),
		cmocka_unit_test(test_no_header),
	};

	return cmocka_run_group_tests_name("ram", tests, NULL, NULL);
}
