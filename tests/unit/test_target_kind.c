// SPDX-License-Identifier: BSD-2-Clause
// The nodes of device paths are bytes as in UEFI 2.10, 10.3.4.
#include "crash/disk/target_kind.h"

#include <stdlib.h>
#include <string.h>

#include "unit.h"

#define NVME_ID 0x00101b36
#define SATA_ID 0x29228086

static const uint8_t nvme_node[] = {3, 23, 16, 0, 7, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8};
static const uint8_t scsi_node[] = {3, 2, 8, 0, 5, 1, 3, 2};
static const uint8_t end_node[] = {0x7f, 0xff, 4, 0};

// Classifies a copy of exactly this size, so that ASan sees a read beyond it.
static int classify(struct lb_disk_place place, const uint8_t *node, size_t bytes, struct lb_target *target,
		    struct lb_error *err)
{
	uint8_t *copy = malloc(bytes ? bytes : 1);
	int result;

	assert_non_null(copy);
	memcpy(copy, node, bytes);
	place.node = copy;
	place.node_bytes = bytes;
	*target = (struct lb_target){0};
	*err = (struct lb_error){""};
	result = lb_target_classify(&place, target, err);
	free(copy);
	return result;
}

static void assert_is(struct lb_disk_place place, const uint8_t *node, size_t bytes, uint32_t kind,
		      uint32_t unit)
{
	struct lb_target target;
	struct lb_error err;

	if (classify(place, node, bytes, &target, &err) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(target.kind, kind);
	assert_int_equal(target.unit, unit);
}

static void assert_is_not(struct lb_disk_place place, const uint8_t *node, size_t bytes, const char *says)
{
	struct lb_target target;
	struct lb_error err;

	assert_int_equal(classify(place, node, bytes, &target, &err), -1);
	if (!strstr(err.text, says))
		fail_msg("\"%s\" does not say \"%s\"", err.text, says);
	assert_int_equal(target.kind, 0);
}

static void test_disks(void **state)
{
	const struct lb_disk_place nvme = {.id = NVME_ID, .class = 0x010802};

	(void)state;
	assert_is(nvme, nvme_node, sizeof(nvme_node), LB_TARGET_NVME, 7);
	assert_is((struct lb_disk_place){.id = 0x10011af4, .class = 0x010000}, end_node, sizeof(end_node),
		  LB_TARGET_VIRTIO_BLK, 0);
	assert_is((struct lb_disk_place){.id = 0x10421af4, .class = 0x018000}, end_node, 0,
		  LB_TARGET_VIRTIO_BLK, 0);
	assert_is((struct lb_disk_place){.id = 0x10041af4, .class = 0x010000}, scsi_node, sizeof(scsi_node),
		  LB_TARGET_VIRTIO_SCSI, LB_SCSI_UNIT(0x105, 0x203));
	assert_is((struct lb_disk_place){.id = 0x10481af4}, scsi_node, sizeof(scsi_node),
		  LB_TARGET_VIRTIO_SCSI, LB_SCSI_UNIT(0x105, 0x203));
	assert_is((struct lb_disk_place){.id = 0x07c015ad, .class = 0x010700}, scsi_node, sizeof(scsi_node),
		  LB_TARGET_PVSCSI, LB_SCSI_UNIT(0x105, 0x203));
	assert_is_not((struct lb_disk_place){.id = 0x00301000, .class = 0x010000}, scsi_node,
		      sizeof(scsi_node), "its disk's controller (class 010000, 1000:0030) has no driver");
	// An administrative controller has interface 3.
	assert_is_not((struct lb_disk_place){.id = NVME_ID, .class = 0x010803}, nvme_node, sizeof(nvme_node),
		      "(class 010803, 1b36:0010) has no driver");
}

// Some of the 65536 values for a multiplier's port mean "none", by the specification or in firmware.
static void test_port_multipliers(void **state)
{
	static const struct {
		uint16_t multiplier;
		const char *says; // NULL: there is no multiplier
	} words[] = {
		{0xffff, NULL},
		{0x8000, NULL},
		{0, NULL},
		{1, "behind a port multiplier (SATA port 770, the multiplier's 1)"},
		{14, "behind a port multiplier (SATA port 770, the multiplier's 14)"},
		{0x7fff, "behind a port multiplier"},
	};
	const struct lb_disk_place sata = {.id = SATA_ID, .class = 0x010601};

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		const uint8_t low = (uint8_t)words[i].multiplier, high = (uint8_t)(words[i].multiplier >> 8);
		const uint8_t node[] = {3, 18, 10, 0, 2, 3, low, high, 0, 0};

		if (words[i].says)
			assert_is_not(sata, node, sizeof(node), words[i].says);
		else
			assert_is(sata, node, sizeof(node), LB_TARGET_AHCI, 0x302);
	}
}

