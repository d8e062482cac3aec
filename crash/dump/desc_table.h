// SPDX-License-Identifier: BSD-2-Clause
// The page descriptors of a kdump-compressed file, on the partition: as many as there are pages to be
// dumped, zeroes at first. They are filled in several passes, each in ascending order.
//
// One window of the table is in memory, in a buffer of the partition. It is read, changed and written
// back, so that what an earlier pass put there stays.
#ifndef LIFEBOAT_CRASH_DUMP_DESC_TABLE_H
#define LIFEBOAT_CRASH_DUMP_DESC_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "crash/disk/partition.h"
#include "lib/sha256.h"

struct lb_page_desc {
	uint64_t offset; // in the file; 0: the page is lost
	uint32_t bytes;
	uint32_t flags; // LB_COMPRESS_...
	uint64_t page_flags; // readers ignore it
};
_Static_assert(sizeof(struct lb_page_desc) == 24, "page_desc");

// The bytes that lb_desc_table_is_set() reads at once: whole blocks and whole descriptors.
#define LB_DESC_AHEAD_BYTES (60 * LB_KIB)

struct lb_desc_table {
	struct lb_partition *partition;
	uint64_t start; // bytes from the partition's beginning, a multiple of 4 KiB
	uint64_t count; // of descriptors
	struct lb_page_desc *window; // a buffer of the partition; NULL: none
	uint64_t window_first; // index of the window's first descriptor
	bool loaded, changed; // state of the window
	uint8_t *ahead; // the caller's, LB_DESC_AHEAD_BYTES
	uint64_t ahead_first, ahead_count;
	bool last; // this is the last pass, which goes through the whole table
	struct lb_sha256 sha; // of the table, as far as the last pass has come
};

// Writes zeroes for all descriptors. `ahead`: LB_DESC_AHEAD_BYTES of whole pages.
int lb_desc_table_make(struct lb_desc_table *table, struct lb_partition *partition, uint64_t start,
		       uint64_t count, void *ahead, struct lb_error *err);
// Begins the next pass. `last`: this pass makes the digest.
int lb_desc_table_rewind(struct lb_desc_table *table, bool last, struct lb_error *err);
// Puts descriptor `index`, which is below the count. Indices ascend within a pass.
int lb_desc_table_put(struct lb_desc_table *table, uint64_t index, const struct lb_page_desc *desc,
		      struct lb_error *err);
// Sets *ret_set if an earlier pass has put descriptor `index`. Indices ascend within a pass, and none is
// below one that this pass has put.
int lb_desc_table_is_set(struct lb_desc_table *table, uint64_t index, bool *ret_set, struct lb_error *err);
// Gives the partition all descriptors that were put; lb_partition_flush() brings them to the disk.
int lb_desc_table_settle(struct lb_desc_table *table, struct lb_error *err);
// Ends the last pass, and returns the SHA-256 of the whole table.
int lb_desc_table_finish(struct lb_desc_table *table, uint8_t ret_digest[LB_SHA256_BYTES],
			 struct lb_error *err);

#endif
