// SPDX-License-Identifier: BSD-2-Clause
// At ExitBootServices the Linux that leaves has the words, or nothing has changed.
#include "loader/hook/late_words.c"

#include "crash/plan/panic_words.h"
#include "linux_made.h"

#define OURS "panic=-1 reboot=efi,cold,panic_warm crash_kexec_post_notifiers efi=runtime"
#define ENTRIES 8

static EFI_BOOT_SERVICES fw_bs;
static EFI_SYSTEM_TABLE fw = {.BootServices = &fw_bs};
static struct {
	EFI_MEMORY_DESCRIPTOR entry;
	uint64_t more; // makes an entry longer than EFI_MEMORY_DESCRIPTOR
} fw_map[ENTRIES];
// fw_refuse: the allocation that fails, counted from now on; 0: none.
static UINTN fw_entries, fw_pools, fw_pages, fw_refuse;
static UINT64 fw_grown; // bytes by which the map has outgrown its room

static EFI_STATUS EFIAPI get_memory_map(UINTN *bytes, EFI_MEMORY_DESCRIPTOR *to, UINTN *ret_key,
					UINTN *ret_each, UINT32 *ret_version)
{
	UINTN wanted = fw_entries * sizeof(fw_map[0]) + fw_grown, room = *bytes;

	*bytes = wanted;
	*ret_each = sizeof(fw_map[0]);
	*ret_version = 1;
	*ret_key = 0;
	if (room < wanted)
		return EFI_BUFFER_TOO_SMALL;
	memcpy(to, fw_map, wanted);
	return EFI_SUCCESS;
}

static bool refuses(void)
{
	return fw_refuse && --fw_refuse == 0;
}

static EFI_STATUS EFIAPI allocate_pool(EFI_MEMORY_TYPE type, UINTN bytes, void **ret_buffer)
{
	assert_int_equal(type, EfiBootServicesData);
	if (refuses())
		return EFI_OUT_OF_RESOURCES;
	fw_pools++;
	*ret_buffer = malloc(bytes);
	return EFI_SUCCESS;
}

static EFI_STATUS EFIAPI free_pool(void *buffer)
{
	fw_pools--;
	free(buffer);
	return EFI_SUCCESS;
}

static EFI_STATUS EFIAPI allocate_pages(EFI_ALLOCATE_TYPE how, EFI_MEMORY_TYPE type, UINTN count,
					EFI_PHYSICAL_ADDRESS *address)
{
	assert_int_equal(how, AllocateMaxAddress);
	assert_int_equal(type, EfiLoaderData);
	assert_int_equal(*address, 0xffffffff);
	if (refuses())
		return EFI_OUT_OF_RESOURCES;
	fw_pages += count;
	*address = (uintptr_t)aligned_alloc(LB_PAGE, count * LB_PAGE);
	return EFI_SUCCESS;
}

static EFI_STATUS EFIAPI free_pages(EFI_PHYSICAL_ADDRESS address, UINTN count)
{
	fw_pages -= count;
	free((void *)(uintptr_t)address);
	return EFI_SUCCESS;
}

static void list(uint32_t type, struct lb_range range, uint64_t attribute)
{
	fw_map[fw_entries++].entry = (EFI_MEMORY_DESCRIPTOR){
		.Type = type,
		.PhysicalStart = range.start,
		.NumberOfPages = lb_range_size(range) / LB_PAGE,
		.Attribute = attribute,
	};
}

static struct boot_params *stub(unsigned int page, const char *line)
{
	struct boot_params *params = made_stub(page, line);

	params->efi_info.efi_systab = (uint32_t)(uintptr_t)&fw;
	params->efi_info.efi_systab_hi = (uint32_t)((uintptr_t)&fw >> 32);
	params->efi_info.efi_memdesc_size = sizeof(fw_map[0]);
	return params;
}

static int begin(void **state)
{
	made_begin(state);
	fw_bs.GetMemoryMap = get_memory_map;
	fw_bs.AllocatePool = allocate_pool;
	fw_bs.FreePool = free_pool;
	fw_bs.AllocatePages = allocate_pages;
	fw_bs.FreePages = free_pages;
	fw_entries = 0;
	fw_grown = fw_refuse = 0;
	// The first range and the last do not exist here: a read of them faults.
	list(EfiBootServicesData, (struct lb_range){LB_PAGE, 9 * LB_PAGE}, 0);
	list(EfiLoaderCode, (struct lb_range){made_range.start, made_range.start + 4 * LB_PAGE}, 0);
	list(EfiLoaderData, (struct lb_range){made_range.start + 4 * LB_PAGE, made_range.end}, 0);
	list(EfiConventionalMemory, (struct lb_range){16 * LB_PAGE, 32 * LB_PAGE}, 0);
	assert_int_equal(lb_late_words_prepare(&fw, lb_panic_words_of(LB_PROFILE_DESKTOP)), EFI_SUCCESS);
	return 0;
}

