// SPDX-License-Identifier: BSD-2-Clause
// The requests of a partition. A request's number is its tag on the disk. A buffer is written by several
// requests if the disk's largest request is smaller. struct request keeps all that it takes to start the
// request again.
//
// After a failure, or no answer in time, the controller is reset and everything in flight is started
// again. Repeating a write is harmless, since overlapping writes wait for each other. The failure counts
// against the requests that caused it, and the second failure of the same request is final. A failed
// reset is final, too. The retries always end: a request is blamed at most once, and a disk is reset at
// most RESETS_MAX times.
//
// In a file for dumps every block behind the headers is read before it is written, and is written only
// if it has the file's stamp. `stamped` divides the file. The blocks behind `stamped` were not read yet.
// Each block before it had its stamp when read, and only Lifeboat has written it since.
#include "crash/disk/partition.h"

#include "crash/disk/extents.h"
#include "crash/disk/stamp.h"
#include "crash/disk/target_check.h"
#include "crash/platform/platform.h"
#include "lib/mem.h"
#include "lifeboat/range.h"

#define FLUSH_MS (3 * LB_DISK_TIMEOUT_MS) // the disk may have to write its whole cache
#define NO_BUFFER UINT32_MAX
// The most resets of a disk. With a reset for each request, ten seconds each, a dump would take days.
#define RESETS_MAX 16
// Stamps are read in pieces of this many bytes, so that a hard disk does not seek for each write.
#define STAMPS_AHEAD (8 * LB_PARTITION_BUFFER)

struct request {
	bool busy;
	enum lb_disk_op op;
	uint64_t offset; // bytes from the partition's beginning
	uint32_t bytes;
	uint32_t buffer; // the buffer that `data` is a piece of, or NO_BUFFER
	void *data;
	uint32_t failures;
	struct lb_deadline deadline;
};

enum buffer_state { BUFFER_FREE, BUFFER_TAKEN, BUFFER_WRITING };

struct buffer {
	void *data;
	enum buffer_state state;
	uint32_t pieces; // pieces of the buffer that are not written yet
};

struct lb_partition {
	uint8_t page[LB_PAGE]
		__attribute__((aligned(LB_PAGE))); // for reads into memory that is not page-aligned
	struct lb_disk *disk;
	uint64_t first_block;
	uint64_t bytes; // size of the partition, or of the file
	char name[64];
	const struct lb_target *file; // NULL: the target is a whole partition
	uint64_t stamped; // each block of the file before this offset had its stamp
	bool lost; // the block at `stamped` has no stamp
	void *stamps; // LB_PARTITION_BUFFER bytes for reading stamps
	struct request requests[LB_DISK_MAX_DEPTH]; // by tag
	uint32_t in_flight; // a bit for each tag
	struct buffer buffers[LB_DISK_MAX_DEPTH];
	uint32_t buffer_count;
	uint32_t resets; // of the controller, until now
	bool failed;
	struct lb_error error; // when failed
};

static int failed(const struct lb_partition *partition, struct lb_error *err)
{
	return lb_fail(err, "%s", partition->error.text);
}

static int check_disk(const struct lb_disk *disk, const struct lb_target *target, struct lb_error *err)
{
	if (lb_target_is_disk(target, target->name, disk, err) != 0)
		return -1;
	if (target->first_block > target->last_block)
		return lb_fail(err, "%.64s: partition of blocks %lu to %lu", target->name,
			       target->first_block, target->last_block);
	if (disk->blocks > UINT64_MAX / disk->block_bytes)
		return lb_fail(err, "%.64s: the disk has %lu blocks of %u bytes, more than is possible",
			       target->name, disk->blocks, disk->block_bytes);
	if (!disk->depth || disk->depth > LB_DISK_MAX_DEPTH || disk->max_bytes < LB_PAGE ||
	    !lb_aligned(disk->max_bytes, LB_PAGE))
		return lb_fail(err,
			       "%.64s: the disk takes %u requests of %u bytes, wanted 1 to %u of whole pages",
			       target->name, disk->depth, disk->max_bytes, LB_DISK_MAX_DEPTH);
	return 0;
}

