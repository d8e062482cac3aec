// SPDX-License-Identifier: BSD-2-Clause
#include <stdlib.h>
#include <string.h>

#include "crash/plan/elfcore.h"
#include "unit.h"

#define M(mib) ((mib)*LB_MIB)

static const struct lb_range crash = {0x10000000, 0x20000000};
static const struct lb_range none = {0, 0}; // no low region
static const struct lb_range backup = {0x1ff00000, 0x20000000};
static const struct lb_range notes = {0x1fe00000, 0x1fe04000};

static struct boot_e820_entry room[16];

static struct lb_e820 map_of(const struct lb_range *ram, unsigned int count)
{
	struct lb_e820 map = {.entries = room, .capacity = 16};

	for (unsigned int i = 0; i < count; i++)
		assert_int_equal(lb_e820_add(&map, ram[i], LB_E820_RAM, NULL), 0);
	assert_int_equal(lb_e820_add(&map, (struct lb_range){0xf0000, 0x100000}, LB_E820_RESERVED, NULL), 0);
	assert_int_equal(lb_e820_add(&map, (struct lb_range){0xfec00000, 0xfec01000}, LB_E820_RESERVED, NULL),
			 0);
	assert_int_equal(lb_e820_tidy(&map, NULL), 0);
	return map;
}

#define MAP(...)                                                                                             \
	map_of((const struct lb_range[]){__VA_ARGS__},                                                       \
	       sizeof((const struct lb_range[]){__VA_ARGS__}) / sizeof(struct lb_range))

static struct lb_elfcore asked_of(const struct lb_e820 *map, uint32_t spare)
{
	return (struct lb_elfcore){.saved = map, .crash = crash, .spare = spare, .notes = notes};
}

struct core {
	Elf64_Ehdr ehdr;
	Elf64_Phdr phdr[20];
};

static void make_template_with(const struct lb_e820 *map, struct lb_range crash_low, uint32_t spare,
			       struct core *ret_core)
{
	struct lb_swap_range swap[LB_MAX_SWAP_RANGES];
	struct lb_error err = {""};
	struct lb_elfcore asked = asked_of(map, spare);

