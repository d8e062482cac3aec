// SPDX-License-Identifier: BSD-2-Clause
// Switches off AMD's IOMMU, over registers made here: groups of bits in order, one group a write, with a wait
// for each stop. Units that are locked, stuck, gone, or full of commands; the device table of a unit that
// stays on.
#include <string.h>

#include "capture_platform.h"
#include "crash/platform/iommu.h"
#include "lib/cpu.h"
#include "unit.h"

static uint64_t unit_get64(volatile void *registers, uint32_t reg);
static void unit_put64(volatile void *registers, uint32_t reg, uint64_t value);
static struct cpu_cpuid fake_cpuid_extended(uint32_t leaf);
#define lb_iommu_get64(registers, reg) unit_get64(registers, reg)
#define lb_iommu_put64(registers, reg, value) unit_put64(registers, reg, value)
#define cpu_cpuid_extended(leaf) fake_cpuid_extended(leaf)
#define cpu_phys_bits() 48U
#include "crash/platform/iommu_amd.c"

#define AT 0xfed80000ULL
#define WRITES_MAX 16
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
// What Linux sets on a Milan host: 0x3f48f, and log and interrupt of the guest virtual APIC.
#define LINUX (0x3f48fULL | 1ULL << 25 | 3ULL << 28 | 1ULL << 59)

static struct {
	uint64_t control, table, features;
	uint64_t locked; // bits of the control register that cannot be changed
	uint64_t stuck; // bits of the status register that cannot be cleared
	uint64_t commands; // commands in the queue; UINT64_MAX: they are never done
	uint32_t lingers; // reads of the status register until a stop shows
	uint64_t running; // the status register
	uint32_t looks;
	uint64_t writes[WRITES_MAX];
	uint32_t write_count;
	uint32_t eax; // EAX of CPUID 8000001Fh
	uint64_t syscfg;
	bool syscfg_faults;
} unit;

static uint64_t running_of(uint64_t control)
{
	uint64_t running = unit.stuck;

	running |= control & COMMANDS ? COMMANDS_RUN : 0;
	running |= control & 1ULL << 2 ? EVENTS_RUN : 0;
	running |= control & 1ULL << 13 ? PAGE_REQUESTS_RUN : 0;
	running |= control & 1ULL << 28 ? GUEST_INTERRUPTS_RUN : 0;
	return running;
}

static uint64_t unit_get64(volatile void *registers, uint32_t reg)
{
	assert_ptr_equal(registers, &unit);
	switch (reg) {
	case DEVICE_TABLE:
		return unit.table;
	case CONTROL:
		return unit.control;
	case FEATURES:
		return unit.features;
	case COMMAND_HEAD:
		if (unit.commands && unit.commands != UINT64_MAX)
			unit.commands--;
		return 0x40;
	case COMMAND_TAIL:
		return unit.commands ? 0x50 : 0x40;
	case STATUS:
		if (++unit.looks > unit.lingers)
			unit.running = running_of(unit.control);
		return unit.running;
	}
	fail_msg("register 0x%x is read", reg);
	return 0;
}

static void unit_put64(volatile void *registers, uint32_t reg, uint64_t value)
{
	assert_ptr_equal(registers, &unit);
	assert_int_equal(reg, CONTROL);
	assert_true(unit.write_count < WRITES_MAX);
	unit.writes[unit.write_count++] = value;
	unit.control = (value & ~unit.locked) | (unit.control & unit.locked);
	unit.looks = 0;
}

static struct cpu_cpuid fake_cpuid_extended(uint32_t leaf)
{
	assert_int_equal(leaf, LB_CPUID_ENCRYPTION);
	return (struct cpu_cpuid){.eax = unit.eax, .ebx = 47};
}

bool lb_msr_read(uint32_t msr, uint64_t *ret_value)
{
	assert_int_equal(msr, 0xc0010010);
	*ret_value = unit.syscfg;
	return !unit.syscfg_faults;
}

static void start(uint64_t control)
{
	capture_reset();
	memset(&unit, 0, sizeof(unit));
	unit.control = control;
	unit.lingers = 3;
	unit.running = running_of(control);
}

static enum lb_iommu_end off(void)
{
	const struct lb_iommu iommu = {.registers = AT, .kind = LB_IOMMU_AMD};

