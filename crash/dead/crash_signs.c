// SPDX-License-Identifier: BSD-2-Clause
#include "crash/dead/crash_signs.h"

#include "lib/format.h"
#include "lib/mem.h"

// Those of scripts/capture/lib/vmcore.sh, too: tests/vm/test_capture_scripts.py compares them. None
// is longer than half a tail.
static const char words[][32] = {"Kernel panic", "Oops", "BUG: ", "sysrq: Trigger a crash",
				 "general protection fault"};
#define WORDS (sizeof(words) / sizeof(words[0]))

static bool has_sign(const char *text, size_t bytes)
{
	for (size_t at = 0; at < bytes; at++) {
		for (size_t i = 0; i < WORDS; i++) {
			size_t length = lb_strlen(words[i]);

			if (text[at] == words[i][0] && length <= bytes - at &&
			    memcmp(text + at, words[i], length) == 0)
				return true;
		}
	}
	return false;
}

// What lies across the boundary of two pieces is seen in the last bytes of one and the first
// of the next, put together.
void lb_crash_signs_add(struct lb_crash_signs *signs, const char *text, size_t bytes)
{
	const size_t half = sizeof(signs->tail) / 2;
	size_t first = bytes < half ? bytes : half, last;

	memcpy(signs->tail + signs->tail_bytes, text, first);
	signs->found =
		signs->found || has_sign(signs->tail, signs->tail_bytes + first) || has_sign(text, bytes);

	last = signs->tail_bytes + first;
	if (bytes >= half) {
		memcpy(signs->tail, text + bytes - half, half);
		signs->tail_bytes = half;
	} else if (last > half) {
		memmove(signs->tail, signs->tail + last - half, half);
		signs->tail_bytes = half;
	} else {
		signs->tail_bytes = last;
	}
}