static uint64_t target_bytes(const struct lb_disk *disk, const struct lb_target *target)
{
	return (target->last_block - target->first_block + 1) * disk->block_bytes;
}

static int open_file(struct lb_partition *partition, const struct lb_target *target, struct lb_error *err)
{
	const struct lb_extents_room room = {partition->disk->block_bytes,
					     target_bytes(partition->disk, target)};
	struct lb_error why;

	if (lb_extents_check(target->extents, target->extent_count, &room, &why) != 0)
		return lb_fail(err, "%.64s: the file's %s", target->name, why.text);
	partition->stamps = lb_heap_pages(LB_PARTITION_BUFFER);
	if (!partition->stamps)
		return lb_fail(err, "%.64s: no memory to look at its stamps", target->name);
	partition->file = target;
	partition->bytes = lb_extents_bytes(target->extents, target->extent_count);
	partition->stamped = LB_DUMP_SLOTS_BYTES;
	return 0;
}

static void take_buffers(struct lb_partition *partition, uint32_t buffers)
{
	while (partition->buffer_count < buffers) {
		struct buffer *buffer = &partition->buffers[partition->buffer_count];

		buffer->data = lb_heap_pages(LB_PARTITION_BUFFER);
		if (!buffer->data)
			break; // fewer buffers are enough
		partition->buffer_count++;
	}
}

int lb_partition_open(struct lb_disk *disk, const struct lb_target *target, uint32_t buffers,
		      struct lb_partition **ret_partition, struct lb_error *err)
{
	struct lb_partition *partition;

	if (check_disk(disk, target, err) != 0)
		return -1;
	if (!buffers || buffers > LB_DISK_MAX_DEPTH)
		return lb_fail(err, "%.64s: %u buffers, wanted 1 to %u", target->name, buffers,
			       LB_DISK_MAX_DEPTH);
	partition = lb_heap_pages(sizeof(*partition));
	if (partition) {
		partition->disk = disk;
		partition->first_block = target->first_block;
		partition->bytes = target_bytes(disk, target);
		lb_snprintf(partition->name, sizeof(partition->name), "%.64s", target->name);
		if (target->extent_count && open_file(partition, target, err) != 0)
			return -1;
		// In a file, one of the buffers is for reading stamps.
		take_buffers(partition,
			     partition->file && buffers > LB_CAPTURE_BUFFERS_MIN ? buffers - 1 : buffers);
	}
	if (!partition || !partition->buffer_count)
		return lb_fail(err, "%.64s: no memory for a buffer of %llu bytes", target->name,
			       LB_PARTITION_BUFFER);
	*ret_partition = partition;
	return 0;
}

uint64_t lb_partition_bytes(const struct lb_partition *partition)
{
	return partition->bytes;
}

// The place on the partition of `offset`. *ret_bytes: how many bytes follow in the same piece.
static uint64_t place_of(const struct lb_partition *partition, uint64_t offset, uint64_t *ret_bytes)
{
	const struct lb_target *file = partition->file;

	if (file)
		return lb_extents_find(file->extents, file->extent_count, offset, ret_bytes);
	*ret_bytes = partition->bytes - offset;
	return offset;
}

static int submit(struct lb_partition *partition, uint32_t tag, struct lb_error *err)
{
	struct request *request = &partition->requests[tag];
	struct lb_disk *disk = partition->disk;
	uint64_t ignored;
	const struct lb_disk_request wanted = {
		.op = request->op,
		.tag = tag,
		.block = partition->first_block +
			 place_of(partition, request->offset, &ignored) / disk->block_bytes,
		.buffer = request->data,
		.bytes = request->bytes,
	};

	request->deadline = lb_deadline_in(request->op == LB_DISK_FLUSH ? FLUSH_MS : LB_DISK_TIMEOUT_MS);
	return disk->driver->submit(disk, &wanted, err);
}

