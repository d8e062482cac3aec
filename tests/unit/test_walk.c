// SPDX-License-Identifier: BSD-2-Clause
// The walker on tables written word by word: good ones and hostile ones.
#include <string.h>

#include "lifeboat/range.h"
#include "lifeboat/x86.h"
#include "pgtable/walk.h"
#include "unit.h"

#define P X86_PTE_P
#define W X86_PTE_W
#define U X86_PTE_U
#define A X86_PTE_A
#define D X86_PTE_D
#define PS X86_PTE_PS
#define NX X86_PTE_NX
#define PWU (P | W | U)

// Page i of the memory lies at BASE + i * 4 KiB. All other addresses are not RAM.
#define BASE 0x100000ULL
#define PAGES 8
#define AT(page) (BASE + (page)*LB_PAGE)

static uint64_t memory[PAGES][X86_PT_ENTRIES];
static uint64_t reads; // pages read since reset()

static const void *memory_page(void *ctx, uint64_t phys)
{
	(void)ctx;
	reads++;
	assert_true(lb_aligned(phys, LB_PAGE));
	if (phys < BASE || phys >= AT(PAGES))
		return NULL;
	return memory[(phys - BASE) / LB_PAGE];
}

static const struct lb_physmem mem = {.page = memory_page};
static struct lb_walk walk;
static struct lb_walk_leaf leaf;

// Empty memory, and a walk of 4 levels from page 0 with 40 physical address bits.
static int reset(void **state)
{
	(void)state;
	memset(memory, 0, sizeof(memory));
	memset(&leaf, 0xee, sizeof(leaf));
	walk = (struct lb_walk){.mem = &mem, .cr3 = AT(0), .phys_bits = 40};
	reads = 0;
	return 0;
}

// PML4[0] -> PDPT[0] -> PD[0] -> PT in pages 0 to 3.
static void link_chain(void)
{
	for (unsigned int i = 0; i < 3; i++)
		memory[i][0] = AT(i + 1) | PWU;
}

static void assert_leaf(uint64_t virt, uint64_t phys, uint64_t page_size, uint64_t flags)
{
	assert_int_equal(lb_walk(&walk, virt, &leaf), LB_WALK_MAPPED);
	assert_int_equal(leaf.phys, phys);
	assert_int_equal(leaf.page_size, page_size);
	assert_int_equal(leaf.flags, flags);
}

// A walk that fails other than by an absent entry must not write the leaf.
static void assert_status(uint64_t virt, enum lb_walk_status status)
{
	const struct lb_walk_leaf poison = {0xeeeeeeeeeeeeeeee, 0xeeeeeeeeeeeeeeee, 0xeeeeeeeeeeeeeeee};

	leaf = poison;
	assert_int_equal(lb_walk(&walk, virt, &leaf), status);
	assert_memory_equal(&leaf, &poison, sizeof(leaf));
}

static void assert_absent(uint64_t virt, uint64_t covers)
{
	assert_int_equal(lb_walk(&walk, virt, &leaf), LB_WALK_NOT_PRESENT);
	assert_int_equal(leaf.page_size, covers);
}

static void test_leaf_4k(void **state)
{
	(void)state;
	link_chain();
	memory[3][5] = 0x123456000 | P | W | A;
	assert_leaf(0x5000, 0x123456000, LB_PAGE, P | W | A);
	assert_leaf(0x5fff, 0x123456fff, LB_PAGE, P | W | A);
	assert_absent(0x4fff, LB_PAGE);
	assert_absent(0x6000, LB_PAGE);
}

static void test_leaf_2m(void **state)
{
	(void)state;
	link_chain();
	memory[2][3] = 0x40600000 | PWU | A | D | PS;
	assert_leaf(0x600000, 0x40600000, 2 * LB_MIB, PWU | A | D | PS);
	assert_leaf(0x7fffff, 0x407fffff, 2 * LB_MIB, PWU | A | D | PS);
	assert_absent(0x800000, 2 * LB_MIB);
}

static void test_leaf_1g(void **state)
{
	(void)state;
	link_chain();
	memory[1][511] = 0x3fc0000000 | P | PS;
	assert_leaf(0x7fc0000000, 0x3fc0000000, LB_GIB, P | PS);
	assert_leaf(0x7fffffffff, 0x3fffffffff, LB_GIB, P | PS);
	assert_absent(0x8000000000, 512 * LB_GIB);
}

