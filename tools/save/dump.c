// SPDX-License-Identifier: BSD-2-Clause
#include "tools/save/dump.h"

#include <stdio.h>
#include <string.h>

#include "crash/disk/dump_header.h"
#include "lifeboat/capture_config.h"

const char *dump_state_name(const struct lb_dump_header *header)
{
	static const char *const names[] = {"empty", "interrupted", "complete", "partial"};

	return header->state < sizeof(names) / sizeof(names[0]) ? names[header->state] : "unknown";
}

bool dump_cut_short(const struct lb_dump_header *header)
{
	return header->state == LB_DUMP_WRITING || header->state == LB_DUMP_PARTIAL;
}

bool dump_is_encrypted(const struct lb_dump_header *header)
{
	return header->flags & LB_DUMP_FLAG_ENCRYPTED;
}

bool dump_stays_sealed(const struct dump *dump)
{
	return dump_is_encrypted(&dump->header) && !dump->identities;
}

uint32_t dump_recipients(const struct dump *dump)
{
	static uint8_t beginning[LB_AGE_HEADER_MAX];
	const struct lb_dump_header *header = &dump->header;
	const uint64_t bytes = header->log_bytes < sizeof(beginning) ? header->log_bytes : sizeof(beginning);
	struct lb_error ignored;

	if (!dump_is_encrypted(header) || !bytes ||
	    device_read(&dump->device, header->log_offset, beginning, (size_t)bytes, &ignored) != 0)
		return 0;
	return lb_age_count_recipients(beginning, (size_t)bytes);
}

bool dump_is_kdump(const struct lb_dump_header *header)
{
	return header->format != LB_DUMP_ELF;
}

// A stretch of the partition, behind its headers, or nothing.
static int check_stretch(const struct dump *dump, const char *what, uint64_t offset, uint64_t bytes,
			 struct lb_error *err)
{
	uint64_t end;

	if (!offset && !bytes)
		return 0;
	if (offset < lb_dump_header_room(&dump->header) || offset % LB_DUMP_BLOCK ||
	    __builtin_add_overflow(offset, bytes, &end) || end > dump->header.partition_bytes)
		return lb_fail(err, "%s: dump header: %s of %lu bytes at %lu, the partition has %lu",
			       dump->device.name, what, bytes, offset, dump->header.partition_bytes);
	return 0;
}

// Head, then descriptors, then data, in this order.
static int check_kdump_parts(const struct dump *dump, struct lb_error *err)
{
	const struct lb_dump_header *header = &dump->header;
	uint64_t desc_end, data_end;

	if (__builtin_add_overflow(header->desc_offset, header->desc_total, &desc_end) ||
	    desc_end > header->data_offset || header->desc_bytes > header->data_offset - header->desc_offset)
		return lb_fail(err,
			       "%s: dump header: descriptors at %lu, %lu of %lu bytes, and page data at %lu",
			       dump->device.name, header->desc_offset, header->desc_bytes, header->desc_total,
			       header->data_offset);
	if (__builtin_add_overflow(header->data_offset, header->data_bytes, &data_end) ||
	    (header->data_bytes && header->file_bytes && data_end > header->file_bytes))
		return lb_fail(err, "%s: dump header: %lu bytes of page data at %lu, the file has %lu",
			       dump->device.name, header->data_bytes, header->data_offset,
			       header->file_bytes);
	return 0;
}

static int check_report(const struct dump *dump, struct lb_error *err)
{
	const struct lb_dump_header *header = &dump->header;

	if (header->report_bytes > LB_DUMP_REPORT_MAX)
		return lb_fail(err, "%s: dump header: report of %lu bytes, wanted %u at most",
			       dump->device.name, header->report_bytes, LB_DUMP_REPORT_MAX);
	return check_stretch(dump, "report", header->report_offset, header->report_bytes, err);
}

static int check_dump(struct dump *dump, struct lb_error *err)
{
	const struct lb_dump_header *header = &dump->header;

	if (header->partition_bytes > dump->device.bytes)
		return lb_fail(err, "%s: dump header: the partition had %lu bytes when armed, now it has %lu",
			       dump->device.name, header->partition_bytes, dump->device.bytes);
	if (header->state > LB_DUMP_PARTIAL || header->format > LB_DUMP_ELF)
		return lb_fail(err, "%s: dump header: state %u, format %u: not known", dump->device.name,
			       header->state, header->format);
	if (header->state == LB_DUMP_EMPTY)
		return 0;
	if (check_stretch(dump, "log", header->log_offset, header->log_bytes, err) != 0)
		return -1;
	if (check_report(dump, err) != 0)
		return -1;
	if (header->desc_total && check_kdump_parts(dump, err) != 0)
		return -1;
	// The head of a file without any page is no use.
	if (dump_cut_short(header) && header->desc_total && !header->data_bytes)
		return 0;
	if (header->file_bytes)
		dump->file_bytes = header->file_bytes;
	else if (header->data_bytes &&
		 __builtin_add_overflow(header->data_offset, header->data_bytes, &dump->file_bytes))
		return lb_fail(err, "%s: dump header: %lu bytes of data at %lu", dump->device.name,
			       header->data_bytes, header->data_offset);
	return check_stretch(dump, "file", header->file_offset, dump->file_bytes, err);
}

