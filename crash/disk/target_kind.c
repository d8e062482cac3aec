// SPDX-License-Identifier: BSD-2-Clause
#include "crash/disk/target_kind.h"

#include "lib/mem.h"

#define NODE_MESSAGING 3
#define NODE_SCSI 2
#define NODE_SATA 18
#define NODE_NVME 23
#define NODE_HEAD 4 // type, subtype, length in 16 bits

#define CLASS_RAID 0x0104 // the programming interface is up to the controller

// A row tells which disks a driver is for; a number of 0 means any. A row here is all that new hardware
// needs.
static const struct row {
	uint32_t kind; // enum lb_target_kind
	uint32_t id;
	uint32_t class; // shifted right by class_shift
	uint8_t class_shift;
	uint8_t node; // subtype of the messaging node behind the function; 0: none
	bool named_only;
} rows[] = {
	{.kind = LB_TARGET_NVME, .class = 0x010802, .node = NODE_NVME},
	{.kind = LB_TARGET_AHCI, .class = LB_AHCI_CLASS, .node = NODE_SATA},
	// RAID controllers such as Intel's RST have AHCI's registers; a disk behind one may belong to a
	// RAID volume.
	{.kind = LB_TARGET_AHCI,
	 .class = CLASS_RAID,
	 .class_shift = 8,
	 .node = NODE_SATA,
	 .named_only = true},
	{.kind = LB_TARGET_VIRTIO_BLK, .id = 0x10421af4},
	{.kind = LB_TARGET_VIRTIO_BLK, .id = 0x10011af4}, // transitional
	{.kind = LB_TARGET_VIRTIO_SCSI, .id = 0x10481af4, .node = NODE_SCSI},
	{.kind = LB_TARGET_VIRTIO_SCSI, .id = 0x10041af4, .node = NODE_SCSI},
	{.kind = LB_TARGET_PVSCSI, .id = 0x07c015ad, .node = NODE_SCSI},
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

struct __attribute__((packed)) node {
	uint8_t type, subtype;
	uint16_t bytes;
	union {
		struct __attribute__((packed)) {
			uint16_t target, lun;
		} scsi;
		struct __attribute__((packed)) {
			uint16_t port, multiplier, lun;
		} sata;
		struct __attribute__((packed)) {
			uint32_t namespace;
			uint64_t eui64;
		} nvme;
	} u;
};

static bool is_function(const struct row *row, uint32_t id, uint32_t class)
{
	return (!row->id || row->id == id) && (!row->class || row->class == class >> row->class_shift);
}

static const struct row *find(uint32_t id, uint32_t class)
{
	for (size_t i = 0; i < ROWS; i++) {
		if (is_function(&rows[i], id, class))
			return &rows[i];
	}
	return NULL;
}

// Reads the node. A truncated node, or one shorter than its kind, counts as none.
static struct node read_node(const struct lb_disk_place *place)
{
	struct node node = {0};
	size_t bytes = sizeof(node);

	if (place->node_bytes < NODE_HEAD)
		return node;
	memcpy(&node, place->node, NODE_HEAD);
	if (node.bytes < NODE_HEAD || node.bytes > place->node_bytes)
		return (struct node){0};
	if (bytes > node.bytes)
		bytes = node.bytes;
	memcpy(&node, place->node, bytes);
	return node;
}

static bool node_is_whole(const struct node *node)
{
	switch (node->subtype) {
	case NODE_SCSI:
		return node->bytes >= NODE_HEAD + sizeof(node->u.scsi);
	case NODE_SATA:
		return node->bytes >= NODE_HEAD + sizeof(node->u.sata);
	case NODE_NVME:
		return node->bytes >= NODE_HEAD + sizeof(node->u.nvme);
	default:
		return false;
	}
}

// The specification says "no port multiplier" with bit 15; firmware of Lenovo, Acer, HPE and Apple says
// it with 0. The first port of a port multiplier is 0 as well, and the AHCI driver refuses that by the
// signature.
static bool is_direct(uint16_t multiplier)
{
	return multiplier & 0x8000 || multiplier == 0;
}

static int take_unit(const struct row *row, const struct node *node, struct lb_target *target,
		     struct lb_error *err)
{
	if (row->node && (node->type != NODE_MESSAGING || node->subtype != row->node || !node_is_whole(node)))
		return lb_fail(err,
			       "its device path goes on with a node of type %u, %u behind the %s controller, "
			       "wanted 3, %u",
			       node->type, node->subtype, lb_target_kind_name(row->kind), row->node);
	switch (row->node) {
	case NODE_SCSI:
		target->unit = LB_SCSI_UNIT(node->u.scsi.target, node->u.scsi.lun);
		break;
	case NODE_NVME:
		target->unit = node->u.nvme.namespace;
		break;
	case NODE_SATA:
		if (!is_direct(node->u.sata.multiplier))
			return lb_fail(
				err,
				"its disk is behind a port multiplier (SATA port %u, the multiplier's %u), "
				"for which the built-in capture kernel has no driver",
				node->u.sata.port, node->u.sata.multiplier);
		target->unit = node->u.sata.port;
		break;
	default:
		target->unit = 0;
		break;
	}
	target->kind = row->kind;
	return 0;
}

int lb_target_classify(const struct lb_disk_place *place, struct lb_target *target, struct lb_error *err)
{
	const struct row *row = find(place->id, place->class);
	const struct node node = read_node(place);

	if (!row)
		return lb_fail(err,
			       "its disk's controller (class %06x, %04x:%04x) has no driver in the built-in "
			       "capture kernel",
			       place->class, place->id & 0xffff, place->id >> 16);
	if (row->named_only && !place->named)
		return lb_fail(
			err,
			"its disk's controller is of RAID class (%06x, %04x:%04x): name the partition if "
			"the disk is no part of a RAID volume",
			place->class, place->id & 0xffff, place->id >> 16);
	return take_unit(row, &node, target, err);
}

bool lb_target_driven(uint32_t id, uint32_t class)
{
	return find(id, class) != NULL;
}

static bool has_class(uint32_t kind, uint32_t class)
{
	for (size_t i = 0; i < ROWS; i++) {
		if (rows[i].kind == kind && is_function(&rows[i], rows[i].id, class))
			return true;
	}
	return false;
}

// The class of the kind's devices. 0: it is up to the device.
static uint32_t usual_class(uint32_t kind)
{
	for (size_t i = 0; i < ROWS; i++) {
		if (rows[i].kind == kind)
			return rows[i].class;
	}
	return 0;
}

int lb_target_is_function(const struct lb_target *target, const char *name, uint32_t id, uint32_t class,
			  struct lb_error *err)
{
	if (id == UINT32_MAX)
		return lb_fail(err, "%s: nothing answers there", name);
	if (id != target->pci_id)
		return lb_fail(err, "%s: PCI ID is 0x%x, the target was chosen with 0x%x", name, id,
			       target->pci_id);
	if (!has_class(target->kind, class >> 8))
		return lb_fail(err, "%s: PCI class is 0x%x, wanted 0x%x", name, class >> 8,
			       usual_class(target->kind));
	return 0;
}

const char *lb_target_kind_name(uint32_t kind)
{
	switch (kind) {
	case LB_TARGET_NVME:
		return "NVMe";
	case LB_TARGET_VIRTIO_BLK:
		return "virtio-blk";
	case LB_TARGET_AHCI:
		return "AHCI";
	case LB_TARGET_VIRTIO_SCSI:
		return "virtio-scsi";
	case LB_TARGET_PVSCSI:
		return "PVSCSI";
	default:
		return "unknown";
	}
}