static void test_every_index_is_nine_bits(void **state)
{
	const uint64_t virt = 0x1ULL << 39 | 0x155ULL << 30 | 0x0aaULL << 21 | 0x1ffULL << 12 | 0x7ab;

	(void)state;
	memory[0][0x001] = AT(1) | PWU;
	memory[1][0x155] = AT(2) | PWU;
	memory[2][0x0aa] = AT(3) | PWU;
	memory[3][0x1ff] = 0xabc000 | PWU;
	assert_leaf(virt, 0xabc7ab, LB_PAGE, PWU);
	assert_absent(virt ^ 1ULL << 39, 512 * LB_GIB);
	assert_absent(virt ^ 1ULL << 30, LB_GIB);
	assert_absent(virt ^ 1ULL << 21, 2 * LB_MIB);
	assert_absent(virt ^ 1ULL << 12, LB_PAGE);
}

static void test_five_levels(void **state)
{
	(void)state;
	walk.la57 = true;
	walk.cr3 = AT(4);
	link_chain();
	memory[4][0] = AT(0) | PWU;
	memory[4][256] = AT(0) | PWU;
	memory[3][0] = 0x7000 | PWU;
	assert_leaf(0, 0x7000, LB_PAGE, PWU);
	assert_leaf(0xff00000000000000, 0x7000, LB_PAGE, PWU);
	assert_absent(1ULL << 48, 1ULL << 48);
	// Not canonical with 4 levels, canonical with 5.
	assert_absent(1ULL << 47, 1ULL << 39);
}

static void test_not_canonical(void **state)
{
	(void)state;
	assert_absent(0x00007fffffffffff, 1ULL << 39);
	assert_absent(0xffff800000000000, 1ULL << 39);
	assert_status(0x0000800000000000, LB_WALK_NOT_CANONICAL);
	assert_status(0xffff7fffffffffff, LB_WALK_NOT_CANONICAL);
	assert_status(0x8000000000000000, LB_WALK_NOT_CANONICAL);
	walk.la57 = true;
	assert_absent(0x00ffffffffffffff, 1ULL << 48);
	assert_status(0x0100000000000000, LB_WALK_NOT_CANONICAL);
	assert_status(0xfeffffffffffffff, LB_WALK_NOT_CANONICAL);
	assert_absent(0xff00000000000000, 1ULL << 48);
}

static void test_rights_are_combined(void **state)
{
	(void)state;
	for (unsigned int level = 0; level < 4; level++) {
		reset(NULL);
		link_chain();
		memory[3][0] = 0x5000 | PWU;
		memory[level][0] &= ~W;
		assert_leaf(0, 0x5000, LB_PAGE, P | U);
		memory[level][0] = (memory[level][0] | W) & ~U;
		assert_leaf(0, 0x5000, LB_PAGE, P | W);
		memory[level][0] |= U | NX;
		assert_leaf(0, 0x5000, LB_PAGE, PWU | NX);
	}
}

static void test_memory_type_bits(void **state)
{
	(void)state;
	link_chain();
	memory[3][0] = 0x5000 | P | X86_PTE_PWT | X86_PTE_PCD;
	assert_leaf(0, 0x5000, LB_PAGE, P | X86_PTE_PWT | X86_PTE_PCD);
	// Bit 7 of a PTE is PAT, not PS.
	memory[3][0] = 0x5000 | P | 1ULL << 7;
	assert_leaf(0, 0x5000, LB_PAGE, P | LB_WALK_PAT);
	// Bit 12 of a larger leaf is PAT: neither reserved nor part of the address.
	memory[2][1] = 0x200000 | P | PS | 1ULL << 12;
	assert_leaf(0x201234, 0x201234, 2 * LB_MIB, P | PS | LB_WALK_PAT);
	memory[1][1] = 0x40000000 | P | PS | 1ULL << 12;
	assert_leaf(0x40001234, 0x40001234, LB_GIB, P | PS | LB_WALK_PAT);
	// Flags of the tables above do not belong to the leaf.
	memory[0][0] |= X86_PTE_PCD | X86_PTE_A;
	assert_leaf(0, 0x5000, LB_PAGE, P | LB_WALK_PAT);
}

