// SPDX-License-Identifier: BSD-2-Clause
// Reads a dead kernel, beginning at its page tables: whole, unusual and hostile ones. Reads a real RAM image
// too if LIFEBOAT_RAM_IMAGE names one; real_image() says which files it needs.
#include "crash/dead/deadkernel.h"
#include "dead_kernel_image.h"
#include "pgtable/encryption.h"

static void finds_everything(void **state)
{
	(void)state;
	for (int la57 = 0; la57 < 2; la57++) {
		for (enum symbols symbols = BASE_NEGATIVE; symbols <= PLACE_RELATIVE; symbols++) {
			for (uint32_t cpu = 0; cpu < 2 * CPUS; cpu++) {
				struct machine m = usual;
				struct lb_deadkernel dead;

				m.la57 = la57;
				m.symbols = symbols;
				m.this_cpu = cpu % CPUS;
				m.zero_based = cpu < CPUS;
				m = build(m);
				dead = read_kernel(&m);
				assert_tables(&m, &dead);
				assert_note(&dead);
				assert_int_equal(dead.vmcoreinfo_candidates, 1);
				assert_cpus(&m, &dead);
			}
		}
	}
}

static void early_panic_is_synthesised(void **state)
{
	static const char *const expected[] = {
		"OSRELEASE=6.1.0-9-amd64\nPAGESIZE=4096\nKERNELOFFSET=12400000\nNUMBER(phys_base)=-"
		"318767104\n"
		"SYMBOL(swapper_pg_dir)=ffffffff93701000\nNUMBER(pgtable_l5_enabled)=0\n",
		"OSRELEASE=6.1.0-9-amd64\nPAGESIZE=4096\nKERNELOFFSET=12400000\nNUMBER(phys_base)=-"
		"318767104\n"
		"SYMBOL(swapper_pg_dir)=ffffffff93701000\nNUMBER(pgtable_l5_enabled)=1\n",
	};

	(void)state;
	for (int la57 = 0; la57 < 2; la57++) {
		struct machine m = usual;
		struct lb_deadkernel dead;
		char text[LB_VMCOREINFO_MAX];
		uint32_t bytes;

		m.la57 = la57;
		m.has_note = false;
		m.symbols = NONE;
		m = build(m);
		dead = read_kernel(&m);
		assert_tables(&m, &dead);
		assert_false(dead.has_vmcoreinfo);
		assert_int_equal(dead.swapper_pg_dir, SWAPPER);
		assert_true(dead.has_cpus);
		bytes = lb_deadkernel_synthesise(&dead, "6.1.0-9-amd64 (builder@host) #1 SMP", text);
		assert_int_equal(bytes, strlen(expected[la57]));
		assert_memory_equal(text, expected[la57], bytes);
	}
}

// A kernel of which only the release is known. The release fills its 64 bytes, without a NUL.
static void nothing_known_is_synthesised(void **state)
{
	const struct lb_deadkernel dead = {.space.la57 = true};
	char release[64], text[LB_VMCOREINFO_MAX];
	uint32_t bytes;

	(void)state;
	memset(release, '6', sizeof(release));
	bytes = lb_deadkernel_synthesise(&dead, release, text);
	assert_int_equal(bytes, strlen("OSRELEASE=\nPAGESIZE=4096\nNUMBER(pgtable_l5_enabled)=1\n") + 64);
	assert_memory_equal(text + 10, release, sizeof(release));
}

// Bits of CR3 for PCID, LAM and write-through are not part of the address.
static void cr3_has_other_bits(void **state)
{
	struct machine m = build(usual);
	struct lb_deadkernel dead;

	(void)state;
	m.root |= 0x6000000000000fffULL;
	dead = read_kernel(&m);
	assert_tables(&m, &dead);
	assert_note(&dead);
	assert_cpus(&m, &dead);
}

static void encryption_is_reported(void **state)
{
	struct lb_deadkernel dead;
	struct machine m;

	(void)state;
	for (unsigned int bit = PHYS_BITS; bit < 52; bit++) {
		m = build(usual);
		m.root |= 1ULL << bit;
		dead = read_kernel(&m);
		assert_true(dead.encrypted);
		assert_false(dead.has_text || dead.has_page_offset || dead.has_vmcoreinfo || dead.has_cpus);
		assert_int_equal(pages_read, 0);

		m = build(usual);
		words(m.root)[511] |= 1ULL << bit;
		dead = read_kernel(&m);
		assert_true(dead.encrypted);
		assert_false(dead.has_text || dead.has_page_offset || dead.has_vmcoreinfo || dead.has_cpus);
	}
}