	asked.crash_low = crash_low;
	asked.swap = swap;
	memset(ret_core, 0xee, sizeof(*ret_core));
	if (lb_elfcore_swap(map, backup, swap, LB_MAX_SWAP_RANGES, &asked.swap_count, &err) != 0 ||
	    lb_elfcore_template(&asked, ret_core, sizeof(*ret_core), &err) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(lb_elfcore_bytes(&asked), 64 + (ret_core->ehdr.e_phnum + spare) * 56);
}

static void make_template(const struct lb_e820 *map, struct core *ret_core)
{
	make_template_with(map, none, 0, ret_core);
}

static void check_load(const Elf64_Phdr *phdr, uint64_t start, uint64_t end, uint64_t offset)
{
	assert_int_equal(phdr->p_type, PT_LOAD);
	assert_int_equal(phdr->p_paddr, start);
	assert_int_equal(phdr->p_memsz, end - start);
	assert_int_equal(phdr->p_filesz, end - start);
	assert_int_equal(phdr->p_offset, offset);
	assert_int_equal(phdr->p_vaddr, 0);
	assert_int_equal(phdr->p_align, 0);
}

static void test_template(void **state)
{
	struct lb_e820 map = MAP({0, 0x9f000}, {M(1), 0x40000000}, {LB_4GIB, 2 * LB_4GIB});
	struct core core;
	const Elf64_Phdr *phdr = core.phdr;

	(void)state;
	make_template(&map, &core);
	assert_memory_equal(core.ehdr.e_ident, "\177ELF\2\1\1\0\0\0\0\0\0\0\0\0", 16);
	assert_int_equal(core.ehdr.e_type, ET_CORE);
	assert_int_equal(core.ehdr.e_machine, EM_X86_64);
	assert_int_equal(core.ehdr.e_version, 1);
	assert_int_equal(core.ehdr.e_phoff, 64);
	assert_int_equal(core.ehdr.e_ehsize, 64);
	assert_int_equal(core.ehdr.e_phentsize, 56);
	assert_int_equal(core.ehdr.e_shnum, 0);
	assert_int_equal(core.ehdr.e_phnum, 6);

	assert_int_equal(phdr[0].p_type, PT_NOTE);
	assert_int_equal(phdr[0].p_offset, notes.start);
	assert_int_equal(phdr[0].p_filesz, 0x4000);
	assert_int_equal(phdr[0].p_memsz, 0x4000);
	assert_int_equal(phdr[1].p_type, PT_NULL);
	assert_int_equal(phdr[1].p_align, 0);
	check_load(&phdr[2], 0, 0x9f000, backup.start);
	check_load(&phdr[3], M(1), crash.start, M(1));
	check_load(&phdr[4], crash.end, 0x40000000, crash.end);
	check_load(&phdr[5], LB_4GIB, 2 * LB_4GIB, LB_4GIB);
	// Unused program headers are zeroed.
	assert_int_equal(phdr[6].p_type, 0);
	assert_int_equal(phdr[19].p_align, 0);
}

// An entry reaches across 1 MiB. The region begins where an entry begins, and ends where one ends.
static void test_borders(void **state)
{
	struct lb_e820 map = MAP({0, crash.end});
	struct core core;

	(void)state;
	map = MAP({0, 0xf0000}, {M(1), crash.end});
	make_template(&map, &core);
	assert_int_equal(core.ehdr.e_phnum, 4);
	check_load(&core.phdr[3], M(1), crash.start, M(1));

	map = (struct lb_e820){.entries = room, .capacity = 16};
	assert_int_equal(lb_e820_add(&map, (struct lb_range){0, crash.end}, LB_E820_RAM, NULL), 0);
	make_template(&map, &core);
	assert_int_equal(core.ehdr.e_phnum, 4);
	check_load(&core.phdr[2], 0, M(1), backup.start);
	check_load(&core.phdr[3], M(1), crash.start, M(1));

	map = MAP({0, 0x9f000}, {crash.start, LB_GIB});
	make_template(&map, &core);
	assert_int_equal(core.ehdr.e_phnum, 4);
	check_load(&core.phdr[3], crash.end, LB_GIB, crash.end);
}

// Both regions are cut out of RAM, whichever is lower, from one entry or two, also when they touch.
static void test_low_region(void **state)
{
	const struct lb_range low = {0x4000000, 0x8000000};
	const struct lb_range above = {0x30000000, 0x31000000};
	struct lb_e820 map = MAP({0, 0x9f000}, {M(1), 0x40000000});
	struct core core;

	(void)state;
	make_template_with(&map, low, 0, &core);
	assert_int_equal(core.ehdr.e_phnum, 6);
	check_load(&core.phdr[2], 0, 0x9f000, backup.start);
	check_load(&core.phdr[3], M(1), low.start, M(1));
	check_load(&core.phdr[4], low.end, crash.start, low.end);
	check_load(&core.phdr[5], crash.end, 0x40000000, crash.end);

	make_template_with(&map, above, 0, &core);
	assert_int_equal(core.ehdr.e_phnum, 6);
	check_load(&core.phdr[3], M(1), crash.start, M(1));
	check_load(&core.phdr[4], crash.end, above.start, crash.end);
	check_load(&core.phdr[5], above.end, 0x40000000, above.end);

	make_template_with(&map, (struct lb_range){crash.end, 0x40000000}, 0, &core);
	assert_int_equal(core.ehdr.e_phnum, 4);
	check_load(&core.phdr[3], M(1), crash.start, M(1));

	map = MAP({M(1), 0x8000000}, {crash.start, crash.end}, {LB_4GIB, 2 * LB_4GIB});
	make_template_with(&map, low, 0, &core);
	assert_int_equal(core.ehdr.e_phnum, 4);
	check_load(&core.phdr[2], M(1), low.start, M(1));
	check_load(&core.phdr[3], LB_4GIB, 2 * LB_4GIB, LB_4GIB);

	// One entry contains everything.
	map = (struct lb_e820){.entries = room, .capacity = 16};
	assert_int_equal(lb_e820_add(&map, (struct lb_range){0x800, 0x40000000}, LB_E820_RAM, NULL), 0);
	make_template_with(&map, low, 0, &core);
	assert_int_equal(core.ehdr.e_phnum, 7);
	check_load(&core.phdr[2], 0x800, 0x1000, 0x800);
	check_load(&core.phdr[3], 0x1000, M(1), backup.start);
	check_load(&core.phdr[4], M(1), low.start, M(1));
	check_load(&core.phdr[5], low.end, crash.start, low.end);
	check_load(&core.phdr[6], crash.end, 0x40000000, crash.end);
}

// Whole pages of low RAM are found in the backup, partial pages where they are.
static void test_unaligned(void **state)
{
	struct lb_e820 map = MAP({0x100, 0x9fc00}, {0x100800, 0x3ffffc00}, {0xa0100, 0xa0200});
	struct core core;

	(void)state;
	make_template(&map, &core);
	assert_int_equal(core.ehdr.e_phnum, 8);
	check_load(&core.phdr[2], 0x100, 0x1000, 0x100);
	check_load(&core.phdr[3], 0x1000, 0x9f000, backup.start);
	check_load(&core.phdr[4], 0x9f000, 0x9fc00, 0x9f000);
	check_load(&core.phdr[5], 0xa0100, 0xa0200, 0xa0100);
	check_load(&core.phdr[6], 0x100800, crash.start, 0x100800);
	check_load(&core.phdr[7], crash.end, 0x3ffffc00, crash.end);
}

static void test_swap(void **state)
{
	struct lb_e820 map = MAP({0x100, 0x58000}, {0x59000, 0x9fc00}, {0xa0800, 0xa1800}, {M(1), LB_GIB});
	struct lb_swap_range swap[4];
	struct lb_error err = {""};
	uint32_t count = 77;

	(void)state;
	assert_int_equal(lb_elfcore_swap(&map, backup, swap, 4, &count, &err), 0);
	assert_int_equal(count, 2);
	assert_true(swap[0].phys == 0x1000 && swap[0].bytes == 0x57000 && swap[0].backup == backup.start);
	assert_true(swap[1].phys == 0x59000 && swap[1].bytes == 0x46000);
	assert_int_equal(swap[1].backup, backup.start + 0x57000);

	count = 77;
	assert_int_equal(lb_elfcore_swap(&map, backup, swap, 1, &count, &err), -1);
	assert_non_null(strstr(err.text, "more than the 1 ranges"));
	assert_int_equal(lb_elfcore_swap(&map, (struct lb_range){0, 0x9c000}, swap, 4, &count, &err), -1);
	assert_non_null(strstr(err.text, "0x59000-0x9f000 does not go into"));
	assert_int_equal(lb_elfcore_swap(&map, (struct lb_range){1, 0x9f001}, swap, 4, &count, &err), -1);
	assert_non_null(strstr(err.text, "wanted a 4 KiB page"));
	assert_int_equal(count, 77);
	assert_int_equal(lb_elfcore_swap(&map, (struct lb_range){0, 0x9d000}, swap, 4, &count, &err), 0);
}

static void test_template_refused(void **state)
{
	struct lb_e820 map = MAP({0, 0x9f000}, {M(1), LB_GIB});
	struct lb_swap_range swap = {0, backup.start, 0x9e000};
	struct lb_error err = {""};
	struct core core;
	struct lb_elfcore asked = asked_of(&map, 2);
	uint64_t bytes = lb_elfcore_bytes(&asked);

	(void)state;
	asked.swap = &swap;
	asked.swap_count = 1;
	assert_int_equal(lb_elfcore_template(&asked, &core, bytes, &err), -1);
	assert_non_null(strstr(err.text, "0x0-0x9f000 has no backup"));
	swap.bytes += 0x1000;
	assert_int_equal(lb_elfcore_template(&asked, &core, bytes, &err), 0);
	assert_int_equal(lb_elfcore_template(&asked, &core, bytes - 1, &err), -1);
	assert_non_null(strstr(err.text, "there is room for"));
}

static void test_too_many_segments(void **state)
{
	uint32_t count = 65532;
	struct lb_e820 map = {.entries = calloc(count + 1, sizeof(*map.entries)), .count = count};
	uint64_t bytes = 64 + 65535ULL * 56;
	struct lb_elfcore asked = asked_of(&map, 0);
	Elf64_Ehdr *ehdr = malloc(bytes);
	struct lb_error err = {""};

	(void)state;
	assert_non_null(map.entries);
	assert_non_null(ehdr);
	for (uint64_t i = 0; i <= count; i++)
		map.entries[i] = (struct boot_e820_entry){LB_GIB + i * M(2), M(1), LB_E820_RAM};
	assert_int_equal(lb_elfcore_template(&asked, ehdr, bytes, &err), 0);
	assert_int_equal(ehdr->e_phnum, 65534);
	assert_int_equal(lb_elfcore_hotadd(ehdr, bytes, (struct lb_range){0, LB_PAGE}, &err), -1);
	assert_int_equal(ehdr->e_phnum, 65534);
	asked.spare = 1;
	assert_int_equal(lb_elfcore_template(&asked, ehdr, bytes, &err), -1);
	assert_non_null(strstr(err.text, "1 spare slots take 65535 segments, e_phnum can say 65534"));
	asked.spare = 0;
	map.count++;
	assert_int_equal(lb_elfcore_template(&asked, ehdr, bytes, &err), -1);
	assert_non_null(strstr(err.text, "65535 segments, e_phnum can say 65534"));
	free(ehdr);
	free(map.entries);
}

static void test_finish(void **state)
{
	struct lb_e820 map = MAP({0, 0x9f000}, {M(1), LB_GIB});
	const uint64_t page_offset = 0xffff888000000000;
	const uint64_t text = 0xffffffff9a000000;
	struct core core, before;

	(void)state;
	make_template(&map, &core);
	before = core;
	lb_elfcore_finish(&core, page_offset, text, 0x2a000000, 0x2800123);
	assert_int_equal(core.ehdr.e_phnum, 5);
	assert_int_equal(core.phdr[1].p_type, PT_LOAD);
	assert_int_equal(core.phdr[1].p_vaddr, text);
	assert_int_equal(core.phdr[1].p_paddr, 0x2a000000);
	assert_int_equal(core.phdr[1].p_offset, 0x2a000000);
	assert_int_equal(core.phdr[1].p_memsz, 0x2800123);
	assert_int_equal(core.phdr[1].p_align, 0);
	for (unsigned int i = 2; i < 5; i++) {
		assert_int_equal(core.phdr[i].p_vaddr, page_offset + core.phdr[i].p_paddr);
		core.phdr[i].p_vaddr = 0;
		assert_memory_equal(&core.phdr[i], &before.phdr[i], sizeof(core.phdr[i]));
	}
}

// Nothing is known of the dead kernel: one PT_NOTE and the PT_LOADs, no PT_NULL, and no made-up addresses.
static void test_finish_unknown(void **state)
{
	struct lb_e820 map = MAP({0, 0x9f000}, {M(1), LB_GIB});
	struct core core, before;

	(void)state;
	make_template(&map, &core);
	before = core;
	lb_elfcore_finish(&core, 0, 0, 0, 0);
	assert_int_equal(core.ehdr.e_phnum, 4);
	assert_memory_equal(&core.phdr[0], &before.phdr[0], sizeof(core.phdr[0]));
	assert_memory_equal(&core.phdr[1], &before.phdr[2], 3 * sizeof(core.phdr[0]));
	assert_int_equal(core.phdr[4].p_type, PT_NULL);
	assert_int_equal(core.phdr[4].p_memsz, 0);
}

static void test_finish_text_unknown(void **state)
{
	struct lb_e820 map = MAP({0, 0x9f000}, {M(1), LB_GIB});
	struct core core;

	(void)state;
	make_template(&map, &core);
	lb_elfcore_finish(&core, 0xff11000000000000, 0, 0, 0);
	assert_int_equal(core.ehdr.e_phnum, 4);
	for (unsigned int i = 1; i < 4; i++)
		assert_int_equal(core.phdr[i].p_vaddr, 0xff11000000000000 + core.phdr[i].p_paddr);
}

// Hot-added RAM gets the spare program headers, and is then like any other RAM.
static void test_hotadd(void **state)
{
	const struct lb_range added[] = {{2 * LB_4GIB, 3 * LB_4GIB}, {4 * LB_4GIB, 5 * LB_4GIB}};
	const uint64_t page_offset = 0xffff888000000000;
	struct lb_e820 map = MAP({0, 0x9f000}, {M(1), LB_GIB});
	const struct lb_elfcore asked = asked_of(&map, 2);
	uint64_t bytes = lb_elfcore_bytes(&asked);
	struct lb_error err = {""};
	struct core core, before;

	(void)state;
	make_template_with(&map, none, 2, &core);
	assert_int_equal(core.ehdr.e_phnum, 5);
	for (unsigned int i = 5; i < 7; i++)
		assert_int_equal(core.phdr[i].p_type, PT_NULL);
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(lb_elfcore_hotadd(&core, bytes, added[i], &err), 0);
		assert_int_equal(core.ehdr.e_phnum, 6 + i);
		check_load(&core.phdr[5 + i], added[i].start, added[i].end, added[i].start);
	}
	before = core;
	assert_int_equal(lb_elfcore_hotadd(&core, bytes, (struct lb_range){0x900000000, 0x908000000}, &err),
			 -1);
	assert_non_null(strstr(err.text, "no slot is left for hot-added RAM 0x900000000-0x908000000"));
	assert_memory_equal(&core, &before, sizeof(core));

