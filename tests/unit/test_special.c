// SPDX-License-Identifier: BSD-2-Clause
// Soft-reserved and persistent memory, by section flags made here: used as RAM, used by devices, offline, and
// unreadable. Sections have 128 MiB and roots hold 256 of them, as on x86-64.
#include "crash/dead/special.h"
#include "dead_machine.h"

#define ROOTS 0x100000ULL // physical: mem_section[]
#define ROOT 0x200000ULL // sections 0 to 255
#define SECOND_ROOT 0x300000ULL // sections 256 to 511, from 32 GiB on
#define SECTION (128 * LB_MIB)
#define MAP 0xffffea0000000000ULL
#define G(gib) ((gib)*LB_GIB)

#define PRESENT 1U
#define HAS_MAP 2U
#define ONLINE 4U
#define EARLY 8U
#define DEVICE 16U
#define BOOT_RAM (PRESENT | HAS_MAP | ONLINE | EARLY)
#define ONLINED (PRESENT | HAS_MAP | ONLINE)
#define OFFLINE (PRESENT | HAS_MAP)

static struct dead_machine *machine;
static struct lb_deadkernel dead;
static struct lb_special found;

static void put_sections(uint64_t from, uint64_t to, uint64_t flags)
{
	for (uint64_t section = from / SECTION; section < (to + SECTION - 1) / SECTION; section++)
		dead_put(machine, (section < 256 ? ROOT : SECOND_ROOT) + section % 256 * 16, MAP | flags, 8);
}

static int open_machine(void **state)
{
	(void)state;
	machine = dead_open();
	dead_info(machine,
		  "SYMBOL(mem_section)=%llx\nLENGTH(mem_section)=2048\nSIZE(mem_section)=16\n"
		  "OFFSET(mem_section.section_mem_map)=0\nNUMBER(SECTION_SIZE_BITS)=27\n"
		  "NUMBER(MAX_PHYSMEM_BITS)=46\nSIZE(page)=64\n",
		  DEAD_DIRECT + ROOTS);
	dead_put(machine, ROOTS, DEAD_DIRECT + ROOT, 8);
	dead_put(machine, ROOTS + 8, DEAD_DIRECT + SECOND_ROOT, 8);
	put_sections(0, G(4), BOOT_RAM);
	dead = (struct lb_deadkernel){.space = machine->dead, .has_text = true, .text_phys = G(1)};
	return 0;
}

static int close_machine(void **state)
{
	(void)state;
	dead_close(machine);
	return 0;
}

static void find(const struct boot_e820_entry *entries, uint32_t count)
{
	memset(&found, 0xee, sizeof(found));
	dead.space = machine->dead;
	lb_special_find(&dead, entries, count, &found);
}

#define FIND(...)                                                                                            \
	find((const struct boot_e820_entry[]){__VA_ARGS__},                                                  \
	     sizeof((const struct boot_e820_entry[]){__VA_ARGS__}) / sizeof(struct boot_e820_entry))

#define CHECK(...)                                                                                           \
	check((const struct lb_range[]){__VA_ARGS__},                                                        \
	      sizeof((const struct lb_range[]){__VA_ARGS__}) / sizeof(struct lb_range))

static void check(const struct lb_range *wanted, uint32_t count)
{
	assert_int_equal(found.count, count);
	for (uint32_t i = 0; i < count; i++) {
		assert_int_equal(found.ranges[i].start, wanted[i].start);
		assert_int_equal(found.ranges[i].end, wanted[i].end);
	}
	assert_int_equal(found.missing_bytes, 0);
	assert_int_equal(found.unknown_bytes, 0);
}

static void test_online_memory_only(void **state)
{
	(void)state;
	put_sections(G(8), G(10), ONLINED); // onlined by the kmem driver
	put_sections(G(10), G(11), OFFLINE); // offline, or ZONE_DEVICE, which looks the same
	put_sections(G(11), G(12), OFFLINE | DEVICE);
	put_sections(G(12), G(13), 0);
	put_sections(G(13), G(14), ONLINED | DEVICE); // a section that is RAM and a device's
	put_sections(G(31), G(33), ONLINED); // across the border of two roots
	FIND({0, G(4), LB_E820_RAM}, {G(8), G(8), LB_E820_SOFT_RESERVED}, {G(30), G(4), LB_E820_PMEM});
	CHECK({G(8), G(10)}, {G(31), G(33)});
	FIND({0, G(4), LB_E820_RAM}, {G(8), G(8), LB_E820_RESERVED}); // no special memory
	check(NULL, 0);
	find(NULL, 0);
	check(NULL, 0);
}

