// SPDX-License-Identifier: BSD-2-Clause

#include <string.h>

#include "loader/options/evidence.h"
#include "unit.h"

static void assert_warns(struct lb_evidence evidence, const char *words)
{
	const char *warning = lb_evidence_warning(&evidence);

	assert_non_null(warning);
	assert_non_null(strstr(warning, words));
}

static void test_warning(void **state)
{
	(void)state;
	assert_null(lb_evidence_warning(&(struct lb_evidence){.partitions = 1, .console = true}));
	assert_null(lb_evidence_warning(&(struct lb_evidence){.partitions = 2, .unmatched = "auto"}));
	assert_warns((struct lb_evidence){.console = true}, "the log will go to the console");
	assert_warns((struct lb_evidence){.console = true, .kept = 1}, "the log will go to the console");
	assert_warns((struct lb_evidence){0}, "a panic will leave nothing");
	// A partition whose dump is not saved yet does not count as a place for the next.
	assert_warns((struct lb_evidence){.kept = 1}, "a panic will leave nothing");
}

static void assert_content(struct lb_evidence evidence)
{
	assert_int_equal(lb_evidence_require(&evidence, NULL), 0);
}

static void assert_refused(struct lb_evidence evidence, const char *words)
{
	struct lb_error err = {0};

	assert_int_not_equal(lb_evidence_require(&evidence, &err), 0);
	assert_non_null(strstr(err.text, words));
}

static void test_require(void **state)
{
	(void)state;
	assert_content((struct lb_evidence){.partitions = 1});
	assert_content((struct lb_evidence){.console = true});
	assert_content((struct lb_evidence){.kept = 1});
	assert_refused((struct lb_evidence){0}, "a panic would leave nothing");
	assert_refused((struct lb_evidence){.partitions = 1, .console = true, .unmatched = "PARTLABEL=x"},
		       "--dump-to PARTLABEL=x: there is no partition");
	assert_refused((struct lb_evidence){.kept = 1, .unmatched = "auto"}, "--dump-to auto");
}

static void test_late(void **state)
{
	struct lb_error err = {.text = ""};

	(void)state;
	assert_int_equal(lb_evidence_late(&(struct lb_evidence){.partitions = 1}, &err), 0);
	assert_string_equal(err.text, "");
	assert_int_not_equal(lb_evidence_late(&(struct lb_evidence){.console = true}, &err), 0);
	assert_non_null(strstr(err.text, "no partition to dump to: a panic ends"));
	assert_int_not_equal(lb_evidence_late(&(struct lb_evidence){.kept = 1}, &err), 0);
	assert_non_null(strstr(err.text, "except those that hold a dump not saved yet"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_warning),
		cmocka_unit_test(test_require),
		cmocka_unit_test(test_late),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