// On AMD's EPYC 7001 the C-bit is the highest of the 48 bits that CPUID calls an address.
static void encryption_inside_the_width_is_reported(void **state)
{
	const unsigned int bits = lb_encryption_address_bits(48, 3, 47 | 5 << 6);
	const uint64_t c_bit = 1ULL << 47;
	struct lb_deadkernel dead;
	struct machine m;

	(void)state;
	m = build(usual);
	dead = read_kernel_of_width(&m, bits);
	assert_tables(&m, &dead);
	m.root |= c_bit;
	dead = read_kernel_of_width(&m, bits);
	assert_true(dead.encrypted);
	m = build(usual);
	words(m.root)[511] |= c_bit;
	dead = read_kernel_of_width(&m, bits);
	assert_true(dead.encrypted);
	assert_false(dead.has_text || dead.has_page_offset || dead.has_vmcoreinfo || dead.has_cpus);
}

static void page_offset_must_fit_the_text(void **state)
{
	struct lb_deadkernel dead;
	struct machine m;

	(void)state;
	// The LDT that page-table isolation maps below the direct map is not taken for the direct map.
	m = build(usual);
	map(&m, 0xffff880000000000ULL, 0x3000, LB_PAGE, W);
	dead = read_kernel(&m);
	assert_tables(&m, &dead);

	// A mapping below the direct map hides it, if it does not begin at a GiB or maps something else.
	m = build(usual);
	map(&m, 0xffff890000001000ULL, 0, LB_PAGE, W);
	dead = read_kernel(&m);
	assert_true(dead.has_text);
	assert_false(dead.has_page_offset || dead.has_vmcoreinfo);
	m = build(usual);
	map(&m, 0xffff890000000000ULL, 0, LB_PAGE, W);
	dead = read_kernel(&m);
	assert_false(dead.has_page_offset || dead.has_vmcoreinfo);

	// The page at physical 0 is not mapped. The pages behind it still show the direct map.
	m = build(usual);
	words(m.root)[m.page_offset >> 39 & 511] = 0;
	for (uint64_t at = LB_PAGE; at < 2 * LB_MIB; at += LB_PAGE)
		map(&m, m.page_offset + at, at, LB_PAGE, W | NX);
	for (uint64_t at = 2 * LB_MIB; at < RAM_BYTES; at += 2 * LB_MIB)
		map(&m, m.page_offset + at, at, 2 * LB_MIB, W | NX);
	dead = read_kernel(&m);
	assert_tables(&m, &dead);
	assert_note(&dead);
}

static void text_must_be_ram(void **state)
{
	struct lb_deadkernel dead;
	struct machine m;

	(void)state;
	m = build(usual);
	map(&m, TEXT, RAM_BYTES, 2 * LB_MIB, 0);
	dead = read_kernel(&m);
	assert_false(dead.has_text || dead.encrypted);

	m = build(usual);
	map(&m, TEXT - LB_PAGE, 0x5000, LB_PAGE, 0); // not 2 MiB aligned
	dead = read_kernel(&m);
	assert_false(dead.has_text);

	m = build(usual);
	m.root = RAM_BYTES;
	dead = read_kernel(&m);
	assert_false(dead.has_text || dead.has_page_offset || dead.has_cpus);
}

// Tables that lead to themselves, or to the same table again and again.
static void hostile_tables(void **state)
{
	(void)state;
	for (int la57 = 0; la57 < 2; la57++) {
		struct machine m = usual;
		struct lb_deadkernel dead;

		m.la57 = la57;
		m = build(m);
		for (unsigned int i = 0; i < 512; i++)
			words(m.root)[i] = m.root | P | W;
		dead = read_kernel(&m);
		assert_false(dead.has_vmcoreinfo);

		// All tables are present and all pages are absent: there are 2^36 entries to step over.
		m = build(m);
		for (unsigned int i = 0; i < 512; i++) {
			words(m.root)[i] = 0x200000 | P | W;
			words(0x200000)[i] = 0x201000 | P | W;
			words(0x201000)[i] = 0x202000 | P | W;
			words(0x202000)[i] = la57 ? 0x203000 | P | W : 0;
			words(0x203000)[i] = 0;
		}
		dead = read_kernel(&m);
		assert_false(dead.has_text);

		// An image of 1 GiB, full of pointers to what begins like a VMCOREINFO note.
		m = build(m);
		for (uint64_t at = 0; at < LB_GIB - KASLR - 16 * LB_MIB; at += 2 * LB_MIB)
			map(&m, TEXT + at, IMAGE, 2 * LB_MIB, W);
		dead = read_kernel(&m);
		assert_int_equal(dead.image_bytes, 2 * LB_MIB);
		for (uint64_t at = IMAGE; at < IMAGE + 0x400000; at += 8)
			*(uint64_t *)(void *)(ram + at) = m.page_offset + (at & 8 ? NOTE : OLD_NOTE);
		memset(ram + NOTE + LB_VMCOREINFO_TEXT + 10, '=', 2 * LB_PAGE - 34);
		memcpy(ram + OLD_NOTE, ram + NOTE, 2 * LB_PAGE);
		dead = read_kernel(&m);
		assert_true(dead.vmcoreinfo_candidates > 1000);
		assert_false(dead.has_vmcoreinfo);
	}
}