// A slot that the disk cannot read is one that was lost, and like one of zeroes.
static int read_slots(const struct device *device, struct lb_dump_slots *ret_slots, struct lb_error *err)
{
	uint32_t lost = 0;

	memset(ret_slots, 0, sizeof(*ret_slots));
	for (uint32_t i = 0; i < LB_DUMP_SLOTS; i++) {
		struct lb_dump_slot *slot = &ret_slots->slot[i];

		if (device_read(device, (uint64_t)i * sizeof(*slot), slot, sizeof(*slot), err) == 0)
			continue;
		memset(slot, 0, sizeof(*slot));
		lost++;
	}
	return lost < LB_DUMP_SLOTS ? 0 : -1;
}

static int read_header(const struct device *device, struct lb_dump_header *ret_header, struct lb_error *err)
{
	static struct lb_dump_slots slots;
	struct lb_error why;

	if (read_slots(device, &slots, err) != 0)
		return -1;
	if (lb_dump_header_choose(&slots, ret_header, &why) != 0)
		return lb_fail(err, "%s: %s", device->name, why.text);
	return 0;
}

bool dump_present(const struct device *device)
{
	static struct lb_dump_slots slots;
	struct lb_dump_header header;
	struct lb_error ignored;

	return read_slots(device, &slots, &ignored) == 0 &&
	       lb_dump_header_choose(&slots, &header, NULL) != -1;
}

int dump_open(const struct device *device, struct dump *ret_dump, struct lb_error *err)
{
	struct dump dump = {.device = *device};

	if (read_header(&dump.device, &dump.header, err) != 0 || check_dump(&dump, err) != 0)
		return -1;
	lb_dump_header_printable(&dump.header);
	*ret_dump = dump;
	return 0;
}

int dump_read_report(const struct dump *dump, char *text, uint32_t *ret_bytes, struct lb_error *err)
{
	const uint32_t bytes = (uint32_t)dump->header.report_bytes; // check_report() has looked

	if (bytes && device_read(&dump->device, dump->header.report_offset, text, bytes, err) != 0)
		return -1;
	*ret_bytes = bytes;
	return 0;
}

void dump_close(struct dump *dump)
{
	device_close(&dump->device);
}

// Writes the next header, which `change` makes of the one that was read.
static int write_next(struct dump *dump, void (*change)(struct lb_dump_header *header), struct lb_error *err)
{
	struct lb_dump_slot next = {0};
	struct lb_dump_header *now = &next.header;
	uint32_t offset;

	if (read_header(&dump->device, now, err) != 0)
		return -1;
	if (memcmp(now->sha256, dump->header.sha256, sizeof(now->sha256)) != 0)
		return lb_fail(err, "%s: its header changed meanwhile; it is not marked", dump->device.name);
	change(now);
	offset = lb_dump_header_advance(now);
	if (device_write(&dump->device, offset, &next, sizeof(next), err) != 0)
		return -1;
	change(&dump->header);
	memcpy(dump->header.sha256, now->sha256, sizeof(now->sha256)); // what the next change finds
	return 0;
}

static void set_saved(struct lb_dump_header *header)
{
	header->saved = 1;
}

int dump_mark_saved(struct dump *dump, struct lb_error *err)
{
	return write_next(dump, set_saved, err);
}

static void set_erased(struct lb_dump_header *header)
{
	header->flags |= LB_DUMP_FLAG_ERASED;
}

int dump_mark_erased(struct dump *dump, struct lb_error *err)
{
	return write_next(dump, set_erased, err);
}

bool dump_is_erased(const struct lb_dump_header *header)
{
	return header->flags & LB_DUMP_FLAG_ERASED;
}

static void set_untested(struct lb_dump_header *header)
{
	header->selftest = LB_SELFTEST_NONE;
}

int dump_forget_selftest(struct dump *dump, struct lb_error *err)
{
	return write_next(dump, set_untested, err);
}
