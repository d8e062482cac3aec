// SPDX-License-Identifier: BSD-2-Clause
// Makes a virtio-iommu let everything pass: the features agreed on, and devices that refuse, hang, or have
// wrong fields.
#include <string.h>

#include "capture_platform.h"
#include "crash/platform/iommu.h"
#include "crash/platform/pcidev.h"
#include "crash/platform/virtio_pci.h"
#include "unit.h"

static struct {
	uint32_t id;
	struct lb_virtio_common common;
	uint8_t bypass;
	uint64_t offered, agreed;
	bool no_registers, unmappable, hangs, refuses, bypass_stays;
	bool enabled, reset, running;
	uint32_t steps; // steps done so far; they must come in their order
} device;

static uint32_t fake_read(struct lb_pci_address at, uint32_t reg)
{
	assert_int_equal(at.segment, 2);
	assert_int_equal(at.bus, 1);
	assert_int_equal(at.device, 5);
	assert_int_equal(at.function, 3);
	assert_int_equal(reg, LB_PCI_ID);
	return device.id;
}

static void fake_enable(struct lb_pci_address at, bool master)
{
	(void)at;
	assert_false(master);
	device.enabled = true;
}

static char *fake_name(struct lb_pci_address at, char *text)
{
	(void)at;
	strcpy(text, "0002:01:05.3");
	return text;
}

static int fake_find(struct lb_pci_address pci, const char *name, enum lb_virtio_group group, uint32_t wanted,
		     struct lb_virtio_place *ret_place, struct lb_error *err)
{
	(void)pci;
	if (device.no_registers)
		return lb_fail(err, "%s: none", name);
	assert_int_equal(wanted, group == LB_VIRTIO_COMMON ? 56 : 40);
	*ret_place = (struct lb_virtio_place){.phys = group, .bytes = wanted};
	return 0;
}

static volatile void *fake_map(uint64_t phys, uint64_t bytes)
{
	(void)bytes;
	if (device.unmappable)
		return NULL;
	return phys == LB_VIRTIO_COMMON ? (void *)&device.common : (void *)&device;
}

static bool fake_reset(volatile struct lb_virtio_common *common, uint64_t milliseconds)
{
	assert_ptr_equal(common, &device.common);
	assert_true(device.enabled && milliseconds <= 10000);
	device.reset = !device.hangs;
	return device.reset;
}

static uint64_t fake_begin(volatile struct lb_virtio_common *common)
{
	assert_ptr_equal(common, &device.common);
	assert_true(device.reset);
	return device.offered;
}

static bool fake_agree(volatile struct lb_virtio_common *common, uint64_t features)
{
	assert_ptr_equal(common, &device.common);
	assert_int_equal(features & ~device.offered, 0);
	device.agreed = features;
	return !device.refuses;
}

static void fake_go(volatile struct lb_virtio_common *common)
{
	assert_ptr_equal(common, &device.common);
	device.running = true;
}

static uint8_t fake_get8(volatile void *registers, uint32_t reg)
{
	assert_ptr_equal(registers, &device);
	assert_int_equal(reg, 36);
	return device.bypass;
}

// A write is allowed only to a field whose feature was agreed on. QEMU stops the device otherwise.
static void fake_put8(volatile void *registers, uint32_t reg, uint8_t value)
{
	assert_ptr_equal(registers, &device);
	assert_int_equal(reg, 36);
	assert_true(device.running && (device.agreed & 1ULL << 6));
	if (!device.bypass_stays)
		device.bypass = value;
}

#define lb_pcidev_read fake_read
#define lb_pcidev_enable fake_enable
#define lb_pcidev_name fake_name
#define lb_virtio_find fake_find
#define lb_device_map fake_map
#define lb_virtio_reset fake_reset
#define lb_virtio_begin fake_begin
#define lb_virtio_agree fake_agree
#define lb_virtio_go fake_go
#define lb_iommu_get8 fake_get8
#define lb_iommu_put8 fake_put8
#include "crash/platform/iommu_virtio.c"

