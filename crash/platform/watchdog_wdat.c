// SPDX-License-Identifier: BSD-2-Clause
// The driver of the watchdog that the firmware describes in a table. The loader has read and checked the
// table's steps (crash/plan/wdat.h).
#include "crash/platform/platform.h"
#include "crash/platform/watchdog.h"
#include "lifeboat/ports.h"

static uint32_t read_port(const struct lb_wdat_step *step)
{
	const uint16_t port = (uint16_t)step->address;

	return step->bytes == 1 ? cpu_in8(port) : step->bytes == 2 ? cpu_in16(port) : cpu_in32(port);
}

static void write_port(const struct lb_wdat_step *step, uint32_t value)
{
	const uint16_t port = (uint16_t)step->address;

	if (step->bytes == 1)
		cpu_out8(port, (uint8_t)value);
	else if (step->bytes == 2)
		cpu_out16(port, (uint16_t)value);
	else
		cpu_out32(port, value);
}

static uint32_t read_memory(const struct lb_wdat_step *step, volatile void *at)
{
	return step->bytes == 1   ? *(volatile uint8_t *)at
	       : step->bytes == 2 ? *(volatile uint16_t *)at
				  : *(volatile uint32_t *)at;
}

static void write_memory(const struct lb_wdat_step *step, volatile void *at, uint32_t value)
{
	if (step->bytes == 1)
		*(volatile uint8_t *)at = (uint8_t)value;
	else if (step->bytes == 2)
		*(volatile uint16_t *)at = (uint16_t)value;
	else
		*(volatile uint32_t *)at = value;
}

// Does one step. *ret_held: the field had the step's value before. Fails where the register cannot be mapped.
static int take_step(const struct lb_wdat_step *step, bool write, bool *ret_held, struct lb_error *err)
{
	volatile void *at = step->port ? NULL : lb_device_map(step->address, step->bytes);
	const uint32_t mask = step->mask << step->shift, field = step->value << step->shift & mask;
	uint32_t now;

	if (!step->port && !at)
		return lb_fail(err, "its register at 0x%lx cannot be mapped", step->address);
	now = step->port ? read_port(step) : read_memory(step, at);
	*ret_held = (now & mask) == field;
	if (!write)
		return 0;
	now = step->preserve ? (now & ~mask) | field : field;
	if (step->port)
		write_port(step, now);
	else
		write_memory(step, at, now);
	return 0;
}

// Does the steps that read. *ret_known: there is such a step. *ret_stands: none of them sees the watchdog
// run.
static int look(const struct lb_capture_config *capture, bool *ret_known, bool *ret_stands,
		struct lb_error *err)
{
	bool held;

	*ret_known = false;
	*ret_stands = true;
	for (uint32_t i = 0; i < capture->wdat_count && i < LB_MAX_WDAT_STEPS; i++) {
		if (capture->wdat[i].write)
			continue;
		if (take_step(&capture->wdat[i], false, &held, err) != 0)
			return -1;
		*ret_known = true;
		*ret_stands = *ret_stands && held;
	}
	return 0;
}

static int write_all(const struct lb_capture_config *capture, struct lb_error *err)
{
	bool held;

	for (uint32_t i = 0; i < capture->wdat_count && i < LB_MAX_WDAT_STEPS; i++) {
		if (capture->wdat[i].write && take_step(&capture->wdat[i], true, &held, err) != 0)
			return -1;
	}
	return 0;
}

static enum lb_watchdog_end wdat_stop(const struct lb_watchdog_place *place, struct lb_error *ret_why)
{
	const struct lb_capture_config *capture = place->capture;
	bool known = false, stands = true;

	if (!capture->wdat_count)
		return LB_WATCHDOG_WAS_OFF;
	if (look(capture, &known, &stands, ret_why) != 0)
		return LB_WATCHDOG_STAYS_ON;
	if (known && stands)
		return LB_WATCHDOG_WAS_OFF;
	if (write_all(capture, ret_why) != 0 || look(capture, &known, &stands, ret_why) != 0)
		return LB_WATCHDOG_STAYS_ON;
	if (stands)
		return LB_WATCHDOG_IS_OFF;
	lb_fail(ret_why, "it does not stop by what ACPI's table says");
	return LB_WATCHDOG_STAYS_ON;
}

const struct lb_watchdog_driver lb_watchdog_wdat = {.name = "WDAT", .stop = wdat_stop};
