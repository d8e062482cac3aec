// SPDX-License-Identifier: BSD-2-Clause
// Each unit goes to its driver, the results are counted, and a disk is checked with the units that stay on.
#include <string.h>

#include "capture_platform.h"
#include "unit.h"

#define lb_device_map fake_device_map
static volatile void *fake_device_map(uint64_t phys, uint64_t bytes);
#include "crash/platform/iommu.c"

#define UNMAPPABLE 0xbad000ULL

static uint8_t registers[8];
static enum lb_iommu_end ends[8]; // ends[i] is the result for the unit at (i + 1) * LB_PAGE
static uint32_t asked[2]; // how often each driver was asked
static uint32_t checks;
static int verdict; // result of the check of a disk

static volatile void *fake_device_map(uint64_t phys, uint64_t bytes)
{
	assert_int_equal(bytes, 0x80);
	return phys == UNMAPPABLE ? NULL : &registers[phys / LB_PAGE - 1];
}

static enum lb_iommu_end off(const struct lb_iommu *iommu, volatile void *at)
{
	const uint64_t index = iommu->registers / LB_PAGE - 1;

	assert_ptr_equal(at, &registers[index]);
	asked[iommu->kind - 1]++;
	return ends[index];
}

static int check(volatile void *at, struct lb_pci_address pci, const struct lb_physmem *mem,
		 struct lb_error *err)
{
	assert_ptr_equal(at, &registers[2]);
	assert_int_equal(pci.device, 5);
	assert_null(mem);
	checks++;
	return verdict ? lb_fail(err, "translated") : 0;
}

// A driver that finds its registers itself.
static enum lb_iommu_end off_by_itself(const struct lb_iommu *iommu, volatile void *at)
{
	assert_int_equal(iommu->registers, 0x28);
	assert_null(at);
	return LB_IOMMU_IS_OFF;
}

const struct lb_iommu_driver lb_iommu_virtio = {.name = "W", .off = off_by_itself};
const struct lb_iommu_driver lb_iommu_vtd = {.name = "V", .bytes = 0x80, .off = off};
const struct lb_iommu_driver lb_iommu_amd = {.name = "A", .bytes = 0x80, .off = off, .check = check};

static int check_disk(uint16_t segment)
{
	struct lb_error err = {""};
	int status = lb_iommu_check((struct lb_pci_address){.segment = segment, .device = 5}, NULL, &err);

	assert_int_equal(status == 0, !err.text[0]);
	return status;
}

static void test_units(void **state)
{
	struct lb_capture_config capture = {
		.iommu_count = 6,
		.iommu = {{1 * LB_PAGE, LB_IOMMU_VTD, 0, 0},
			  {2 * LB_PAGE, LB_IOMMU_VTD, 0, 0},
			  {3 * LB_PAGE, LB_IOMMU_AMD, 1, 0},
			  {4 * LB_PAGE, LB_IOMMU_AMD, 1, 0},
			  {5 * LB_PAGE, LB_IOMMU_AMD, 1, 0},
			  {0x28, LB_IOMMU_VIRTIO, 0, 0}},
	};

	(void)state;
	capture_reset();
	ends[0] = LB_IOMMU_STAYS_ON; // its driver cannot check a disk
	ends[1] = LB_IOMMU_IS_OFF;
	ends[2] = LB_IOMMU_STAYS_ON;
	ends[3] = LB_IOMMU_IS_OFF;
	ends[4] = LB_IOMMU_WAS_OFF;
	assert_int_equal(lb_iommu_off(&capture), 5);
	assert_int_equal(asked[0], 2);
	assert_int_equal(asked[1], 3);
	assert_int_equal(check_disk(0), 0);
	assert_int_equal(checks, 0);
	assert_int_equal(check_disk(1), 0);
	assert_int_equal(checks, 1);
	verdict = -1;
	assert_int_equal(check_disk(1), -1);
	assert_int_equal(check_disk(0), 0);
	ends[2] = LB_IOMMU_WAS_OFF;
	assert_int_equal(lb_iommu_off(&capture), 4);
	assert_int_equal(check_disk(1), 0);
	capture.iommu_count = 0;
	assert_int_equal(lb_iommu_off(&capture), 0);
	assert_string_equal(capture_said(), "");
}

// A unit of an unknown kind, or with registers that cannot be mapped, is reported. The other units are still
// switched off.
static void test_unknown(void **state)
{
	const struct lb_capture_config capture = {
		.iommu_count = 4,
		.iommu = {{LB_PAGE, 0, 0, 0},
			  {2 * LB_PAGE, 99, 0, 0},
			  {UNMAPPABLE, LB_IOMMU_VTD, 0, 0},
			  {2 * LB_PAGE, LB_IOMMU_VTD, 0, 0}},
	};

	(void)state;
	capture_reset();
	ends[1] = LB_IOMMU_IS_OFF;
	assert_int_equal(lb_iommu_off(&capture), 1);
	assert_non_null(strstr(capture_said(), "IOMMU at 0x1000, of kind 0, cannot be mapped"));
	assert_non_null(strstr(capture_said(), "IOMMU at 0x2000, of kind 99, cannot be mapped"));
	assert_non_null(strstr(capture_said(), "IOMMU at 0xbad000, of kind 1, cannot be mapped"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_units), cmocka_unit_test(test_unknown)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
