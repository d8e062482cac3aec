// SPDX-License-Identifier: BSD-2-Clause
// ExitBootServices has two outcomes: the machine is armed, or the firmware has its own services and its table
// untouched.
#include "hook_firmware.h"
#include "loader/hook/mat.c"
#include "loader/hook/stand_in.c"

#include "loader/hook/exit_boot.c" // last, because its names are parameters in the files above

#define GROWN_ENTRIES 200 // more entries than there are spare ones

static const struct lb_range hook_text = {0x7e001000, 0x7e003000}, hook_data = {0x7e003000, 0x7e006000};

static struct {
	struct lb_mat_header header;
	EFI_MEMORY_DESCRIPTOR entries[GROWN_ENTRIES];
} mat, mat_before;
static uint8_t pool[sizeof(mat)] __attribute__((aligned(16)));
static bool pool_taken;
static unsigned int pages_taken, pages_freed;

static bool words_can_be_given, words_given;

bool lb_late_words_give(void)
{
	words_given = words_can_be_given;
	return words_can_be_given;
}

void lb_late_words_take_back(void)
{
	words_given = false;
}

static EFI_STATUS EFIAPI allocate_pool(EFI_MEMORY_TYPE type, UINTN bytes, void **ret_buffer)
{
	assert_int_equal(type, EfiBootServicesData);
	assert_false(pool_taken);
	assert_in_range(bytes, sizeof(mat.header), sizeof(pool));
	pool_taken = true;
	*ret_buffer = pool;
	return EFI_SUCCESS;
}

static EFI_STATUS EFIAPI free_pool(void *buffer)
{
	assert_ptr_equal(buffer, pool);
	assert_true(pool_taken);
	pool_taken = false;
	return EFI_SUCCESS;
}

static EFI_STATUS EFIAPI allocate_pages(EFI_ALLOCATE_TYPE how, EFI_MEMORY_TYPE type, UINTN count,
					EFI_PHYSICAL_ADDRESS *ret_address)
{
	(void)how;
	assert_int_equal(type, EfiRuntimeServicesData);
	*ret_address = 0x1000;
	pages_taken += (unsigned int)count;
	return EFI_SUCCESS;
}

static EFI_STATUS EFIAPI free_pages(EFI_PHYSICAL_ADDRESS address, UINTN count)
{
	assert_int_equal(address, 0x1000);
	pages_freed += (unsigned int)count;
	return EFI_SUCCESS;
}

static EFI_TPL EFIAPI raise_tpl(EFI_TPL tpl)
{
	return tpl;
}

static void EFIAPI restore_tpl(EFI_TPL tpl)
{
	(void)tpl;
}

static void **mat_slot(void)
{
	return &fw_tables[1].VendorTable;
}

static void add(uint64_t start, uint64_t end)
{
	mat.entries[mat.header.entries++] = (EFI_MEMORY_DESCRIPTOR){
		.Type = EfiRuntimeServicesCode,
		.PhysicalStart = start,
		.NumberOfPages = (end - start) / LB_PAGE,
		.Attribute = MAT_XP,
	};
}

static void grow(void)
{
	while (mat.header.entries < GROWN_ENTRIES)
		add(0x80000000 + mat.header.entries * LB_PAGE, 0x80001000 + mat.header.entries * LB_PAGE);
	mat_before = mat;
}

static void spoil(void)
{
	mat.header.entry_bytes = 8;
	mat_before = mat;
}

static void repair(void)
{
	mat.header.entry_bytes = sizeof(EFI_MEMORY_DESCRIPTOR);
	mat.header.entries = 1;
}

static bool mat_untouched(void)
{
	return *mat_slot() == &mat && memcmp(&mat, &mat_before, sizeof(mat)) == 0;
}

static bool image_runs(void)
{
	return runs(*mat_slot(), hook_text, hook_data);
}

// The loader has armed. The memory attributes table says that the hook cannot be executed.
static int begin(void **state)
{
	(void)state;
	standing[RESET] = standing[CAPSULE] = false;
	lb_hook_armed = lb_hook_capsule = 0;
	mat_buffer = NULL;
	mat_installed = pool_taken = false;
	pages_taken = pages_freed = 0;
	words_can_be_given = true;
	words_given = false;
	fw_start();
	fw_bs.AllocatePool = allocate_pool;
	fw_bs.FreePool = free_pool;
	fw_bs.AllocatePages = allocate_pages;
	fw_bs.FreePages = free_pages;
	fw_bs.RaiseTPL = raise_tpl;
	fw_bs.RestoreTPL = restore_tpl;
	memset(fw_tables, 0, sizeof(fw_tables));
	memset(&mat, 0, sizeof(mat));
	mat.header = (struct lb_mat_header){.version = 1, .entry_bytes = sizeof(EFI_MEMORY_DESCRIPTOR)};
	add(0x7e000000, 0x7e010000);
	mat_before = mat;
	fw_tables[1] = (EFI_CONFIGURATION_TABLE){mat_guid, &mat};
	assert_int_equal(lb_exit_boot_rehearse(&fw, hook_text, hook_data), LB_MAT_SPLIT);
	assert_false(pool_taken);
	assert_int_equal(lb_exit_boot_prepare(&fw, hook_text, hook_data), EFI_SUCCESS);
	lb_stand_in_install(&fw);
	return 0;
}

