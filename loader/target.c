// SPDX-License-Identifier: BSD-2-Clause
#include "loader/target.h"

#include "crash/disk/dump_header.h"
#include "crash/disk/extents.h"
#include "crash/disk/gpt.h"
#include "crash/disk/stamp.h"
#include "lib/mem.h"
#include "loader/brakes.h"
#include "loader/file_target.h"
#include "loader/keys.h"
#include "loader/pci_view.h"
#include "loader/previous_dump.h"
#include "loader/print.h"

// The least that is useful: the headers, and room for a log.
#define PARTITION_MIN LB_MIB

static const uint8_t our_type[LB_UUID_BYTES] = LB_DUMP_TYPE_GUID;

// One partition that a --dump-to names.
struct match {
	struct lb_blockdev device;
	struct lb_gpt_partition partition;
};

// One --dump-to, or a default.
struct wish {
	struct lb_dump_to to;
	struct lb_file_map map; // by file
	bool usable; // false: the map cannot be used
	bool optional; // may go without, if another wish is served, unless a dump waits there
	bool seen; // a partition can serve it
	bool kept; // by file: the file exists, and a dump waits in it
};

struct search {
	const struct lb_dump_options *options;
	const struct lb_machine *machine;
	struct lb_blockdev *devices; // pool
	UINTN device_count;
	struct wish wishes[LB_MAX_TARGETS];
	uint32_t wish_count;
	void *room; // pages: LB_GPT_ROOM bytes, struct lb_dump_slots, LB_DUMP_REPORT_MAX bytes
	struct lb_targets *targets;
};
#define ROOM_PAGES ((LB_GPT_ROOM + sizeof(struct lb_dump_slots) + LB_DUMP_REPORT_MAX) / LB_PAGE)

static struct lb_dump_slots *slots_room(const struct search *search)
{
	return (struct lb_dump_slots *)((uint8_t *)search->room + LB_GPT_ROOM);
}

static char *report_room(const struct search *search)
{
	return (char *)(slots_room(search) + 1);
}

static bool read_blocks(void *ctx, uint64_t block, uint32_t count, void *data)
{
	const struct lb_blockdev *device = ctx;

	return !EFI_ERROR(lb_blockdev_read(device, block, data, (UINTN)count * device->io->Media->BlockSize));
}

// -1: no GPT, as on most sticks, or one that cannot be read. LB_GPT_FOREIGN as lb_gpt_read() returns it.
static int read_gpt(const struct search *search, struct lb_blockdev *device, struct lb_gpt *ret_gpt,
		    struct lb_error *err)
{
	const struct lb_block_reader disk = {
		.name = "its disk",
		.block_bytes = device->io->Media->BlockSize,
		.blocks = device->io->Media->LastBlock + 1,
		.read = read_blocks,
		.ctx = device,
	};

	return lb_gpt_read(&disk, search->room, ret_gpt, err);
}

static bool matches(const struct wish *wish, const struct lb_gpt *gpt,
		    const struct lb_gpt_partition *partition)
{
	const struct lb_dump_to *to = &wish->to;

	switch (to->by) {
	case LB_DUMP_BY_LABEL:
		return lb_strcmp(partition->name, lb_dump_to_label(to)) == 0;
	case LB_DUMP_BY_UUID:
		return memcmp(partition->uuid, to->uuid, sizeof(to->uuid)) == 0;
	case LB_DUMP_BY_FILE:
		return wish->usable && memcmp(partition->uuid, wish->map.partuuid, LB_UUID_BYTES) == 0 &&
		       memcmp(gpt->disk_guid, wish->map.disk_guid, LB_UUID_BYTES) == 0;
	default:
		return memcmp(partition->type, our_type, sizeof(our_type)) == 0;
	}
}

static void warn(const struct wish *wish, const char *why)
{
	lb_print_warning("--dump-to %s: %s; left out", wish->to.word[0] ? wish->to.word : "auto", why);
}

// True when `targets` has this already: all of a partition, or the same file on it.
static bool taken(const struct lb_targets *targets, const struct wish *wish, const struct match *match)
{
	const bool by_file = wish->to.by == LB_DUMP_BY_FILE;

	for (uint32_t i = 0; i < targets->count; i++) {
		const struct lb_target *target = &targets->found[i].target;

		if (targets->found[i].device.handle == match->device.handle &&
		    target->first_block == match->partition.first &&
		    memcmp(lb_target_id(target), by_file ? wish->map.file_id : match->partition.uuid,
			   LB_UUID_BYTES) == 0)
			return true;
	}
	return false;
}

