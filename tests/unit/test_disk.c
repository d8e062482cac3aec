// SPDX-License-Identifier: BSD-2-Clause
// Each target goes to its driver, and the bridges above its function are woken first.
#include "crash/disk/disk.h"
#include "unit.h"

#include <string.h>

static int fake_wake_above(const struct lb_target *target, struct lb_error *err);
static int fake_nvme(const struct lb_target *target, struct lb_disk *ret_disk, struct lb_error *err);
static int fake_virtio_blk(const struct lb_target *target, struct lb_disk *ret_disk, struct lb_error *err);
static int fake_ahci(const struct lb_target *target, struct lb_disk *ret_disk, struct lb_error *err);
static int fake_virtio_scsi(const struct lb_target *target, struct lb_disk *ret_disk, struct lb_error *err);
static int fake_pvscsi(const struct lb_target *target, struct lb_disk *ret_disk, struct lb_error *err);

#define lb_pcidev_wake_above fake_wake_above
#define lb_nvme_open fake_nvme
#define lb_virtio_blk_open fake_virtio_blk
#define lb_ahci_open fake_ahci
#define lb_virtio_scsi_open fake_virtio_scsi
#define lb_pvscsi_open fake_pvscsi
#include "crash/disk/disk.c"

static char called[64];
static bool bridge_gone;

static int call(const char *name)
{
	strcat(called, name);
	return 7;
}

static int fake_wake_above(const struct lb_target *target, struct lb_error *err)
{
	(void)target;
	call("wake ");
	return bridge_gone ? lb_fail(err, "a bridge is gone") : 0;
}

#define FAKE(name)                                                                                           \
	static int fake_##name(const struct lb_target *target, struct lb_disk *ret_disk,                     \
			       struct lb_error *err)                                                         \
	{                                                                                                    \
		(void)target;                                                                                \
		(void)ret_disk;                                                                              \
		(void)err;                                                                                   \
		return call(#name);                                                                          \
	}
FAKE(nvme)
FAKE(virtio_blk)
FAKE(ahci)
FAKE(virtio_scsi)
FAKE(pvscsi)

static void assert_opens(uint32_t kind, const char *wanted)
{
	const struct lb_target target = {.kind = kind, .name = "LABEL=d"};
	struct lb_disk disk;
	struct lb_error err;

	called[0] = '\0';
	assert_int_equal(lb_disk_open(&target, &disk, &err), 7);
	assert_string_equal(called, wanted);
}

static void test_drivers(void **state)
{
	(void)state;
	assert_opens(LB_TARGET_NVME, "wake nvme");
	assert_opens(LB_TARGET_VIRTIO_BLK, "wake virtio_blk");
	assert_opens(LB_TARGET_AHCI, "wake ahci");
	assert_opens(LB_TARGET_VIRTIO_SCSI, "wake virtio_scsi");
	assert_opens(LB_TARGET_PVSCSI, "wake pvscsi");
}

static void test_failures(void **state)
{
	struct lb_target target = {.kind = 99, .name = "LABEL=d"};
	struct lb_disk disk;
	struct lb_error err;

	(void)state;
	assert_int_equal(lb_disk_open(&target, &disk, &err), -1);
	assert_string_equal(err.text, "target LABEL=d: kind is 99, no disk that is known here");
	target.kind = LB_TARGET_NVME;
	bridge_gone = true;
	called[0] = '\0';
	assert_int_equal(lb_disk_open(&target, &disk, &err), -1);
	assert_string_equal(err.text, "target LABEL=d: a bridge is gone");
	assert_string_equal(called, "wake ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_drivers), cmocka_unit_test(test_failures)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