static void test_armed(void **state)
{
	(void)state;
	lb_exit_boot_decide(true);
	assert_int_equal(lb_hook_armed, 1);
	assert_true(fw_has_ours());
	assert_ptr_equal(*mat_slot(), pool);
	assert_true(image_runs());

	// A second ExitBootServices; the first failed, and nothing changed in between.
	lb_exit_boot_decide(true);
	assert_int_equal(lb_hook_armed, 1);
	assert_true(image_runs());

	lb_exit_boot_forget(); // the firmware makes a new table
	assert_int_equal(pages_taken, 1);
	assert_int_equal(pages_freed, 1);
	assert_false(pool_taken);
}

static void test_a_table_that_cannot_be_corrected(void **state)
{
	void (*const faults[])(void) = {spoil, grow};

	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		begin(state);
		faults[i]();
		lb_exit_boot_decide(true);
		assert_int_equal(lb_hook_armed, 0);
		assert_false(words_given);
		assert_true(fw_has_its_services());
		assert_true(mat_untouched());

		repair(); // that ExitBootServices failed; the next finds a good table
		lb_exit_boot_decide(true);
		assert_int_equal(lb_hook_armed, 1);
		assert_true(fw_has_ours());
		assert_true(image_runs());
	}
}

// A kernel that cannot get the words does not arm the machine.
static void test_a_kernel_that_gets_no_words(void **state)
{
	(void)state;
	words_can_be_given = false;
	lb_exit_boot_decide(true);
	assert_int_equal(lb_hook_armed, 0);
	assert_true(fw_has_its_services());
	assert_true(mat_untouched());
	words_can_be_given = true;
	lb_exit_boot_decide(true);
	assert_int_equal(lb_hook_armed, 1);
	assert_true(words_given);
}

static void test_armed_once_then_not(void **state)
{
	(void)state;
	lb_exit_boot_decide(true);
	assert_int_equal(lb_hook_armed, 1);
	assert_true(words_given);
	*mat_slot() = &mat; // the firmware has installed its own table again
	spoil();
	lb_exit_boot_decide(true);
	assert_int_equal(lb_hook_armed, 0);
	assert_false(words_given);
	assert_true(fw_has_its_services());
	assert_true(mat_untouched());
}

static void test_a_capsule_before_exit_boot_services(void **state)
{
	(void)state;
	lb_hook_capsule = 1;
	lb_exit_boot_decide(true);
	assert_int_equal(lb_hook_armed, 0);
	assert_true(fw_has_its_services());
	assert_true(mat_untouched());
}

static void test_somebody_in_front(void **state)
{
	(void)state;
	fw_rt.ResetSystem = fw_other_reset;
	lb_exit_boot_decide(true);
	assert_int_equal(lb_hook_armed, 1); // the service in front passes calls on to the hook
	assert_ptr_equal(fw_rt.ResetSystem, fw_other_reset);
	assert_true(image_runs());
}

// The loader returned and freed crash memory, but the hook had to stay because another service calls it.
static void test_somebody_in_front_of_a_disarmed_hook(void **state)
{
	(void)state;
	fw_rt.ResetSystem = fw_other_reset;
	lb_exit_boot_decide(false);
	assert_int_equal(lb_hook_armed, 0);
	assert_ptr_equal(fw_rt.ResetSystem, fw_other_reset);
	assert_ptr_equal(fw_rt.UpdateCapsule, fw_capsule);
	assert_true(image_runs());
	assert_ptr_equal(*mat_slot(), pool);
}

static void test_somebody_in_front_and_no_room(void **state)
{
	(void)state;
	grow();
	fw_rt.ResetSystem = fw_other_reset;
	lb_exit_boot_decide(true);
	assert_int_equal(lb_hook_armed, 0);
	assert_ptr_equal(*mat_slot(), &mat);
	assert_true(image_runs());
	assert_memory_equal(&mat.entries[1], &mat_before.entries[1],
			    sizeof(mat.entries[1]) * (GROWN_ENTRIES - 1));
}

static void test_no_table(void **state)
{
	(void)state;
	*mat_slot() = NULL;
	lb_exit_boot_decide(true);
	assert_int_equal(lb_hook_armed, 1);
	assert_null(*mat_slot());
}

static void test_a_table_that_came_after_arming(void **state)
{
	(void)state;
	lb_exit_boot_forget();
	*mat_slot() = NULL;
	assert_int_equal(lb_exit_boot_prepare(&fw, hook_text, hook_data), EFI_SUCCESS);
	assert_false(pool_taken);
	*mat_slot() = &mat;
	lb_exit_boot_decide(true);
	assert_int_equal(lb_hook_armed, 0);
	assert_true(fw_has_its_services());
	assert_true(mat_untouched());
}

static void test_malformed_at_arming(void **state)
{
	(void)state;
	lb_exit_boot_forget();
	spoil();
	assert_int_equal(lb_exit_boot_rehearse(&fw, hook_text, hook_data), LB_MAT_FAILED);
	assert_true(EFI_ERROR(lb_exit_boot_prepare(&fw, hook_text, hook_data)));
	assert_false(pool_taken);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_armed, begin),
		cmocka_unit_test(test_a_table_that_cannot_be_corrected),
		cmocka_unit_test_setup(test_a_kernel_that_gets_no_words, begin),
		cmocka_unit_test_setup(test_armed_once_then_not, begin),
		cmocka_unit_test_setup(test_a_capsule_before_exit_boot_services, begin),
		cmocka_unit_test_setup(test_somebody_in_front, begin),
		cmocka_unit_test_setup(test_somebody_in_front_of_a_disarmed_hook, begin),
		cmocka_unit_test_setup(test_somebody_in_front_and_no_room, begin),
		cmocka_unit_test_setup(test_no_table, begin),
		cmocka_unit_test_setup(test_a_table_that_came_after_arming, begin),
		cmocka_unit_test_setup(test_malformed_at_arming, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