static void test_raid_class(void **state)
{
	static const uint8_t node[] = {3, 18, 10, 0, 1, 0, 0xff, 0xff, 0, 0};
	struct lb_disk_place place = {.id = 0x282a8086, .class = 0x010400};

	(void)state;
	assert_is_not(place, node, sizeof(node),
		      "of RAID class (010400, 8086:282a): name the partition if the disk is no part");
	place.named = true;
	assert_is(place, node, sizeof(node), LB_TARGET_AHCI, 1);
	place.class = 0x010485; // in RAID class each controller has its own interface
	assert_is(place, node, sizeof(node), LB_TARGET_AHCI, 1);
	// The path is that of a RAID volume, or of another RAID controller, and names no SATA port.
	assert_is_not(place, scsi_node, sizeof(scsi_node),
		      "goes on with a node of type 3, 2 behind the AHCI controller, wanted 3, 18");
}

static void test_paths_that_lie(void **state)
{
	const struct lb_disk_place nvme = {.id = NVME_ID, .class = 0x010802};
	uint8_t node[sizeof(nvme_node)];

	(void)state;
	for (size_t bytes = 0; bytes < sizeof(nvme_node); bytes++)
		assert_is_not(nvme, nvme_node, bytes,
			      "a node of type 0, 0 behind the NVMe controller, wanted 3, 23");
	for (uint8_t bytes = 0; bytes < sizeof(node); bytes++) {
		memcpy(node, nvme_node, sizeof(node));
		node[2] = bytes; // shorter than a node of its kind
		assert_is_not(nvme, node, sizeof(node), "behind the NVMe controller, wanted 3, 23");
	}
	node[2] = 17; // longer than the path
	assert_is_not(nvme, node, sizeof(node), "a node of type 0, 0");
	node[2] = node[3] = 0xff;
	assert_is_not(nvme, node, sizeof(node), "a node of type 0, 0");
	assert_is_not(nvme, end_node, sizeof(end_node), "a node of type 127, 255");
	assert_is_not(nvme, scsi_node, sizeof(scsi_node), "a node of type 3, 2");
}

static void test_names(void **state)
{
	(void)state;
	assert_true(lb_target_driven(NVME_ID, 0x010802));
	assert_true(lb_target_driven(SATA_ID, 0x010601));
	assert_true(lb_target_driven(SATA_ID, 0x010401));
	assert_true(lb_target_driven(0x10421af4, 0x010000));
	assert_false(lb_target_driven(SATA_ID, 0x01018a)); // an IDE controller
	assert_false(lb_target_driven(0x00301000, 0x010700));
	for (uint32_t kind = LB_TARGET_NVME; kind <= LB_TARGET_PVSCSI; kind++)
		assert_string_not_equal(lb_target_kind_name(kind), "unknown");
	assert_string_equal(lb_target_kind_name(0), "unknown");
}

static void assert_not(int result, const struct lb_error *err, const char *says)
{
	assert_int_equal(result, -1);
	assert_string_equal(err->text, says);
}

static void test_functions(void **state)
{
	struct lb_target target = {.kind = LB_TARGET_NVME, .pci_id = 0x00101b36};
	struct lb_error err = {""};

	(void)state;
	assert_int_equal(lb_target_is_function(&target, "nvme", 0x00101b36, 0x01080202, &err), 0);
	assert_not(lb_target_is_function(&target, "nvme", UINT32_MAX, UINT32_MAX, &err), &err,
		   "nvme: nothing answers there");
	assert_not(lb_target_is_function(&target, "nvme", 0x00111b36, 0x01080202, &err), &err,
		   "nvme: PCI ID is 0x111b36, the target was chosen with 0x101b36");
	assert_not(lb_target_is_function(&target, "nvme", 0x00101b36, 0x01080302, &err), &err,
		   "nvme: PCI class is 0x10803, wanted 0x10802");
	target.kind = LB_TARGET_AHCI;
	assert_int_equal(lb_target_is_function(&target, "ahci", 0x00101b36, 0x01060100, &err), 0);
	assert_not(lb_target_is_function(&target, "ahci", 0x00101b36, 0x01060000, &err), &err,
		   "ahci: PCI class is 0x10600, wanted 0x10601");
	// In RAID mode.
	assert_int_equal(lb_target_is_function(&target, "ahci", 0x00101b36, 0x01040000, &err), 0);
	assert_not(lb_target_is_function(&target, "ahci", 0x00101b36, 0x01080200, &err), &err,
		   "ahci: PCI class is 0x10802, wanted 0x10601");
	target.kind = 99;
	assert_not(lb_target_is_function(&target, "x", 0x00101b36, 0x01080200, &err), &err,
		   "x: PCI class is 0x10802, wanted 0x0");
	target.kind = LB_TARGET_VIRTIO_BLK; // its class does not matter
	assert_int_equal(lb_target_is_function(&target, "blk", 0x00101b36, 0xff000000, &err), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_disks),      cmocka_unit_test(test_port_multipliers),
		cmocka_unit_test(test_raid_class), cmocka_unit_test(test_paths_that_lie),
		cmocka_unit_test(test_functions),  cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
