// SPDX-License-Identifier: BSD-2-Clause
#include "loader/target.h"

#include "crash/disk/dump_header.h"
#include "crash/disk/gpt.h"
#include "lib/mem.h"
#include "loader/brakes.h"
#include "loader/keys.h"
#include "loader/pci_view.h"
#include "loader/previous_dump.h"
#include "loader/print.h"

// The header, and room for a log at the very least.
#define PARTITION_MIN LB_MIB

static const uint8_t our_type[LB_UUID_BYTES] = LB_DUMP_TYPE_GUID;

// One partition that a --dump-to names.
struct match {
	struct lb_blockdev device;
	struct lb_gpt_partition partition;
};

struct search {
	const struct lb_dump_options *options;
	const struct lb_machine *machine;
	struct lb_blockdev *devices; // pool
	bool seen[LB_MAX_TARGETS]; // by --dump-to: there is a partition that can serve it
	UINTN device_count;
	void *room; // LB_GPT_ROOM bytes, struct lb_dump_slots, LB_DUMP_REPORT_MAX bytes; pages
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

// -1: no GPT on it, as on most sticks, or none that can be read. LB_GPT_FOREIGN as there.
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

static bool matches(const struct lb_dump_to *to, const struct lb_gpt_partition *partition)
{
	switch (to->by) {
	case LB_DUMP_BY_LABEL:
		return lb_strcmp(partition->name, lb_dump_to_label(to)) == 0;
	case LB_DUMP_BY_UUID:
		return memcmp(partition->uuid, to->uuid, sizeof(to->uuid)) == 0;
	default:
		return memcmp(partition->type, our_type, sizeof(our_type)) == 0;
	}
}

static void warn(const struct lb_dump_to *to, const char *why)
{
	lb_print_warning("--dump-to %s: %s; left out", to->word[0] ? to->word : "auto", why);
}

static bool taken(const struct lb_targets *targets, const struct match *match)
{
	for (uint32_t i = 0; i < targets->count; i++) {
		if (targets->found[i].device.handle == match->device.handle &&
		    targets->found[i].target.first_block == match->partition.first)
			return true;
	}
	return false;
}

// Where the header says that it is, within what a report may be.
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
	status = lb_blockdev_read(&found->device,
				  found->target.first_block + offset / found->target.block_bytes, text,
				  lb_align_up(bytes, LB_DUMP_BLOCK));
	lb_previous_dump_report(header, EFI_ERROR(status) ? NULL : text, lb_status_text(status));
}

// Reads the partition's first bytes, and says what is there.
static int read_header(const struct search *search, struct lb_target_found *found, struct lb_error *err)
{
	struct lb_dump_slots *slots = slots_room(search);
	struct lb_error why;
	EFI_STATUS status =
		lb_blockdev_read(&found->device, found->target.first_block, slots, sizeof(*slots));
	int result;

	if (EFI_ERROR(status))
		return lb_fail(err, "its header cannot be read: %s", lb_status_text(status));
	result = lb_dump_header_choose(slots, &found->header, &why);
	if (result == 0) {
		lb_keys_forget(&found->header);
		found->has_header =
			memcmp(found->header.partuuid, found->target.partuuid, LB_UUID_BYTES) == 0;
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

// What of the disk, its controller and the partition's size has to hold. Fills `target` but for its name.
static int fits(const struct search *search, const struct lb_dump_to *to, const struct match *match,
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
	if (lb_blockdev_locate(&match->device, to->by != LB_DUMP_BY_TYPE, target, err) != 0)
		return -1;
	if (lb_target_bytes(target) < PARTITION_MIN)
		return lb_fail(err, "it has %lu bytes, wanted a MiB at least",
			       (unsigned long)lb_target_bytes(target));
	return lb_pci_view_check(search->machine, target, err);
}

// Everything that has to hold before a byte is written there. Says what waits there.
static int examine(const struct search *search, const struct lb_dump_to *to, const struct match *match,
		   struct lb_target_found *found, struct lb_error *err)
{
	const struct lb_target *target = &found->target;

	if (fits(search, to, match, &found->target, err) != 0)
		return -1;
	if (read_header(search, found, err) != 0)
		return -1;
	if (!lb_dump_header_in_every_slot(slots_room(search), target->partuuid) &&
	    memcmp(match->partition.type, our_type, sizeof(our_type)) != 0)
		return lb_fail(err, "neither is it of the type " LB_DUMP_TYPE_TEXT
				    ", nor has it whole headers that Lifeboat made for it");
	return 0;
}

// False: the partition cannot be used, whatever lies on it.
static bool take(struct search *search, const struct lb_dump_to *to, const struct match *match)
{
	struct lb_target_found *found = &search->targets->found[search->targets->count];
	char uuid[LB_UUID_TEXT];
	struct lb_error err;

	if (taken(search->targets, match))
		return true;
	*found = (struct lb_target_found){.device = match->device};
	if (to->by == LB_DUMP_BY_TYPE)
		lb_snprintf(found->target.name, sizeof(found->target.name), "PARTUUID=%s",
			    lb_uuid_format(match->partition.uuid, uuid));
	else
		lb_snprintf(found->target.name, sizeof(found->target.name), "%s", to->word);
	if (examine(search, to, match, found, &err) != 0) {
		warn(to, err.text);
		return false;
	}
	if (found->waits && (!search->options->overwrite || lb_brakes_in_a_row())) {
		warn(to, search->options->overwrite
				 ? "it is kept for that dump: no boot has completed since"
				 : "it is kept for that dump, since --dump-overwrite was not given");
		search->targets->kept++;
		return true;
	}
	if (found->waits)
		lb_print_warning("%s: arming this boot gives that dump up, as --dump-overwrite says",
				 found->target.name);
	search->targets->count++;
	return true;
}

// A label or a UUID may name one partition only. Of our type the first usable one is taken.
// False: no partition can serve `to`.
static bool resolve(struct search *search, const struct lb_dump_to *to)
{
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
			if (!lb_gpt_partition(&gpt, j, &one.partition) || !matches(to, &one.partition))
				continue;
			if (result != 0) {
				warn(to, foreign.text);
				left_out = true;
				continue;
			}
			count++;
			match = one;
			if (to->by == LB_DUMP_BY_TYPE && search->targets->count == before)
				served |= take(search, to, &one);
		}
	}
	if (!count && !left_out)
		warn(to, to->by == LB_DUMP_BY_TYPE
				 ? "no disk with a GPT has a partition of the type " LB_DUMP_TYPE_TEXT
				 : "there is no such partition on a disk with a GPT");
	else if (to->by != LB_DUMP_BY_TYPE && count > 1)
		warn(to, "there is more than one such partition");
	else if (to->by != LB_DUMP_BY_TYPE && count == 1)
		served = take(search, to, &match);
	return served;
}

