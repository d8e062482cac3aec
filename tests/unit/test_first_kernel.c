// SPDX-License-Identifier: BSD-2-Clause
// Finds the kernel that died before kdump's own kernel did, by what kdump was told. What is no such kernel is
// not taken for one.
#include <elf.h>

#include "crash/dead/first_kernel.h"
#include "dead_kernel_image.h"

#define HEADER 0xa1ffe0ULL // the ELF core header, across two pages
#define CPU_NOTE 0xa30000ULL
#define FIRST_NOTE 0xa31ff0ULL // the first kernel's VMCOREINFO note, across two pages

#define LINE 0xa40000ULL // the command line of kdump's kernel

static char text[LB_VMCOREINFO_MAX];

static Elf64_Ehdr *ehdr(void)
{
	return (Elf64_Ehdr *)(void *)(ram + HEADER);
}

static Elf64_Phdr *phdr(unsigned int i)
{
	return (Elf64_Phdr *)(void *)(ram + HEADER + sizeof(Elf64_Ehdr)) + i;
}

static void put_note(uint64_t phys, const char *name, const char *desc)
{
	const Elf64_Nhdr header = {
		.n_namesz = (Elf64_Word)strlen(name) + 1, .n_descsz = (Elf64_Word)strlen(desc), .n_type = 0};

	memcpy(ram + phys, &header, sizeof(header));
	memset(ram + phys + sizeof(header), 0, 12);
	memcpy(ram + phys + sizeof(header), name, strlen(name));
	memcpy(ram + phys + sizeof(header) + 12, desc, strlen(desc));
}

// Makes what kexec leaves for kdump's kernel: a CPU's note, RAM, and VMCOREINFO. The first kernel has the
// same image as the last one in this machine, seen through its own page tables.
static struct machine dead_kdump(uint64_t swapper)
{
	struct machine m = build((struct machine){.symbols = PLACE_RELATIVE, .has_note = true, .cpus = CPUS});
	char desc[2048];
	size_t at = 0;

	at += (size_t)sprintf(desc, "SYMBOL(swapper_pg_dir)=%llx\nNUMBER(phys_base)=%lld\n",
			      (unsigned long long)swapper, (long long)(IMAGE - (TEXT - LB_KERNEL_MAP)));
	at += (size_t)sprintf(desc + at, "NUMBER(pgtable_l5_enabled)=0\nSYMBOL(kallsyms_names)=%llx\n",
			      NAMES);
	at += (size_t)sprintf(desc + at,
			      "SYMBOL(kallsyms_num_syms)=%llx\nSYMBOL(kallsyms_token_table)=%llx\n", NUM_SYMS,
			      TOKEN_TABLE);
	sprintf(desc + at, "SYMBOL(kallsyms_token_index)=%llx\nSYMBOL(kallsyms_offsets)=%llx\n", TOKEN_INDEX,
		SYM_OFFSETS);
	*ehdr() = (Elf64_Ehdr){.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64},
			       .e_phoff = sizeof(Elf64_Ehdr),
			       .e_phentsize = sizeof(Elf64_Phdr),
			       .e_phnum = 3};
	*phdr(0) = (Elf64_Phdr){.p_type = PT_NOTE, .p_offset = CPU_NOTE};
	*phdr(1) = (Elf64_Phdr){.p_type = PT_LOAD, .p_offset = FIRST_NOTE};
	*phdr(2) = (Elf64_Phdr){.p_type = PT_NOTE, .p_offset = FIRST_NOTE};
	put_note(CPU_NOTE, "CORE", "registers");
	put_note(FIRST_NOTE, "VMCOREINFO", desc);
	put64(ELFCOREHDR, HEADER);
	return m;
}

static bool find(const struct machine *m, struct lb_first_kernel *ret_first)
{
	const struct lb_deadkernel last = read_kernel(m);

	return lb_first_kernel_find(&last.space, text, ret_first);
}

static void found_by_what_kdump_was_told(void **state)
{
	struct machine m = dead_kdump(SWAPPER);
	struct lb_first_kernel first;
	struct lb_deadkernel kernel;

	(void)state;
	assert_true(find(&m, &first));
	assert_int_equal(first.space.cr3, IMAGE + (SWAPPER - TEXT));
	assert_false(first.space.la57);
	assert_ptr_equal(first.space.vmcoreinfo.text, text);
	assert_memory_equal(text, "SYMBOL(swapper_pg_dir)=", 23);
	assert_int_equal(first.gs_base, *(uint64_t *)image_at(OFFSETS));
	// The first kernel can be read like any dead kernel, with its CPUs.
	lb_deadkernel_read(&first.space, first.gs_base, text, &kernel);
	assert_tables(&m, &kernel);
	assert_note(&kernel);
	assert_int_equal(kernel.cpu_count, CPUS);
}

