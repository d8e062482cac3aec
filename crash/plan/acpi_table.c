// SPDX-License-Identifier: BSD-2-Clause
#include "crash/plan/acpi_table.h"

#include "lib/mem.h"

static uint8_t sum_of(const uint8_t *data, uint32_t bytes)
{
	uint8_t sum = 0;

	for (uint32_t i = 0; i < bytes; i++)
		sum = (uint8_t)(sum + data[i]);
	return sum;
}

bool lb_acpi_sums_to_zero(const void *data, uint32_t bytes)
{
	return sum_of(data, bytes) == 0;
}

uint64_t lb_acpi_bytes(const void *header)
{
	struct lb_acpi_header taken;

	memcpy(&taken, header, sizeof(taken));
	if (taken.bytes < sizeof(taken))
		return sizeof(taken);
	return taken.bytes < LB_ACPI_MAX_BYTES ? taken.bytes : LB_ACPI_MAX_BYTES;
}

int lb_acpi_open(const void *data, uint64_t bytes, const char *name, uint32_t least,
		 struct lb_acpi_table *ret_table, struct lb_error *err)
{
	struct lb_acpi_header header;
	uint8_t sum;

	if (bytes < sizeof(header))
		return lb_fail(err, "ACPI table %s: has %lu bytes, wanted %u at least", name, bytes, least);
	memcpy(&header, data, sizeof(header));
	if (header.bytes < least)
		return lb_fail(err, "ACPI table %s: its length is %u, wanted %u at least", name, header.bytes,
			       least);
	if (header.bytes > bytes)
		return lb_fail(err, "ACPI table %s: its length is %u, wanted %lu at most", name, header.bytes,
			       bytes);
	sum = sum_of(data, header.bytes);
	if (sum)
		return lb_fail(err, "ACPI table %s: its checksum is 0x%02x, wanted 0x%02x", name,
			       header.checksum, (uint8_t)(header.checksum - sum));
	*ret_table = (struct lb_acpi_table){.name = name, .data = data, .bytes = header.bytes};
	return 0;
}

struct lb_acpi_walk lb_acpi_walk(const struct lb_acpi_table *table, uint32_t first, uint32_t width)
{
	return (struct lb_acpi_walk){.table = table, .at = first, .width = width};
}

bool lb_acpi_more(const struct lb_acpi_walk *walk)
{
	return walk->table->bytes - walk->at >= 2 * walk->width;
}

int lb_acpi_next(struct lb_acpi_walk *walk, struct lb_acpi_entry *ret_entry, struct lb_error *err)
{
	const struct lb_acpi_table *table = walk->table;
	struct lb_acpi_entry entry = {.index = walk->index, .data = table->data + walk->at};
	uint32_t left = table->bytes - walk->at;

	memcpy(&entry.type, entry.data, walk->width); // little endian, as the machine is
	memcpy(&entry.bytes, entry.data + walk->width, walk->width);
	if (entry.bytes < 2 * walk->width || entry.bytes > left)
		return lb_fail(err,
			       "ACPI table %s: entry %u, of type %u, says it has %u bytes, wanted %u to %u",
			       table->name, entry.index, entry.type, entry.bytes, 2 * walk->width, left);
	walk->at += entry.bytes;
	walk->index++;
	*ret_entry = entry;
	return 0;
}