// Random words in tables, image, note and per-CPU units. The reader ends without a fault, and its findings do
// not contradict each other.
static void garbage(void **state)
{
	uint64_t random = 88172645463325252ULL;

	(void)state;
	for (int round = 0; round < 100; round++) {
		static const struct lb_range areas[] = {{TABLES, TABLES + 0x10000},
							{IMAGE + DATA_OFFSET, IMAGE + IMAGE_BYTES},
							{NOTE, NOTE + 2 * LB_PAGE},
							{UNITS, UNITS + CPUS * UNIT_BYTES}};
		struct machine m = usual;
		struct lb_deadkernel dead;
		char text[LB_VMCOREINFO_MAX];

		m.la57 = round & 1;
		m.symbols = round / 2 % 4;
		m = build(m);
		for (int i = 0; i < 4 << round % 8; i++) {
			struct lb_range area = areas[(round / 8 + i) % 4];
			uint64_t at, value;

			random ^= random << 13, random ^= random >> 7, random ^= random << 17;
			at = area.start + random % lb_range_size(area);
			value = random >> 32 & 1 ? random : TABLES + (random >> 40 & 0xffff);
			memcpy(ram + lb_align_down(at, 8), &value, sizeof(value));
		}
		dead = read_kernel(&m);
		assert_true(lb_deadkernel_synthesise(&dead, "6.1", text) <= sizeof(text));
		assert_true(!dead.has_text || dead.image_bytes <= LB_GIB);
		assert_true(!dead.has_vmcoreinfo || dead.vmcoreinfo_candidates > 0);
		assert_true(!dead.has_cpus || dead.this_cpu < dead.cpu_count);
		for (uint32_t cpu = 0; cpu <= CPUS; cpu++) {
			struct lb_user_regs regs;
			int32_t pid;

			if (lb_deadkernel_cpu_regs(&dead, cpu, &regs, &pid))
				assert_true(dead.has_cpus && cpu < dead.cpu_count);
		}
	}
}

// Reads the value of `key` from IMAGE.regs; false if there is no such line.
static bool sidecar(const char *image, const char *key, uint64_t *ret_value)
{
	char path[512], line[256];
	bool found = false;
	FILE *file;

	snprintf(path, sizeof(path), "%s.regs", image);
	file = fopen(path, "r");
	assert_non_null(file);
	while (!found && fgets(line, sizeof(line), file)) {
		if (strncmp(line, key, strlen(key)) == 0 && line[strlen(key)] == '=') {
			*ret_value = strtoull(line + strlen(key) + 1, NULL, 0);
			found = true;
		}
	}
	fclose(file);
	return found;
}

// Reads a value that IMAGE.regs must have.
static uint64_t wanted(const char *image, const char *key)
{
	uint64_t value = 0;

	assert_true(sidecar(image, key, &value));
	return value;
}

struct image {
	FILE *file;
	uint64_t hidden; // a page that is treated as missing; 1: none
};

static const void *image_page(void *ctx, uint64_t phys)
{
	const struct image *image = ctx;

	pages_read++;
	if (phys == image->hidden || fseeko(image->file, (off_t)phys, SEEK_SET) != 0)
		return NULL;
	return fread(window, LB_PAGE, 1, image->file) == 1 ? window : NULL;
}

static void expect(const char *path, const char *key, uint64_t found)
{
	uint64_t value;

	if (sidecar(path, key, &value)) {
		printf("  %-24s %#llx\n", key, (unsigned long long)found);
		assert_int_equal(found, value);
	}
}

// The build ID found without VMCOREINFO is the one that VMCOREINFO has.
static void assert_build_id(const struct lb_deadkernel *dead, const struct lb_deadkernel *early)
{
	char found[2 * LB_BUILD_ID_BYTES + 1] = "", wanted_id[2 * LB_BUILD_ID_BYTES + 1];

	lb_vmcoreinfo_text(&dead->space.vmcoreinfo, "BUILD-ID=", found, sizeof(found));
	for (unsigned int i = 0; i < LB_BUILD_ID_BYTES; i++)
		snprintf(wanted_id + 2 * i, 3, "%02x", early->build_id[i]);
	assert_string_equal(found, wanted_id);
}

