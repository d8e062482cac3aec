// SPDX-License-Identifier: BSD-2-Clause
// Switches off Intel's IOMMU, over registers made here: one switch at a time, without one-shot commands, and
// the queue only after it is empty. Units that report wrong states, are slow, or hang.
#include <string.h>

#include "capture_platform.h"
#include "crash/platform/iommu.h"
#include "unit.h"

static uint32_t unit_get32(volatile void *registers, uint32_t reg);
static void unit_put32(volatile void *registers, uint32_t reg, uint32_t value);
#define lb_iommu_get32(registers, reg) unit_get32(registers, reg)
#define lb_iommu_put32(registers, reg, value) unit_put32(registers, reg, value)
#include "crash/platform/iommu_vtd.c"

#define AT 0xfed90000ULL
#define ALL (TRANSLATION | INTERRUPT_REMAPPING | QUEUED_INVALIDATION)
#define WRITES_MAX 8

static struct {
	uint32_t status, command, root, protect;
	uint32_t stuck; // bits of the status register that never clear
	uint32_t lingers; // reads of the status register until a command shows
	uint32_t looks;
	uint32_t invalidations; // invalidations in the queue; UINT32_MAX: they are never done
	bool emptied; // the queue was read as empty
	uint32_t commands[WRITES_MAX];
	uint32_t command_count;
} unit;

static uint32_t unit_get32(volatile void *registers, uint32_t reg)
{
	assert_ptr_equal(registers, &unit);
	switch (reg) {
	case GSTS:
		if (++unit.looks > unit.lingers)
			unit.status = unit.command | (unit.status & unit.stuck);
		return unit.status;
	case RTADDR:
		return unit.root;
	case FSTS:
		return unit.invalidations == UINT32_MAX ? 1U << 4 : 0;
	case PMEN:
		return unit.protect;
	case IQH:
		if (unit.invalidations && unit.invalidations != UINT32_MAX)
			unit.invalidations--;
		unit.emptied = !unit.invalidations;
		return 0x7ff0;
	case IQT:
		return unit.invalidations ? 0x10 : 0x7ff0;
	}
	fail_msg("register 0x%x is read", reg);
	return 0;
}

static void unit_put32(volatile void *registers, uint32_t reg, uint32_t value)
{
	assert_ptr_equal(registers, &unit);
	if (reg == PMEN) {
		assert_int_equal(value & PMEN_ENABLE, 0);
		unit.protect = value & ~PMEN_STATUS;
		return;
	}
	assert_int_equal(reg, GCMD);
	assert_int_equal(value & ONE_SHOT, 0);
	assert_true(unit.command_count < WRITES_MAX);
	// A command changes one switch, and only after the command before it is done.
	assert_int_equal(__builtin_popcount(unit.command ^ value), 1);
	assert_int_equal(unit.status & ~ONE_SHOT & ~unit.stuck, unit.command & ~unit.stuck);
	if ((unit.command & ~value) == QUEUED_INVALIDATION)
		assert_true(unit.emptied || unit.invalidations == UINT32_MAX);
	unit.commands[unit.command_count++] = unit.command & ~value;
	unit.command = value;
	unit.looks = 0;
}

static void start(uint32_t on)
{
	capture_reset();
	memset(&unit, 0, sizeof(unit));
	unit.status =
		// status: root table pointer and interrupt remapping table pointer are set.
		on | (on ? 1U << 30 | 1U << 24 : 0);
	unit.command = on;
	unit.lingers = 3;
}

static enum lb_iommu_end off(void)
{
	const struct lb_iommu iommu = {.registers = AT, .kind = LB_IOMMU_VTD};

	return lb_iommu_vtd.off(&iommu, &unit);
}

static void check_said(const char *text)
{
	if (!strstr(capture_said(), text))
		fail_msg("\"%s\" does not say \"%s\"", capture_said(), text);
}

static void check_all_commands(void)
{
	assert_int_equal(unit.command_count, 3);
	assert_int_equal(unit.commands[0], TRANSLATION);
	assert_int_equal(unit.commands[1], INTERRUPT_REMAPPING);
	assert_int_equal(unit.commands[2], QUEUED_INVALIDATION);
}

