// SPDX-License-Identifier: BSD-2-Clause
// Tries one disk. What must be refused is refused. A range is written in requests of all sizes, with as many
// in flight as the disk takes, flushed, and read back. After a reset in the middle no transfer goes on.
#include "disktest.h"

#include "crash/disk/disk.h"
#include "crash/platform/pcidev.h"
#include "crash/platform/platform.h"
#include "lib/mem.h"

#define POISON 0xa5
#define PATIENCE_MS 60000 // wait for the next completion: disks may be slow
#define SETTLE_MS 50 // a transfer that goes on after a reset shows within this time
#define MAX_FAILED 64

// PCI Express Base 5.0, 7.5.3: the slot control register of a root port.
#define SLOT_CONTROL 0x18
#define SLOT_INDICATOR_OFF (3U << 8)
#define SLOT_POWER_OFF (1U << 10)

struct piece {
	uint64_t block;
	uint32_t bytes; // 0: the piece is not in use
};

struct trial {
	const struct order *order;
	struct lb_target target;
	struct lb_disk disk;
	uint8_t *buffers; // disk.depth buffers of disk.max_bytes
	struct piece pieces[LB_DISK_MAX_DEPTH]; // requests in flight, by tag
	uint32_t in_flight;
	struct piece failed[MAX_FAILED];
	uint32_t failed_count;
	uint32_t turn; // number of the next request's size
};

static uint8_t *buffer_of(const struct trial *trial, uint32_t tag)
{
	return trial->buffers + (uint64_t)tag * trial->disk.max_bytes;
}

static uint64_t pattern_at(const struct trial *trial, uint64_t block, uint32_t offset)
{
	return pattern_word(trial->order, (block * trial->disk.block_bytes + offset) / PATTERN_SECTOR);
}

static void fill(const struct trial *trial, uint8_t *buffer, struct piece piece)
{
	for (uint32_t at = 0; at < piece.bytes; at += sizeof(uint64_t)) {
		uint64_t word = pattern_at(trial, piece.block, at);

		memcpy(buffer + at, &word, sizeof(word));
	}
}

static bool touches_bad(const struct trial *trial, struct piece piece)
{
	const struct order *order = trial->order;

	return order->bad_count && piece.block < order->bad_first + order->bad_count &&
	       order->bad_first < piece.block + piece.bytes / trial->disk.block_bytes;
}

static int compare(const struct trial *trial, const uint8_t *buffer, struct piece piece, struct lb_error *err)
{
	if (touches_bad(trial, piece))
		return 0;
	for (uint32_t at = 0; at < piece.bytes; at += sizeof(uint64_t)) {
		uint64_t wanted = pattern_at(trial, piece.block, at), found;

		memcpy(&found, buffer + at, sizeof(found));
		if (found != wanted)
			return lb_fail(err, "block %lu, byte %u of a request of %u: 0x%lx read, 0x%lx wanted",
				       (unsigned long)piece.block, at, piece.bytes, (unsigned long)found,
				       (unsigned long)wanted);
	}
	return 0;
}

// Returns the next piece's size in turn: the largest, one block, and sizes of one, two and more pages.
static uint32_t next_bytes(struct trial *trial, uint64_t blocks_left)
{
	const uint32_t sizes[] = {trial->disk.max_bytes,       trial->disk.block_bytes, 4096, 8192, 12288,
				  trial->disk.max_bytes - 4096};
	uint32_t bytes = sizes[trial->turn++ % (sizeof(sizes) / sizeof(*sizes))];
	uint64_t left = blocks_left * trial->disk.block_bytes;

	if (bytes == 0 || bytes > trial->disk.max_bytes)
		bytes = trial->disk.max_bytes;
	return bytes > left ? (uint32_t)left : bytes;
}

static int submit(struct trial *trial, uint32_t tag, enum lb_disk_op op, struct piece piece,
		  struct lb_error *err)
{
	uint8_t *buffer = buffer_of(trial, tag);
	const struct lb_disk_request request = {
		.op = op, .tag = tag, .block = piece.block, .buffer = buffer, .bytes = piece.bytes};

