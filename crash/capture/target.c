// SPDX-License-Identifier: BSD-2-Clause
#include "crash/capture/capture.h"
#include "crash/disk/dump_header.h"
#include "crash/disk/target_check.h"
#include "crash/platform/iommu.h"
#include "crash/platform/pcidev.h"
#include "crash/platform/platform.h"
#include "lib/mem.h"

_Static_assert(LB_TARGET_CHECK_ROOM <= LB_CAPTURE_GPT, "as planned");
_Static_assert(sizeof(struct lb_dump_slots) <= LB_TARGET_CHECK_ROOM, "the header is read after the table");

static uint32_t buffers_for(const struct lb_run *run)
{
	bool to_come = !run->cpus && run->job.format != LB_DUMP_ELF;
	uint32_t buffers =
		lb_capture_buffers(lb_heap_left(), to_come ? run->capture->cpus : 0, run->targets_left);

	return buffers < LB_DISK_MAX_DEPTH ? buffers : LB_DISK_MAX_DEPTH;
}

// Fails if the header is not that of the armed partition: another disk may be in its place, or a new
// partition.
static int check_header(const struct lb_capture_config *capture, const struct lb_target *target,
			const struct lb_dump_header *header, struct lb_error *err)
{
	if (memcmp(header->partuuid, lb_target_id(target), sizeof(header->partuuid)) != 0)
		return lb_fail(err, "target %.63s: the header there is another's; it is left alone",
			       target->name);
	if (memcmp(header->arm_id, capture->arm_id, sizeof(header->arm_id)) != 0)
		return lb_fail(err,
			       "target %.63s: the header there was armed at another time, so this is another "
			       "disk or a copy; it is left alone",
			       target->name);
	return 0;
}

// Reads both slots of the header into `room`.
static int read_header(const struct lb_run *run, struct lb_opened *opened, struct lb_dump_slots *room,
		       struct lb_error *err)
{
	struct lb_error why;

	if (lb_partition_read(opened->partition, 0, room, sizeof(*room), err) != 0)
		return -1;
	if (lb_dump_header_choose(room, opened->header, &why) != 0)
		return lb_fail(err, "target %.63s: %s; it is left alone", opened->target->name, why.text);
	if (check_header(run->capture, opened->target, opened->header, err) != 0)
		return -1;
	if (!lb_dump_header_in_every_slot(room, lb_target_id(opened->target)))
		return lb_fail(err,
			       "target %.63s: the dump header is in one slot only, so somebody else wrote to "
			       "the other; it is left alone",
			       opened->target->name);
	return 0;
}

int lb_target_open(const struct lb_run *run, const struct lb_target *target, struct lb_opened *ret_opened,
		   struct lb_error *err)
{
	static void *room; // shared by all targets, which are checked one at a time
	struct lb_opened *opened = ret_opened;
	char size[16], place[16];
	struct lb_error why;

	memset(opened, 0, sizeof(*opened));
	opened->target = target;
	lb_say("target %.63s: %s unit %u", target->name, lb_pcidev_name(target->pci, place), target->unit);
	opened->header = lb_heap_pages(LB_DUMP_BLOCK);
	if (!room)
		room = lb_heap_pages(LB_TARGET_CHECK_ROOM);
	if (!opened->header || !room)
		return lb_fail(err, "target %.63s: no memory for its header and partition table",
			       target->name);
	if (lb_iommu_check(target->pci, &run->mem, &why) != 0)
		return lb_fail(err, "target %.63s: %s", target->name, why.text);
	if (lb_disk_open(target, &opened->disk, err) != 0) {
		opened->disk.driver = NULL;
		return -1;
	}
	if (lb_target_in_place(&opened->disk, target, room, err) != 0 ||
	    lb_partition_open(&opened->disk, target, buffers_for(run), &opened->partition, err) != 0 ||
	    read_header(run, opened, room, err) != 0)
		return -1;
	lb_say("target %.63s: %.12s%s%.48s, blocks of %u bytes, %s of %s", target->name,
	       opened->disk.driver->name, opened->disk.model[0] ? " " : "", opened->disk.model,
	       opened->disk.block_bytes, target->extent_count ? "file" : "partition",
	       lb_format_size(size, sizeof(size), lb_partition_bytes(opened->partition)));
	return 0;
}

void lb_target_close(struct lb_opened *opened)
{
	if (opened->disk.driver)
		opened->disk.driver->stop(&opened->disk);
	opened->disk.driver = NULL;
}