// LIFEBOAT_RAM_IMAGE names a flat file of guest memory, from physical 0 on. Beside it lies IMAGE.regs with
// lines KEY=NUMBER. Needed: cr3, la57, gs_base, phys_bits, cpu (the one that panicked), cpus. Compared where
// present: expect_kerneloffset, expect_phys_base, expect_page_offset, expect_text, expect_vmcoreinfo,
// expect_vmcoreinfo_bytes, expect_per_cpu_offset, expect_crash_notes, expect_swapper. Every CPU but the one
// that panicked must have left a note.
static void real_image(void **state)
{
	const char *path = getenv("LIFEBOAT_RAM_IMAGE");
	struct image image = {.hidden = 1};
	const struct lb_physmem real = {.page = image_page, .ctx = &image};
	struct lb_deadspace space = {.mem = &real};
	char early_text[LB_VMCOREINFO_MAX];
	struct lb_deadkernel dead, early;
	uint64_t gs_base, cpu, cpus;

	(void)state;
	if (!path) {
		printf("skipped: LIFEBOAT_RAM_IMAGE names no RAM image\n");
		skip();
	}
	image.file = fopen(path, "rb");
	assert_non_null(image.file);
	space.cr3 = wanted(path, "cr3");
	space.la57 = wanted(path, "la57");
	gs_base = wanted(path, "gs_base");
	space.phys_bits = (unsigned int)wanted(path, "phys_bits");
	cpu = wanted(path, "cpu");
	cpus = wanted(path, "cpus");
	pages_read = 0;
	lb_deadkernel_read(&space, gs_base, note_text, &dead);
	printf("  %llu pages read, image of %llu KiB, %llu notes looked at\n", (unsigned long long)pages_read,
	       (unsigned long long)(dead.image_bytes / LB_KIB),
	       (unsigned long long)dead.vmcoreinfo_candidates);
	assert_true(dead.has_text && dead.has_page_offset && dead.has_vmcoreinfo && dead.has_cpus);
	expect(path, "expect_text", dead.text_virt);
	expect(path, "expect_kerneloffset", dead.kaslr_offset);
	expect(path, "expect_phys_base", dead.phys_base);
	expect(path, "expect_page_offset", dead.page_offset);
	expect(path, "expect_vmcoreinfo", dead.vmcoreinfo_phys);
	expect(path, "expect_vmcoreinfo_bytes", dead.space.vmcoreinfo.bytes);
	expect(path, "expect_per_cpu_offset", dead.per_cpu_offset);
	if (cpus > 1)
		expect(path, "expect_crash_notes", dead.crash_notes);
	assert_int_equal(dead.this_cpu, cpu);
	assert_int_equal(dead.cpu_count, cpus);
	for (uint32_t i = 0; i < cpus; i++) {
		struct lb_user_regs regs;
		int32_t pid;
		bool left = lb_deadkernel_cpu_regs(&dead, i, &regs, &pid);

		assert_int_equal(left, i != cpu);
		if (left) {
			printf("  CPU %u: pid %d rip %#llx rsp %#llx\n", i, pid, (unsigned long long)regs.rip,
			       (unsigned long long)regs.rsp);
			assert_true(regs.cs == 0x10 || regs.cs == 0x33);
		}
	}

	// Without the page of VMCOREINFO the memory is that of a kernel that died before it wrote VMCOREINFO.
	image.hidden = dead.vmcoreinfo_phys;
	pages_read = 0;
	lb_deadkernel_read(&space, gs_base, early_text, &early);
	printf("  without VMCOREINFO: %llu pages read\n", (unsigned long long)pages_read);
	assert_true(early.has_text && early.has_page_offset && early.has_cpus);
	assert_false(early.has_vmcoreinfo);
	expect(path, "expect_swapper", early.swapper_pg_dir);
	assert_int_equal(early.per_cpu_offset, dead.per_cpu_offset);
	assert_int_equal(early.cpu_count, cpus);
	assert_int_equal(early.this_cpu, cpu);
	assert_int_equal(early.crash_notes, cpus > 1 ? dead.crash_notes : 0);
	assert_true(early.has_build_id);
	assert_build_id(&dead, &early);
	fclose(image.file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_everything),
		cmocka_unit_test(early_panic_is_synthesised),
		cmocka_unit_test(nothing_known_is_synthesised),
		cmocka_unit_test(cr3_has_other_bits),
		cmocka_unit_test(encryption_is_reported),
		cmocka_unit_test(encryption_inside_the_width_is_reported),
		cmocka_unit_test(page_offset_must_fit_the_text),
		cmocka_unit_test(text_must_be_ram),
		cmocka_unit_test(hostile_tables),
		cmocka_unit_test(garbage),
		cmocka_unit_test(real_image),
	};

	return cmocka_run_group_tests(tests, take_ram, free_ram);
}