// Reads a target's bytes; those of a file piece by piece.
static EFI_STATUS read_target(const struct lb_target_found *found, uint64_t offset, void *data,
			      uint64_t bytes)
{
	uint8_t *to = data;

	while (bytes) {
		uint64_t piece, block = lb_target_block(&found->target, offset, &piece);
		EFI_STATUS status;

		if (!piece)
			return EFI_END_OF_FILE;
		if (piece > bytes)
			piece = bytes;
		status = lb_blockdev_read(&found->device, block, to, piece);
		if (EFI_ERROR(status))
			return status;
		to += piece;
		offset += piece;
		bytes -= piece;
	}
	return EFI_SUCCESS;
}

// Shows the report, at the place and of the length that the header gives, within a report's maximum.
static void show_report(const struct search *search, const struct lb_target_found *found)
{
	const struct lb_dump_header *header = &found->header;
	const uint64_t offset = header->report_offset, bytes = header->report_bytes;
	char *text = report_room(search);
	EFI_STATUS status;

	if (bytes > LB_DUMP_REPORT_MAX || !lb_aligned(offset, LB_DUMP_BLOCK) ||
	    offset > lb_target_bytes(&found->target) ||
	    lb_align_up(bytes, LB_DUMP_BLOCK) > lb_target_bytes(&found->target) - offset) {
		lb_previous_dump_report(header, NULL, "the header does not say where it is");
		return;
	}
	status = read_target(found, offset, text, lb_align_up(bytes, LB_DUMP_BLOCK));
	lb_previous_dump_report(header, EFI_ERROR(status) ? NULL : text, lb_status_text(status));
}

// Reads the partition's first bytes, and reports what they hold.
static int read_header(const struct search *search, struct lb_target_found *found, struct lb_error *err)
{
	struct lb_dump_slots *slots = slots_room(search);
	struct lb_error why;
	EFI_STATUS status = read_target(found, 0, slots, sizeof(*slots));
	int result;

	if (EFI_ERROR(status))
		return lb_fail(err, "its header cannot be read: %s", lb_status_text(status));
	result = lb_dump_header_choose(slots, &found->header, &why);
	if (result == 0) {
		lb_keys_forget(&found->header);
		found->has_header =
			memcmp(found->header.partuuid, lb_target_id(&found->target), LB_UUID_BYTES) == 0;
		found->waits = lb_dump_header_unsaved(&found->header);
		if (found->header.state != LB_DUMP_EMPTY)
			lb_brakes_count(found->header.arm_id);
		lb_previous_dump_show(&found->target, &found->header);
		if (found->waits && found->header.report_bytes &&
		    !(found->header.flags & LB_DUMP_FLAG_ENCRYPTED))
			show_report(search, found);
	} else if (result == LB_DUMP_UNREADABLE) {
		found->waits = true;
		lb_previous_dump_unreadable(&found->target, why.text);
	}
	return 0;
}

// Judges the disk, its controller and the partition's size. Fills `target` except for its name.
static int fits(const struct search *search, const struct wish *wish, const struct match *match,
		struct lb_target *target, struct lb_error *err)
{
	const EFI_BLOCK_IO_MEDIA *media = match->device.io->Media;

	target->block_bytes = media->BlockSize;
	target->first_block = match->partition.first;
	target->last_block = match->partition.last;
	memcpy(target->partuuid, match->partition.uuid, LB_UUID_BYTES);
	if (media->RemovableMedia)
		return lb_fail(err, "it is on a removable medium");
	if (media->ReadOnly)
		return lb_fail(err, "its disk is read-only");
	if (media->BlockSize != 512 && media->BlockSize != 4096)
		return lb_fail(err, "its disk has blocks of %u bytes, wanted 512 or 4096", media->BlockSize);
	if (wish->to.by == LB_DUMP_BY_FILE && lb_file_target_place(&wish->map, target, err) != 0)
		return -1;
	if (lb_blockdev_locate(&match->device, wish->to.by != LB_DUMP_BY_TYPE, target, err) != 0)
		return -1;
	if (lb_target_bytes(target) < PARTITION_MIN)
		return lb_fail(err, "it has %lu bytes, wanted a MiB at least",
			       (unsigned long)lb_target_bytes(target));
	return lb_pci_view_check(search->machine, target, err);
}

