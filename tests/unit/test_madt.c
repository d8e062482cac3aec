// SPDX-License-Identifier: BSD-2-Clause
#include "acpi_made.h"
#include "crash/plan/madt.h"

static struct lb_madt madt;
static struct lb_error left_out;

static int read_madt(const void *table, uint64_t bytes, struct lb_error *err)
{
	int status;

	POISON(madt);
	POISON(left_out);
	status = lb_madt_read(table, bytes, &madt, &left_out, err);
	if (status != 0) {
		assert_poisoned(&madt, sizeof(madt));
		assert_poisoned(&left_out, sizeof(left_out));
	}
	return status;
}

static uint32_t add(struct made *made, uint8_t type, uint8_t bytes)
{
	uint32_t at = extend(made, bytes);

	put(made, at, type, 1);
	put(made, at + 1, bytes, 1);
	return at;
}

// Adds a local APIC. `flags`: 1 enabled, 2 online-capable.
static void add_local(struct made *made, uint8_t id, uint32_t flags)
{
	uint32_t at = add(made, 0, 8);

	put(made, at + 3, id, 1);
	put(made, at + 4, flags, 4);
}

static void add_x2(struct made *made, uint32_t id, uint32_t flags)
{
	uint32_t at = add(made, 9, 16);

	put(made, at + 4, id, 4);
	put(made, at + 8, flags, 4);
}

static void add_ioapic(struct made *made, uint32_t phys)
{
	put(made, add(made, 1, 12) + 4, phys, 4);
}

static struct made made_madt(uint32_t flags)
{
	struct made made = made_table("APIC", 44);

	put(&made, 36, 0xfee00000, 4);
	put(&made, 40, flags, 4);
	return made;
}

// The table of QEMU's q35 with two CPUs of four.
static struct made good(void)
{
	struct made made = made_madt(1);

	add_local(&made, 0, 1);
	add_local(&made, 1, 1);
	add_local(&made, 2, 0);
	add_local(&made, 3, 2);
	add_ioapic(&made, 0xfec00000);
	add(&made, 2, 10); // an interrupt source override
	add(&made, 4, 6); // a local APIC NMI
	seal(&made);
	return made;
}

static void test_good(void **state)
{
	struct made made = good();

	(void)state;
	assert_reads(read_madt, &made);
	assert_true(madt.has_8259);
	assert_int_equal(madt.cpus, 3);
	assert_int_equal(madt.apic_count, 2);
	assert_int_equal(madt.apic[1], 1);
	assert_int_equal(madt.ioapic_count, 1);
	assert_int_equal(madt.ioapic[0], 0xfec00000);
	made = made_madt(0xfffffffe);
	add_x2(&made, 0x12345678, 3);
	add_x2(&made, 0x100, 0xfffffffc);
	seal(&made);
	assert_reads(read_madt, &made);
	assert_false(madt.has_8259);
	assert_int_equal(madt.cpus, 1);
	assert_int_equal(madt.apic_count, 1);
	assert_int_equal(madt.apic[0], 0x12345678);
	assert_int_equal(madt.ioapic_count, 0);
}

static void test_header(void **state)
{
	struct made made = good();

	(void)state;
	check_header(read_madt, &made, "APIC", 44);
}

// The table, with a right length and checksum, ends between entries or one byte behind.
static void test_truncated(void **state)
{
	const struct made whole = good();
	struct made made = whole;

	(void)state;
	for (made.used = 44; made.used < whole.used; made.used++) {
		uint32_t at = 44;

		seal(&made);
		while (at + 1 < made.used && at + made.bytes[at + 1] <= made.used)
			at += made.bytes[at + 1];
		if (at + 1 < made.used)
			assert_fails(read_madt, &made, made.used, "says it has ");
		else if (at == 44)
			assert_fails(read_madt, &made, made.used, "lists no usable CPU");
		else
			assert_reads(read_madt, &made);
	}
}