	lb_elfcore_finish(&core, page_offset, 0xffffffff9a000000, 0x2a000000, M(40));
	assert_int_equal(core.ehdr.e_phnum, 7);
	for (unsigned int i = 2; i < 7; i++)
		assert_int_equal(core.phdr[i].p_vaddr, page_offset + core.phdr[i].p_paddr);

	// The text is not known: its program header is removed, and those behind it move up.
	core = before;
	lb_elfcore_finish(&core, page_offset, 0, 0, 0);
	assert_int_equal(core.ehdr.e_phnum, 6);
	for (unsigned int i = 1; i < 6; i++) {
		assert_int_equal(core.phdr[i].p_vaddr, page_offset + core.phdr[i].p_paddr);
		core.phdr[i].p_vaddr = 0;
		assert_memory_equal(&core.phdr[i], &before.phdr[i + 1], sizeof(core.phdr[i]));
	}
	assert_int_equal(core.phdr[6].p_type, PT_NULL);
}

#define NOTE(...) (&(const struct lb_elf_note){__VA_ARGS__})

static void test_notes(void **state)
{
	uint8_t area[100];
	struct lb_error err = {""};
	uint64_t pos = 0;
	Elf64_Nhdr header;

	(void)state;
	memset(area, 0xee, sizeof(area));
	assert_int_equal(
		lb_elfcore_note(area, sizeof(area), &pos, NOTE("LIFEBOAT", LB_NOTE_TYPE, "A=1\n5", 5), &err),
		0);
	assert_int_equal(pos, 12 + 12 + 8);
	memcpy(&header, area, sizeof(header));
	assert_int_equal(header.n_namesz, 9);
	assert_int_equal(header.n_descsz, 5);
	assert_int_equal(header.n_type, 0x4c420001);
	assert_memory_equal(area + 12, "LIFEBOAT\0\0\0\0A=1\n5\0\0", 32);
	assert_int_equal(area[32 + 12], 0xee);

	assert_int_equal(lb_elfcore_note(area, sizeof(area), &pos, NOTE("CORE", 1, NULL, 0), &err), 0);
	assert_int_equal(pos, 32 + 20);
	// The 48 bytes that are left take exactly 12 of header, 8 of name, 16 of text and 12 zeroes.
	assert_int_equal(
		lb_elfcore_note(area, sizeof(area), &pos, NOTE("CORE", 1, "0123456789abcdefg", 17), &err),
		-1);
	assert_non_null(strstr(err.text, "48 of 100 left"));
	assert_int_equal(pos, 52);
	assert_int_equal(area[52 + 12], 0xee);
	assert_int_equal(
		lb_elfcore_note(area, sizeof(area), &pos, NOTE("CORE", 1, "0123456789abcdef", 16), &err), 0);
	assert_int_equal(pos, 88);
	assert_int_equal(lb_elfcore_note(area, sizeof(area), &pos, NOTE("CORE", 1, NULL, 0), &err), -1);
	pos = UINT64_MAX - 3;
	assert_int_equal(lb_elfcore_note(area, sizeof(area), &pos, NOTE("CORE", 1, NULL, 0), &err), -1);
	pos = 0;
	assert_int_equal(lb_elfcore_note(area, sizeof(area), &pos, NOTE("CORE", 1, area, UINT32_MAX), &err),
			 -1);
}