// Whether the headers may be written to their place.
static int judge_slots(const struct search *search, const struct match *match, const struct lb_target *target,
		       struct lb_error *err)
{
	const struct lb_dump_slots *slots = slots_room(search);

	if (lb_dump_header_in_every_slot(slots, lb_target_id(target)))
		return 0;
	if (target->extent_count)
		return lb_stamp_check(target->file_id, 0, slots, sizeof(*slots)) == sizeof(*slots)
			       ? 0
			       : lb_fail(err,
					 "where it begins are neither its stamps, nor whole headers that "
					 "Lifeboat made for it");
	if (memcmp(match->partition.type, our_type, sizeof(our_type)) != 0)
		return lb_fail(err, "neither is it of the type " LB_DUMP_TYPE_TEXT
				    ", nor has it whole headers that Lifeboat made for it");
	return 0;
}

// Checks everything that has to hold before a byte is written there. Reports a dump that waits there.
static int examine(const struct search *search, const struct wish *wish, const struct match *match,
		   struct lb_target_found *found, struct lb_error *err)
{
	if (fits(search, wish, match, &found->target, err) != 0)
		return -1;
	if (wish->to.by == LB_DUMP_BY_FILE && lb_file_target_is_there(&wish->to, &wish->map, err) != 0)
		return -1;
	if (read_header(search, found, err) != 0)
		return -1;
	return judge_slots(search, match, &found->target, err);
}

static void name_target(const struct wish *wish, const struct match *match, struct lb_target *target)
{
	char uuid[LB_UUID_TEXT];

	if (wish->to.by == LB_DUMP_BY_TYPE)
		lb_snprintf(target->name, sizeof(target->name), "PARTUUID=%s",
			    lb_uuid_format(match->partition.uuid, uuid));
	else if (wish->to.by == LB_DUMP_BY_FILE)
		lb_snprintf(target->name, sizeof(target->name), "FILE=%s", wish->map.host_path);
	else
		lb_snprintf(target->name, sizeof(target->name), "%s", wish->to.word);
}

// Takes the partition. False: it cannot be used, whatever lies on it.
static bool take(struct search *search, const struct wish *wish, const struct match *match)
{
	struct lb_target_found *found = &search->targets->found[search->targets->count];
	struct lb_error err;

	if (taken(search->targets, wish, match))
		return true;
	*found = (struct lb_target_found){.device = match->device};
	name_target(wish, match, &found->target);
	if (examine(search, wish, match, found, &err) != 0) {
		warn(wish, err.text);
		return false;
	}
	if (found->waits && (!search->options->overwrite || lb_brakes_in_a_row())) {
		warn(wish, search->options->overwrite
				   ? "it is kept for that dump: no boot has completed since"
				   : "it is kept for that dump, since --dump-overwrite was not given");
		search->targets->kept++;
		return true;
	}
	if (wish->to.by == LB_DUMP_BY_FILE &&
	    lb_file_target_stamped(&found->device, &found->target, &err) != 0) {
		warn(wish, err.text);
		return false;
	}
	if (found->waits)
		lb_print_warning("%s: arming this boot gives that dump up, as --dump-overwrite says",
				 found->target.name);
	search->targets->count++;
	return true;
}

// Whether this wish may go unserved, because another one can be served.
static bool is_optional(const struct search *search, const struct wish *wish)
{
	bool other_kept = false;

	for (uint32_t i = 0; i < search->wish_count; i++)
		other_kept |= search->wishes[i].kept;
	return wish->optional && !other_kept;
}

