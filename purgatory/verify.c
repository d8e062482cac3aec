// SPDX-License-Identifier: BSD-2-Clause
// Checks whether crash memory is what it was when armed.
//
// Uses the SHA extensions where the CPU has them. The hook has left CR0.EM and CR0.TS clear and CR4.OSFXSR
// set (CR0_RUN, CR4_RUN); lb_jump() clears OSFXSR again. This destroys the dead CPU's XMM registers. No
// note of ours carries them: NT_PRSTATUS has only general registers, and the kernel keeps a task's vector
// state in its task_struct, which is in the dump. No trap handler touches XMM: every other object is built
// for general registers only.
#include "lib/mem.h"
#include "lib/sha256.h"
#include "purgatory/purgatory.h"

bool lb_verify_handoff(const struct lb_handoff *handoff)
{
	uint8_t digest[LB_SHA256_BYTES];

	if (handoff->magic != LB_HANDOFF_MAGIC || handoff->version != LB_HANDOFF_VERSION ||
	    handoff->bytes != sizeof(*handoff) || handoff->self != (uint64_t)(uintptr_t)handoff)
		return false;
	lb_sha256(handoff, LB_HANDOFF_SEALED_BYTES, digest);
	return memcmp(digest, handoff->sha256, sizeof(digest)) == 0 &&
	       handoff->segment_count <= LB_MAX_SEGMENTS;
}

// Returns the number, from 1, of the first segment that differs; 0: all are intact.
uint32_t lb_verify_segments(const struct lb_handoff *handoff)
{
	lb_say("SHA-256 %s", lb_sha256_best() == LB_SHA256_NI ? "by SHA-NI" : "in plain C");
	for (uint32_t i = 0; i < handoff->segment_count; i++) {
		const struct lb_segment *segment = &handoff->segments[i];
		uint8_t digest[LB_SHA256_BYTES];

		lb_sha256((const void *)(uintptr_t)segment->phys, segment->bytes, digest);
		if (memcmp(digest, segment->sha256, sizeof(digest)) != 0)
			return i + 1;
	}
	return 0;
}
