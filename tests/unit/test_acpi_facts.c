// SPDX-License-Identifier: BSD-2-Clause
#include "acpi_made.h"
#include "crash/plan/acpi_facts.h"

static struct lb_acpi_facts facts;
static struct lb_error warning;

static int take(struct made *made, struct lb_error *err)
{
	seal(made);
	return lb_acpi_take(made->bytes, made->used, &facts, &warning, err);
}

// Takes the table and compares the warning with `wanted`, which is "" for no warning.
static void assert_taken(struct made *made, const char *wanted)
{
	struct lb_error err;

	POISON(warning);
	if (take(made, &err) != 0)
		fail_msg("%s", err.text);
	assert_string_equal(warning.text, wanted);
}

static struct made madt(uint32_t cpus)
{
	struct made made = made_table("APIC", 44);

	for (uint32_t i = 0; i < cpus; i++) {
		uint32_t at = extend(&made, 8);

		put(&made, at, 0x0800, 2); // type 0 (local APIC), 8 bytes
		put(&made, at + 3, i, 1);
		put(&made, at + 4, 1, 4);
	}
	return made;
}

static struct made hpet(uint64_t base)
{
	struct made made = made_table("HPET", 56);

	put(&made, 44, base, 8);
	return made;
}

static struct made spcr(uint16_t port)
{
	struct made made = made_table("SPCR", 80);

	put(&made, 40, 1, 1);
	put(&made, 44, port, 8);
	return made;
}

static struct made mcfg(uint64_t base)
{
	struct made made = made_table("MCFG", 60);

	put(&made, 44, base, 8);
	return made;
}

static struct made srat(uint64_t base)
{
	struct made made = made_table("SRAT", 88);

	put(&made, 48, 0x2801, 2); // type 1 (memory), 40 bytes
	put(&made, 56, base, 8);
	put(&made, 64, LB_GIB, 8);
	put(&made, 76, 3, 4);
	return made;
}

static struct made fadt(uint32_t dsdt, uint32_t pm1a)
{
	struct made made = made_table("FACP", 116);

	put(&made, 40, dsdt, 4);
	put(&made, 64, pm1a, 4);
	return made;
}

static struct made dmar(uint64_t registers)
{
	struct made made = made_table("DMAR", 64);

	put(&made, 50, 16, 2);
	put(&made, 56, registers, 8);
	return made;
}

static struct made ivrs(uint64_t registers)
{
	struct made made = made_table("IVRS", 72);

	put(&made, 48, 0x10, 2);
	put(&made, 50, 24, 2);
	put(&made, 56, registers, 8);
	return made;
}

static struct made viot(uint16_t function)
{
	struct made made = made_table("VIOT", 64);

	put(&made, 36, 1, 2);
	put(&made, 38, 48, 2);
	put(&made, 48, 3, 2);
	put(&made, 50, 16, 2);
	put(&made, 54, function, 2);
	return made;
}

static struct made dsdt(void)
{
	static const char aml[] = "\x08_S5_\x12\x08\x04\x0a\x05\x0a\x06\x00\x00";
	struct made made = made_table("DSDT", 36);

	memcpy(made.bytes + extend(&made, sizeof(aml) - 1), aml, sizeof(aml) - 1);
	seal(&made);
	return made;
}

static struct made wdat(uint16_t port)
{
	struct made made = made_table("WDAT", 92);

	put(&made, 60, 1, 1);
	put(&made, 64, 1, 4);
	put(&made, 68, 0x020b, 2); // action: stop the watchdog; instruction: write a value
	put(&made, 72, 0x01000801, 4); // register: an I/O port of 8 bits
	put(&made, 76, port, 8);
	return made;
}