	return lb_iommu_amd.off(&iommu, &unit);
}

static void check_said(const char *text)
{
	if (!strstr(capture_said(), text))
		fail_msg("\"%s\" does not say \"%s\"", capture_said(), text);
}

// Each write clears one group of bits, in this order, and keeps all others.
static void check_writes(uint64_t control)
{
	static const uint64_t groups[] = {1ULL << 12, 3ULL << 2, 3ULL << 28, 7ULL << 13, 1, 1ULL << 59};

	assert_int_equal(unit.write_count, COUNT(groups));
	for (uint32_t i = 0; i < COUNT(groups); i++) {
		control &= ~groups[i];
		assert_int_equal(unit.writes[i], control);
	}
}

static void test_in_order(void **state)
{
	(void)state;
	start(LINUX);
	assert_int_equal(off(), LB_IOMMU_IS_OFF);
	check_writes(LINUX);
	assert_int_equal(unit.control, 0x30482 | 1ULL << 25);
	assert_int_equal(running_of(unit.control), 0);
	check_said("IOMMU at 0xfed80000 (AMD-Vi): translation was on, is off; ");
	assert_null(strstr(capture_said(), "warning"));
	assert_null(strstr(capture_said(), "still waited"));
	assert_true(lb_clock_ms() < 1);
}

static void test_off_already(void **state)
{
	(void)state;
	start(LINUX & ~1ULL);
	assert_int_equal(off(), LB_IOMMU_WAS_OFF);
	assert_int_equal(unit.write_count, 0);
	check_said("translation was off, is off");
}

static void test_no_answer(void **state)
{
	(void)state;
	start(UINT64_MAX);
	assert_int_equal(off(), LB_IOMMU_WAS_OFF);
	assert_int_equal(unit.write_count, 0);
	check_said("does not answer");
}

// The dead kernel's commands get a bounded time to finish.
static void test_commands(void **state)
{
	(void)state;
	start(LINUX);
	unit.commands = 100;
	assert_int_equal(off(), LB_IOMMU_IS_OFF);
	assert_int_equal(unit.commands, 0);
	assert_null(strstr(capture_said(), "still waited"));
	start(LINUX);
	unit.commands = UINT64_MAX;
	assert_int_equal(off(), LB_IOMMU_IS_OFF);
	check_writes(LINUX);
	check_said(", commands still waited\n");
	assert_in_range(lb_clock_ms(), 10, 11);
	start(LINUX & ~COMMANDS); // a queue that is off is not waited for
	unit.commands = UINT64_MAX;
	assert_int_equal(off(), LB_IOMMU_IS_OFF);
	assert_true(lb_clock_ms() < 1);
}

// A log that never stops costs 100 ms. Everything else is still switched off.
static void test_stuck(void **state)
{
	static const uint64_t bits[] = {EVENTS_RUN, COMMANDS_RUN, PAGE_REQUESTS_RUN, GUEST_INTERRUPTS_RUN};

	(void)state;
	for (uint32_t i = 0; i < COUNT(bits); i++) {
		start(LINUX);
		unit.stuck = bits[i];
		assert_int_equal(off(), LB_IOMMU_IS_OFF);
		check_writes(LINUX);
		check_said("translation was on, is off; ");
		check_said("a log or the commands did not stop");
		assert_in_range(lb_clock_ms(), 100, 101);
	}
}

static void test_locked(void **state)
{
	(void)state;
	start(LINUX);
	unit.locked = 1;
	assert_int_equal(off(), LB_IOMMU_STAYS_ON);
	check_writes(LINUX);
	check_said("translation was on, is on; ");
	check_said("stays on: transfers go by the dead kernel's tables");
	for (int what = 0; what < 5; what++) {
		start(LINUX);
		unit.locked = UINT64_MAX;
		unit.features = what == 1 ? 0 : FEATURE_SNP;
		unit.eax = what == 2 ? 3 : 0x1f;
		unit.syscfg = what == 3 ? 0 : 1ULL << 24;
		unit.syscfg_faults = what == 4;
		assert_int_equal(off(), LB_IOMMU_STAYS_ON);
		assert_int_equal(unit.control, LINUX);
		assert_int_equal(!!strstr(capture_said(), "stays on, locked by SEV-SNP"), what == 0);
	}
}