static int end(void **state)
{
	lb_late_words_forget();
	assert_int_equal(fw_pools, 0);
	assert_int_equal(fw_pages, 0);
	return made_end(state);
}

static const char *line_of(const struct boot_params *params)
{
	return (const char *)(uintptr_t)lb_line_pointer(params);
}

static void test_given_and_taken_back(void **state)
{
	struct boot_params *params = stub(5, made_text(9, "ro"));

	(void)state;
	assert_true(lb_late_words_give());
	assert_string_equal(line_of(params), "ro " OURS);
	lb_late_words_take_back();
	assert_ptr_equal(line_of(params), made_page(9));
	lb_late_words_take_back();
	assert_true(lb_late_words_give()); // a second ExitBootServices; the first failed
	assert_string_equal(line_of(params), "ro " OURS);
	lb_late_words_forget();
	assert_ptr_equal(line_of(params), made_page(9));
	assert_true(lb_late_words_give()); // after lb_late_words_forget() no words are wanted
	assert_ptr_equal(line_of(params), made_page(9));
}

// The command line reaches from the last page of a range into the next range, which has another type.
static void test_a_line_across_two_ranges(void **state)
{
	char *line = (char *)made_page(4) - 3;
	struct boot_params *params = stub(5, strcpy(line, "ro quiet"));

	(void)state;
	assert_true(lb_late_words_give());
	assert_string_equal(line_of(params), "ro quiet " OURS);
}

static void test_not_given(void **state)
{
	struct boot_params *params;

	(void)state;
	assert_false(lb_late_words_give()); // there is no Linux
	params = stub(5, made_text(9, "ro noefi"));
	assert_false(lb_late_words_give());
	params->efi_info.efi_systab++; // the system table's address of another firmware
	made_text(9, "ro");
	assert_false(lb_late_words_give());
	params->efi_info.efi_systab--;
	fw_map[2].entry.Type = EfiBootServicesData; // memory of this type is not searched
	assert_false(lb_late_words_give());
	assert_ptr_equal(line_of(params), made_page(9));
	fw_map[2].entry.Type = EfiLoaderData;
	assert_true(lb_late_words_give());
}

static void test_a_map_that_cannot_be_read(void **state)
{
	struct boot_params *params = stub(5, made_text(9, "ro"));

	(void)state;
	fw_grown = map_room;
	assert_false(lb_late_words_give());
	fw_grown = 0;
	list(EfiReservedMemoryType, (struct lb_range){0, 0}, 0);
	fw_map[4].entry.PhysicalStart = UINT64_MAX - LB_PAGE;
	fw_map[4].entry.NumberOfPages = 2;
	assert_false(lb_late_words_give());
	assert_ptr_equal(line_of(params), made_page(9));
}

// The kernel would use soft-reserved memory as RAM, which the plan did not expect.
static void test_soft_reserved_memory(void **state)
{
	struct boot_params *params = stub(5, made_text(9, "ro efi=nosoftreserve"));

	(void)state;
	assert_true(lb_late_words_give());
	lb_late_words_take_back();
	fw_map[3].entry.Attribute = MEMORY_SP;
	assert_false(lb_late_words_give());
	assert_ptr_equal(line_of(params), made_page(9));
	made_text(9, "ro");
	assert_true(lb_late_words_give());
}

static void test_no_memory(void **state)
{
	(void)state;
	lb_late_words_forget();
	for (UINTN i = 1; i <= 2; i++) {
		fw_refuse = i;
		assert_int_equal(lb_late_words_prepare(&fw, LB_WORDS_NEEDED), EFI_OUT_OF_RESOURCES);
		assert_int_equal(fw_pools + fw_pages, 0);
	}
	// Without words nothing is allocated.
	assert_int_equal(lb_late_words_prepare(&fw, 0), EFI_SUCCESS);
	assert_int_equal(fw_pools + fw_pages, 0);
	assert_true(lb_late_words_give());
	lb_late_words_take_back();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_given_and_taken_back),
		TEST(test_a_line_across_two_ranges),
		TEST(test_not_given),
		TEST(test_a_map_that_cannot_be_read),
		TEST(test_soft_reserved_memory),
		TEST(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