static void test_ignored_bits_are_ignored(void **state)
{
	const uint64_t ignored = 0x7ff0000000000000ULL | 0xf00; // bits 62:52 and 11:8, global among them

	(void)state;
	for (unsigned int i = 0; i < 3; i++)
		memory[i][0] = AT(i + 1) | PWU | ignored;
	memory[3][0] = 0x5000 | PWU | ignored;
	assert_leaf(0, 0x5000, LB_PAGE, PWU);
	walk.cr3 |= 0xfff | 0xfffULL << 52; // PCID, LAM, and bits not defined yet
	assert_leaf(0, 0x5000, LB_PAGE, PWU);
}

static void test_reserved_ps(void **state)
{
	(void)state;
	link_chain();
	memory[0][0] |= PS;
	assert_status(0, LB_WALK_RESERVED_BIT);
	walk.hostile = true; // there is no link to follow, in any mode
	assert_status(0, LB_WALK_RESERVED_BIT);

	walk.la57 = true;
	walk.cr3 = AT(4);
	memory[4][0] = AT(0) | PWU | PS;
	assert_status(0, LB_WALK_RESERVED_BIT);
}

static void test_reserved_bits_of_large_leaves(void **state)
{
	(void)state;
	link_chain();
	for (unsigned int bit = 13; bit < 30; bit++) {
		memory[1][1] = 0x40000000 | P | PS | 1ULL << bit;
		assert_status(0x40000000, LB_WALK_RESERVED_BIT);
		memory[2][1] = P | PS | 1ULL << bit;
		if (bit < 21)
			assert_status(0x200000, LB_WALK_RESERVED_BIT);
		else
			assert_leaf(0x200000, 1ULL << bit, 2 * LB_MIB, P | PS);
	}
}

static void test_reserved_address_bits(void **state)
{
	const unsigned int widths[] = {36, 40, 46, 51, 52};

	(void)state;
	for (size_t n = 0; n < sizeof(widths) / sizeof(widths[0]); n++) {
		for (unsigned int bit = widths[n]; bit < 52; bit++) {
			for (unsigned int level = 0; level < 4; level++) {
				reset(NULL);
				walk.phys_bits = widths[n];
				link_chain();
				memory[3][0] = 0x5000 | PWU;
				memory[level][0] |= 1ULL << bit;
				assert_status(0, LB_WALK_RESERVED_BIT);
				walk.hostile = true;
				assert_leaf(0, 0x5000, LB_PAGE, PWU);
				memory[level][0] &= ~P; // reserved bits do not count in an absent entry
				assert_absent(0, 1ULL << (39 - 9 * level));
			}
			reset(NULL);
			walk.phys_bits = widths[n];
			walk.cr3 |= 1ULL << bit;
			assert_status(0, LB_WALK_RESERVED_BIT);
			walk.hostile = true;
			assert_absent(0, 1ULL << 39);
		}
		// The highest bit within the width is part of the address.
		reset(NULL);
		walk.phys_bits = widths[n];
		link_chain();
		memory[3][0] = 1ULL << (widths[n] - 1) | P;
		assert_leaf(0, 1ULL << (widths[n] - 1), LB_PAGE, P);
	}
}

static void test_tables_outside_ram(void **state)
{
	(void)state;
	walk.cr3 = AT(PAGES);
	assert_status(0, LB_WALK_UNREADABLE);
	for (unsigned int level = 0; level < 3; level++) {
		reset(NULL);
		link_chain();
		memory[level][0] = 0xdead000 | PWU;
		assert_status(0, LB_WALK_UNREADABLE);
	}
	// The page of a leaf is not read, so it may be anywhere.
	reset(NULL);
	link_chain();
	memory[3][0] = 0xdead000 | PWU;
	assert_leaf(0, 0xdead000, LB_PAGE, PWU);
}

static void test_loop_ends(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < X86_PT_ENTRIES; i++)
		memory[0][i] = AT(0) | PWU;
	assert_leaf(0x7f1234567abc, AT(0) | 0xabc, LB_PAGE, PWU);
	assert_int_equal(reads, 4);
	walk.la57 = true;
	assert_leaf(0xff7f1234567abc, AT(0) | 0xabc, LB_PAGE, PWU);
	assert_int_equal(reads, 9);
}

static void assert_next(uint64_t from, uint64_t end, uint64_t virt, uint64_t phys)
{
	uint64_t found = 0;

	assert_true(lb_walk_next(&walk, from, end, &found, &leaf));
	assert_int_equal(found, virt);
	assert_int_equal(leaf.phys, phys);
}

// Nothing is found, and nothing is written.
static void assert_no_next(uint64_t from, uint64_t end)
{
	uint64_t found = 0x5a5a;

	assert_false(lb_walk_next(&walk, from, end, &found, &leaf));
	assert_int_equal(found, 0x5a5a);
}