	if (op == LB_DISK_WRITE)
		fill(trial, buffer, piece);
	else
		memset(buffer, POISON, trial->disk.max_bytes);
	if (trial->disk.driver->submit(&trial->disk, &request, err) != 0)
		return -1;
	trial->pieces[tag] = piece;
	trial->in_flight++;
	return 0;
}

// Waits for one request. 1: it is done; 0: it failed, with the reason in err; -1: no request goes on any
// more.
static int wait(struct trial *trial, uint32_t *ret_tag, struct lb_error *err)
{
	struct lb_deadline deadline = lb_deadline_in(PATIENCE_MS);
	uint32_t tag = LB_DISK_NO_TAG;
	int result;

	while ((result = trial->disk.driver->poll(&trial->disk, &tag, err)) == 0) {
		if (lb_deadline_passed(deadline))
			return lb_fail(err, "none of %u requests came back in %u ms", trial->in_flight,
				       PATIENCE_MS);
		lb_pause();
	}
	if (result < 0 && tag == LB_DISK_NO_TAG)
		return -1;
	if (tag >= trial->disk.depth || trial->pieces[tag].bytes == 0)
		return lb_fail(err, "request %u came back, which was not in flight", tag);
	trial->in_flight--;
	*ret_tag = tag;
	return result > 0 ? 1 : 0;
}

static int take_back(struct trial *trial, enum lb_disk_op op, struct lb_error *err)
{
	struct piece piece;
	uint32_t tag;
	int result = wait(trial, &tag, err);

	if (result < 0)
		return -1;
	piece = trial->pieces[tag];
	trial->pieces[tag].bytes = 0;
	if (result == 0) {
		if (op != LB_DISK_WRITE || !touches_bad(trial, piece) || trial->failed_count == MAX_FAILED)
			return -1;
		lb_say("failed as it should: %s", err->text);
		trial->failed[trial->failed_count++] = piece;
		return 0;
	}
	return op == LB_DISK_READ ? compare(trial, buffer_of(trial, tag), piece, err) : 0;
}

// Runs over the whole range, with as many requests in flight as the disk takes.
static int pass(struct trial *trial, enum lb_disk_op op, struct lb_error *err)
{
	uint64_t next = trial->target.first_block, end = trial->target.last_block + 1;

	while (next < end || trial->in_flight) {
		for (uint32_t tag = 0; tag < trial->disk.depth && next < end; tag++) {
			struct piece piece = {.block = next};

			if (trial->pieces[tag].bytes)
				continue;
			piece.bytes = next_bytes(trial, end - next);
			if (submit(trial, tag, op, piece, err) != 0)
				return -1;
			next += piece.bytes / trial->disk.block_bytes;
		}
		if (take_back(trial, op, err) != 0)
			return -1;
	}
	return 0;
}

static int flush(struct trial *trial, struct lb_error *err)
{
	// A driver ignores the bytes of a flush. Here they mark the tag as in use.
	return submit(trial, 0, LB_DISK_FLUSH, (struct piece){0, trial->disk.block_bytes}, err) != 0
		       ? -1
		       : take_back(trial, LB_DISK_FLUSH, err);
}

// Writes pieces that failed block by block. Only the bad blocks may fail again.
static int write_around(struct trial *trial, struct lb_error *err)
{
	uint32_t pieces = trial->failed_count;
	uint64_t bad = 0;

	for (uint32_t i = 0; i < pieces; i++) {
		struct piece whole = trial->failed[i], one = {whole.block, trial->disk.block_bytes};

		for (uint32_t at = 0; at < whole.bytes; at += one.bytes, one.block++) {
			trial->failed_count = 0;
			if (submit(trial, 0, LB_DISK_WRITE, one, err) != 0 ||
			    take_back(trial, LB_DISK_WRITE, err) != 0)
				return -1;
			bad += trial->failed_count;
		}
	}
	if (bad != trial->order->bad_count)
		return lb_fail(err, "%lu blocks failed, %lu are bad", (unsigned long)bad,
			       (unsigned long)trial->order->bad_count);
	return 0;
}

static uint32_t fill_up(struct trial *trial, enum lb_disk_op op, struct lb_error *err)
{
	uint64_t next = trial->target.first_block;
	uint32_t tag;

	for (tag = 0; tag < trial->disk.depth; tag++) {
		struct piece piece = {next, next_bytes(trial, trial->target.last_block + 1 - next)};

		if (piece.bytes == 0 || submit(trial, tag, op, piece, err) != 0)
			break;
		next += piece.bytes / trial->disk.block_bytes;
	}
	return tag;
}