static const struct lb_dump_to automatic = {.by = LB_DUMP_BY_TYPE};

// A dump that stays: of our type another partition is looked for then. Says nothing of it.
static bool is_kept_for_a_dump(const struct search *search, const struct match *match)
{
	struct lb_dump_slots *slots = slots_room(search);
	struct lb_dump_header header;
	int result;

	if ((search->options->overwrite && !lb_brakes_in_a_row()) ||
	    EFI_ERROR(lb_blockdev_read(&match->device, match->partition.first, slots, sizeof(*slots))))
		return false;
	result = lb_dump_header_choose(slots, &header, NULL);
	return result == LB_DUMP_UNREADABLE || (result == 0 && lb_dump_header_unsaved(&header));
}

// Is there a partition on it that can serve `to`, as far as its disk, its size and what lies there go? Warns of nothing.
static bool serves(const struct search *search, const struct lb_blockdev *device, const struct lb_gpt *gpt,
		   const struct lb_dump_to *to)
{
	struct match match = {.device = *device};
	struct lb_target target = {0};
	struct lb_error err;

	for (uint32_t i = 0; i < gpt->count; i++) {
		if (lb_gpt_partition(gpt, i, &match.partition) && matches(to, &match.partition) &&
		    fits(search, to, &match, &target, &err) == 0 &&
		    (to->by != LB_DUMP_BY_TYPE || !is_kept_for_a_dump(search, &match)))
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

// Looks at the disks that are not among the `old` ones. True: each --dump-to has a partition that can serve it.
static bool all_seen(struct search *search, const struct lb_blockdev *old, UINTN old_count)
{
	const struct lb_dump_options *options = search->options;
	const struct lb_dump_to *to = options->to_count ? options->to : &automatic;
	uint32_t count = options->to_count ? options->to_count : 1, found = 0;

	for (UINTN i = 0; i < search->device_count; i++) {
		struct lb_blockdev *device = &search->devices[i];
		struct lb_error err;
		struct lb_gpt gpt;

		if (is_among(old, old_count, device->handle) || read_gpt(search, device, &gpt, &err) != 0)
			continue;
		for (uint32_t j = 0; j < count; j++)
			search->seen[j] |= serves(search, device, &gpt, &to[j]);
	}
	for (uint32_t j = 0; j < count; j++)
		found += search->seen[j];
	return found == count;
}

// Firmware drives what it boots from, and perhaps no more: it is made to drive one controller
// after the other, until all partitions are there.
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

static void find_all(struct search *search)
{
	const struct lb_dump_options *options = search->options;

	search->targets->unmatched = NULL;
	for (uint32_t i = 0; i < options->to_count; i++) {
		if (!resolve(search, &options->to[i]) && !search->targets->unmatched)
			search->targets->unmatched = options->to[i].word;
	}
	if (!options->to_count)
		resolve(search, &automatic);
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
	return (target->last_block - target->first_block + 1) * target->block_bytes;
}

void lb_targets_judge_size(const struct lb_targets *targets, uint64_t worst)
{
	char has[16], wanted[16];

	for (uint32_t i = 0; i < targets->count; i++) {
		const struct lb_target *target = &targets->found[i].target;

		if (lb_target_bytes(target) < worst)
			lb_print_warning("%s: has %s; a dump that nothing can be left out of takes %s",
					 target->name,
					 lb_format_size(has, sizeof(has), lb_target_bytes(target)),
					 lb_format_size(wanted, sizeof(wanted), worst));
	}
}
