// SPDX-License-Identifier: BSD-2-Clause
#include "crash/plan/wdat.h"

#include "crash/plan/acpi_table.h"
#include "lib/mem.h"

struct __attribute__((packed)) wdat {
	struct lb_acpi_header header;
	uint32_t head_bytes;
	uint16_t segment;
	uint8_t bus, device, function, reserved[3];
	uint32_t period, max_count, min_count;
	uint8_t flags, reserved2[3];
	uint32_t entries;
};
_Static_assert(sizeof(struct wdat) == 68, "2.4, table 1");

#define ENABLED 1U

struct __attribute__((packed)) entry {
	uint8_t action, instruction;
	uint16_t reserved;
	struct lb_acpi_address reg;
	uint32_t value, mask;
};
_Static_assert(sizeof(struct entry) == 24, "2.4, table 2");

#define QUERY_STOPPED 0x0a
#define SET_STOPPED 0x0b
#define READ_VALUE 0
#define WRITE_VALUE 2
#define PRESERVE 0x80U

#define PORTS 0x10000U

#define ACCESS_ANY 0
#define ACCESS_DWORD 3

// Bytes of the register's access, 1, 2 or 4; 0: another.
static uint8_t access_bytes(const struct lb_acpi_address *reg)
{
	if (reg->access != ACCESS_ANY)
		return reg->access <= ACCESS_DWORD ? (uint8_t)(1U << (reg->access - 1)) : 0;
	return reg->bits <= 8 ? 1 : reg->bits <= 16 ? 2 : reg->bits <= 32 ? 4 : 0;
}

static int check_register(const struct entry *entry, uint8_t bytes, struct lb_error *err)
{
	const struct lb_acpi_address *reg = &entry->reg;

	if (reg->space != LB_ACPI_MEMORY && reg->space != LB_ACPI_PORT)
		return lb_fail(err, "its registers are in space %u, wanted memory or I/O", reg->space);
	if (!bytes || reg->offset >= 8 * bytes)
		return lb_fail(err, "a register has width %u and its field begins at bit %u", reg->access,
			       reg->offset);
	if (!reg->address || (reg->space == LB_ACPI_PORT && reg->address >= PORTS) || reg->address % bytes)
		return lb_fail(err, "a register of %u bytes is at 0x%lx", bytes, reg->address);
	return 0;
}

static int take_entry(const struct entry *entry, struct lb_wdat *wdat, struct lb_error *err)
{
	const uint8_t instruction = entry->instruction & (uint8_t)~PRESERVE;
	const bool write = entry->action == SET_STOPPED;
	const uint8_t bytes = access_bytes(&entry->reg);

	if (instruction != (write ? WRITE_VALUE : READ_VALUE))
		return lb_fail(err, "action 0x%x has instruction 0x%x", entry->action, entry->instruction);
	if (check_register(entry, bytes, err) != 0)
		return -1;
	if (wdat->count == LB_MAX_WDAT_STEPS)
		return lb_fail(err, "it takes more than %u steps", LB_MAX_WDAT_STEPS);
	wdat->step[wdat->count++] = (struct lb_wdat_step){
		.address = entry->reg.address,
		.value = entry->value,
		.mask = entry->mask,
		.port = entry->reg.space == LB_ACPI_PORT,
		.bytes = bytes,
		.shift = entry->reg.offset,
		.write = write,
		.preserve = (entry->instruction & PRESERVE) != 0,
	};
	return 0;
}

// All steps of `action`, in their order.
static int take_action(const struct lb_acpi_table *table, uint8_t action, struct lb_wdat *wdat,
		       struct lb_error *err)
{
	const uint32_t there =
		(table->bytes - (uint32_t)sizeof(struct wdat)) / (uint32_t)sizeof(struct entry);
	struct entry entry;
	struct wdat head;

	memcpy(&head, table->data, sizeof(head));
	if (head.entries > there)
		return lb_fail(err, "it says it has %u entries, and has room for %u", head.entries, there);
	for (uint32_t i = 0; i < head.entries; i++) {
		memcpy(&entry, table->data + sizeof(head) + i * sizeof(entry), sizeof(entry));
		if (entry.action == action && take_entry(&entry, wdat, err) != 0)
			return -1;
	}
	return 0;
}

static int take_steps(const struct lb_acpi_table *table, struct lb_wdat *wdat, struct lb_error *err)
{
	if (take_action(table, SET_STOPPED, wdat, err) != 0)
		return -1;
	if (!wdat->count)
		return lb_fail(err, "it has no action that stops it (0x%x)", SET_STOPPED);
	return take_action(table, QUERY_STOPPED, wdat, err);
}

int lb_wdat_read(const void *table, uint64_t bytes, struct lb_wdat *ret_wdat, struct lb_error *err)
{
	struct lb_acpi_table opened;
	struct lb_wdat wdat = {0};
	struct lb_error why;
	struct wdat head;

	if (lb_acpi_open(table, bytes, "WDAT", sizeof(head), &opened, err) != 0)
		return -1;
	memcpy(&head, table, sizeof(head));
	if (head.flags & ENABLED && take_steps(&opened, &wdat, &why) != 0) {
		wdat.count = 0;
		lb_fail(&wdat.unstoppable, "ACPI's (table WDAT): %s", why.text);
	}
	*ret_wdat = wdat;
	return 0;
}