static void forget(struct trial *trial)
{
	memset(trial->pieces, 0, sizeof(trial->pieces));
	trial->in_flight = 0;
}

// Opens the disk as after a dead kernel: requests are in flight, and bus mastering was switched off under
// them.
static int open_again(struct trial *trial, struct lb_error *err)
{
	struct lb_disk again;

	lb_pcidev_enable(trial->target.pci, false);
	if (lb_disk_open(&trial->target, &again, err) != 0)
		return -1;
	if (again.depth != trial->disk.depth || again.max_bytes != trial->disk.max_bytes)
		return lb_fail(err, "opened again, it takes other requests than before");
	trial->disk = again;
	return 0;
}

// Resets with reads in flight. After the reset none of them may change its buffer, or be reported.
static int reset_in_the_middle(struct trial *trial, bool dead, struct lb_error *err)
{
	uint32_t tag, filled = fill_up(trial, LB_DISK_READ, err);
	uint64_t bytes = (uint64_t)trial->disk.depth * trial->disk.max_bytes;
	struct lb_deadline deadline;

	if (filled == 0)
		return -1;
	if ((dead ? open_again(trial, err) : trial->disk.driver->reset(&trial->disk, err)) != 0)
		return -1;
	memset(trial->buffers, POISON, bytes);
	deadline = lb_deadline_in(SETTLE_MS);
	while (!lb_deadline_passed(deadline)) {
		int result = trial->disk.driver->poll(&trial->disk, &tag, err);

		if (result < 0)
			return -1;
		if (result > 0)
			return lb_fail(err, "request %u came back after a reset", tag);
	}
	for (uint64_t i = 0; i < bytes; i++)
		if (trial->buffers[i] != POISON)
			return lb_fail(err, "a transfer went on after the reset of %u requests", filled);
	forget(trial);
	return 0;
}

static void power_slot_off(struct lb_pci_address port)
{
	uint8_t express = lb_pcidev_capability(port, LB_PCI_CAP_EXPRESS, 0);
	uint32_t control = lb_pcidev_read(port, (uint32_t)express + SLOT_CONTROL) & LB_PCI_CONTROL_HALF;

	lb_pcidev_write(port, (uint32_t)express + SLOT_CONTROL,
			control | SLOT_INDICATOR_OFF | SLOT_POWER_OFF);
}

// Unplugs the disk with requests in flight. The driver must notice in time, and must notice that no reset
// helps.
static int unplug_in_the_middle(struct trial *trial, struct lb_error *err)
{
	uint64_t start = lb_clock_ms();
	uint32_t tag;

	if (fill_up(trial, LB_DISK_WRITE, err) == 0)
		return -1;
	power_slot_off(trial->order->port);
	while (trial->in_flight) {
		int result = wait(trial, &tag, err);

		if (result < 0)
			break;
		trial->pieces[tag].bytes = 0;
		if (result == 0)
			break;
	}
	if (trial->in_flight == 0 && fill_up(trial, LB_DISK_WRITE, err) && wait(trial, &tag, err) > 0)
		return lb_fail(err, "a disk that is unplugged writes");
	lb_say("unplugged, after %lu ms: %s", (unsigned long)(lb_clock_ms() - start), err->text);
	start = lb_clock_ms();
	if (trial->disk.driver->reset(&trial->disk, err) == 0)
		return lb_fail(err, "a disk that is unplugged can be reset");
	lb_say("and after %lu ms: %s", (unsigned long)(lb_clock_ms() - start), err->text);
	return 0;
}

static int check_disk(const struct trial *trial, struct lb_error *err)
{
	const struct lb_disk *disk = &trial->disk;

	lb_say("%s, '%s': %lu blocks of %u, %u requests of up to %u", disk->driver->name, disk->model,
	       (unsigned long)disk->blocks, disk->block_bytes, disk->depth, disk->max_bytes);
	if (disk->block_bytes != trial->target.block_bytes || disk->blocks <= trial->target.last_block)
		return lb_fail(err, "opened, but it is not the disk that was wanted");
	if (disk->depth < 1 || disk->depth > LB_DISK_MAX_DEPTH || disk->max_bytes < LB_PAGE ||
	    disk->max_bytes > LB_MIB || !lb_aligned(disk->max_bytes, LB_PAGE))
		return lb_fail(err, "opened, but with a depth or size out of range");
	return 0;
}

