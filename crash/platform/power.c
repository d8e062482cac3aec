// SPDX-License-Identifier: BSD-2-Clause
// Source: ACPI 6.4, 4.8.3.2.1 (PM1 control registers), 7.4.2 (sleep types).
#include "crash/platform/power.h"

#include "crash/bare/bare.h"
#include "crash/platform/platform.h"
#include "lifeboat/ports.h"

#define SLP_TYP_SHIFT 10
#define SLP_TYP_MASK (7U << SLP_TYP_SHIFT)
#define SLP_EN (1U << 13)
#define POWEROFF_MS 3000

static void sleep_type(uint16_t port, uint8_t type, uint16_t enable)
{
	uint16_t control;

	if (!port)
		return;
	control = (uint16_t)(cpu_in16(port) & ~(SLP_TYP_MASK | SLP_EN));
	cpu_out16(port, (uint16_t)(control | (uint16_t)((type & 7U) << SLP_TYP_SHIFT) | enable));
}

// Writes the sleep types to both registers before it sets SLP_EN.
static void power_off(const struct lb_capture_config *capture)
{
	struct lb_deadline deadline;

	sleep_type(capture->pm1a, capture->s5a, 0);
	sleep_type(capture->pm1b, capture->s5b, 0);
	sleep_type(capture->pm1a, capture->s5a, SLP_EN);
	sleep_type(capture->pm1b, capture->s5b, SLP_EN);
	deadline = lb_deadline_in(POWEROFF_MS);
	while (!lb_deadline_passed(deadline))
		lb_pause();
}

_Noreturn void lb_power_end(const struct lb_capture_config *capture, enum lb_capture_end end)
{
	lb_trap_end();
	if (end == LB_CAPTURE_HALT) {
		lb_say("halted");
		lb_halt();
	}
	if (end == LB_CAPTURE_POWEROFF && capture->pm1a) {
		lb_say("power-off");
		power_off(capture);
		lb_say("warning: still on after %u ms", POWEROFF_MS);
	}
	lb_stop(LB_POLICY_RESET);
}