static void test_bad(void **state)
{
	struct made made = made_madt(1);
	uint32_t at;

	(void)state;
	seal(&made);
	assert_fails(read_madt, &made, made.used,
		     "ACPI table APIC: it lists no usable CPU, wanted one at least");
	add_local(&made, 0, 0);
	seal(&made);
	assert_fails(read_madt, &made, made.used, "no usable CPU");
	add_local(&made, 0, 1);
	at = add(&made, 1, 12);
	for (uint8_t bytes = 0; bytes < 2; bytes++) {
		put(&made, at + 1, bytes, 1);
		seal(&made);
		assert_fails(read_madt, &made, made.used,
			     bytes ? "entry 2, of type 1, says it has 1 bytes, wanted 2 to 12"
				   : "entry 2, of type 1, says it has 0 bytes, wanted 2 to 12");
	}
	put(&made, at + 1, 13, 1);
	seal(&made);
	assert_fails(read_madt, &made, made.used, "entry 2, of type 1, says it has 13 bytes, wanted 2 to 12");
}

static void test_short_entries(void **state)
{
	struct made made = made_madt(1);

	(void)state;
	add_local(&made, 7, 1);
	for (uint8_t bytes = 2; bytes < 16; bytes++) {
		add(&made, 9, bytes);
		if (bytes < 12)
			add(&made, 1, bytes);
		if (bytes < 8)
			add(&made, 0, bytes);
	}
	add(&made, 0, 200); // longer than today's entries
	put(&made, made.used - 200 + 4, 1, 4);
	seal(&made);
	assert_reads(read_madt, &made);
	assert_int_equal(madt.cpus, 2);
	assert_int_equal(madt.ioapic_count, 0);
	assert_int_equal(madt.apic[0], 7);
	assert_int_equal(madt.apic[1], 0xee);
}

static void test_many(void **state)
{
	struct made made = made_madt(1);

	(void)state;
	for (uint32_t i = 0; i < LB_MAX_CAPTURE_CPUS + 3; i++)
		add_x2(&made, 1000 + i, 1);
	for (uint32_t i = 0; i < LB_MAX_IOAPICS; i++)
		add_ioapic(&made, 0xfec00000 + 0x1000 * i);
	seal(&made);
	assert_reads(read_madt, &made);
	assert_int_equal(madt.cpus, LB_MAX_CAPTURE_CPUS + 3);
	assert_int_equal(madt.apic_count, LB_MAX_CAPTURE_CPUS);
	assert_int_equal(madt.apic[LB_MAX_CAPTURE_CPUS - 1], 1000 + LB_MAX_CAPTURE_CPUS - 1);
	assert_int_equal(madt.ioapic_count, LB_MAX_IOAPICS);
	assert_int_equal(madt.ioapic[LB_MAX_IOAPICS - 1], 0xfec00000 + 0x1000 * (LB_MAX_IOAPICS - 1));
	assert_string_equal(left_out.text, "");
	for (uint32_t i = 0; i < 3; i++)
		add_ioapic(&made, 0xfed00000 + 0x1000 * i);
	add_ioapic(&made, 0xfec00000); // the first IO-APIC again
	add_x2(&made, 999, 1);
	seal(&made);
	assert_reads(read_madt, &made);
	assert_int_equal(madt.ioapic_count, LB_MAX_IOAPICS);
	assert_int_equal(madt.ioapic[0], 0xfec00000);
	assert_int_equal(madt.ioapic[LB_MAX_IOAPICS - 1], 0xfec00000 + 0x1000 * (LB_MAX_IOAPICS - 1));
	// The entries behind too many IO-APICs are still read.
	assert_int_equal(madt.cpus, LB_MAX_CAPTURE_CPUS + 4);
	assert_string_equal(left_out.text,
			    "ACPI table APIC: has 67 IO-APICs, wanted 64 at most; 3 of them are "
			    "not masked after a panic");
}