static void take_all(uint32_t cpus, uint64_t number)
{
	struct made tables[] = {madt(cpus),
				hpet(number),
				spcr((uint16_t)number),
				mcfg(number * LB_MIB),
				srat(number),
				dmar(number),
				ivrs(number * LB_PAGE),
				viot((uint16_t)number),
				wdat((uint16_t)number),
				made_table("XXXX", 36)};

	for (uint32_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		assert_taken(&tables[i], "");
}

// When two tables have the same signature, the first one counts.
static void test_all(void **state)
{
	(void)state;
	memset(&facts, 0, sizeof(facts));
	take_all(2, 0x3f8);
	take_all(3, 0x2f8);
	assert_int_equal(facts.madt.cpus, 2);
	assert_int_equal(facts.hpet, 0x3f8);
	assert_int_equal(facts.spcr.type, LB_CONSOLE_PORT);
	assert_int_equal(facts.spcr.address, 0x3f8);
	assert_int_equal(facts.mcfg.count, 1);
	assert_int_equal(facts.mcfg.ecam[0].phys, 0x3f8 * LB_MIB);
	assert_int_equal(facts.srat.count, 1);
	assert_int_equal(facts.srat.ranges[0].range.start, 0x3f8);
	assert_int_equal(facts.dmar.count, 1);
	assert_int_equal(facts.dmar.iommu[0].registers, 0x3f8);
	assert_int_equal(facts.viot.count, 1);
	assert_int_equal(facts.viot.iommu[0].registers, 0x3f8);
	assert_int_equal(facts.ivrs.count, 1);
	assert_int_equal(facts.ivrs.iommu[0].registers, 0x3f8 * LB_PAGE);
	assert_int_equal(facts.wdat.count, 1);
	assert_int_equal(facts.wdat.step[0].address, 0x3f8);
	assert_null(lb_acpi_unstoppable(&facts, 0));
	assert_int_equal(lb_acpi_complete(&facts, NULL), 0);
}

static void test_unstoppable(void **state)
{
	struct made bmc = made_table("SPMI", 64), timer = wdat(0);

	(void)state;
	memset(&facts, 0, sizeof(facts));
	assert_taken(&bmc, "");
	assert_string_equal(lb_acpi_unstoppable(&facts, 0),
			    "the management controller's (table SPMI), where the OS runs it");
	assert_null(lb_acpi_unstoppable(&facts, 1));
	assert_taken(&timer, "");
	assert_string_equal(lb_acpi_unstoppable(&facts, 0),
			    "ACPI's (table WDAT): a register of 1 bytes is at 0x0");
	assert_non_null(strstr(lb_acpi_unstoppable(&facts, 1), "SPMI"));
	assert_null(lb_acpi_unstoppable(&facts, 2));
}

static void test_incomplete(void **state)
{
	struct made tables[] = {hpet(1), srat(1)};
	struct lb_error err;

	(void)state;
	memset(&facts, 0, sizeof(facts));
	assert_taken(&tables[0], "");
	assert_taken(&tables[1], "");
	assert_int_equal(lb_acpi_complete(&facts, &err), -1);
	assert_string_equal(err.text, "ACPI: no APIC table (MADT): the interrupt controllers are unknown");
	// Data shorter than a signature is no table.
	assert_int_equal(lb_acpi_take("APIC", 3, &facts, &warning, &err), 0);
	assert_string_equal(warning.text, "");
}

static void test_power_off(void **state)
{
	struct made first = fadt(0x7f77c000, 0x604), values = dsdt();

	(void)state;
	memset(&facts, 0, sizeof(facts));
	assert_int_equal(lb_acpi_dsdt(&facts), 0);
	assert_taken(&first, "");
	assert_int_equal(lb_acpi_dsdt(&facts), 0x7f77c000);
	assert_false(facts.power_off);
	lb_acpi_take_dsdt(values.bytes, values.used - 1, &facts); // the DSDT is truncated
	assert_false(facts.power_off);
	lb_acpi_take_dsdt(values.bytes, values.used, &facts);
	assert_true(facts.power_off);
	assert_int_equal(facts.fadt.pm1a, 0x604);
	assert_int_equal(facts.dsdt.s5a, 5);
	assert_int_equal(facts.dsdt.s5b, 6);
	memset(&facts, 0, sizeof(facts));
	first = fadt(0x7f77c000, 0); // a FADT of reduced hardware: its DSDT is not used
	assert_taken(&first, "");
	assert_int_equal(lb_acpi_dsdt(&facts), 0);
}

// Takes `made` with a wrong checksum. Arming must go on with a warning. Then takes the table with a right
// one.
static void check_warned(struct made made, const char *wanted)
{
	struct lb_error err;
	struct made good = made;

	memset(&facts, 0, sizeof(facts));
	seal(&made);
	made.bytes[made.used - 1]++;
	assert_int_equal(lb_acpi_take(made.bytes, made.used, &facts, &warning, &err), 0);
	if (!strstr(warning.text, wanted) || !strstr(warning.text, ": its checksum is "))
		fail_msg("\"%s\" does not say \"%s\"", warning.text, wanted);
	assert_int_equal(facts.taken, 0);
	assert_taken(&good, "");
	assert_int_not_equal(facts.taken, 0);
}

static void check_refused(struct made made, const char *wanted)
{
	struct lb_error err;

	memset(&facts, 0, sizeof(facts));
	seal(&made);
	made.bytes[made.used - 1]++;
	assert_int_equal(lb_acpi_take(made.bytes, made.used, &facts, &warning, &err), -1);
	if (strncmp(err.text, wanted, strlen(wanted)) != 0)
		fail_msg("\"%s\" does not begin with \"%s\"", err.text, wanted);
	assert_string_equal(warning.text, "");
}

static void test_wrong(void **state)
{
	(void)state;
	check_warned(srat(1), "; it is not used");
	check_warned(dmar(1), "; an IOMMU that is on may cost the dump");
	check_warned(viot(1), "; an IOMMU that is on may cost the dump");
	check_warned(ivrs(LB_PAGE), "; an IOMMU that is on may cost the dump");
	check_warned(wdat(1), "; a watchdog that the OS runs may cut a dump");
	check_warned(fadt(1, 2), "; the machine cannot be switched off after a dump");
	check_warned(hpet(1), "; the HPET is not stopped after a panic");
	check_warned(spcr(1), "; its console is not used");
	check_warned(mcfg(0), "; PCI configuration goes by ports, in segment 0 only");
	check_refused(madt(1), "ACPI table APIC: its checksum is ");
}

// An address of 0 in SPCR means that the firmware's console is switched off.
static void test_no_console(void **state)
{
	struct made made = spcr(0);

	(void)state;
	memset(&facts, 0, sizeof(facts));
	assert_taken(&made, "");
	assert_int_equal(facts.spcr.type, LB_CONSOLE_NONE);
}

static void test_left_out(void **state)
{
	struct made made = mcfg(5);

	(void)state;
	memset(&facts, 0, sizeof(facts));
	assert_taken(&made,
		     "ACPI table MCFG: entry 0 has buses 0 to 0 at 0x5, wanted them in order and their "
		     "space aligned to 1 MiB; such entries are left out");
	assert_int_equal(facts.mcfg.count, 0);
	made = dmar(1);
	extend(&made, 4);
	assert_taken(&made,
		     "ACPI table DMAR: entry 1, of type 61166, says it has 61166 bytes, wanted 4 to 4; "
		     "it and what follows are not used");
	assert_int_equal(facts.dmar.count, 1);
	made = madt(1);
	for (uint32_t i = 0; i < LB_MAX_IOAPICS + 1; i++) {
		uint32_t at = extend(&made, 12);

		put(&made, at, 0x0c01, 2); // type 1, 12 bytes
		put(&made, at + 4, 0xfec00000 + i * LB_PAGE, 4);
	}
	assert_taken(&made, "ACPI table APIC: has 65 IO-APICs, wanted 64 at most; 1 of them are not masked "
			    "after a panic");
	assert_int_equal(facts.madt.ioapic_count, LB_MAX_IOAPICS);
	assert_int_equal(lb_acpi_complete(&facts, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all),         cmocka_unit_test(test_incomplete),
		cmocka_unit_test(test_power_off),   cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_left_out),    cmocka_unit_test(test_no_console),
		cmocka_unit_test(test_unstoppable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
