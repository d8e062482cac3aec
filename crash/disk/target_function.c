// SPDX-License-Identifier: BSD-2-Clause
#include "crash/disk/target_function.h"

#include <stdbool.h>

#include "crash/bare/pci_registers.h"
#include "crash/disk/target_kind.h"

// Virtio capabilities: offset of a field, and their number.
#define GROUP_BAR 4
#define GROUPS_MAX 48 // all that fit into configuration space; a corrupt list may be a loop
static const struct {
	uint8_t type;
	char name[8];
} groups[] = {{1, "common"}, {2, "notify"}, {4, "device"}};

static bool group_in_memory(const struct lb_pci_space *space, uint8_t type, bool *ret_there)
{
	uint8_t at = lb_pci_capability(space, LB_PCI_CAP_VENDOR, 0);
	uint64_t phys;

	*ret_there = false;
	for (unsigned int i = 0; at && i < GROUPS_MAX;
	     i++, at = lb_pci_capability(space, LB_PCI_CAP_VENDOR, at)) {
		if (lb_pci_read(space, at) >> 24 != type)
			continue;
		*ret_there = true;
		if (lb_pci_bar(space, lb_pci_read(space, at + GROUP_BAR) & 0xff, &phys, NULL) == 0)
			return true;
	}
	return false;
}

static int check_virtio(const struct lb_pci_space *space, struct lb_error *err)
{
	bool there;

	for (unsigned int i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		if (group_in_memory(space, groups[i].type, &there))
			continue;
		if (!there)
			return lb_fail(
				err,
				"it is a virtio device of the legacy interface only: its %.8s registers have "
				"no capability",
				groups[i].name);
		return lb_fail(err, "its %.8s registers are in no memory space", groups[i].name);
	}
	return 0;
}

static int check_registers(const struct lb_pci_space *space, const struct lb_target *target,
			   struct lb_error *err)
{
	uint64_t phys;

	switch (target->kind) {
	case LB_TARGET_NVME:
		return lb_pci_bar(space, 0, &phys, err);
	case LB_TARGET_AHCI:
		return lb_pci_bar(space, 5, &phys, err);
	case LB_TARGET_PVSCSI: // its registers are in the first memory BAR
		for (unsigned int i = 0; i < LB_PCI_BARS; i++) {
			if (lb_pci_bar(space, i, &phys, err) == 0)
				return 0;
		}
		return lb_fail(err, "none of its BARs is memory that has an address");
	default:
		return check_virtio(space, err);
	}
}

int lb_target_function_check(const struct lb_pci_space *space, const struct lb_target *target,
			     struct lb_error *err)
{
	const char *way = space->ecam ? "its controller, by ECAM" : "its controller, by the PCI ports";
	struct lb_error why;

	if (lb_target_is_function(target, way, lb_pci_read(space, LB_PCI_ID),
				  lb_pci_read(space, LB_PCI_CLASS), err) != 0)
		return -1;
	if (check_registers(space, target, &why) != 0)
		return lb_fail(err, "%s: %s", way, why.text);
	return 0;
}