// A CPU with a small id may be listed as local APIC and as x2APIC. It counts once, or it would be started
// twice.
static void test_twice(void **state)
{
	struct made made = made_madt(1);

	(void)state;
	add_local(&made, 4, 1);
	add_local(&made, 5, 1);
	add_x2(&made, 4, 1);
	add_x2(&made, 5, 3);
	add_x2(&made, 6, 1);
	for (uint32_t i = 0; i < LB_MAX_IOAPICS + 1; i++)
		add_ioapic(&made, 0xfec00000 + 0x1000 * (i % 2));
	seal(&made);
	assert_reads(read_madt, &made);
	assert_int_equal(madt.cpus, 3);
	assert_int_equal(madt.apic_count, 3);
	assert_int_equal(madt.apic[0], 4);
	assert_int_equal(madt.apic[1], 5);
	assert_int_equal(madt.apic[2], 6);
	assert_int_equal(madt.ioapic_count, 2);
	assert_int_equal(madt.ioapic[0], 0xfec00000);
	assert_int_equal(madt.ioapic[1], 0xfec01000);
}

// Firmware leaves entries with an IO-APIC at 0. They are left out: low memory would be written to as if it
// were the IO-APIC.
static void test_an_io_apic_at_0(void **state)
{
	struct made made = made_madt(1);

	(void)state;
	add_local(&made, 0, 1);
	add_ioapic(&made, 0);
	add_ioapic(&made, 0xfec00000);
	add_ioapic(&made, 0);
	seal(&made);
	assert_reads(read_madt, &made);
	assert_int_equal(madt.ioapic_count, 1);
	assert_int_equal(madt.ioapic[0], 0xfec00000);
	assert_string_equal(left_out.text, "");
}

// A CPU that is listed twice counts once, also where the list is full or one of its entries is disabled. Ids
// above 255 are those of CPUs like others.
static void test_twice_beyond_the_list(void **state)
{
	struct made made = made_madt(1);

	(void)state;
	for (uint32_t i = 0; i < LB_MAX_CAPTURE_CPUS; i++)
		add_x2(&made, 256 + i, 1);
	for (uint32_t i = 0; i < 20; i++)
		add_x2(&made, 5000 + i % 10, 1);
	add_x2(&made, 256, 1);
	add_local(&made, 9, 2); // may be enabled later
	add_x2(&made, 9, 2);
	seal(&made);
	assert_reads(read_madt, &made);
	assert_int_equal(madt.cpus, LB_MAX_CAPTURE_CPUS + 11);
	assert_int_equal(madt.apic_count, LB_MAX_CAPTURE_CPUS);
	assert_int_equal(madt.apic[LB_MAX_CAPTURE_CPUS - 1], 256 + LB_MAX_CAPTURE_CPUS - 1);
	made = made_madt(1);
	add_local(&made, 3, 0);
	add_x2(&made, 3, 1);
	add_local(&made, 4, 2);
	add_x2(&made, 4, 1);
	seal(&made);
	assert_reads(read_madt, &made);
	assert_int_equal(madt.cpus, 2);
	assert_int_equal(madt.apic_count, 2);
	assert_int_equal(madt.apic[1], 4);
}

// An INIT to one of these ids would go to every CPU, the boot processor included.
static void test_broadcast_ids(void **state)
{
	struct made made = made_madt(1);

	(void)state;
	add_local(&made, 0xff, 1);
	add_x2(&made, UINT32_MAX, 1);
	add_x2(&made, 0xff, 1); // in an x2APIC entry this is a CPU's id
	seal(&made);
	assert_reads(read_madt, &made);
	assert_int_equal(madt.cpus, 1);
	assert_int_equal(madt.apic_count, 1);
	assert_int_equal(madt.apic[0], 0xff);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),          cmocka_unit_test(test_header),
		cmocka_unit_test(test_truncated),     cmocka_unit_test(test_bad),
		cmocka_unit_test(test_short_entries), cmocka_unit_test(test_many),
		cmocka_unit_test(test_twice),         cmocka_unit_test(test_twice_beyond_the_list),
		cmocka_unit_test(test_broadcast_ids), cmocka_unit_test(test_an_io_apic_at_0),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