static const char *op_name(enum lb_disk_op op)
{
	return op == LB_DISK_READ ? "read" : op == LB_DISK_WRITE ? "write" : "flush";
}

__attribute__((format(printf, 2, 3))) static int break_down(struct lb_partition *partition,
							    const char *format, ...)
{
	va_list args;

	va_start(args, format);
	lb_vsnprintf(partition->error.text, sizeof(partition->error.text), format, args);
	va_end(args);
	partition->failed = true;
	return -1;
}

// Resets the disk once for the requests in `blamed`. -1: the partition has failed, for one because a
// request of `blamed` failed for the second time.
static int reset_disk(struct lb_partition *partition, uint32_t blamed, const struct lb_error *cause)
{
	struct lb_error err;

	for (uint32_t left = blamed; left; left &= left - 1) {
		struct request *request = &partition->requests[__builtin_ctz(left)];

		if (request->failures++)
			return break_down(partition, "%s: %s of %u bytes at 0x%lx failed twice: %s",
					  partition->name, op_name(request->op), request->bytes,
					  request->offset, cause->text);
	}
	if (partition->resets++ == RESETS_MAX)
		return break_down(partition, "%s: still failing after %u resets of the controller: %s",
				  partition->name, RESETS_MAX, cause->text);
	lb_say("%s; resetting the controller", cause->text);
	if (partition->disk->driver->reset(partition->disk, &err) != 0)
		return break_down(partition, "%s: no reset helps: %s", partition->name, err.text);
	return 0;
}

static int recover(struct lb_partition *partition, uint32_t blamed, struct lb_error *cause)
{
	while (blamed) {
		if (reset_disk(partition, blamed, cause) != 0)
			return -1;
		blamed = 0;
		for (uint32_t left = partition->in_flight; left && !blamed; left &= left - 1) {
			if (submit(partition, (uint32_t)__builtin_ctz(left), cause) != 0)
				blamed = left & -left;
		}
	}
	return 0;
}

static void complete(struct lb_partition *partition, uint32_t tag)
{
	struct request *request = &partition->requests[tag];

	request->busy = false;
	partition->in_flight &= ~(1U << tag);
	if (request->buffer != NO_BUFFER && --partition->buffers[request->buffer].pieces == 0)
		partition->buffers[request->buffer].state = BUFFER_FREE;
}

static uint32_t overdue(const struct lb_partition *partition)
{
	uint32_t late = 0;

	for (uint32_t left = partition->in_flight; left; left &= left - 1) {
		if (lb_deadline_passed(partition->requests[__builtin_ctz(left)].deadline))
			late |= left & -left;
	}
	return late;
}

// Looks at the disk once. 1: something is done. 0: nothing is done. -1: the partition has failed.
static int look(struct lb_partition *partition)
{
	struct lb_error err = {""};
	uint32_t tag = LB_DISK_NO_TAG, blamed;
	bool known;
	int result;

	if (partition->failed)
		return -1;
	if (!partition->in_flight)
		return 0;
	result = partition->disk->driver->poll(partition->disk, &tag, &err);
	if (!result) {
		blamed = overdue(partition);
		if (blamed) {
			const struct request *request = &partition->requests[__builtin_ctz(blamed)];

			lb_fail(&err, "%s: no answer to a %s in %u ms", partition->name, op_name(request->op),
				request->op == LB_DISK_FLUSH ? FLUSH_MS : LB_DISK_TIMEOUT_MS);
		}
		return recover(partition, blamed, &err);
	}
	known = tag < partition->disk->depth && partition->requests[tag].busy;
	if (result > 0 && known) {
		complete(partition, tag);
		return 1;
	}
	if (result > 0)
		lb_fail(&err, "%s: request %u is reported as done, which was not begun", partition->name,
			tag);
	return recover(partition, known ? 1U << tag : partition->in_flight, &err);
}