static void test_next(void **state)
{
	(void)state;
	link_chain();
	memory[3][7] = 0x9000 | P;
	memory[2][9] = 0x200000 | P | PS;
	memory[0][511] = AT(4) | PWU; // the upper half, up to its last byte
	memory[4][511] = AT(5) | PWU;
	memory[5][511] = AT(6) | PWU;
	memory[6][511] = 0xa000 | P;

	assert_next(0, UINT64_MAX, 0x7000, 0x9000);
	// From inside a hole, up to the last byte of the address space.
	assert_next(0x6fff, UINT64_MAX, 0x7000, 0x9000);
	assert_next(0x7abc, UINT64_MAX, 0x7abc, 0x9abc);
	assert_next(0x8000, UINT64_MAX, 0x1200000, 0x200000);
	assert_next(0x1400000, UINT64_MAX, 0xfffffffffffff000, 0xa000);
	assert_next(0xfffffffffffffffe, UINT64_MAX, 0xfffffffffffffffe, 0xaffe);
	assert_no_next(0, 0x7000);
	assert_next(0, 0x7001, 0x7000, 0x9000);
	assert_no_next(0x8000, 0x1200000);
	assert_no_next(0x7000, 0x7000);
	assert_no_next(0x8000, 0x7000);
	memory[6][511] = 0;
	assert_no_next(0x1400000, UINT64_MAX); // does not wrap around
}

static void test_next_steps_over_what_cannot_be_read(void **state)
{
	(void)state;
	link_chain();
	memory[3][0] = 1ULL << 45 | P; // reserved bit, 4 KiB
	memory[2][1] = 0x2000 | P | PS; // reserved bit, 2 MiB
	memory[2][2] = 0xdead000 | PWU; // no RAM there
	memory[2][3] = 0x800000 | P | PS; // found
	memory[0][2] = AT(1) | PWU | PS; // reserved bit, 512 GiB
	memory[0][300] = AT(1) | PWU; // in the upper half
	memory[1][2] = 0x80000000 | P | PS; // found again
	assert_next(0, UINT64_MAX, 0x600000, 0x800000);
	assert_next(0x800000, UINT64_MAX, 0x80000000, 0x80000000);
	assert_next(0xc0000000, UINT64_MAX, 0xffff960000600000, 0x800000);
}

static void test_next_is_bounded(void **state)
{
	(void)state;
	// 2^27 tables are present, and all are the same empty one.
	for (unsigned int i = 0; i < X86_PT_ENTRIES; i++) {
		memory[0][i] = AT(1) | PWU;
		memory[1][i] = AT(2) | PWU;
		memory[2][i] = AT(3) | PWU;
	}
	assert_no_next(0, UINT64_MAX);
	assert_int_equal(reads, 4ULL * LB_WALK_NEXT_STEPS);
}

static void test_next_reads_an_empty_table_once(void **state)
{
	(void)state;
	link_chain();
	assert_no_next(0, 2 * LB_MIB);
	assert_int_equal(reads, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_leaf_4k, reset),
		cmocka_unit_test_setup(test_leaf_2m, reset),
		cmocka_unit_test_setup(test_leaf_1g, reset),
		cmocka_unit_test_setup(test_every_index_is_nine_bits, reset),
		cmocka_unit_test_setup(test_five_levels, reset),
		cmocka_unit_test_setup(test_not_canonical, reset),
		cmocka_unit_test_setup(test_rights_are_combined, reset),
		cmocka_unit_test_setup(test_memory_type_bits, reset),
		cmocka_unit_test_setup(test_ignored_bits_are_ignored, reset),
		cmocka_unit_test_setup(test_reserved_ps, reset),
		cmocka_unit_test_setup(test_reserved_bits_of_large_leaves, reset),
		cmocka_unit_test_setup(test_reserved_address_bits, reset),
		cmocka_unit_test_setup(test_tables_outside_ram, reset),
		cmocka_unit_test_setup(test_loop_ends, reset),
		cmocka_unit_test_setup(test_next, reset),
		cmocka_unit_test_setup(test_next_steps_over_what_cannot_be_read, reset),
		cmocka_unit_test_setup(test_next_is_bounded, reset),
		cmocka_unit_test_setup(test_next_reads_an_empty_table_once, reset),
	};

	return cmocka_run_group_tests_name("walk", tests, NULL, NULL);
}
