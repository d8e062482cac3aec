// SPDX-License-Identifier: BSD-2-Clause
// The right VMCOREINFO is found among wrong ones, and its whole text is read.
#include "crash/dead/vmcoreinfo_find.h"
#include "dead_kernel_image.h"

static void note_is_copied_whole(void **state)
{
	struct machine m = build(usual);
	struct lb_deadkernel dead = read_kernel(&m);

	(void)state;
	assert_note(&dead);
	assert_ptr_equal(dead.space.vmcoreinfo.text, note_text);
	assert_memory_equal(note_text, ram + NOTE + LB_VMCOREINFO_TEXT, sizeof(note_text));
}

// The text ends where RAM ends, and at a NUL. No byte behind it is taken.
static void text_is_cut(void **state)
{
	const uint32_t first_page = LB_PAGE - LB_VMCOREINFO_TEXT;
	struct lb_deadkernel dead;
	struct machine m;

	(void)state;
	m = build(usual);
	ram_hole = NOTE + LB_PAGE;
	dead = read_kernel(&m);
	assert_true(dead.has_vmcoreinfo);
	assert_int_equal(dead.space.vmcoreinfo.bytes, first_page);
	assert_memory_equal(note_text, ram + NOTE + LB_VMCOREINFO_TEXT, first_page);
	assert_int_equal((uint8_t)note_text[first_page], 0xee);

	m = build(usual);
	ram[NOTE + 1000] = '\0';
	dead = read_kernel(&m);
	assert_true(dead.has_vmcoreinfo);
	assert_int_equal(dead.space.vmcoreinfo.bytes, 1000 - LB_VMCOREINFO_TEXT);
	assert_int_equal((uint8_t)note_text[1000 - LB_VMCOREINFO_TEXT], 0xee);

	m = build(usual);
	ram[NOTE + 60] = '\0'; // before the keys that must fit the page tables
	dead = read_kernel(&m);
	assert_false(dead.has_vmcoreinfo);
	assert_int_equal(dead.vmcoreinfo_candidates, 1);
	assert_int_equal(dead.space.vmcoreinfo.bytes, 0);
}

// Replaces the 2 MiB page of the direct map around `phys` by 4 KiB pages.
static void split_direct_map(struct machine *m, uint64_t phys)
{
	uint64_t start = lb_align_down(phys, 2 * LB_MIB);

	*entry_of(m, m->page_offset + start, 2 * LB_MIB) = 0;
	for (uint64_t at = 0; at < 2 * LB_MIB; at += LB_PAGE)
		map(m, m->page_offset + start + at, start + at, LB_PAGE, W | NX);
}

// The image points first to notes of other kernels, which differ in one thing each.
static void decoys_are_passed_over(void **state)
{
	const uint64_t phys_base = IMAGE - (TEXT - LB_KERNEL_MAP);
	struct lb_deadkernel dead;
	struct machine m;

	(void)state;
	for (int decoy = 0; decoy < 6; decoy++) {
		m = build(usual);
		build_note(OLD_NOTE, KASLR, phys_base, NONE);
		put64(DATA + 0x4000, m.page_offset + OLD_NOTE);
		switch (decoy) {
		case 0: // another boot, with the text elsewhere
			build_note(OLD_NOTE, KASLR + 0x8000000, phys_base, NONE);
			break;
		case 1: // the same virtual address, another physical one
			build_note(OLD_NOTE, KASLR, phys_base + 0x200000, NONE);
			break;
		case 2: // no phys_base
			memcpy(strstr((char *)ram + OLD_NOTE + 24, "NUMBER(phys"), "nonono", 6);
			break;
		case 3: // no number
			memcpy(strstr((char *)ram + OLD_NOTE + 24, "KERNELOFFSET=") + 13, "-", 1);
			break;
		case 4: // too many digits
			memcpy(strstr((char *)ram + OLD_NOTE + 24, "_stext)=") + 8, "11111111111111111111",
			       20);
			break;
		case 5: // the text ends before its keys
			ram[OLD_NOTE + 4] = 30;
			ram[OLD_NOTE + 5] = 0;
			break;
		}
		dead = read_kernel(&m);
		assert_note(&dead);
		assert_int_equal(dead.vmcoreinfo_candidates, 2);
	}
	// The note is right, but the page tables map the pointer to another page.
	m = build(usual);
	memcpy(ram + OLD_NOTE, ram + NOTE, 2 * LB_PAGE);
	put64(DATA + 0x4000, m.page_offset + OLD_NOTE);
	split_direct_map(&m, OLD_NOTE);
	map(&m, m.page_offset + OLD_NOTE, 0x3000, LB_PAGE, W | NX);
	dead = read_kernel(&m);
	assert_note(&dead);
	assert_int_equal(dead.vmcoreinfo_candidates, 2);
}

// Heads that are not those of VMCOREINFO do not even count as candidates.
static void note_heads_are_checked(void **state)
{
	static const struct {
		unsigned int at;
		uint32_t word;
	} wrong[] = {{0, 10},         {0, 12}, {4, 0},  {4, 5},           {4, LB_VMCOREINFO_MAX + 1},
		     {4, UINT32_MAX}, {8, 1},  {12, 0}, {20, UINT32_MAX}, {24, 0},
		     {31, 0}};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct machine m = build(usual);
		struct lb_deadkernel dead;

		memcpy(ram + NOTE + wrong[i].at, &wrong[i].word, sizeof(wrong[i].word));
		dead = read_kernel(&m);
		assert_tables(&m, &dead);
		assert_false(dead.has_vmcoreinfo);
		assert_int_equal(dead.vmcoreinfo_candidates, 0);
	}
}

// A kernel with another CONFIG_PHYSICAL_START: its note has the right offset.
static void other_link_address(void **state)
{
	struct machine m = build(usual);
	struct lb_deadkernel dead;
	char *line = strstr((char *)ram + NOTE + LB_VMCOREINFO_TEXT, "KERNELOFFSET=");

	(void)state;
	memcpy(line, "KERNELOFFSET=11400000", 21);
	dead = read_kernel(&m);
	assert_true(dead.has_vmcoreinfo);
	assert_int_equal(dead.kaslr_offset, 0x11400000);
	memcpy(line, "KERNELOFFSET=11400001", 21);
	dead = read_kernel(&m);
	assert_false(dead.has_vmcoreinfo);
	assert_int_equal(dead.kaslr_offset, KASLR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(note_is_copied_whole),   cmocka_unit_test(text_is_cut),
		cmocka_unit_test(decoys_are_passed_over), cmocka_unit_test(note_heads_are_checked),
		cmocka_unit_test(other_link_address),
	};

	return cmocka_run_group_tests(tests, take_ram, free_ram);
}
