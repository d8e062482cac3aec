// SPDX-License-Identifier: BSD-2-Clause
// Makes the VMCOREINFO of a small kernel from its symbols and types, and says what is missing.
#include "crash/dead/vmcoreinfo_make.h"
#include "dead_image.h"

enum { INT = 1, PTR, ARRAY, STRUCT, UNION, ENUM };

#define NODE 0x300000ULL // struct pglist_data, in the image
#define PAGE_AT 0x310000ULL // the struct page of a free page
#define SECTIONS 0x320000ULL // the roots of mem_section, then the first root

static struct btf_made made;
static struct lb_vmcoreinfo_work work;
static char text[LB_VMCOREINFO_MAX];
static struct lb_vmcoreinfo_made result;

static const struct dead_symbol symbols[] = {
	{"D__start_BTF", BTF_AT}, {"D__stop_BTF", 0},          {"Dmem_section", 0x2f0000},
	{"Dnode_data", 0x2f0010}, {"Dnode_states", 0x2f0020},  {"Dinit_uts_ns", 0x2f1000},
	{"Dprb", 0x2f2000},       {"Dinit_top_pgt", 0x2f3000}, {"tkernel_randomize_memory", 0x2f4000},
};
#define SYMBOLS (sizeof(symbols) / sizeof(symbols[0]))

// `older`: page types are macros, and slab is a flag. Otherwise both are enumerators.
static void make_types(bool older)
{
	uint32_t word, byte, list, free_area, zone, array, lists, areas;

	memset(&made, 0, sizeof(made));
	word = btf_type(&made, "unsigned long", INT, 0, 8);
	btf_word(&made, 64);
	byte = btf_type(&made, "char", INT, 0, 1);
	btf_word(&made, 8);
	list = btf_type(&made, "list_head", STRUCT, 2, 16);
	btf_member(&made, "next", word, 0);
	btf_member(&made, "prev", word, 64);
	lists = btf_type(&made, "", ARRAY, 0, 0);
	btf_word(&made, list), btf_word(&made, word), btf_word(&made, 2);
	free_area = btf_type(&made, "free_area", STRUCT, 2, 40);
	btf_member(&made, "free_list", lists, 0);
	btf_member(&made, "nr_free", word, 256);
	areas = btf_type(&made, "", ARRAY, 0, 0);
	btf_word(&made, free_area), btf_word(&made, word), btf_word(&made, 11);
	zone = btf_type(&made, "zone", STRUCT, 1, 512);
	btf_member(&made, "free_area", areas, 64);
	array = btf_type(&made, "", ARRAY, 0, 0);
	btf_word(&made, zone), btf_word(&made, word), btf_word(&made, 4);
	btf_type(&made, "pglist_data", STRUCT, 1, 2048);
	btf_member(&made, "node_zones", array, 0);
	btf_type(&made, "page", STRUCT, 3, 64);
	btf_member(&made, "flags", word, 0);
	btf_member(&made, "lru", list, 64);
	btf_member(&made, "_mapcount", word, 384);
	btf_type(&made, "mem_section", STRUCT, 1, 16);
	btf_member(&made, "section_mem_map", word, 0);
	btf_type(&made, "mem_section_usage", STRUCT, 1, 8);
	btf_member(&made, "subsection_map", word, 0);
	array = btf_type(&made, "", ARRAY, 0, 0);
	btf_word(&made, list), btf_word(&made, word), btf_word(&made, 4 * 64 + 1);
	btf_type(&made, "zonelist", STRUCT, 1, 16 * 257);
	btf_member(&made, "_zonerefs", array, 0);
	btf_type(&made, "nodemask_t", STRUCT, 1, 8);
	btf_member(&made, "bits", word, 0);
	array = btf_type(&made, "", ARRAY, 0, 0);
	btf_word(&made, byte), btf_word(&made, word), btf_word(&made, 16);
	btf_type(&made, "dev_printk_info", STRUCT, 1, 64);
	btf_member(&made, "subsystem", array, 0);
	btf_type(&made, "", ENUM, older ? 5 : 4, 4);
	btf_entry(&made, "PG_lru", 5);
	btf_entry(&made, "PG_head", 6);
	btf_entry(&made, "__MAX_NR_ZONES", 4);
	btf_entry(&made, "N_ONLINE", 1);
	if (older)
		btf_entry(&made, "PG_slab", 9);
	if (!older) {
		btf_type(&made, "pagetype", ENUM, 3, 4);
		btf_entry(&made, "PGTY_buddy", 0xf0);
		btf_entry(&made, "PGTY_offline", 0xf1);
		btf_entry(&made, "PGTY_slab", 0xf5);
	}
}

static void put(struct dead_machine *machine, uint64_t at, uint64_t value)
{
	memcpy(image_at(machine, IMAGE_VIRT + at), &value, sizeof(value));
}

