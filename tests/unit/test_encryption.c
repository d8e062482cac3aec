// SPDX-License-Identifier: BSD-2-Clause

#include "pgtable/encryption.h"
#include "unit.h"

#define SME 1U
#define SEV 2U
#define EBX(c_bit, reduction) ((c_bit) | (reduction) << 6)

static void test_a_c_bit_inside_the_width_ends_the_address(void **state)
{
	(void)state;
	// EPYC 7001: 48 address bits, C-bit 47. Encryption takes 5 bits away.
	assert_int_equal(lb_encryption_address_bits(48, SME | SEV, EBX(47U, 5U)), 47);
	assert_int_equal(lb_encryption_address_bits(48, SEV, EBX(47U, 1U)), 47); // as CPUID says in a guest
	assert_int_equal(lb_encryption_address_bits(52, SME, EBX(51U, 6U)), 51);
}

static void test_a_c_bit_above_the_width_changes_nothing(void **state)
{
	(void)state;
	assert_int_equal(lb_encryption_address_bits(48, SME | SEV, EBX(51U, 5U)), 48); // EPYC 7003
	assert_int_equal(lb_encryption_address_bits(48, SME | SEV, EBX(48U, 0U)), 48);
}

static void test_a_cpu_that_cannot_encrypt_has_no_c_bit(void **state)
{
	(void)state;
	assert_int_equal(lb_encryption_address_bits(48, 0, 0), 48);
	assert_int_equal(lb_encryption_address_bits(48, 1U << 2, EBX(47U, 5U)), 48); // no SME, no SEV
	// The number of the bit is missing.
	assert_int_equal(lb_encryption_address_bits(48, SME | SEV, 0), 48);
	assert_int_equal(lb_encryption_address_bits(36, SME, EBX(35U, 0U)), 36);
}

static void test_entries(void **state)
{
	(void)state;
	// A CR3 with a PCID and the no-flush bit; a table entry with all flags.
	assert_false(lb_encryption_of(0x8000000012345fffULL, 47));
	assert_false(lb_encryption_of(0x80007fffffe001e3ULL, 47));
	for (unsigned int bit = 47; bit < 52; bit++) {
		assert_true(lb_encryption_of(1ULL << bit | 0x1000, 47));
		assert_true(lb_encryption_of(1ULL << bit, bit));
		assert_false(lb_encryption_of(1ULL << bit, bit + 1));
	}
	assert_false(lb_encryption_of(~0ULL, 52)); // all 52 bits are an address
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_c_bit_inside_the_width_ends_the_address),
		cmocka_unit_test(test_a_c_bit_above_the_width_changes_nothing),
		cmocka_unit_test(test_a_cpu_that_cannot_encrypt_has_no_c_bit),
		cmocka_unit_test(test_entries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