// Finds the wish's partition. A label, a UUID or a map has to name one partition only; of our type the
// first usable one is taken. False: no partition can serve the wish.
static bool resolve(struct search *search, const struct wish *wish)
{
	const bool by_type = wish->to.by == LB_DUMP_BY_TYPE;
	uint32_t before = search->targets->count, count = 0;
	struct match match = {0};
	bool served = false, left_out = false;

	for (UINTN i = 0; i < search->device_count; i++) {
		struct match one = {.device = search->devices[i]};
		struct lb_error foreign = {""};
		struct lb_gpt gpt;
		int result = read_gpt(search, &one.device, &gpt, &foreign);

		if (result == -1)
			continue;
		for (uint32_t j = 0; j < gpt.count; j++) {
			if (!lb_gpt_partition(&gpt, j, &one.partition) ||
			    !matches(wish, &gpt, &one.partition))
				continue;
			if (result != 0) {
				warn(wish, foreign.text);
				left_out = true;
				continue;
			}
			count++;
			match = one;
			if (by_type && search->targets->count == before)
				served |= take(search, wish, &one);
		}
	}
	if (!count && !left_out && !is_optional(search, wish))
		warn(wish, by_type ? "no disk with a GPT has a partition of the type " LB_DUMP_TYPE_TEXT
				   : "there is no such partition on a disk with a GPT");
	else if (!by_type && count > 1)
		warn(wish, "there is more than one such partition");
	else if (!by_type && count == 1)
		served = take(search, wish, &match);
	return served;
}

// Whether the partition is left out to keep its dump; another partition is looked for then. Prints nothing.
static bool is_kept_for_a_dump(const struct search *search, const struct lb_blockdev *device,
			       const struct lb_target *target)
{
	const struct lb_target_found found = {.device = *device, .target = *target};
	struct lb_dump_slots *slots = slots_room(search);
	struct lb_dump_header header;
	int result;

	// A dump in a file is never overwritten: the file's stamps are gone.
	if ((search->options->overwrite && !lb_brakes_in_a_row() && !target->extent_count) ||
	    EFI_ERROR(read_target(&found, 0, slots, sizeof(*slots))))
		return false;
	result = lb_dump_header_choose(slots, &header, NULL);
	return result == LB_DUMP_UNREADABLE || (result == 0 && lb_dump_header_unsaved(&header));
}

// Whether a partition on this device can serve the wish, by its disk, its size and what lies there. Prints
// no warning.
static bool serves(const struct search *search, const struct lb_blockdev *device, const struct lb_gpt *gpt,
		   struct wish *wish)
{
	struct match match = {.device = *device};
	struct lb_error err;

	for (uint32_t i = 0; i < gpt->count; i++) {
		struct lb_target target = {0};

		if (!lb_gpt_partition(gpt, i, &match.partition) || !matches(wish, gpt, &match.partition) ||
		    fits(search, wish, &match, &target, &err) != 0)
			continue;
		if (wish->to.by == LB_DUMP_BY_FILE)
			wish->kept |= is_kept_for_a_dump(search, device, &target);
		if (wish->to.by != LB_DUMP_BY_TYPE || !is_kept_for_a_dump(search, device, &target))
			return true;
	}
	return false;
}

static bool is_among(const struct lb_blockdev *devices, UINTN count, EFI_HANDLE handle)
{
	for (UINTN i = 0; i < count; i++) {
		if (devices[i].handle == handle)
			return true;
	}
	return false;
}

// Looks at the disks that are not among the `old` ones. True: each wish that is not optional has a
// partition that can serve it.
static bool all_seen(struct search *search, const struct lb_blockdev *old, UINTN old_count)
{
	bool all = true;

	for (UINTN i = 0; i < search->device_count; i++) {
		struct lb_blockdev *device = &search->devices[i];
		struct lb_error err;
		struct lb_gpt gpt;

		if (is_among(old, old_count, device->handle) || read_gpt(search, device, &gpt, &err) != 0)
			continue;
		for (uint32_t j = 0; j < search->wish_count; j++)
			search->wishes[j].seen |= serves(search, device, &gpt, &search->wishes[j]);
	}
	for (uint32_t j = 0; j < search->wish_count; j++) {
		const struct wish *wish = &search->wishes[j];

		all = all && (wish->seen || is_optional(search, wish) || !wish->usable);
	}
	return all;
}