// Gives the variables their values: one section, and a free page of zone 1, order 2, type 1.
static void make_memory(struct dead_machine *machine)
{
	const uint64_t head = NODE + 512 + 8 + 2 * 40 + 16;

	put(machine, 0x2f0000, IMAGE_VIRT + SECTIONS);
	put(machine, SECTIONS, IMAGE_VIRT + SECTIONS + LB_PAGE);
	put(machine, SECTIONS + LB_PAGE, 0xffffea0000000003);
	put(machine, 0x2f0010, IMAGE_VIRT + NODE);
	for (uint64_t zone = 0; zone < 4; zone++) // empty lists
		for (uint64_t at = 0; at < 11 * 40; at += 40)
			for (uint64_t type = 0; type < 32; type += 16)
				put(machine, NODE + 512 * zone + 8 + at + type,
				    IMAGE_VIRT + NODE + 512 * zone + 8 + at + type);
	put(machine, head, IMAGE_VIRT + PAGE_AT + 8);
	put(machine, PAGE_AT + 8, IMAGE_VIRT + head);
	put(machine, PAGE_AT + 16, IMAGE_VIRT + head);
	put(machine, PAGE_AT + 48, 0xffffff7f);
}

static struct dead_machine *build(bool older)
{
	struct dead_machine *machine = dead_open();
	struct dead_symbol placed[SYMBOLS];

	make_types(older);
	memcpy(placed, symbols, sizeof(placed));
	placed[1].at = write_btf(machine, &made) - IMAGE_VIRT;
	write_symbols(machine, older ? BEFORE : PLACE, placed, SYMBOLS);
	make_memory(machine);
	dead_info(machine,
		  "OSRELEASE=6.1.0-test\nBUILD-ID=0123\nPAGESIZE=4096\nNUMBER(pgtable_l5_enabled)=0\n");
	return machine;
}

static int make(struct dead_machine *machine, struct lb_error *err)
{
	const struct lb_deadkernel kernel = dead_kernel(machine);

	memset(&work, 0xee, sizeof(work));
	memset(text, 0xee, sizeof(text));
	return lb_vmcoreinfo_make(&kernel, &work, text, &result, err);
}

static void made_well(struct dead_machine *machine)
{
	struct lb_error err;

	if (make(machine, &err) != 0)
		fail_msg("%s", err.text);
	assert_true(result.bytes < sizeof(text));
	text[result.bytes] = '\0';
}

