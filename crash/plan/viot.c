// SPDX-License-Identifier: BSD-2-Clause
#include "crash/plan/viot.h"

#include "crash/plan/acpi_table.h"
#include "lib/mem.h"

struct __attribute__((packed)) viot {
	struct lb_acpi_header header;
	uint16_t count, first; // of the nodes; the offset of the first
	uint8_t reserved[8];
};
_Static_assert(sizeof(struct viot) == 48, "ACPI 6.5, table 5.142");

#define NODE_IOMMU_PCI 3
#define NODE_IOMMU_MMIO 4

struct __attribute__((packed)) node {
	uint8_t type, reserved;
	uint16_t bytes, segment, function; // bus << 8 | device << 3 | function
};
_Static_assert(sizeof(struct node) == 8, "what follows is reserved");

static int take_node(const struct lb_acpi_entry *entry, struct lb_viot *viot, struct lb_error *err)
{
	struct node node = {0};

	if (entry->bytes >= sizeof(node))
		memcpy(&node, entry->data, sizeof(node));
	if (node.type == NODE_IOMMU_MMIO)
		return lb_fail(err, "ACPI table VIOT: node %u is a virtio-iommu that is no PCI function",
			       entry->index);
	if (node.type != NODE_IOMMU_PCI)
		return 0;
	if (viot->count == LB_MAX_IOMMUS)
		return lb_fail(err, "ACPI table VIOT: node %u is one more IOMMU than %u", entry->index,
			       LB_MAX_IOMMUS);
	viot->iommu[viot->count++] = (struct lb_iommu){
		.registers = node.function, .kind = LB_IOMMU_VIRTIO, .segment = node.segment};
	return 0;
}

static int take_nodes(const struct lb_acpi_table *table, struct lb_viot *viot, struct lb_error *err)
{
	struct lb_acpi_entry entry;
	struct lb_acpi_walk walk;
	struct viot head;

	memcpy(&head, table->data, sizeof(head));
	if (head.first < sizeof(head) || head.first > table->bytes)
		return lb_fail(err, "ACPI table VIOT: its first node is at %u, wanted %zu to %u", head.first,
			       sizeof(head), table->bytes);
	walk = lb_acpi_walk(table, head.first, 2);
	for (uint32_t i = 0; i < head.count && lb_acpi_more(&walk); i++) {
		if (lb_acpi_next(&walk, &entry, err) != 0 || take_node(&entry, viot, err) != 0)
			return -1;
	}
	return 0;
}

int lb_viot_read(const void *table, uint64_t bytes, struct lb_viot *ret_viot, struct lb_error *ret_left_out,
		 struct lb_error *err)
{
	struct lb_error left_out = {.text = ""}, wrong;
	struct lb_acpi_table opened;
	struct lb_viot viot = {0};

	if (lb_acpi_open(table, bytes, "VIOT", sizeof(struct viot), &opened, err) != 0)
		return -1;
	if (take_nodes(&opened, &viot, &wrong) != 0)
		lb_fail(&left_out, "%s; it and what follows are not used", wrong.text);
	*ret_viot = viot;
	*ret_left_out = left_out;
	return 0;
}
