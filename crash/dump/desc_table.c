// SPDX-License-Identifier: BSD-2-Clause
#include "crash/dump/desc_table.h"

#include "crash/dump/stream.h"
#include "lib/mem.h"

#define DESC_BYTES sizeof(struct lb_page_desc)
#define WINDOW (120 * LB_KIB / DESC_BYTES) // descriptors; whole blocks
#define AHEAD (LB_DESC_AHEAD_BYTES / DESC_BYTES)
_Static_assert(WINDOW *DESC_BYTES % LB_PAGE == 0 && WINDOW * DESC_BYTES <= LB_PARTITION_BUFFER,
	       "whole blocks");
_Static_assert(AHEAD *DESC_BYTES == LB_DESC_AHEAD_BYTES && LB_DESC_AHEAD_BYTES % LB_PAGE == 0,
	       "whole blocks");

static uint64_t min64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

// The number of descriptors from `first` to the table's end, `most` at most.
static uint64_t count_from(const struct lb_desc_table *table, uint64_t first, uint64_t most)
{
	return first < table->count ? min64(most, table->count - first) : 0;
}

static uint64_t place_of(const struct lb_desc_table *table, uint64_t first)
{
	return table->start + first * DESC_BYTES;
}

// The bytes of `count` descriptors, in whole blocks.
static uint32_t block_bytes(uint64_t count)
{
	return (uint32_t)lb_align_up(count * DESC_BYTES, LB_PAGE);
}

int lb_desc_table_make(struct lb_desc_table *table, struct lb_partition *partition, uint64_t start,
		       uint64_t count, void *ahead, struct lb_error *err)
{
	uint64_t bytes = lb_align_up(count * DESC_BYTES, LB_PAGE);
	struct lb_stream zeroes;

	*table = (struct lb_desc_table){
		.partition = partition,
		.start = start,
		.count = count,
		.ahead = ahead,
	};
	lb_stream_open(&zeroes, partition, start, start + bytes);
	return lb_stream_add_zeroes(&zeroes, bytes, err) != 0 ? -1 : lb_stream_settle(&zeroes, err);
}

static int load(struct lb_desc_table *table, struct lb_error *err)
{
	uint64_t count = count_from(table, table->window_first, WINDOW);

	if (table->loaded)
		return 0;
	if (!table->window)
		table->window = lb_partition_take(table->partition, err);
	if (!table->window)
		return -1;
	if (count && lb_partition_read(table->partition, place_of(table, table->window_first), table->window,
				       block_bytes(count), err) != 0)
		return -1;
	table->loaded = true;
	return 0;
}

int lb_desc_table_settle(struct lb_desc_table *table, struct lb_error *err)
{
	uint64_t count = count_from(table, table->window_first, WINDOW);
	void *window = table->window;

	if (!table->changed)
		return 0;
	table->window = NULL;
	table->loaded = table->changed = false;
	return lb_partition_put(table->partition, window, place_of(table, table->window_first),
				block_bytes(count), err);
}

// Moves to the window that begins with descriptor `first`. The last pass loads and digests each window on the
// way.
static int move_to(struct lb_desc_table *table, uint64_t first, struct lb_error *err)
{
	while (table->window_first < first) {
		uint64_t count = count_from(table, table->window_first, WINDOW);

		if (table->last) {
			if (load(table, err) != 0)
				return -1;
			lb_sha256_add(&table->sha, table->window, count * DESC_BYTES);
		}
		if (lb_desc_table_settle(table, err) != 0)
			return -1;
		table->loaded = false;
		table->window_first = table->last ? table->window_first + WINDOW : first;
	}
	return 0;
}

int lb_desc_table_rewind(struct lb_desc_table *table, bool last, struct lb_error *err)
{
	if (lb_desc_table_settle(table, err) != 0)
		return -1;
	table->window_first = 0;
	table->loaded = false;
	table->ahead_count = 0;
	table->last = last;
	lb_sha256_begin(&table->sha);
	return 0;
}

int lb_desc_table_put(struct lb_desc_table *table, uint64_t index, const struct lb_page_desc *desc,
		      struct lb_error *err)
{
	if (index >= table->count || index < table->window_first)
		return lb_fail(err, "page descriptor %lu is put after %lu, of %lu", index,
			       table->window_first, table->count);
	if (move_to(table, index - index % WINDOW, err) != 0 || load(table, err) != 0)
		return -1;
	table->window[index - table->window_first] = *desc;
	table->changed = true;
	return 0;
}

int lb_desc_table_is_set(struct lb_desc_table *table, uint64_t index, bool *ret_set, struct lb_error *err)
{
	struct lb_page_desc desc;

	if (index - table->ahead_first >= table->ahead_count) {
		const uint64_t first = index - index % AHEAD, count = count_from(table, first, AHEAD);

		if (index >= table->count)
			return lb_fail(err, "page descriptor %lu of %lu is asked for", index, table->count);
		if (lb_partition_read(table->partition, place_of(table, first), table->ahead,
				      block_bytes(count), err) != 0)
			return -1;
		table->ahead_first = first;
		table->ahead_count = count;
	}
	memcpy(&desc, table->ahead + (index - table->ahead_first) * DESC_BYTES, sizeof(desc));
	*ret_set = desc.offset != 0;
	return 0;
}

int lb_desc_table_finish(struct lb_desc_table *table, uint8_t ret_digest[LB_SHA256_BYTES],
			 struct lb_error *err)
{
	uint64_t end = table->count + WINDOW - 1;
	struct lb_sha256 sha;

	if (!table->last && lb_desc_table_rewind(table, true, err) != 0)
		return -1;
	if (move_to(table, end - end % WINDOW, err) != 0)
		return -1;
	sha = table->sha;
	lb_sha256_end(&sha, ret_digest);
	return 0;
}