static void assert_line(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void assert_line(const char *format, ...)
{
	char line[128] = "\n";
	const char *found;
	va_list args;

	va_start(args, format);
	vsnprintf(line + 1, sizeof(line) - 2, format, args);
	va_end(args);
	strcat(line, "\n");
	found = strncmp(text, line + 1, strlen(line + 1)) == 0 ? text : strstr(text, line);
	if (!found)
		fail_msg("no line %s in:\n%s", line + 1, text);
}

static void assert_common(void)
{
	assert_line("OSRELEASE=6.1.0-test");
	assert_line("BUILD-ID=0123");
	assert_line("PAGESIZE=4096");
	assert_line("SYMBOL(init_uts_ns)=%llx", IMAGE_VIRT + 0x2f1000);
	assert_line("SYMBOL(swapper_pg_dir)=%llx", IMAGE_VIRT + 0x2f3000);
	assert_line("SYMBOL(_stext)=%llx", IMAGE_VIRT);
	assert_line("SYMBOL(node_online_map)=%llx", IMAGE_VIRT + 0x2f0028);
	assert_line("SYMBOL(mem_section)=%llx", IMAGE_VIRT + SECTIONS);
	assert_line("LENGTH(mem_section)=2048"); // 1 << (46 - 27) sections, 256 to a page
	assert_line("SIZE(mem_section)=16");
	assert_line("NUMBER(SECTION_SIZE_BITS)=27");
	assert_line("NUMBER(MAX_PHYSMEM_BITS)=46");
	assert_line("OFFSET(page.lru)=8");
	assert_line("SIZE(zone)=512");
	assert_line("LENGTH(zone.free_area)=11");
	assert_line("LENGTH(printk_info_subsystem)=16");
	assert_line("NUMBER(PG_lru)=5");
	assert_line("NUMBER(PG_head_mask)=64");
	assert_line("LENGTH(node_data)=64");
	assert_line("NUMBER(KERNEL_IMAGE_SIZE)=1073741824");
	assert_line("NUMBER(sme_mask)=0");
	assert_line("NUMBER(pgtable_l5_enabled)=0");
	assert_null(strstr(text, "OFFSET(page.mapping)")); // struct page here has no such field
	assert_null(strstr(text, "PG_hwpoison"));
}

static void a_newer_kernel_s(void **state)
{
	struct dead_machine *machine = build(false);

	(void)state;
	made_well(machine);
	assert_common();
	assert_line("NUMBER(PAGE_BUDDY_MAPCOUNT_VALUE)=-268435456");
	assert_line("NUMBER(PAGE_OFFLINE_MAPCOUNT_VALUE)=-251658240");
	assert_line("NUMBER(PAGE_SLAB_MAPCOUNT_VALUE)=-184549376");
	assert_null(strstr(text, "NUMBER(PG_slab)"));
	assert_null(strstr(text, "kallsyms_relative_base"));
	// vmap_area_list and the source of VMALLOC_START are missing.
	assert_int_equal(result.left_out, 2);
	assert_string_equal(result.why, "NUMBER(VMALLOC_START), SYMBOL(vmemmap)");
	dead_close(machine);
}

static void an_older_kernel_s(void **state)
{
	struct dead_machine *machine = build(true);

	(void)state;
	made_well(machine);
	assert_common();
	assert_line("NUMBER(PAGE_BUDDY_MAPCOUNT_VALUE)=-129");
	assert_line("NUMBER(PAGE_OFFLINE_MAPCOUNT_VALUE)=-257");
	assert_line("NUMBER(PG_slab)=9");
	assert_null(strstr(text, "PAGE_SLAB"));
	assert_non_null(strstr(text, "kallsyms_relative_base"));
	dead_close(machine);
}

// A value that is derived is left out, and named, if its source is missing.
static void without_evidence_a_key_is_left_out(void **state)
{
	static const struct {
		uint64_t at, value;
		const char *names;
	} cases[] = {
		{SECTIONS + LB_PAGE, 1, "SYMBOL(mem_section), LENGTH(mem_section)"},
		{0x2f0000, 0, "SYMBOL(mem_section), LENGTH(mem_section)"},
		{PAGE_AT + 48, 0xffffff00,
		 "NUMBER(PAGE_BUDDY_MAPCOUNT_VALUE), NUMBER(PAGE_OFFLINE_MAPCOUNT_VALUE)"},
		{PAGE_AT + 16, 0, "NUMBER(PAGE_BUDDY_MAPCOUNT_VALUE), NUMBER(PAGE_OFFLINE_MAPCOUNT_VALUE)"},
		{0x2f0010, 0, "NUMBER(PAGE_BUDDY_MAPCOUNT_VALUE), NUMBER(PAGE_OFFLINE_MAPCOUNT_VALUE)"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct dead_machine *machine = build(true);

		put(machine, cases[i].at, cases[i].value);
		made_well(machine);
		assert_non_null(strstr(result.why, cases[i].names));
		assert_int_equal(result.left_out, 4); // with VMALLOC_START and vmemmap
		dead_close(machine);
	}
}

static void without_btf_there_are_symbols(void **state)
{
	struct dead_machine *machine = build(false);

	(void)state;
	image_put32(machine, IMAGE_VIRT + BTF_AT, 0);
	made_well(machine);
	assert_line("SYMBOL(prb)=%llx", IMAGE_VIRT + 0x2f2000);
	assert_line("OSRELEASE=6.1.0-test");
	assert_null(strstr(text, "OFFSET("));
	assert_null(strstr(text, "LENGTH("));
	assert_non_null(strstr(result.why, "BTF"));
	assert_true(result.left_out > 50);
	dead_close(machine);
}

static void without_kallsyms_there_is_nothing(void **state)
{
	struct dead_machine *machine = build(false);
	struct lb_error err;

	(void)state;
	memset(image_at(machine, IMAGE_VIRT + BANNER_AT), 0, 16);
	assert_int_equal(make(machine, &err), -1);
	assert_non_null(strstr(err.text, "kallsyms"));
	dead_close(machine);
}

static void whole_and_little(void **state)
{
	struct dead_machine *machine = build(false);
	struct lb_vmcoreinfo info = {.text = text};

	(void)state;
	assert_false(lb_vmcoreinfo_is_whole(&machine->dead.vmcoreinfo));
	made_well(machine);
	info.bytes = result.bytes;
	assert_true(lb_vmcoreinfo_is_whole(&info));
	dead_close(machine);
}

// A line that would be too long is left out, not cut.
static void long_lines_are_left_out(void **state)
{
	struct dead_machine *machine = build(false);
	char release[400];

	(void)state;
	memset(release, 'x', sizeof(release));
	release[sizeof(release) - 1] = '\0';
	dead_info(machine, "OSRELEASE=%s\nPAGESIZE=4096\n", release);
	made_well(machine);
	assert_true(result.bytes < LB_VMCOREINFO_MAX && text[result.bytes - 1] == '\n');
	assert_non_null(strstr(result.why, "BUILD-ID"));
	dead_close(machine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_newer_kernel_s),
		cmocka_unit_test(an_older_kernel_s),
		cmocka_unit_test(without_evidence_a_key_is_left_out),
		cmocka_unit_test(without_btf_there_are_symbols),
		cmocka_unit_test(without_kallsyms_there_is_nothing),
		cmocka_unit_test(whole_and_little),
		cmocka_unit_test(long_lines_are_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
