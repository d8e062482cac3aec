// SPDX-License-Identifier: BSD-2-Clause
#include "crash/disk/nvme_status.h"

#include "unit.h"

static void test_words(void **state)
{
	(void)state;
	assert_string_equal(lb_nvme_status(0, 0x01), "invalid opcode");
	assert_string_equal(lb_nvme_status(1, 0x82), "write to read-only blocks");
	assert_string_equal(lb_nvme_status(2, 0x86), "access denied");
	// This code is defined for another status type.
	assert_string_equal(lb_nvme_status(2, 0x01), "not in our list");
	assert_string_equal(lb_nvme_status(7, 0xff), "not in our list");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_words)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