// Firmware may drive only the disk that it boots from. It is made to drive one controller after the other,
// until all partitions are found.
static int list_devices(struct search *search, struct lb_error *err)
{
	LB_CLEANUP(lb_pool_free) struct lb_blockdev *old = NULL;
	struct lb_controllers controllers = {0};
	UINTN old_count = 0;
	int result;

	while ((result = lb_blockdev_list(&search->devices, &search->device_count, err)) == 0 &&
	       !all_seen(search, old, old_count) && lb_blockdev_connect_next(&controllers)) {
		lb_pool_free(&old);
		old = search->devices;
		old_count = search->device_count;
		search->devices = NULL;
	}
	lb_pool_free(&controllers.handles);
	return result;
}

// Makes a wish of a --dump-to; reads the map of a file. *ret_there: there is a map, whatever it holds.
static void make_wish(struct search *search, const struct lb_dump_to *to, bool *ret_there)
{
	struct wish *wish = &search->wishes[search->wish_count];
	struct lb_error err;

	*ret_there = true;
	wish->to = *to;
	wish->usable = to->by != LB_DUMP_BY_FILE || lb_file_target_map(to, ret_there, &wish->map, &err) == 0;
	search->wish_count++;
	if (!wish->usable && (*ret_there || search->options->to_count))
		warn(wish, err.text);
}

// Makes the wishes for no --dump-to: a partition of our type, and the file, if lifeboatctl has reserved
// one. Where there is a file without a dump, no controller is connected to look for a partition.
static void make_wishes(struct search *search)
{
	static const struct lb_dump_to automatic = {.by = LB_DUMP_BY_TYPE};
	static const struct lb_dump_to file = {.by = LB_DUMP_BY_FILE, .word = LB_DUMP_FILE_WORD};
	const struct lb_dump_options *options = search->options;
	bool there;

	for (uint32_t i = 0; i < options->to_count; i++)
		make_wish(search, &options->to[i], &there);
	if (options->to_count)
		return;
	make_wish(search, &automatic, &there);
	make_wish(search, &file, &there);
	search->wishes[0].optional = there;
	if (!there)
		search->wish_count--;
}

static void find_all(struct search *search)
{
	const struct lb_dump_options *options = search->options;

	search->targets->unmatched = NULL;
	for (uint32_t i = 0; i < search->wish_count; i++) {
		const struct wish *wish = &search->wishes[i];

		if (!(wish->usable && resolve(search, wish)) && options->to_count &&
		    !search->targets->unmatched)
			search->targets->unmatched = options->to[i].word;
	}
}

void lb_targets_find(const struct lb_dump_options *options, const struct lb_machine *machine,
		     struct lb_targets *ret_targets)
{
	struct search search = {.options = options, .machine = machine, .targets = ret_targets};
	EFI_PHYSICAL_ADDRESS room;
	struct lb_error err;

	*ret_targets = (struct lb_targets){.unmatched = options->to_count ? options->to[0].word : NULL};
	if (EFI_ERROR(BS->AllocatePages(AllocateAnyPages, EfiLoaderData, ROOM_PAGES, &room))) {
		lb_print_warning("firmware: no memory for a partition table");
		return;
	}
	search.room = (void *)(uintptr_t)room;
	make_wishes(&search);
	if (list_devices(&search, &err) != 0)
		lb_print_warning("%s", err.text);
	else
		find_all(&search);
	lb_pool_free(&search.devices);
	BS->FreePages(room, ROOM_PAGES);
}

uint32_t lb_targets_verdict(const struct lb_targets *targets)
{
	const struct lb_target_found *first = &targets->found[0];

	return targets->count && first->has_header ? first->header.selftest : LB_SELFTEST_NONE;
}

uint64_t lb_target_bytes(const struct lb_target *target)
{
	if (target->extent_count)
		return lb_extents_bytes(target->extents, target->extent_count);
	return (target->last_block - target->first_block + 1) * target->block_bytes;
}

void lb_targets_judge_size(const struct lb_targets *targets, uint64_t worst)
{
	char has[16], wanted[16];

	for (uint32_t i = 0; i < targets->count; i++) {
		const struct lb_target *target = &targets->found[i].target;

		// A file is meant to hold less than the worst dump.
		if (!target->extent_count && lb_target_bytes(target) < worst)
			lb_print_warning("%s: has %s; a dump that nothing can be left out of takes %s",
					 target->name,
					 lb_format_size(has, sizeof(has), lb_target_bytes(target)),
					 lb_format_size(wanted, sizeof(wanted), worst));
	}
}
