// SPDX-License-Identifier: BSD-2-Clause
#include "loader/keys.h"

#include "crash/crypt/age.h"
#include "crash/crypt/primitives.h"
#include "lib/mem.h"
#include "lifeboat/range.h"
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

// Each call's numbers are HKDF's of the state and the call's number.
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

// Memory that nobody has. Where the firmware uses it now, nothing is left of them.
static bool is_free(struct lb_range range)
{
	struct lb_memmap memmap = {NULL, 0};
	struct lb_error ignored;
	const bool result = lb_memmap_read(&memmap, &ignored) == 0 && lb_memmap_free_range(&memmap, range);

	lb_memmap_free(&memmap);
	return result;
}

void lb_keys_forget(const struct lb_dump_header *header)
{
	const uint64_t phys = header->keys_phys;
	struct lb_crypt *keys = (struct lb_crypt *)(uintptr_t)phys;

	if (!phys || !lb_aligned(phys, sizeof(uint64_t)) || header->keys_bytes != sizeof(*keys) ||
	    phys > UINT64_MAX - sizeof(*keys) - LB_PAGE)
		return;
	if (!is_free((struct lb_range){lb_align_down(phys, LB_PAGE),
				       lb_align_up(phys + sizeof(*keys), LB_PAGE)}) ||
	    keys->magic != LB_CRYPT_MAGIC || memcmp(keys->arm_id, header->arm_id, sizeof(keys->arm_id)) != 0)
		return;
	lb_crypt_wipe(keys, sizeof(*keys));
	lb_print_verbose("lifeboat: the keys of an earlier arming were still in memory: wiped\n");
}
