// SPDX-License-Identifier: BSD-2-Clause
#include "crash/plan/place.h"

#include "lifeboat/x86.h"

static bool crosses_gib(struct lb_range range)
{
	return range.start / LB_GIB != (range.end - 1) / LB_GIB;
}

// A walk, from the top down, over the places that the map, the limits and the avoided ranges leave.
struct holes {
	const struct lb_e820 *map;
	const struct lb_place_request *request;
	uint32_t index; // entries not looked at yet
	struct lb_range left; // the part of the current entry that was not walked yet
};

static struct holes all_holes(const struct lb_e820 *map, const struct lb_place_request *request)
{
	return (struct holes){.map = map, .request = request, .index = map->count};
}

// False: no entry is left.
static bool next_entry(struct holes *holes)
{
	const struct lb_range limits = {holes->request->min, holes->request->max};

	while (holes->index > 0) {
		const struct boot_e820_entry *entry = &holes->map->entries[--holes->index];
		struct lb_range ram = lb_e820_range(entry);

		holes->left = lb_range_intersect(ram, limits);
		if (entry->type == LB_E820_RAM && !lb_range_empty(holes->left))
			return true;
	}
	holes->left = (struct lb_range){0, 0};
	return false;
}

// The avoided range that reaches highest into `range`; NULL: none does.
static const struct lb_range *highest_avoided(const struct lb_place_request *request, struct lb_range range)
{
	const struct lb_range *highest = NULL;

	for (uint32_t i = 0; i < request->avoid_count; i++) {
		const struct lb_range *avoid = &request->avoid[i];

		if (!lb_range_empty(*avoid) && lb_range_overlaps(*avoid, range) &&
		    (!highest || avoid->end > highest->end))
			highest = avoid;
	}
	return highest;
}

// The next hole below, on 2 MiB at both ends; may be empty. False: there is none left.
static bool next_hole(struct holes *holes, struct lb_range *ret_hole)
{
	const struct lb_range *avoid;
	struct lb_range hole;

	if (lb_range_empty(holes->left) && !next_entry(holes))
		return false;
	hole = holes->left;
	avoid = highest_avoided(holes->request, hole);
	holes->left.end = hole.start;
	if (avoid) {
		holes->left.end = avoid->start > hole.start ? avoid->start : hole.start;
		hole.start = avoid->end < hole.end ? avoid->end : hole.end;
	}
	if (!lb_align_up_checked(hole.start, LB_REGION_STEP, &hole.start))
		hole.start = hole.end;
	hole.end = lb_align_down(hole.end, LB_REGION_STEP);
	if (hole.end < hole.start)
		hole.end = hole.start;
	*ret_hole = hole;
	return true;
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

static bool find_in(struct search *search, struct lb_range hole, bool may_cross, struct lb_range *ret_region)
{
	uint64_t bytes = search->request->bytes;
	uint64_t align = search->request->align;

	if (lb_range_size(hole) < bytes)
		return false;
	for (uint64_t start = lb_align_down(hole.end - bytes, align); start >= hole.start; start -= align) {
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
	struct holes holes = all_holes(map, search->request);
	struct lb_range hole;

	while (next_hole(&holes, &hole)) {
		if (find_in(search, hole, may_cross, ret_region))
			return true;
	}
	return false;
}

// Finds the largest hole; of two of one size the lower one.
static struct lb_range largest_hole(const struct lb_e820 *map, const struct lb_place_request *request)
{
	struct holes holes = all_holes(map, request);
	struct lb_range largest = {0, 0};
	struct lb_range hole;

	while (next_hole(&holes, &hole)) {
		if (!lb_range_empty(hole) && lb_range_size(hole) >= lb_range_size(largest))
			largest = hole;
	}
	return largest;
}

static int check_request(const struct lb_place_request *request, struct lb_error *err)
{
	uint64_t end;

	if (request->bytes == 0 || !lb_aligned(request->bytes, LB_REGION_STEP))
		return lb_fail(err, "crash region: a size of 0x%lx was asked for, wanted a multiple of 2 MiB",
			       request->bytes);
	if (request->align < LB_REGION_STEP || !lb_aligned(request->align, request->align))
		return lb_fail(
			err,
			"crash region: an alignment of 0x%lx was asked for, wanted a power of two of at "
			"least 2 MiB",
			request->align);
	if (request->min < LB_REGION_MIN)
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
	const struct lb_range *avoid;

	if (!lb_e820_all(map, wanted, LB_E820_RAM))
		return lb_fail(err, "crash region: 0x%lx-0x%lx was asked for, but it is not all RAM",
			       wanted.start, wanted.end);
	avoid = highest_avoided(search->request, wanted);
	if (avoid)
		return lb_fail(err,
			       "crash region: 0x%lx-0x%lx was asked for, but 0x%lx-0x%lx is hot-pluggable, "
			       "non-volatile or taken",
			       wanted.start, wanted.end, avoid->start, avoid->end);
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
	struct lb_range largest = largest_hole(map, request);
	char wanted[16], has[16];
	char why[80] = "";

	lb_format_size(wanted, sizeof(wanted), request->bytes);
	lb_format_size(has, sizeof(has), lb_range_size(largest));
	if (search->refused)
		lb_snprintf(why, sizeof(why), ", the firmware uses a part of each of %lu places",
			    search->refused);
	else if (request->avoid_count)
		lb_snprintf(why, sizeof(why), ", %u hot-pluggable, non-volatile or taken ranges left out",
			    request->avoid_count);
	return lb_fail(
		err,
		"crash region: no place for %s, aligned to 0x%lx, between 0x%lx and 0x%lx; the largest "
		"RAM area there is %s at 0x%lx%s",
		wanted, request->align, request->min, request->max, has, largest.start, why);
}

int lb_place(const struct lb_e820 *map, const struct lb_place_request *request, lb_place_usable *usable,
	     void *ctx, struct lb_range *ret_region, struct lb_error *err)
{
	struct search search = {request, usable, ctx, 0};

	if (check_request(request, err) != 0)
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

int lb_place_by_reach(const struct lb_e820 *map, struct lb_place_request request, lb_place_usable *usable,
		      void *ctx, struct lb_range *ret_region, struct lb_error *err)
{
	// Every device reaches memory below 4 GiB. Memory below 512 GiB shares the low 1 MiB's PDPT. The
	// 4-level root, which is always built, ends at 1 << 47.
	static const uint64_t limits[] = {LB_4GIB, X86_PDPT_BYTES, X86_END_OF_4LEVEL};
	const size_t top = sizeof(limits) / sizeof(limits[0]) - 1;
	const size_t last = request.reach == LB_PLACE_BELOW_4GIB ? 0 : top;

	for (size_t i = request.reach == LB_PLACE_HIGHEST ? last : 0;; i++) {
		request.max = limits[i];
		if (lb_place(map, &request, usable, ctx, ret_region, err) == 0)
			return 0;
		if (i == last || !lb_e820_ram(map, (struct lb_range){limits[i], X86_END_OF_4LEVEL}))
			return -1;
	}
}