static int refuse(struct lb_target target, const char *what, struct lb_error *err)
{
	struct lb_disk disk = {0};
	struct lb_error said = {{0}};

	if (lb_disk_open(&target, &disk, &said) == 0)
		return lb_fail(err, "%s is not refused", what);
	lb_say("%s is refused: %s", what, said.text);
	return 0;
}

static int refuse_all(const struct lb_target *right, struct lb_error *err)
{
	struct lb_target wrong = *right;

	wrong.pci_id ^= 0x10000;
	if (refuse(wrong, "another device ID", err) != 0)
		return -1;
	wrong = *right;
	wrong.block_bytes = right->block_bytes == 512 ? 4096 : 512;
	if (refuse(wrong, "another block size", err) != 0)
		return -1;
	wrong = *right;
	wrong.last_block = 1ULL << 60;
	if (refuse(wrong, "a smaller disk", err) != 0)
		return -1;
	wrong = *right;
	wrong.pci.device = 30; // q35 and the tests have no device there
	if (refuse(wrong, "an empty slot", err) != 0)
		return -1;
	wrong = *right;
	wrong.pci.device = 0; // the host bridge
	wrong.pci.bus = 0;
	wrong.pci_id = lb_pcidev_read(wrong.pci, LB_PCI_ID);
	if (refuse(wrong, "a host bridge", err) != 0)
		return -1;
	wrong = *right;
	wrong.unit = 31;
	return right->kind == LB_TARGET_VIRTIO_BLK ? 0 : refuse(wrong, "another unit", err);
}

static int write_and_read(struct trial *trial, struct lb_error *err)
{
	uint64_t bytes = (trial->target.last_block - trial->target.first_block + 1) * trial->disk.block_bytes;
	uint64_t start = lb_clock_ms(), took;

	if (pass(trial, LB_DISK_WRITE, err) != 0 || flush(trial, err) != 0)
		return -1;
	took = lb_clock_ms() - start;
	lb_say("%lu KiB written and flushed in %lu ms", (unsigned long)(bytes / LB_KIB), (unsigned long)took);
	if (write_around(trial, err) != 0 || pass(trial, LB_DISK_READ, err) != 0 ||
	    reset_in_the_middle(trial, false, err) != 0 || reset_in_the_middle(trial, true, err) != 0 ||
	    pass(trial, LB_DISK_READ, err) != 0)
		return -1;
	trial->disk.driver->stop(&trial->disk);
	return 0;
}

int run_order(const struct order *order, struct lb_error *err)
{
	struct trial trial = {.order = order, .target = order->target};
	uint64_t before;

	trial.target.pci_id = lb_pcidev_read(trial.target.pci, LB_PCI_ID);
	lb_say("bus mastering is %s",
	       lb_pcidev_read(trial.target.pci, LB_PCI_COMMAND) & LB_PCI_COMMAND_MASTER ? "on" : "off");
	if (order->function_reset && !lb_pcidev_function_reset(trial.target.pci))
		return lb_fail(err, "the PCI function cannot be reset by itself");
	if (order->untried)
		return refuse(trial.target, "this disk", err);
	if (!order->unplug && refuse_all(&trial.target, err) != 0)
		return -1;
	before = lb_heap_used();
	if (lb_disk_open(&trial.target, &trial.disk, err) != 0 || check_disk(&trial, err) != 0)
		return -1;
	lb_say("%lu KiB of heap", (unsigned long)((lb_heap_used() - before) / LB_KIB));
	if (order->partition)
		return run_partition(order, &trial.disk, err);
	trial.buffers = lb_heap_pages((uint64_t)trial.disk.depth * trial.disk.max_bytes);
	if (!trial.buffers)
		return lb_fail(err, "no memory for buffers");
	return order->unplug ? unplug_in_the_middle(&trial, err) : write_and_read(&trial, err);
}