// The device table of the dead kernel lies at TABLE and has two pages, enough for bus 0.
#define TABLE 0x12345000ULL

static uint64_t entries[2 * LB_PAGE / 8];
static uint64_t hole; // a page of the table that cannot be read

static const void *read_page(void *ctx, uint64_t phys)
{
	assert_ptr_equal(ctx, entries);
	assert_true(lb_aligned(phys, LB_PAGE));
	if (phys == hole || phys < TABLE || phys >= TABLE + sizeof(entries))
		return NULL;
	return (const uint8_t *)entries + (phys - TABLE);
}

static const struct lb_physmem mem = {.page = read_page, .ctx = entries};

static int check_disk(uint8_t bus, uint8_t device, uint8_t function)
{
	const struct lb_pci_address at = {.bus = bus, .device = device, .function = function};
	struct lb_error err = {""};
	int status = lb_iommu_amd.check(&unit, at, &mem, &err);

	assert_int_equal(status == 0, !err.text[0]);
	return status;
}

static void start_table(void)
{
	start(LINUX);
	unit.table = TABLE | 1; // two pages
	memset(entries, 0, sizeof(entries));
	hole = 0;
}

static void test_device_table(void **state)
{
	static const struct {
		uint64_t entry;
		bool passes;
	} given[] = {
		{0, true}, // not valid: the device is not translated
		{0x6000000000000003, true}, // as iommu=pt sets it
		{0x6000000000000603, false}, // translated by three levels of tables
		{0x6000000000000001, false}, // no translation information: the device is blocked
		{0x2000000000000003, false},
		{0x4000000000000003, false}, // only reads or only writes are allowed
		{0x0000000000000003, false}, // a device without a driver
		{0x6080000000000003, false}, // with guest tables
		{0x6000000012345602, true}, // not valid, whatever the other bits are
	};

	(void)state;
	for (uint32_t i = 0; i < COUNT(given); i++) {
		start_table();
		memset(entries, 0xff, sizeof(entries));
		entries[(4U << 3 | 2) * 4] = given[i].entry;
		assert_int_equal(check_disk(0, 4, 2) == 0, given[i].passes);
		assert_int_equal(!!strstr(capture_said(), "lets the disk at 00:04.2 pass"), given[i].passes);
	}
}

static void test_table_cannot_be_read(void **state)
{
	(void)state;
	start_table();
	assert_int_equal(check_disk(0, 31, 7), 0); // the last device of the two pages
	assert_int_equal(check_disk(1, 0, 0), -1); // behind the table
	assert_int_equal(check_disk(255, 31, 7), -1);
	unit.table = TABLE; // one page: devices up to 00:0f.7
	assert_int_equal(check_disk(0, 15, 7), 0);
	assert_int_equal(check_disk(0, 16, 0), -1);
	start_table();
	hole = TABLE + LB_PAGE;
	assert_int_equal(check_disk(0, 15, 7), 0);
	assert_int_equal(check_disk(0, 16, 0), -1);
	start_table();
	unit.control |= 1ULL << 34; // the table is in segments
	assert_int_equal(check_disk(0, 4, 2), -1);
	start_table();
	unit.eax = 1; // with SME the table's address has the C-bit
	unit.table |= 1ULL << 47;
	assert_int_equal(check_disk(0, 4, 2), 0);
	unit.eax = 0;
	assert_int_equal(check_disk(0, 4, 2), -1);
	start_table();
	{
		const struct lb_physmem none = {NULL, NULL}; // RAM is not known
		struct lb_error err;

		assert_int_equal(lb_iommu_amd.check(&unit, (struct lb_pci_address){0}, &none, &err), -1);
		assert_non_null(strstr(err.text, "the disk at 00:00.0 cannot be read"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_in_order),     cmocka_unit_test(test_off_already),
		cmocka_unit_test(test_no_answer),    cmocka_unit_test(test_commands),
		cmocka_unit_test(test_stuck),        cmocka_unit_test(test_locked),
		cmocka_unit_test(test_device_table), cmocka_unit_test(test_table_cannot_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