// Once kdump's kernel has read the header, elfcorehdr_addr is ELFCORE_ADDR_ERR. The command line still has
// the address.
static void found_by_the_command_line(void **state)
{
	struct machine m = dead_kdump(SWAPPER);
	struct lb_first_kernel first;

	(void)state;
	put64(ELFCOREHDR, UINT64_MAX - 1);
	put64(COMMAND_LINE, m.page_offset + LINE);
	sprintf((char *)ram + LINE, "quiet elfcorehdr=0x%llx nr_cpus=1", HEADER);
	assert_true(find(&m, &first));
	assert_int_equal(first.space.cr3, IMAGE + (SWAPPER - TEXT));
}

static void none_where_kdump_was_told_nothing(void **state)
{
	struct machine m = dead_kdump(SWAPPER);
	struct lb_first_kernel first;

	(void)state;
	put64(ELFCOREHDR, UINT64_MAX);
	assert_false(find(&m, &first));
	put64(ELFCOREHDR, UINT64_MAX - 1); // the header was read, and there is no command line
	assert_false(find(&m, &first));
	put64(ELFCOREHDR, UINT64_MAX - 8); // the header would reach beyond the last address
	assert_false(find(&m, &first));
	put64(ELFCOREHDR, RAM_BYTES);
	assert_false(find(&m, &first));
	put64(ELFCOREHDR, HEADER);
	assert_true(find(&m, &first));
}

static void damaged_headers(void **state)
{
	struct lb_first_kernel first;
	struct machine m;

	(void)state;
	m = dead_kdump(SWAPPER);
	ehdr()->e_ident[0] = 0;
	assert_false(find(&m, &first));
	m = dead_kdump(SWAPPER);
	ehdr()->e_ident[EI_CLASS] = ELFCLASS32;
	assert_false(find(&m, &first));
	m = dead_kdump(SWAPPER);
	ehdr()->e_phentsize = 32;
	assert_false(find(&m, &first));
	m = dead_kdump(SWAPPER);
	ehdr()->e_phoff = UINT64_MAX - 20;
	assert_false(find(&m, &first));
	m = dead_kdump(SWAPPER);
	ehdr()->e_phnum = 2; // without VMCOREINFO's program header
	assert_false(find(&m, &first));
	m = dead_kdump(SWAPPER);
	phdr(2)->p_type = PT_LOAD;
	ehdr()->e_phnum = UINT16_MAX; // program headers go on into other data
	assert_false(find(&m, &first));
	m = dead_kdump(SWAPPER);
	phdr(2)->p_offset = RAM_BYTES - 8;
	assert_false(find(&m, &first));
}

static void damaged_notes(void **state)
{
	struct lb_first_kernel first;
	struct machine m;
	uint32_t huge = LB_VMCOREINFO_MAX + 1;

	(void)state;
	m = dead_kdump(SWAPPER);
	memcpy(ram + FIRST_NOTE + 4, &huge, sizeof(huge));
	assert_false(find(&m, &first));
	m = dead_kdump(SWAPPER);
	put_note(FIRST_NOTE, "VMCOREINFO", "NUMBER(phys_base)=0\n");
	assert_false(find(&m, &first));
}

static void page_tables_that_are_none(void **state)
{
	static const uint64_t wrong[] = {0, SWAPPER + 8, LB_KERNEL_MAP - LB_PAGE, SWAPPER + RAM_BYTES,
					 UINT64_MAX};
	struct lb_first_kernel first;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct machine m = dead_kdump(wrong[i]);

		assert_false(find(&m, &first));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(found_by_what_kdump_was_told),
		cmocka_unit_test(found_by_the_command_line),
		cmocka_unit_test(none_where_kdump_was_told_nothing),
		cmocka_unit_test(damaged_headers),
		cmocka_unit_test(damaged_notes),
		cmocka_unit_test(page_tables_that_are_none),
	};

	return cmocka_run_group_tests(tests, take_ram, free_ram);
}