static int look_again(struct lb_partition *partition)
{
	int result = look(partition);

	if (!result)
		lb_pause();
	return result < 0 ? -1 : 0;
}

static bool overlaps(const struct lb_partition *partition, uint64_t offset, uint32_t bytes)
{
	for (uint32_t left = partition->in_flight; left; left &= left - 1) {
		const struct request *request = &partition->requests[__builtin_ctz(left)];

		if (offset < request->offset + request->bytes && request->offset < offset + bytes)
			return true;
	}
	return false;
}

static int wait_for_tag(struct lb_partition *partition, uint32_t *ret_tag)
{
	for (;;) {
		for (uint32_t tag = 0; tag < partition->disk->depth; tag++) {
			if (!partition->requests[tag].busy) {
				*ret_tag = tag;
				return 0;
			}
		}
		if (look_again(partition) != 0)
			return -1;
	}
}

// Starts a request that lies within the partition. Waits for a free tag, and for overlapping requests.
static int begin(struct lb_partition *partition, struct request request, uint32_t *ret_tag)
{
	struct lb_error cause;
	uint32_t tag;

	while (overlaps(partition, request.offset, request.bytes)) {
		if (look_again(partition) != 0)
			return -1;
	}
	if (wait_for_tag(partition, &tag) != 0)
		return -1;
	request.busy = true;
	partition->requests[tag] = request;
	partition->in_flight |= 1U << tag;
	if (submit(partition, tag, &cause) != 0 && recover(partition, 1U << tag, &cause) != 0)
		return -1;
	*ret_tag = tag;
	return 0;
}

static int finish(struct lb_partition *partition, struct request request)
{
	uint32_t tag;

	if (begin(partition, request, &tag) != 0)
		return -1;
	while (partition->requests[tag].busy) {
		if (look_again(partition) != 0)
			return -1;
	}
	return 0;
}

static int check_place(const struct lb_partition *partition, const char *what, uint64_t offset,
		       uint32_t bytes, struct lb_error *err)
{
	if (!bytes || bytes > LB_PARTITION_BUFFER || !lb_aligned(offset | bytes, LB_PAGE))
		return lb_fail(err,
			       "%s: %s of %u bytes at 0x%lx, wanted whole blocks of %llu, up to %llu bytes",
			       partition->name, what, bytes, offset, LB_PAGE, LB_PARTITION_BUFFER);
	if (offset > partition->bytes || bytes > partition->bytes - offset)
		return lb_fail(err, "%s: full: %s of %u bytes at 0x%lx, the partition has 0x%lx",
			       partition->name, what, bytes, offset, partition->bytes);
	return 0;
}

void *lb_partition_take(struct lb_partition *partition, struct lb_error *err)
{
	do {
		for (uint32_t i = 0; i < partition->buffer_count && !partition->failed; i++) {
			if (partition->buffers[i].state == BUFFER_FREE) {
				partition->buffers[i].state = BUFFER_TAKEN;
				return partition->buffers[i].data;
			}
		}
		if (!partition->failed && !partition->in_flight) {
			lb_fail(err, "%s: each of %u buffers is in use, and none being written",
				partition->name, partition->buffer_count);
			return NULL;
		}
	} while (look_again(partition) == 0);
	failed(partition, err);
	return NULL;
}

