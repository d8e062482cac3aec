// SPDX-License-Identifier: BSD-2-Clause
// printk's ring buffer, record by record. Private to dmesg.c.
//
// Descriptors and their infos are two arrays of 2^count_bits, indexed by a record's id;
// from tail to head the ids are in order. A descriptor's state word has the state in its
// two upper bits and the id it stands for in the others. Texts lie in a ring of 2^size_bits
// bytes; a descriptor names its block by two positions that only ever grow, of which the
// lower bits are the index. A block does not wrap: what would begin too near the end lies at
// index 0, with its begin left where the free room was. A block begins with its id.
// Source: kernel/printk/printk_ringbuffer.[ch] of 5.10 to 7.0.
#ifndef LIFEBOAT_CRASH_DEAD_PRB_H
#define LIFEBOAT_CRASH_DEAD_PRB_H

#include "crash/dead/deadmem.h"
#include "lib/format.h"

#define LB_PRB_NONE UINT64_MAX

// Offsets and sizes out of VMCOREINFO.
struct lb_prb_layout {
	uint64_t prb; // virtual address of the pointer `prb`
	uint64_t ring_bytes, ring_descs, ring_text; // printk_ringbuffer
	uint64_t count_bits, descs, infos, head_id, tail_id; // prb_desc_ring
	uint64_t desc_bytes, desc_state, desc_lpos; // prb_desc
	uint64_t lpos_begin, lpos_next; // prb_data_blk_lpos
	uint64_t info_bytes, info_time, info_text_len; // printk_info
	uint64_t info_caller; // its caller_id; LB_PRB_NONE: VMCOREINFO does not say where
	uint64_t size_bits, data; // prb_data_ring
	uint64_t counter; // atomic_long_t
};

struct lb_prb {
	struct lb_prb_layout layout;
	struct lb_deadmem mem;
	uint64_t descs, infos, data; // virtual
	uint64_t count, data_bytes; // powers of two
	uint64_t next_id, left; // of the records not looked at yet
	uint64_t before_gap, gap; // ids to look at, then such as are passed over
};

struct lb_prb_record {
	uint64_t nanoseconds;
	uint64_t text; // virtual; text_bytes from there do not wrap
	uint32_t text_bytes;
	uint32_t caller; // a thread's id, or with LB_PRB_CPU a CPU's number; 0 without info_caller
};
#define LB_PRB_CPU (1U << 31)

// Opens `prb`, which must not be moved afterwards. When this fails, the error names the key or the field.
int lb_prb_open(struct lb_prb *prb, const struct lb_deadspace *dead, struct lb_error *err);
// Reads the next record that has text, oldest first. Passes over unfinished, reused and unreadable records.
// False at the end.
bool lb_prb_next(struct lb_prb *prb, struct lb_prb_record *ret_record);
// Counts ids that have not been looked at yet, from the first on or back from the last one, as long as their
// texts, with `more` for each, take at most `bytes` by what their infos say. Reads bytes / more infos at
// most. *ret_bytes: the sum.
uint64_t lb_prb_first(struct lb_prb *prb, uint64_t bytes, uint32_t more, uint64_t *ret_bytes);
uint64_t lb_prb_last(struct lb_prb *prb, uint64_t bytes, uint32_t more, uint64_t *ret_bytes);
// Takes the middle out of the ids that have not been looked at yet: only the first `first` and the last
// `last` are left. Returns the number of ids taken out.
uint64_t lb_prb_keep_ends(struct lb_prb *prb, uint64_t first, uint64_t last);

#endif