#define OFFERED (LB_VIRTIO_VERSION_1 | LB_VIRTIO_ACCESS_PLATFORM | F_BYPASS_CONFIG | F_BYPASS | 0x37)

// Makes the device as Linux leaves it. DRIVER_OK is gone since bus mastering was switched off.
static void start(void)
{
	capture_reset();
	memset(&device, 0, sizeof(device));
	device.id = 0x10571af4;
	device.offered = OFFERED;
	device.common.status = LB_VIRTIO_ACKNOWLEDGE | LB_VIRTIO_DRIVER | LB_VIRTIO_FEATURES_OK;
}

static enum lb_iommu_end off(void)
{
	const struct lb_iommu iommu = {.registers = 0x12b, .segment = 2, .kind = LB_IOMMU_VIRTIO};

	assert_int_equal(lb_iommu_virtio.bytes, 0);
	return lb_iommu_virtio.off(&iommu, NULL);
}

static void check_said(const char *text)
{
	if (!strstr(capture_said(), text))
		fail_msg("\"%s\" does not say \"%s\"", capture_said(), text);
}

static void test_off(void **state)
{
	(void)state;
	start();
	assert_int_equal(off(), LB_IOMMU_IS_OFF);
	assert_int_equal(device.agreed, LB_VIRTIO_VERSION_1 | F_BYPASS_CONFIG);
	assert_int_equal(device.bypass, 1);
	check_said("IOMMU 0002:01:05.3 (virtio): translation was on, is off");
	start();
	device.common.status = 0;
	assert_int_equal(off(), LB_IOMMU_WAS_OFF);
	// bypass is still set: the device may block devices that have no domain.
	assert_int_equal(device.bypass, 1);
	check_said("translation was off, is off");
}

// A device from before the field `bypass` has a feature for it instead.
static void test_older_device(void **state)
{
	(void)state;
	start();
	device.offered = OFFERED & ~F_BYPASS_CONFIG;
	assert_int_equal(off(), LB_IOMMU_IS_OFF);
	assert_int_equal(device.agreed, LB_VIRTIO_VERSION_1 | F_BYPASS);
	assert_true(device.running);
	assert_int_equal(device.bypass, 0);
}

static void test_stays_on(void **state)
{
	(void)state;
	start();
	device.hangs = true;
	assert_int_equal(off(), LB_IOMMU_STAYS_ON);
	check_said("ms after a reset, wanted 0");
	assert_false(device.running);
	start();
	device.offered &= ~(F_BYPASS | F_BYPASS_CONFIG);
	assert_int_equal(off(), LB_IOMMU_STAYS_ON);
	check_said("cannot let devices without a domain pass");
	start();
	device.refuses = true;
	assert_int_equal(off(), LB_IOMMU_STAYS_ON);
	check_said("refuses features 0x100000040, all of which it offered");
	start();
	device.bypass_stays = true;
	assert_int_equal(off(), LB_IOMMU_STAYS_ON);
	check_said("bypass is 0 after 1 was written");
}

// A function that is absent, or is another device, is not written to.
static void test_not_there(void **state)
{
	static const uint32_t ids[] = {UINT32_MAX, 0x10421af4, 0x10578086};

	(void)state;
	for (uint32_t i = 0; i < 3; i++) {
		start();
		device.id = ids[i];
		assert_int_equal(off(), LB_IOMMU_WAS_OFF);
		check_said("warning: virtio-iommu 0002:01:05.3: its ID is 0x");
		assert_false(device.enabled || device.reset);
	}
	start();
	device.no_registers = true;
	assert_int_equal(off(), LB_IOMMU_WAS_OFF);
	assert_false(device.reset);
	start();
	device.unmappable = true;
	assert_int_equal(off(), LB_IOMMU_WAS_OFF);
	check_said("cannot be mapped");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_off),
		cmocka_unit_test(test_older_device),
		cmocka_unit_test(test_stays_on),
		cmocka_unit_test(test_not_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
