// SPDX-License-Identifier: BSD-2-Clause
#include "loader/keys.h"

#include <stddef.h>

#include "crash/crypt/age.h"
#include "crash/crypt/left_keys.h"
#include "crash/crypt/primitives.h"
#include "lib/mem.h"
#include "lifeboat/range.h"
#include "loader/firmware.h"
#include "loader/library.h"
#include "loader/memmap.h"
#include "loader/print.h"
#include "loader/random.h"

struct making {
	const struct lb_recipients *recipients;
	uint32_t targets;
	struct lb_crypt *keys;
	struct lb_random_seed seed;
	uint8_t state[LB_CRYPT_KEY]; // of the generator
	uint64_t calls;
	int result;
	struct lb_error *err;
};

// Each call derives its numbers with HKDF from the state and the call's number.
static void next_bytes(void *ctx, void *to, size_t bytes)
{
	struct making *making = ctx;

	making->calls++;
	lb_crypt_hkdf((struct lb_crypt_bytes){making->state, sizeof(making->state)},
		      (struct lb_crypt_bytes){&making->calls, sizeof(making->calls)}, "lifeboat keys", to,
		      bytes);
}

static void make(void *ctx)
{
	struct making *making = ctx;
	const struct lb_random random = {next_bytes, making};

	lb_crypt_hkdf((struct lb_crypt_bytes){&making->seed, sizeof(making->seed)},
		      (struct lb_crypt_bytes){making->keys->arm_id, sizeof(making->keys->arm_id)},
		      "lifeboat seed", making->state, sizeof(making->state));
	for (uint32_t i = 0; i < making->targets && making->result == 0; i++) {
		for (uint32_t part = 0; part < LB_CRYPT_PARTS && making->result == 0; part++)
			making->result = lb_age_make(making->recipients, &random,
						     &making->keys->files[i][part], making->err);
	}
}

int lb_keys_make(const struct lb_recipients *recipients, uint32_t targets, const uint8_t arm_id[16],
		 struct lb_crypt *keys, struct lb_error *err)
{
	struct making making = {.recipients = recipients, .targets = targets, .keys = keys, .err = err};

	if (lb_random_seed(&making.seed, err) != 0)
		return -1;
	memset(keys, 0, sizeof(*keys));
	keys->magic = LB_CRYPT_MAGIC;
	memcpy(keys->arm_id, arm_id, sizeof(keys->arm_id));
	keys->recipients = recipients->count;
	lb_library_run(make, &making);
	lb_crypt_wipe(&making.seed, sizeof(making.seed));
	lb_crypt_wipe(making.state, sizeof(making.state));
	if (making.result != 0)
		lb_crypt_wipe(keys, sizeof(*keys));
	return making.result;
}

// ---- Keys of an earlier boot ---------------------------------------------------

#define LOOKED_AT_MOST (4 * LB_GIB) // a forged mark could keep a boot busy for ever

// Wipes each page alone: the firmware may use one of them, and that page is left alone.
static void wipe_free(struct lb_range range)
{
	for (uint64_t at = lb_align_down(range.start, LB_PAGE); at < range.end; at += LB_PAGE) {
		const struct lb_range part = lb_range_intersect(range, (struct lb_range){at, at + LB_PAGE});
		EFI_PHYSICAL_ADDRESS page = at;

		if (EFI_ERROR(BS->AllocatePages(AllocateAddress, EfiLoaderData, 1, &page)))
			continue;
		lb_crypt_wipe((void *)(uintptr_t)part.start, lb_range_size(part));
		BS->FreePages(page, 1);
	}
}

static void tell_wiped(void)
{
	lb_print_verbose("lifeboat: the keys of an earlier arming were still in memory: wiped\n");
}

// Where the firmware uses the keys' first pages, nothing can be checked: the other pages are wiped all the
// same.
static void forget(const struct lb_memmap *memmap, const struct lb_dump_header *header)
{
	const uint64_t phys = header->keys_phys;
	const struct lb_crypt *keys = (const struct lb_crypt *)(uintptr_t)phys;
	const struct lb_range range = {phys, phys + sizeof(*keys)};
	const struct lb_range head = {lb_align_down(phys, LB_PAGE),
				      lb_align_up(phys + offsetof(struct lb_crypt, recipients), LB_PAGE)};

	if (!lb_memmap_free_range(memmap, head)) {
		wipe_free(range);
	} else if (keys->magic == LB_CRYPT_MAGIC &&
		   memcmp(keys->arm_id, header->arm_id, sizeof(keys->arm_id)) == 0) {
		wipe_free(range);
		tell_wiped();
	}
}

void lb_keys_forget(const struct lb_dump_header *header)
{
	const uint64_t phys = header->keys_phys;
	struct lb_memmap memmap = {NULL, 0};
	struct lb_error ignored;

	if (!phys || !lb_aligned(phys, sizeof(uint64_t)) || header->keys_bytes != sizeof(struct lb_crypt) ||
	    phys > UINT64_MAX - sizeof(struct lb_crypt) - LB_PAGE)
		return;
	if (lb_memmap_read(&memmap, &ignored) == 0)
		forget(&memmap, header);
	lb_memmap_free(&memmap);
}

// Looks for keys in `range`, all of which is free memory.
static void look(struct lb_range range)
{
	const void *memory = (const void *)(uintptr_t)range.start;
	const uint64_t bytes = lb_range_size(range);

	for (uint64_t at = 0; (at = lb_left_keys_find(memory, bytes, at)) < bytes; at += sizeof(uint64_t)) {
		wipe_free((struct lb_range){range.start + at, range.start + at + sizeof(struct lb_crypt)});
		tell_wiped();
	}
}

static void look_in_free(const struct lb_memmap *memmap, struct lb_range range)
{
	if (lb_range_size(range) > LOOKED_AT_MOST)
		return;
	for (uint32_t i = 0; i < memmap->count; i++) {
		const struct lb_uefi_range *one = &memmap->ranges[i];
		const struct lb_range part = {one->phys, one->phys + one->pages * LB_PAGE};

		if (one->type == EfiConventionalMemory)
			look(lb_range_intersect(part, range));
	}
}

void lb_keys_forget_proved(const struct lb_trial *mark)
{
	struct lb_memmap memmap = {NULL, 0};
	struct lb_error ignored;

	if (lb_memmap_read(&memmap, &ignored) == 0) {
		look_in_free(&memmap, mark->crash);
		look_in_free(&memmap, mark->crash_low);
	}
	lb_memmap_free(&memmap);
}
