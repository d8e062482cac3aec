// SPDX-License-Identifier: BSD-2-Clause
// Tables as QEMU 7.2 makes them, and damaged ones.
#include "acpi_made.h"
#include "crash/plan/srat.h"

// Taken from a guest's memory (QMP's pmemsave) after the firmware had set the tables up, with -machine q35 -m
// 128M. srat-numa: four nodes of 32 MiB with a CPU each.
static const uint8_t numa[] = {
#include "data/srat-numa.inc"
};
// srat-dimm: slots=4,maxmem=8G, one node, a pc-dimm of 512 MiB.
static const uint8_t dimm[] = {
#include "data/srat-dimm.inc"
};
// srat-nvdimm: the same with two nodes, a pc-dimm of 256 MiB in the first, an nvdimm of 256 MiB in the
// second.
static const uint8_t nvdimm[] = {
#include "data/srat-nvdimm.inc"
};

static struct lb_srat read_good(const void *table, uint64_t bytes)
{
	struct lb_srat srat;
	struct lb_error err = {""};

	if (lb_srat_read(table, bytes, &srat, &err))
		fail_msg("%s", err.text);
	return srat;
}

static void check_range(const struct lb_srat *srat, uint32_t at, struct lb_srat_range wanted)
{
	assert_true(at < srat->count);
	assert_int_equal(srat->ranges[at].range.start, wanted.range.start);
	assert_int_equal(srat->ranges[at].range.end, wanted.range.end);
	assert_int_equal(srat->ranges[at].hotplug, wanted.hotplug);
	assert_int_equal(srat->ranges[at].nonvolatile, wanted.nonvolatile);
}

static void test_qemu(void **state)
{
	struct lb_srat srat = read_good(numa, sizeof(numa));

	(void)state;
	assert_int_equal(srat.count, 0);
	srat = read_good(dimm, sizeof(dimm));
	assert_int_equal(srat.count, 1);
	check_range(&srat, 0, (struct lb_srat_range){{LB_4GIB, 0x3f8000000}, true, false});
	srat = read_good(nvdimm, sizeof(nvdimm));
	assert_int_equal(srat.count, 2);
	check_range(&srat, 0, (struct lb_srat_range){{0x110000000, 0x120000000}, false, true});
	check_range(&srat, 1, (struct lb_srat_range){{LB_4GIB, 0x3f8000000}, true, false});
}

static struct made empty_table(void)
{
	struct made made = made_table("SRAT", 48);

	seal(&made);
	return made;
}

// Adds a range of memory. `flags`: 1 enabled, 2 hot-pluggable, 4 non-volatile.
static void add_memory(struct made *made, uint64_t base, uint64_t length, uint32_t flags, uint8_t bytes)
{
	uint32_t at = extend(made, bytes);

	put(made, at, 1, 1);
	put(made, at + 1, bytes, 1);
	put(made, at + 8, base, 8);
	put(made, at + 16, length, 8);
	put(made, at + 28, flags, 4);
	seal(made);
}

static void add_other(struct made *made, uint8_t type, uint8_t bytes)
{
	put(made, made->used, type, 1);
	put(made, made->used + 1, bytes, 1);
	made->used += bytes;
	seal(made);
}

static void test_made(void **state)
{
	struct made made = empty_table();
	struct lb_srat srat = read_good(made.bytes, made.used);

	(void)state;
	assert_int_equal(srat.count, 0);
	add_other(&made, 2, 24); // an x2APIC
	add_memory(&made, 0, LB_GIB, 1, 40);
	add_memory(&made, LB_GIB, LB_GIB, 6, 40); // disabled
	add_memory(&made, UINT64_MAX, UINT64_MAX, 6, 40); // it wraps around, but is disabled
	add_memory(&made, LB_TIB, 0, 3, 40); // empty
	add_memory(&made, 3 * LB_GIB + 5, 7, 7, 48); // longer than today's entries, and not aligned to pages
	add_other(&made, 200, 2); // an entry of a future ACPI
	add_memory(&made, 0, UINT64_MAX, 0xfffffffd, 40);
	srat = read_good(made.bytes, made.used);
	assert_int_equal(srat.count, 2);
	check_range(&srat, 0, (struct lb_srat_range){{3 * LB_GIB + 5, 3 * LB_GIB + 12}, true, true});
	check_range(&srat, 1, (struct lb_srat_range){{0, UINT64_MAX}, false, true});
}

