// SPDX-License-Identifier: BSD-2-Clause
#include <string.h>

#include "crash/dump/ring.h"
#include "unit.h"

#define JOBS 4 // jobs in flight; there is a spare one

static struct lb_ring ring;
static struct lb_job jobs[JOBS + 1];

static void make_ring(void)
{
	memset(&ring, 0, sizeof(ring));
	memset(jobs, 0, sizeof(jobs));
	for (unsigned int i = 0; i <= JOBS; i++)
		lb_ring_add(&ring, &jobs[i]);
}

// Gets and submits jobs until the ring is full.
static void fill(void)
{
	struct lb_job *job;

	while ((job = lb_ring_get(&ring)) != NULL)
		lb_ring_submit(&ring, job);
}

static void test_order(void **state)
{
	struct lb_job *order[JOBS];

	(void)state;
	make_ring();
	assert_true(lb_ring_is_idle(&ring));
	assert_null(lb_ring_oldest(&ring));
	assert_null(lb_ring_take(&ring, 0));
	for (unsigned int i = 0; i < JOBS; i++) {
		order[i] = lb_ring_get(&ring);
		assert_non_null(order[i]);
		lb_ring_submit(&ring, order[i]);
	}
	assert_null(lb_ring_get(&ring));
	for (uint32_t cpu = 0; cpu < JOBS; cpu++) {
		assert_ptr_equal(lb_ring_take(&ring, cpu), order[cpu]);
		assert_int_equal(order[cpu]->taken, cpu + 1);
	}
	assert_null(lb_ring_take(&ring, 9));
	for (unsigned int i = 0; i < JOBS; i++) {
		assert_ptr_equal(lb_ring_oldest(&ring), order[i]);
		assert_false(lb_ring_is_done(order[i]));
		lb_ring_done(order[i]);
		assert_true(lb_ring_is_done(order[i]));
		lb_ring_collect(&ring, order[i]);
	}
	assert_true(lb_ring_is_idle(&ring));
}

// A collected job belongs to the caller until the next call. It is not handed out before that.
static void test_loan(void **state)
{
	struct lb_job *lent;

	(void)state;
	make_ring();
	fill();
	lent = lb_ring_oldest(&ring);
	lb_ring_done(lb_ring_take(&ring, 0));
	lb_ring_collect(&ring, lent);
	assert_ptr_equal(lb_ring_get(&ring), lent);
	assert_null(lb_ring_get(&ring));
}

// A lost job never comes back, even if its CPU finishes it later. The ring has one job fewer.
static void test_lost(void **state)
{
	struct lb_job *lost, *spare;

	(void)state;
	make_ring();
	fill();
	lost = lb_ring_take(&ring, 3);
	assert_ptr_equal(lb_ring_oldest(&ring), lost);
	spare = lb_ring_replace(&ring);
	assert_ptr_not_equal(spare, lost);
	assert_false(lb_ring_is_done(spare));
	lb_ring_done(spare);
	lb_ring_collect(&ring, spare);
	lb_ring_done(lost);
	for (unsigned int round = 0; round < 20; round++) {
		unsigned int count = 0;
		struct lb_job *job;

		while ((job = lb_ring_take(&ring, 1)) != NULL)
			lb_ring_done(job);
		while ((job = lb_ring_oldest(&ring)) != NULL) {
			assert_ptr_not_equal(job, lost);
			lb_ring_end_loan(&ring);
			lb_ring_collect(&ring, job);
			count++;
		}
		assert_int_equal(count, JOBS - 1);
		fill();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_loan),
		cmocka_unit_test(test_lost),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
