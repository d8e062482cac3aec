// SPDX-License-Identifier: BSD-2-Clause
// A set of page frames in memory of a fixed size. Ranges of frames are added in any order, then frames are
// asked for in ascending order. A full set leaves out later ranges.
#ifndef LIFEBOAT_CRASH_DEAD_FRAME_SET_H
#define LIFEBOAT_CRASH_DEAD_FRAME_SET_H

#include <stdbool.h>
#include <stdint.h>

struct lb_frame_set {
	uint64_t *ranges; // the caller's: first frame and number of frames in a word
	uint64_t capacity, count;
	uint64_t at; // the first range that does not end before what was asked for last
	bool tight; // merging gives no more room
	bool full; // something was left out
};

// Opens a set in `memory`, of `bytes`, which must outlive the set.
void lb_frame_set_open(struct lb_frame_set *set, void *memory, uint64_t bytes);
void lb_frame_set_add(struct lb_frame_set *set, uint64_t first, uint64_t frames);
// Closes the set: nothing is added any more.
void lb_frame_set_close(struct lb_frame_set *set);
void lb_frame_set_rewind(struct lb_frame_set *set);
// Is the frame in the set? Calls since lb_frame_set_close() or lb_frame_set_rewind() ask for ascending
// frames.
bool lb_frame_set_has(struct lb_frame_set *set, uint64_t frame);

#endif