static int read_srat(const void *table, uint64_t bytes, struct lb_error *err)
{
	struct lb_srat srat;
	int status;

	POISON(srat);
	status = lb_srat_read(table, bytes, &srat, err);
	if (status != 0)
		assert_poisoned(&srat, sizeof(srat));
	return status;
}

static void check_bad(struct made *made, const char *wanted)
{
	seal(made);
	assert_fails(read_srat, made, made->used, wanted);
}

static void test_header(void **state)
{
	struct made made = made_from(nvdimm, sizeof(nvdimm));

	(void)state;
	check_header(read_srat, &made, "SRAT", 48);
}

// The table, with a right length and checksum, ends between two entries or one byte behind.
static void test_truncated(void **state)
{
	struct made made = made_from(nvdimm, sizeof(nvdimm));

	(void)state;
	for (made.used = 48; made.used < sizeof(nvdimm); made.used++) {
		uint32_t behind = made.used < 64   ? made.used - 48
				  : made.used < 80 ? made.used - 64
						   : (made.used - 80) % 40;

		seal(&made);
		if (behind <= 1)
			assert_reads(read_srat, &made);
		else
			check_bad(&made, "ACPI table SRAT: entry ");
	}
	made.used = 119;
	check_bad(&made, "entry 2, of type 1, says it has 40 bytes, wanted 2 to 39");
}

static void test_bad(void **state)
{
	struct made made = empty_table();

	(void)state;
	add_other(&made, 0, 16);
	add_other(&made, 1, 0);
	made.used += 40;
	check_bad(&made, "entry 1, of type 1, says it has 0 bytes");
	made = empty_table();
	add_other(&made, 0, 1);
	made.used += 40;
	check_bad(&made, "entry 0, of type 0, says it has 1 bytes");
	made = empty_table();
	add_memory(&made, 0, LB_GIB, 3, 40);
	made.bytes[49] = 39;
	check_bad(&made, "entry 0, of memory, has 39 bytes, wanted 40");
	made = empty_table();
	add_memory(&made, 0, LB_GIB, 3, 40);
	add_memory(&made, UINT64_MAX - LB_PAGE + 1, LB_PAGE, 1, 40);
	check_bad(&made, "entry 1 has 0x1000 bytes at 0xfffffffffffff000, more than 64 bits");
}

static void test_full(void **state)
{
	struct made made = empty_table();
	struct lb_srat srat;

	(void)state;
	for (uint64_t i = 0; i < LB_SRAT_MAX_RANGES; i++)
		add_memory(&made, i * LB_GIB, LB_GIB, 3, 40);
	add_memory(&made, LB_TIB, LB_TIB, 1, 40); // ordinary memory takes no place in the list
	srat = read_good(made.bytes, made.used);
	assert_int_equal(srat.count, LB_SRAT_MAX_RANGES);
	check_range(&srat, 127, (struct lb_srat_range){{127 * LB_GIB, 128 * LB_GIB}, true, false});
	add_memory(&made, LB_TIB, LB_GIB, 3, 40);
	check_bad(&made, "entry 129 is one more hot-pluggable or non-volatile range than 128");
}

static void test_avoid(void **state)
{
	struct lb_srat srat = {.count = 3,
			       .ranges = {{{LB_4GIB, 2 * LB_4GIB}, true, false},
					  {{3 * LB_4GIB, LB_TIB}, false, true},
					  {{LB_LOW_END + 1, LB_GIB}, true, false}}};
	struct lb_range avoid[LB_SRAT_MAX_RANGES];

	(void)state;
	assert_int_equal(lb_srat_avoid(&srat, avoid), 3);
	assert_true(avoid[0].start == LB_4GIB && avoid[2].end == LB_GIB);
	// Hyper-V marks all memory, also that present at boot.
	srat.ranges[2].range.start = LB_LOW_END;
	assert_int_equal(lb_srat_avoid(&srat, avoid), 1);
	assert_true(avoid[0].start == 3 * LB_4GIB && avoid[0].end == LB_TIB);
	srat.count = 0;
	assert_int_equal(lb_srat_avoid(&srat, avoid), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_qemu),      cmocka_unit_test(test_made), cmocka_unit_test(test_header),
		cmocka_unit_test(test_truncated), cmocka_unit_test(test_bad),  cmocka_unit_test(test_full),
		cmocka_unit_test(test_avoid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
