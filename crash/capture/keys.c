// SPDX-License-Identifier: BSD-2-Clause
// The keys of an encrypted dump: finding and wiping them.
#include "crash/bare/bare.h"
#include "crash/capture/capture.h"
#include "crash/crypt/primitives.h"
#include "lib/mem.h"

static struct lb_crypt *keys;

static void wipe(void)
{
	lb_crypt_wipe(keys, sizeof(*keys));
}

// The purgatory has checked a digest of the configuration and of the keys behind it.
bool lb_keys_open(struct lb_run *run)
{
	const struct lb_capture_config *capture = run->capture;
	struct lb_crypt *crypt = (struct lb_crypt *)(uintptr_t)capture->crypt;

	if (capture->crypt != lb_align_up(run->handoff->capture + sizeof(*capture), sizeof(uint64_t)) ||
	    crypt->magic != LB_CRYPT_MAGIC || !crypt->recipients || crypt->recipients > LB_MAX_RECIPIENTS ||
	    memcmp(crypt->arm_id, capture->arm_id, sizeof(crypt->arm_id)) != 0)
		return false;
	keys = crypt;
	lb_trap_at_end(wipe);
	run->crypt = crypt;
	return true;
}