static void test_in_order(void **state)
{
	(void)state;
	for (int scalable = 0; scalable < 2; scalable++) {
		start(ALL);
		unit.root = scalable ? 0x12345400 : 0x12345000;
		unit.invalidations = 100;
		unit.protect = PMEN_ENABLE | PMEN_STATUS;
		assert_int_equal(off(), LB_IOMMU_IS_OFF);
		check_all_commands();
		assert_int_equal(unit.protect, 0);
		check_said(scalable
				   ? "IOMMU at 0xfed90000 (VT-d, scalable mode): translation was on, is off; "
				   : "IOMMU at 0xfed90000 (VT-d): translation was on, is off; ");
		check_said("interrupt remapping was on, protected memory on; fault status 0x0");
		assert_null(strstr(capture_said(), "warning"));
		assert_true(lb_clock_ms() < 1);
	}
}

static void test_what_is_off(void **state)
{
	(void)state;
	start(0);
	assert_int_equal(off(), LB_IOMMU_WAS_OFF);
	assert_int_equal(unit.command_count, 0);
	check_said("translation was off, is off; interrupt remapping was off, protected memory off");
	start(INTERRUPT_REMAPPING | QUEUED_INVALIDATION);
	assert_int_equal(off(), LB_IOMMU_WAS_OFF);
	assert_int_equal(unit.command_count, 2);
	assert_int_equal(unit.command, 0);
}

// A queue that stopped at an error is waited for, for a bounded time. Then everything is switched off all the
// same.
static void test_invalidations_that_do_not_end(void **state)
{
	(void)state;
	start(ALL);
	unit.invalidations = UINT32_MAX;
	assert_int_equal(off(), LB_IOMMU_IS_OFF);
	check_all_commands();
	check_said("the IOMMU's invalidations do not end, fault status 0x10");
	assert_in_range(lb_clock_ms(), 100, 101);
	start(TRANSLATION);
	unit.invalidations = UINT32_MAX; // the queue is off, so its invalidations do not count
	assert_int_equal(off(), LB_IOMMU_IS_OFF);
	assert_true(lb_clock_ms() < 1);
}

static void test_stuck(void **state)
{
	static const uint32_t bits[] = {TRANSLATION, INTERRUPT_REMAPPING, QUEUED_INVALIDATION};

	(void)state;
	for (uint32_t i = 0; i < 3; i++) {
		start(ALL);
		unit.stuck = bits[i];
		assert_int_equal(off(), i == 0 ? LB_IOMMU_STAYS_ON : LB_IOMMU_IS_OFF);
		check_said(i == 0 ? "translation was on, is on" : "translation was on, is off");
		check_said("does not obey, status 0x");
		assert_true(lb_clock_ms() <= 400);
	}
}

static void test_no_answer(void **state)
{
	(void)state;
	start(0);
	unit.status = unit.command = UINT32_MAX;
	assert_int_equal(off(), LB_IOMMU_WAS_OFF);
	assert_int_equal(unit.command_count, 0);
	check_said("does not answer");
}

// The unit of the graphics device is not written to: some never finish switching off.
static void test_graphics(void **state)
{
	const struct lb_iommu iommu = {.registers = AT, .kind = LB_IOMMU_VTD, .flags = LB_IOMMU_GRAPHICS};

	(void)state;
	start(ALL);
	unit.stuck = ALL;
	unit.protect = PMEN_ENABLE | PMEN_STATUS;
	assert_int_equal(lb_iommu_vtd.off(&iommu, &unit), LB_IOMMU_WAS_OFF);
	assert_int_equal(unit.command_count, 0);
	assert_int_equal(unit.protect, PMEN_ENABLE | PMEN_STATUS);
	check_said("the graphics device's own, left as it is");
	assert_int_equal(lb_clock_ms(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_in_order),
		cmocka_unit_test(test_what_is_off),
		cmocka_unit_test(test_invalidations_that_do_not_end),
		cmocka_unit_test(test_stuck),
		cmocka_unit_test(test_no_answer),
		cmocka_unit_test(test_graphics),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
