// SPDX-License-Identifier: BSD-2-Clause
// The entries in the firmware's table of runtime services, and the table's CRC.
#include "hook_firmware.h"
#include "loader/hook/stand_in.c"

static void *virtual_of(const void *pointer)
{
	return (void *)((uintptr_t)pointer + VIRTUAL);
}

static int begin(void **state)
{
	(void)state;
	standing[RESET] = standing[CAPSULE] = false;
	fw_start();
	return 0;
}

static void test_in_and_out(void **state)
{
	(void)state;
	for (int round = 0; round < 3; round++) {
		lb_stand_in_install(&fw);
		assert_true(fw_has_ours());
		lb_stand_in_install(&fw); // a second call must not make the hook pass calls on to itself
		assert_ptr_equal(lb_hook_original, fw_reset);
		assert_ptr_equal(lb_hook_original_capsule, fw_capsule);
		assert_true(lb_stand_in_remove(&fw));
		assert_true(fw_has_its_services());
		assert_true(lb_stand_in_remove(&fw));
		assert_true(fw_has_its_services());
	}
}

static void test_a_table_without_update_capsule(void **state)
{
	(void)state;
	fw_rt.Hdr.HeaderSize = offsetof(EFI_RUNTIME_SERVICES, UpdateCapsule);
	lb_stand_in_install(&fw);
	assert_ptr_equal(fw_rt.UpdateCapsule, fw_capsule);
	assert_ptr_equal(fw_rt.ResetSystem, lb_hook_reset_system);
	assert_true(fw_crc_is_right());
	assert_true(lb_stand_in_remove(&fw));

	fw_start();
	fw_rt.UpdateCapsule = NULL;
	lb_stand_in_install(&fw);
	assert_null(fw_rt.UpdateCapsule);
}

static void test_somebody_in_front(void **state)
{
	(void)state;
	lb_stand_in_install(&fw);
	fw_rt.ResetSystem = fw_other_reset;
	assert_false(lb_stand_in_remove(&fw));
	assert_ptr_equal(fw_rt.ResetSystem, fw_other_reset);
	assert_ptr_equal(fw_rt.UpdateCapsule, fw_capsule); // no other service stands in front of this entry
	assert_true(fw_crc_is_right());
	assert_ptr_equal(lb_hook_original, fw_reset);

	lb_stand_in_install(&fw); // the hook stays behind the other service
	assert_ptr_equal(fw_rt.ResetSystem, fw_other_reset);
	assert_ptr_equal(lb_hook_original, fw_reset);
	assert_ptr_equal(fw_rt.UpdateCapsule, lb_hook_update_capsule);

	fw_rt.ResetSystem = lb_hook_reset_system; // the other service has gone
	assert_true(lb_stand_in_remove(&fw));
	assert_true(fw_has_its_services());
}

static void test_virtual_addresses(void **state)
{
	(void)state;
	lb_stand_in_install(&fw);
	assert_true(lb_stand_in_convert(&fw_rt));
	assert_ptr_equal(lb_hook_original, virtual_of(fw_reset));
	assert_ptr_equal(lb_hook_original_capsule, virtual_of(fw_capsule));
	assert_true(fw_has_ours()); // the firmware converts the entries of its table itself
}

static void test_a_service_outside_of_runtime_memory(void **state)
{
	(void)state;
	lb_stand_in_install(&fw);
	fw_unconvertible = fw_capsule;
	assert_true(lb_stand_in_convert(&fw_rt));
	assert_ptr_equal(fw_rt.UpdateCapsule, fw_capsule);
	assert_ptr_equal(fw_rt.ResetSystem, lb_hook_reset_system);

	begin(state);
	lb_stand_in_install(&fw);
	fw_unconvertible = fw_reset;
	assert_false(lb_stand_in_convert(&fw_rt));
	assert_ptr_equal(fw_rt.ResetSystem, fw_reset);
	assert_ptr_equal(fw_rt.UpdateCapsule, lb_hook_update_capsule);
}

static void test_not_standing_nothing_is_converted(void **state)
{
	(void)state;
	lb_stand_in_install(&fw);
	assert_true(lb_stand_in_remove(&fw));
	fw_unconvertible = fw_reset;
	assert_true(lb_stand_in_convert(&fw_rt));
	assert_true(fw_has_its_services());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_in_and_out, begin),
		cmocka_unit_test_setup(test_a_table_without_update_capsule, begin),
		cmocka_unit_test_setup(test_somebody_in_front, begin),
		cmocka_unit_test_setup(test_virtual_addresses, begin),
		cmocka_unit_test_setup(test_a_service_outside_of_runtime_memory, begin),
		cmocka_unit_test_setup(test_not_standing_nothing_is_converted, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
