// SPDX-License-Identifier: BSD-2-Clause
#include "loader/budget.h"

#include "loader/clock.h"

static bool lifted;
// Times in ticks of the TSC.
static uint64_t begun, wait_begun, waited, pause_begun, paused;

static uint64_t to_ms(uint64_t ticks)
{
	uint64_t khz = lb_clock_tsc_khz();

	return khz ? ticks / khz : 0;
}

void lb_budget_begin(void)
{
	begun = lb_clock_tsc();
}

void lb_budget_wait(void)
{
	wait_begun = lb_clock_tsc();
}

void lb_budget_waited(void)
{
	waited += lb_clock_tsc() - wait_begun;
}

void lb_budget_lift(void)
{
	lifted = true;
}

bool lb_budget_spent(void)
{
	return !lifted && to_ms(waited) > LB_BUDGET_MS;
}

bool lb_budget_low(void)
{
	return !lifted && to_ms(waited) > LB_BUDGET_MS - LB_BUDGET_RESERVE_MS;
}

int lb_budget_check(struct lb_error *err)
{
	if (!lb_budget_spent())
		return 0;
	return lb_fail(err,
		       "firmware: its disks and files took %lu ms, longer than the %u that arming may wait",
		       (unsigned long)to_ms(waited), LB_BUDGET_MS);
}

void lb_budget_pause(void)
{
	pause_begun = lb_clock_tsc();
}

void lb_budget_resume(void)
{
	paused += lb_clock_tsc() - pause_begun;
}

uint64_t lb_budget_ms(void)
{
	return to_ms(lb_clock_tsc() - begun - paused);
}