// The notes area is sized for the notes that are written: the last one fits.
static void test_notes_bytes(void **state)
{
	static const uint32_t cpus[] = {0, 1, 2, 64, 1024};
	static uint8_t text[LB_PAGE];

	(void)state;
	for (unsigned int i = 0; i < sizeof(cpus) / sizeof(cpus[0]); i++) {
		uint64_t bytes = lb_elfcore_notes_bytes(cpus[i]);
		uint8_t *area = malloc(bytes);
		struct lb_prstatus status = {.pid = 1};
		uint64_t pos = 0;

		assert_non_null(area);
		assert_true(lb_aligned(bytes, LB_PAGE));
		for (uint32_t cpu = 0; cpu < cpus[i]; cpu++)
			assert_int_equal(lb_elfcore_note(area, bytes, &pos,
							 NOTE("CORE", NT_PRSTATUS, &status, sizeof(status)),
							 NULL),
					 0);
		assert_int_equal(
			lb_elfcore_note(area, bytes, &pos, NOTE("VMCOREINFO", 0, text, sizeof(text)), NULL),
			0);
		assert_int_equal(lb_elfcore_note(area, bytes, &pos,
						 NOTE("LIFEBOAT", LB_NOTE_TYPE, text, sizeof(text)), NULL),
				 0);
		assert_true(bytes - pos < 2 * LB_PAGE);
		free(area);
	}
}

static void test_prstatus_offsets(void **state)
{
	(void)state;
	assert_int_equal(offsetof(struct lb_prstatus, pid), 32);
	assert_int_equal(offsetof(struct lb_prstatus, regs), 112);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_template),
		cmocka_unit_test(test_borders),
		cmocka_unit_test(test_low_region),
		cmocka_unit_test(test_unaligned),
		cmocka_unit_test(test_swap),
		cmocka_unit_test(test_template_refused),
		cmocka_unit_test(test_too_many_segments),
		cmocka_unit_test(test_finish),
		cmocka_unit_test(test_finish_unknown),
		cmocka_unit_test(test_finish_text_unknown),
		cmocka_unit_test(test_hotadd),
		cmocka_unit_test(test_notes),
		cmocka_unit_test(test_notes_bytes),
		cmocka_unit_test(test_prstatus_offsets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
