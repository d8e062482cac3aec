// SPDX-License-Identifier: BSD-2-Clause
#include "crash/place.h"

#define REGION_STEP (2 * LB_MIB)
#define REGION_MIN (16 * LB_MIB)

static bool crosses_gib(struct lb_range range)
{
	return range.start / LB_GIB != (range.end - 1) / LB_GIB;
}

// The part of one entry in which the region may lie, on 2 MiB at both ends.
static struct lb_range usable_part(const struct boot_e820_entry *entry,
				   const struct lb_place_request *request)
{
	struct lb_range limits = {request->min, request->max};
	struct lb_range ram = {entry->addr, entry->addr + entry->size};
	struct lb_range part = {0, 0};

	if (entry->type != LB_E820_RAM)
		return part;
	part = lb_range_intersect(ram, limits);
	if (!lb_align_up_checked(part.start, REGION_STEP, &part.start))
		part.start = part.end;
	part.end = lb_align_down(part.end, REGION_STEP);
	if (part.end < part.start)
		part.end = part.start;
	return part;
}

// `refused` counts places that are RAM but that `usable` turned down.
struct search {
	const struct lb_place_request *request;
	lb_place_usable *usable;
	void *ctx;
	uint64_t refused;
};

static bool try_candidate(struct search *search, struct lb_range candidate)
{
	if (!search->usable || search->usable(search->ctx, candidate))
		return true;
	search->refused++;
	return false;
}

static bool find_in(struct search *search, struct lb_range part, bool may_cross, struct lb_range *ret_region)
{
	uint64_t bytes = search->request->bytes;
	uint64_t align = search->request->align;

	if (lb_range_size(part) < bytes)
		return false;
	for (uint64_t start = lb_align_down(part.end - bytes, align); start >= part.start; start -= align) {
		struct lb_range candidate = {start, start + bytes};

		if ((may_cross || !crosses_gib(candidate)) && try_candidate(search, candidate)) {
			*ret_region = candidate;
			return true;
		}
		if (start < align)
			break;
	}
	return false;
}

static bool find(struct search *search, const struct lb_e820 *map, bool may_cross,
		 struct lb_range *ret_region)
{
	for (uint32_t i = map->count; i > 0; i--) {
		struct lb_range part = usable_part(&map->entries[i - 1], search->request);

		if (find_in(search, part, may_cross, ret_region))
			return true;
	}
	return false;
}

static struct lb_range largest_part(const struct lb_e820 *map, const struct lb_place_request *request)
{
	struct lb_range largest = {0, 0};

	for (uint32_t i = 0; i < map->count; i++) {
		struct lb_range part = usable_part(&map->entries[i], request);

		if (lb_range_size(part) > lb_range_size(largest))
			largest = part;
	}
	return largest;
}

static int check_request(const struct lb_place_request *request, struct lb_error *err)
{
	uint64_t end;

	if (request->bytes == 0 || !lb_aligned(request->bytes, REGION_STEP))
		return lb_fail(err, "crash region: a size of 0x%lx was asked for, wanted a multiple of 2 MiB",
			       request->bytes);
	if (request->align < REGION_STEP || !lb_aligned(request->align, request->align))
		return lb_fail(
			err,
			"crash region: an alignment of 0x%lx was asked for, wanted a power of two of at "
			"least 2 MiB",
			request->align);
	if (request->min < REGION_MIN)
		return lb_fail(err,
			       "crash region: a lowest address of 0x%lx was asked for, wanted 16 MiB or more",
			       request->min);
	if (request->offset == 0)
		return 0;
	if (!lb_aligned(request->offset, request->align))
		return lb_fail(err, "crash region: the place 0x%lx is not a multiple of 0x%lx",
			       request->offset, request->align);
	if (__builtin_add_overflow(request->offset, request->bytes, &end) || request->offset < request->min ||
	    end > request->max)
		return lb_fail(err, "crash region: 0x%lx bytes at 0x%lx do not lie between 0x%lx and 0x%lx",
			       request->bytes, request->offset, request->min, request->max);
	return 0;
}

static int place_at_offset(struct search *search, const struct lb_e820 *map, struct lb_range *ret_region,
			   struct lb_error *err)
{
	uint64_t offset = search->request->offset;
	struct lb_range wanted = {offset, offset + search->request->bytes};

	if (!lb_e820_all(map, wanted, LB_E820_RAM))
		return lb_fail(err, "crash region: 0x%lx-0x%lx was asked for, but it is not all RAM",
			       wanted.start, wanted.end);
	if (!try_candidate(search, wanted))
		return lb_fail(err,
			       "crash region: 0x%lx-0x%lx was asked for, but the firmware uses a part of it",
			       wanted.start, wanted.end);
	*ret_region = wanted;
	return 0;
}

static int fail_no_place(const struct search *search, const struct lb_e820 *map, struct lb_error *err)
{
	const struct lb_place_request *request = search->request;
	struct lb_range largest = largest_part(map, request);
	char wanted[16], has[16];

	lb_format_size(wanted, sizeof(wanted), request->bytes);
	lb_format_size(has, sizeof(has), lb_range_size(largest));
	if (search->refused)
		return lb_fail(
			err,
			"crash region: no free place for %s, aligned to 0x%lx, between 0x%lx and 0x%lx; "
			"the largest RAM area is %s at 0x%lx, the firmware uses a part of each of %lu places",
			wanted, request->align, request->min, request->max, has, largest.start,
			search->refused);
	return lb_fail(
		err,
		"crash region: no place for %s, aligned to 0x%lx, between 0x%lx and 0x%lx; the largest "
		"RAM area there is %s at 0x%lx",
		wanted, request->align, request->min, request->max, has, largest.start);
}

int lb_place(const struct lb_e820 *map, const struct lb_place_request *request, lb_place_usable *usable,
	     void *ctx, struct lb_range *ret_region, struct lb_error *err)
{
	struct search search = {request, usable, ctx, 0};

	if (check_request(request, err))
		return -1;
	if (request->offset)
		return place_at_offset(&search, map, ret_region, err);
	// Within one GiB the region takes one page directory, across two it takes two.
	if (request->bytes < LB_GIB && find(&search, map, false, ret_region))
		return 0;
	search.refused = 0;
	if (find(&search, map, true, ret_region))
		return 0;
	return fail_no_place(&search, map, err);
}