// With efi=nosoftreserve such memory is RAM from the beginning.
static void test_boot_memory(void **state)
{
	(void)state;
	put_sections(G(8), G(9), BOOT_RAM);
	FIND({G(8) + 1, G(1) - 2, LB_E820_SOFT_RESERVED});
	CHECK({G(8) + LB_PAGE, G(9) - LB_PAGE});
	FIND({G(8), LB_PAGE, LB_E820_SOFT_RESERVED}, {G(8) + LB_PAGE, LB_PAGE, LB_E820_SOFT_RESERVED});
	CHECK({G(8), G(8) + 2 * LB_PAGE}); // adjacent ranges become one
	FIND({G(8) + 1, LB_PAGE, LB_E820_SOFT_RESERVED});
	check(NULL, 0);
}

static void test_what_cannot_be_read_is_unknown(void **state)
{
	const struct boot_e820_entry entry = {G(31), G(2), LB_E820_PMEM};

	(void)state;
	put_sections(G(31), G(33), ONLINED);
	machine->hole = SECOND_ROOT;
	find(&entry, 1);
	assert_int_equal(found.count, 1);
	assert_int_equal(found.ranges[0].end, G(32));
	assert_int_equal(found.unknown_bytes, G(1));
	machine->hole = 0;
	dead_put(machine, ROOTS + 8, 0, 8); // a root that does not exist has no sections
	find(&entry, 1);
	CHECK({G(31), G(32)});
}

// Flags are not believed if the kernel's own text has wrong ones, or if the keys are missing.
static void test_flags_are_seen_to_be_what_they_are_taken_for(void **state)
{
	const struct boot_e820_entry entry = {G(8), G(2), LB_E820_PMEM};
	static const char *const keys[] = {"SYMBOL(mem_section)=", "SIZE(page)="};

	(void)state;
	put_sections(G(8), G(10), ONLINED);
	put_sections(G(1), G(1) + SECTION, OFFLINE); // the text looks offline
	find(&entry, 1);
	assert_int_equal(found.count, 0);
	assert_int_equal(found.unknown_bytes, G(2));
	put_sections(G(1), G(1) + SECTION, BOOT_RAM | DEVICE); // the text looks like a device's
	find(&entry, 1);
	assert_int_equal(found.unknown_bytes, G(2));
	put_sections(G(1), G(1) + SECTION, BOOT_RAM);
	dead.has_text = false;
	find(&entry, 1);
	assert_int_equal(found.unknown_bytes, G(2));
	dead.has_text = true;
	find(&entry, 1);
	CHECK({G(8), G(10)});
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		dead_info_drop(machine, keys[i]);
		find(&entry, 1);
		assert_int_equal(found.count, 0);
		assert_int_equal(found.unknown_bytes, G(2));
	}
}

static void test_too_many_pieces(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < 80; i += 2)
		put_sections(G(8) + i * SECTION, G(8) + (i + 1) * SECTION, ONLINED);
	FIND({G(8), 80 * SECTION, LB_E820_PMEM});
	assert_int_equal(found.count, LB_SPECIAL_MAX);
	assert_int_equal(found.ranges[LB_SPECIAL_MAX - 1].end, G(8) + (2 * LB_SPECIAL_MAX - 1) * SECTION);
	assert_int_equal(found.missing_bytes, 8 * SECTION);
	assert_int_equal(found.unknown_bytes, 0);
}

// Entries that wrap or reach beyond the address space, and small sections, which make the walk long.
static void test_hostile(void **state)
{
	(void)state;
	FIND({UINT64_MAX - LB_PAGE, 2 * LB_PAGE, LB_E820_PMEM}, {UINT64_MAX - 5, 3, LB_E820_PMEM},
	     {1ULL << 60, G(1), LB_E820_PMEM}, {1ULL << 45, 1ULL << 63, LB_E820_PMEM});
	assert_int_equal(found.count, 0);
	assert_true(found.unknown_bytes <= 1ULL << 52);
	dead_info_set(machine, "NUMBER(SECTION_SIZE_BITS)=", "20");
	dead_info_set(machine, "LENGTH(mem_section)=", "262144");
	put_sections(0, G(4), ONLINED);
	FIND({G(4), 1ULL << 45, LB_E820_PMEM});
	assert_true(found.unknown_bytes >= (1ULL << 45) - (1ULL << 40));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_machine, close_machine)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_online_memory_only),
		TEST(test_boot_memory),
		TEST(test_what_cannot_be_read_is_unknown),
		TEST(test_flags_are_seen_to_be_what_they_are_taken_for),
		TEST(test_too_many_pieces),
		TEST(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
