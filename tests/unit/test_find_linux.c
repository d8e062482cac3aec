// SPDX-License-Identifier: BSD-2-Clause
#include "crash/plan/find_linux.h"

#include "linux_made.h"

static struct lb_found_linuxes look(void)
{
	struct lb_found_linuxes found = {.count = 0};

	lb_find_linux(&made_system, &made_range, 1, &found);
	return found;
}

static void check_one(unsigned int page, const char *line)
{
	struct lb_found_linuxes found = look();

	assert_false(found.unclear);
	assert_int_equal(found.count, 1);
	assert_ptr_equal(found.list[0].params, made_page(page));
	assert_ptr_equal(found.list[0].line, line);
	assert_true(found.list[0].pointer == lb_line_pointer(made_page(page)));
}

static void check_none(void)
{
	struct lb_found_linuxes found = look();

	assert_false(found.unclear);
	assert_int_equal(found.count, 0);
}

static void check_unclear(uint32_t count)
{
	struct lb_found_linuxes found = look();

	assert_true(found.unclear);
	assert_int_equal(found.count, count);
}

static void test_a_stub(void **state)
{
	(void)state;
	check_none();
	made_stub(5, made_text(9, "ro quiet"));
	check_one(5, made_page(9));
	made_stub(5, (char *)made_page(9) + 3); // a command line may begin anywhere
	check_one(5, (char *)made_page(9) + 3);
	made_begin(state);
	made_stub(63, made_text(0, "")); // the last page, and an empty command line
	check_one(63, made_page(0));
	made_params(63, 0x72, made_page(0)); // as GRUB leaves it with the EFI handover protocol
	check_one(63, made_page(0));
}

static void test_each_part_of_the_fingerprint(void **state)
{
	struct boot_params *params = made_stub(5, made_text(9, "ro"));

	(void)state;
	params->efi_info.efi_loader_signature++;
	check_none();
	params = made_stub(5, made_page(9));
	memcpy(&params->efi_info.efi_loader_signature, "EL32", 4);
	check_none();
	params = made_stub(5, made_page(9));
	params->efi_info.efi_systab ^= 1;
	check_none();
	params = made_stub(5, made_page(9));
	params->efi_info.efi_systab_hi ^= 1;
	check_none();
	made_params(5, 0, made_page(9));
	check_none();
	// The boot_params are of this boot, but of a form that is not understood.
	params = made_stub(5, made_page(9));
	params->efi_info.efi_memdesc_size = 40;
	check_unclear(0);
	params->efi_info.efi_memdesc_size = 0;
	check_unclear(0);
	// boot_params count only at a page's beginning.
	made_begin(state);
	memmove((uint8_t *)made_page(5) + 8, made_stub(5, made_page(9)), LB_PAGE);
	memset(made_page(5), 0, 8);
	check_none();
}

static void test_a_line_that_cannot_be_told(void **state)
{
	char outside[8] = "ro";
	char *end = (char *)made_page(MADE_PAGES - 1);

	(void)state;
	made_stub(5, NULL);
	check_unclear(0);
	made_stub(5, outside);
	check_unclear(0);
	made_stub(5, (char *)(uintptr_t)made_range.end);
	check_unclear(0);
	made_stub(5, (char *)(uintptr_t)UINT64_MAX);
	check_unclear(0);
	made_stub(5, end + LB_PAGE - 7); // no NUL up to the end of memory
	check_unclear(0);
	end[LB_PAGE - 1] = '\0';
	check_one(5, end + LB_PAGE - 7);

	memset(made_page(9), 'x', LB_PAGE);
	made_stub(5, made_page(9));
	((char *)made_page(9))[LB_LINE_BYTES] = '\0';
	check_unclear(0);
	((char *)made_page(9))[LB_LINE_BYTES - 1] = '\0';
	check_one(5, made_page(9));
}

static void test_grub_s_own_loader(void **state)
{
	struct boot_params *params;

	(void)state;
	params = made_staged(5);
	check_unclear(0);
	made_text(7, "BOOT_IMAGE=/vmlinuz ro");
	check_one(5, made_page(7));
	made_text(8, "BOOT_IMAG=/vmlinuz");
	check_one(5, made_page(7));
	// A copy of GRUB's own variable at a page's beginning is not taken for a second candidate.
	*(struct boot_params *)made_page(40) = *params;
	((struct boot_params *)made_page(40))->hdr.cmd_line_ptr = 0;
	check_one(5, made_page(7));
	// There are two candidates for the command line.
	made_text(21, "BOOT_IMAGE=/old ro");
	check_unclear(0);
	made_text(21, "");
	made_text(22, "BOOT_IMAGE=/too-far ro");
	check_one(5, made_page(7));
	params->hdr.type_of_loader = 0x21;
	check_unclear(0);
	made_staged(5)->hdr.header = 0;
	check_unclear(0);
	made_staged(5)->hdr.version = 0x20c; // as memtest86+ has it
	check_unclear(0);
	// The page lies near the end of the memory that may be read.
	made_begin(state);
	made_staged(MADE_PAGES - 1);
	check_unclear(0);
}

static void test_more_than_one(void **state)
{
	struct lb_found_linuxes found;

	(void)state;
	made_text(9, "ro");
	for (unsigned int i = 0; i < LB_MAX_LINUXES; i++)
		made_stub(10 + i, made_page(9));
	found = look();
	assert_false(found.unclear);
	assert_int_equal(found.count, LB_MAX_LINUXES);
	assert_ptr_equal(found.list[1].params, made_page(11));
	made_stub(30, made_page(9));
	check_unclear(LB_MAX_LINUXES);
}

static void test_ranges(void **state)
{
	struct lb_found_linuxes found = {.count = 0};
	struct lb_range ranges[] = {
		{made_range.start, made_range.start + 4 * LB_PAGE},
		{made_range.start + 8 * LB_PAGE, made_range.start + 12 * LB_PAGE},
		{made_range.start, made_range.start},
	};

	(void)state;
	made_stub(9, made_text(3, "ro"));
	lb_find_linux(&made_system, ranges, 3, &found);
	assert_false(found.unclear);
	assert_int_equal(found.count, 1);
	assert_ptr_equal(found.list[0].line, made_page(3));

	found.count = 0;
	made_text(5, "ro"); // the command line is in none of the ranges
	made_stub(9, made_page(5));
	lb_find_linux(&made_system, ranges, 3, &found);
	assert_true(found.unclear);

	found = (struct lb_found_linuxes){.count = 0};
	lb_find_linux(&made_system, ranges, 0, &found);
	assert_false(found.unclear);
	assert_int_equal(found.count, 0);
}

// With too much memory to search, nothing is read.
static void test_too_much_memory(void **state)
{
	const struct lb_range much[] = {{0, 0}, {0x1000000, 0x1000000 + (LB_FIND_MAX_PAGES + 1) * LB_PAGE}};
	struct lb_found_linuxes found = {.count = 0};

	(void)state;
	lb_find_linux(&made_system, much, 2, &found);
	assert_true(found.unclear);
	assert_int_equal(found.count, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, made_begin, made_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_stub),
		TEST(test_each_part_of_the_fingerprint),
		TEST(test_a_line_that_cannot_be_told),
		TEST(test_grub_s_own_loader),
		TEST(test_more_than_one),
		TEST(test_ranges),
		TEST(test_too_much_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