static uint32_t min32(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

// How many of the `bytes` from `offset` on one request may take.
static uint32_t piece_at(const struct lb_partition *partition, uint64_t offset, uint32_t bytes)
{
	uint64_t run;

	place_of(partition, offset, &run);
	if (run < bytes)
		bytes = (uint32_t)run;
	return min32(bytes, partition->disk->max_bytes);
}

static int write_pieces(struct lb_partition *partition, uint32_t index, uint64_t offset, uint32_t bytes)
{
	struct buffer *buffer = &partition->buffers[index];
	uint32_t tag;

	buffer->state = BUFFER_WRITING;
	buffer->pieces = 0;
	for (uint32_t done = 0; done < bytes; done += piece_at(partition, offset + done, bytes - done))
		buffer->pieces++;
	for (uint32_t done = 0, piece; done < bytes; done += piece) {
		piece = piece_at(partition, offset + done, bytes - done);
		if (begin(partition,
			  (struct request){.op = LB_DISK_WRITE,
					   .offset = offset + done,
					   .bytes = piece,
					   .buffer = index,
					   .data = (uint8_t *)buffer->data + done},
			  &tag) != 0)
			return -1;
	}
	return 0;
}

// Checks the stamps up to `end` and a little beyond, unless that was done before. Fails if a block
// before `end` has no stamp.
static int see_stamps(struct lb_partition *partition, uint64_t end, struct lb_error *err)
{
	uint64_t goal = end > partition->stamped ? lb_align_up(end, STAMPS_AHEAD) : 0;

	if (goal > partition->bytes)
		goal = partition->bytes;
	while (partition->stamped < goal && !partition->lost) {
		const uint64_t left = goal - partition->stamped;
		const uint32_t piece = left < LB_PARTITION_BUFFER ? (uint32_t)left : LB_PARTITION_BUFFER;
		uint64_t good;

		if (lb_partition_read(partition, partition->stamped, partition->stamps, piece, err) != 0)
			return -1;
		good = lb_stamp_check(partition->file->file_id, partition->stamped, partition->stamps, piece);
		partition->stamped += good;
		partition->lost = good < piece;
	}
	if (end <= partition->stamped)
		return 0;
	return lb_fail(
		err,
		"%s: the block at 0x%lx of the file does not have its stamp any more: it may be somebody "
		"else's by now; nothing is written there",
		partition->name, partition->stamped);
}

int lb_partition_put(struct lb_partition *partition, void *buffer, uint64_t offset, uint32_t bytes,
		     struct lb_error *err)
{
	uint32_t index = 0;

	while (index < partition->buffer_count && partition->buffers[index].data != buffer)
		index++;
	if (index == partition->buffer_count || partition->buffers[index].state != BUFFER_TAKEN)
		return lb_fail(err, "%s: a buffer that was not taken is not to be written", partition->name);
	if (partition->failed)
		failed(partition, err);
	else if (check_place(partition, "write", offset, bytes, err) == 0 &&
		 (!partition->file || see_stamps(partition, offset + bytes, err) == 0))
		return write_pieces(partition, index, offset, bytes) == 0 ? 0 : failed(partition, err);
	partition->buffers[index].state = BUFFER_FREE;
	return -1;
}

int lb_partition_read(struct lb_partition *partition, uint64_t offset, void *data, uint32_t bytes,
		      struct lb_error *err)
{
	if (partition->failed)
		return failed(partition, err);
	if (check_place(partition, "read", offset, bytes, err) != 0)
		return -1;
	for (uint32_t done = 0, piece; done < bytes; done += piece) {
		const bool direct =
			// if false, each page is read through partition->page
			lb_aligned((uint64_t)(uintptr_t)data, LB_PAGE);
		uint8_t *to = (uint8_t *)data + done;

		piece = piece_at(partition, offset + done, direct ? bytes - done : (uint32_t)LB_PAGE);
		if (finish(partition, (struct request){.op = LB_DISK_READ,
						       .offset = offset + done,
						       .bytes = piece,
						       .buffer = NO_BUFFER,
						       .data = direct ? to : partition->page}) != 0)
			return failed(partition, err);
		if (!direct)
			memcpy(to, partition->page, LB_PAGE);
	}
	return 0;
}

int lb_partition_flush(struct lb_partition *partition, struct lb_error *err)
{
	while (!partition->failed && partition->in_flight)
		look_again(partition);
	if (partition->failed ||
	    finish(partition, (struct request){.op = LB_DISK_FLUSH, .buffer = NO_BUFFER}) != 0)
		return failed(partition, err);
	return 0;
}

void lb_partition_poll(struct lb_partition *partition)
{
	while (look(partition) > 0)
		;
}
