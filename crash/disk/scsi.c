// SPDX-License-Identifier: BSD-2-Clause
#include "crash/disk/scsi.h"

#include "crash/disk/target_check.h"
#include "lib/mem.h"
#include "lifeboat/range.h"

// Operation codes: SPC-4 6, SBC-3 5.
#define TEST_UNIT_READY 0x00
#define INQUIRY 0x12
#define MODE_SENSE_6 0x1a
#define READ_CAPACITY_10 0x25
#define READ_10 0x28
#define WRITE_10 0x2a
#define SYNCHRONIZE_CACHE_10 0x35
#define READ_16 0x88
#define WRITE_16 0x8a
#define SERVICE_ACTION_IN_16 0x9e
#define READ_CAPACITY_16 0x10 // a service action of SERVICE_ACTION_IN_16

// The driver asks for the bytes that every disk has, so a shorter answer is an error.
#define INQUIRY_BYTES 36 // SPC-4 6.6.2
#define INQUIRY_VITAL 1 // EVPD
#define BLOCK_LIMITS 0xb0 // SBC-3 6.5.3
#define BLOCK_LIMITS_BYTES 16
#define CAPACITY_10_BYTES 8
#define CAPACITY_16_BYTES 32
#define MODE_HEADER_BYTES 4 // SPC-4 7.5.5
#define MODE_ALL_PAGES 0x3f
#define MODE_WRITE_PROTECTED 0x80 // SBC-3 6.4.1, the device-specific parameter

// SAM-5 5.3.1
#define RESERVATION_CONFLICT 0x18
#define TASK_SET_FULL 0x28
#define TASK_ABORTED 0x40

// SPC-4 4.5: response codes, and sense keys.
#define SENSE_FIXED 0x70
#define SENSE_FIXED_DEFERRED 0x71
#define SENSE_DESCRIPTOR 0x72
#define SENSE_DESCRIPTOR_DEFERRED 0x73
#define KEY_RECOVERED 1
#define KEY_NOT_READY 2
#define KEY_ILLEGAL_REQUEST 5
#define KEY_UNIT_ATTENTION 6
// SPC-4 4.5.6, code and qualifier.
#define BECOMING_READY 0x0401
#define ACCESS_IN_TRANSITION 0x040a
#define UNKNOWN_COMMAND 0x2000
#define MEDIUM_MAY_HAVE_CHANGED 0x2800
#define CAPACITY_CHANGED 0x2a09
#define INQUIRY_CHANGED 0x3f03

// the most retries of one command: a disk may have queued a unit attention for each of several events
#define ATTENTIONS_MAX 8
#define BUSY_MS 20 // wait before a busy or starting disk gets the command again

struct sense {
	uint8_t key;
	uint16_t code; // code and qualifier
	bool deferred; // the error is that of an earlier command
};

enum verdict { DONE, AGAIN, FAILED };

static void put_be(uint8_t *to, uint32_t bytes, uint64_t value)
{
	while (bytes--) {
		to[bytes] = (uint8_t)value;
		value >>= 8;
	}
}

static uint64_t get_be(const uint8_t *from, uint32_t bytes)
{
	uint64_t value = 0;

	while (bytes--)
		value = value << 8 | *from++;
	return value;
}

// Decodes the sense data. Fields that the disk did not send are 0.
static struct sense read_sense(const struct lb_scsi_answer *answer)
{
	const uint8_t *data = answer->sense;
	const uint32_t bytes = answer->sense_bytes;
	struct sense sense = {0};
	uint8_t form = bytes ? data[0] & 0x7f : 0;

	sense.deferred = form == SENSE_FIXED_DEFERRED || form == SENSE_DESCRIPTOR_DEFERRED;
	if (form == SENSE_FIXED || form == SENSE_FIXED_DEFERRED) {
		sense.key = bytes > 2 ? data[2] & 15 : 0;
		if (bytes > 13 && data[7] >= 6)
			sense.code = (uint16_t)get_be(data + 12, 2);
	} else if (form == SENSE_DESCRIPTOR || form == SENSE_DESCRIPTOR_DEFERRED) {
		sense.key = bytes > 1 ? data[1] & 15 : 0;
		if (bytes > 3)
			sense.code = (uint16_t)get_be(data + 2, 2);
	}
	return sense;
}

static enum verdict fail_by_sense(const struct lb_scsi *scsi, struct sense sense, struct lb_error *err)
{
	static const char *const keys[16] = {
		[0] = "no sense",        [1] = "recovered error",  [2] = "not ready",
		[3] = "medium error",    [4] = "hardware error",   [5] = "illegal request",
		[6] = "unit attention",  [7] = "data protect",     [8] = "blank check",
		[9] = "vendor specific", [10] = "copy aborted",    [11] = "aborted command",
		[12] = "reserved",       [13] = "volume overflow", [14] = "miscompare",
		[15] = "completed",
	};

	lb_fail(err, "%s: %s%s (sense %x/%02x/%02x)", scsi->name,
		sense.deferred ? "an earlier write failed after all: " : "", keys[sense.key], sense.key,
		sense.code >> 8, sense.code & 0xff);
	return FAILED;
}

static enum verdict send_again(struct lb_scsi *scsi, uint32_t tag, uint64_t milliseconds)
{
	scsi->again |= 1U << tag;
	scsi->again_at = lb_deadline_in(milliseconds);
	return AGAIN;
}

static enum verdict judge_data(const struct lb_scsi *scsi, const struct lb_scsi_answer *answer,
			       struct lb_error *err)
{
	uint32_t wanted = scsi->kept[answer->tag].command.bytes;

	if (answer->moved == wanted)
		return DONE;
	lb_fail(err, "%s: moved %u of %u bytes", scsi->name, answer->moved, wanted);
	return FAILED;
}

// The disk reports a unit attention once, and does not carry the command out: it is sent again. If the
// attention says that the disk may be another one now, the command fails; the reset that follows checks
// the disk's size.
static enum verdict judge_attention(struct lb_scsi *scsi, uint32_t tag, struct sense sense,
				    struct lb_error *err)
{
	if (sense.code == MEDIUM_MAY_HAVE_CHANGED || sense.code == CAPACITY_CHANGED ||
	    sense.code == INQUIRY_CHANGED) {
		if (scsi->blocks) // not while the disk is being opened
			return fail_by_sense(scsi, sense, err);
	}
	if (scsi->kept[tag].attentions == ATTENTIONS_MAX)
		return fail_by_sense(scsi, sense, err);
	scsi->kept[tag].attentions++;
	return send_again(scsi, tag, 0);
}

static enum verdict judge_sense(struct lb_scsi *scsi, const struct lb_scsi_answer *answer,
				struct lb_error *err)
{
	struct sense sense = read_sense(answer);

	if (sense.deferred) { // SPC-4 4.5.7: the disk did not carry this command out
		scsi->lost |= sense.key != KEY_RECOVERED;
		return scsi->lost ? fail_by_sense(scsi, sense, err)
				  : judge_attention(scsi, answer->tag, sense, err);
	}
	switch (sense.key) {
	case KEY_RECOVERED:
		return judge_data(scsi, answer, err);
	case KEY_UNIT_ATTENTION:
		return judge_attention(scsi, answer->tag, sense, err);
	case KEY_NOT_READY:
		if (sense.code == BECOMING_READY || sense.code == ACCESS_IN_TRANSITION)
			return send_again(scsi, answer->tag, BUSY_MS);
		break;
	case KEY_ILLEGAL_REQUEST:
		scsi->declined = true;
		if (scsi->kept[answer->tag].flush && sense.code == UNKNOWN_COMMAND)
			return DONE; // a disk that does not know the flush has no cache
		break;
	default:
		break;
	}
	return fail_by_sense(scsi, sense, err);
}

static enum verdict judge(struct lb_scsi *scsi, const struct lb_scsi_answer *answer, struct lb_error *err)
{
	scsi->declined = false;
	switch (answer->status) {
	case LB_SCSI_GOOD:
		return judge_data(scsi, answer, err);
	case LB_SCSI_CHECK_CONDITION:
		return judge_sense(scsi, answer, err);
	case LB_SCSI_BUSY:
	case TASK_SET_FULL:
		return send_again(scsi, answer->tag, BUSY_MS);
	case RESERVATION_CONFLICT:
		lb_fail(err, "%s: the disk is reserved by another host (status 0x18)", scsi->name);
		return FAILED;
	case TASK_ABORTED:
		lb_fail(err, "%s: another host aborted the command (status 0x40)", scsi->name);
		return FAILED;
	default:
		lb_fail(err, "%s: ended a command with status 0x%x, which does not exist", scsi->name,
			answer->status);
		return FAILED;
	}
}

static int begin(struct lb_scsi *scsi, uint32_t tag, struct lb_error *err)
{
	scsi->kept[tag].attentions = 0;
	scsi->in_flight |= 1U << tag;
	scsi->again &= ~(1U << tag);
	return scsi->transport->submit(scsi, tag, &scsi->kept[tag].command, err);
}

// Sends the waiting commands again once their time has come. -1: sending command *ret_tag failed.
static int send_waiting(struct lb_scsi *scsi, uint32_t *ret_tag, struct lb_error *err)
{
	if (!scsi->again || !lb_deadline_passed(scsi->again_at))
		return 0;
	while (scsi->again) {
		uint32_t tag = (uint32_t)__builtin_ctz(scsi->again);

		scsi->again &= ~(1U << tag);
		if (scsi->transport->submit(scsi, tag, &scsi->kept[tag].command, err) != 0) {
			*ret_tag = tag;
			scsi->in_flight &= ~(1U << tag);
			return -1;
		}
	}
	return 0;
}

static int look(struct lb_scsi *scsi, uint32_t *ret_tag, struct lb_error *err)
{
	struct lb_scsi_answer answer = {.tag = LB_DISK_NO_TAG};
	enum verdict verdict;
	int result;

	if (send_waiting(scsi, ret_tag, err) != 0)
		return -1;
	result = scsi->transport->poll(scsi, &answer, err);
	if (!result)
		return 0;
	*ret_tag = answer.tag;
	if (answer.tag >= scsi->depth || !(scsi->in_flight & ~scsi->again & 1U << answer.tag)) {
		*ret_tag = LB_DISK_NO_TAG;
		return result < 0 ? -1
				  : lb_fail(err, "%s: command %u is reported as done, which is not in flight",
					    scsi->name, answer.tag);
	}
	verdict = result < 0 ? FAILED : judge(scsi, &answer, err);
	if (verdict == AGAIN)
		return 0;
	scsi->in_flight &= ~(1U << answer.tag);
	return verdict == DONE ? 1 : -1;
}

static int scsi_poll(struct lb_disk *disk, uint32_t *ret_tag, struct lb_error *err)
{
	return look(disk->state, ret_tag, err);
}

static int scsi_submit(struct lb_disk *disk, const struct lb_disk_request *wanted, struct lb_error *err)
{
	struct lb_scsi *scsi = disk->state;
	struct lb_scsi_command command = {.to_device = wanted->op == LB_DISK_WRITE};
	uint64_t blocks = wanted->bytes / disk->block_bytes;

	if (wanted->op == LB_DISK_FLUSH) { // the command's zeroes mean all blocks
		command.cdb[0] = SYNCHRONIZE_CACHE_10;
		command.cdb_bytes = 10;
	} else if (wanted->block + blocks <= 1ULL << 32) {
		command.cdb[0] = command.to_device ? WRITE_10 : READ_10;
		put_be(command.cdb + 2, 4, wanted->block);
		put_be(command.cdb + 7, 2, blocks);
		command.cdb_bytes = 10;
	} else {
		command.cdb[0] = command.to_device ? WRITE_16 : READ_16;
		put_be(command.cdb + 2, 8, wanted->block);
		put_be(command.cdb + 10, 4, blocks);
		command.cdb_bytes = 16;
	}
	if (wanted->op != LB_DISK_FLUSH) {
		command.data = wanted->buffer;
		command.bytes = wanted->bytes;
	}
	scsi->kept[wanted->tag].command = command;
	scsi->kept[wanted->tag].flush = wanted->op == LB_DISK_FLUSH;
	return begin(scsi, wanted->tag, err);
}

// Sends a command while no other is in flight, and waits for the answer: `bytes` bytes in scsi->page.
static int ask(struct lb_scsi *scsi, const uint8_t cdb[6], uint32_t bytes, struct lb_error *err)
{
	struct lb_deadline deadline = lb_deadline_in(LB_DISK_TIMEOUT_MS);
	struct lb_scsi_command *command = &scsi->kept[0].command;
	uint32_t tag = LB_DISK_NO_TAG;
	int result;

	*command = (struct lb_scsi_command){.data = scsi->page, .bytes = bytes};
	memcpy(command->cdb, cdb, 6);
	// SPC-4 4.2.5.1: the code's group tells the length
	command->cdb_bytes = cdb[0] < 0x20 ? 6 : cdb[0] < 0x80 ? 10 : 16;
	if (cdb[0] == SERVICE_ACTION_IN_16)
		put_be(command->cdb + 10, 4, bytes);
	scsi->kept[0].flush = false;
	scsi->declined = false;
	memset(scsi->page, 0, LB_PAGE);
	if (begin(scsi, 0, err) != 0)
		return -1;
	do {
		result = look(scsi, &tag, err);
		if (result)
			return result < 0 ? -1 : 0;
		lb_pause();
	} while (!lb_deadline_passed(deadline));
	return lb_fail(err, "%s: no answer to command 0x%x in %u ms", scsi->name, cdb[0], LB_DISK_TIMEOUT_MS);
}

static void copy_name(char *to, uint32_t room, const uint8_t *from, uint32_t bytes)
{
	uint32_t used = 0;

	for (uint32_t i = 0; i < bytes && used + 1 < room; i++)
		to[used++] = from[i] > 0x20 && from[i] < 0x7f ? (char)from[i] : ' ';
	while (used && to[used - 1] == ' ')
		used--;
	to[used] = '\0';
}

// SPC-4 6.6.2: a missing logical unit answers INQUIRY, too, and says that it is missing.
static int identify(struct lb_scsi *scsi, struct lb_disk *disk, struct lb_error *err)
{
	static const uint8_t cdb[6] = {INQUIRY, 0, 0, 0, INQUIRY_BYTES};
	char vendor[9], product[17];

	if (ask(scsi, cdb, INQUIRY_BYTES, err) != 0)
		return -1;
	if (scsi->page[0] >> 5)
		return lb_fail(err, "%s: there is no such logical unit (qualifier %u, type 0x%x)", scsi->name,
			       scsi->page[0] >> 5, scsi->page[0] & 0x1f);
	if (scsi->page[0])
		return lb_fail(err, "%s: is of type 0x%x, wanted a disk's, 0", scsi->name, scsi->page[0]);
	copy_name(vendor, sizeof(vendor), scsi->page + 8, 8);
	copy_name(product, sizeof(product), scsi->page + 16, 16);
	lb_snprintf(disk->model, sizeof(disk->model), "%s%s%s", vendor, *vendor && *product ? " " : "",
		    product);
	return 0;
}

static int check_writable(struct lb_scsi *scsi, struct lb_error *err)
{
	static const uint8_t cdb[6] = {MODE_SENSE_6, 0, MODE_ALL_PAGES, 0, MODE_HEADER_BYTES};

	if (ask(scsi, cdb, MODE_HEADER_BYTES, err) != 0)
		return scsi->declined ? 0 : -1; // a disk without MODE SENSE: the first write will show
	if (scsi->page[2] & MODE_WRITE_PROTECTED)
		return lb_fail(err, "%s: the disk is write-protected", scsi->name);
	return 0;
}

static int read_capacity(struct lb_scsi *scsi, struct lb_error *err)
{
	static const uint8_t small[6] = {READ_CAPACITY_10};
	static const uint8_t large[6] = {SERVICE_ACTION_IN_16, READ_CAPACITY_16};
	uint64_t last;

	if (ask(scsi, small, CAPACITY_10_BYTES, err) != 0)
		return -1;
	last = get_be(scsi->page, 4);
	scsi->block_bytes = (uint32_t)get_be(scsi->page + 4, 4);
	if (last == UINT32_MAX) {
		if (ask(scsi, large, CAPACITY_16_BYTES, err) != 0)
			return -1;
		last = get_be(scsi->page, 8);
		scsi->block_bytes = (uint32_t)get_be(scsi->page + 8, 4);
	}
	if (last == UINT64_MAX)
		return lb_fail(err, "%s: its last block is 0x%lx, more than is possible", scsi->name, last);
	scsi->blocks = last + 1;
	return 0;
}

// Reads the largest transfer that the disk accepts. For a disk that does not tell, the transport's limit
// stays.
static int read_limits(struct lb_scsi *scsi, struct lb_error *err)
{
	static const uint8_t cdb[6] = {INQUIRY, INQUIRY_VITAL, BLOCK_LIMITS, 0, BLOCK_LIMITS_BYTES};
	uint64_t most;

	if (ask(scsi, cdb, BLOCK_LIMITS_BYTES, err) != 0)
		return scsi->declined ? 0 : -1;
	most = get_be(scsi->page + 8, 4) * scsi->block_bytes;
	if (scsi->page[1] != BLOCK_LIMITS || get_be(scsi->page + 2, 2) < BLOCK_LIMITS_BYTES - 4 || !most)
		return 0;
	most = lb_align_down(most, LB_PAGE);
	if (!most)
		return lb_fail(err, "%s: takes %lu bytes at once, wanted %llu or more", scsi->name,
			       get_be(scsi->page + 8, 4) * scsi->block_bytes, LB_PAGE);
	if (most < scsi->max_bytes)
		scsi->max_bytes = (uint32_t)most;
	return 0;
}

static void forget(struct lb_scsi *scsi)
{
	scsi->in_flight = scsi->again = 0;
}

static int wait_ready(struct lb_scsi *scsi, struct lb_error *err)
{
	static const uint8_t cdb[6] = {TEST_UNIT_READY};

	return ask(scsi, cdb, 0, err);
}

// Resets the disk. Fails if its size has changed.
static int scsi_reset(struct lb_disk *disk, struct lb_error *err)
{
	struct lb_scsi *scsi = disk->state;

	if (scsi->lost)
		return lb_fail(err, "%s: a write that it said was done has failed", scsi->name);
	forget(scsi);
	if (scsi->transport->reset(scsi, err) != 0)
		return -1;
	scsi->blocks = 0;
	if (wait_ready(scsi, err) != 0 || read_capacity(scsi, err) != 0)
		return -1;
	if (scsi->blocks != disk->blocks || scsi->block_bytes != disk->block_bytes)
		return lb_fail(err, "%s: has %lu blocks of %u bytes after a reset, before it %lu of %u",
			       scsi->name, scsi->blocks, scsi->block_bytes, disk->blocks, disk->block_bytes);
	return 0;
}

static void scsi_stop(struct lb_disk *disk)
{
	struct lb_scsi *scsi = disk->state;

	scsi->transport->stop(scsi);
}

static const struct lb_disk_driver scsi_driver = {
	.submit = scsi_submit,
	.poll = scsi_poll,
	.reset = scsi_reset,
	.stop = scsi_stop,
};

int lb_scsi_open(struct lb_scsi *scsi, const struct lb_target *target, struct lb_disk *ret_disk,
		 struct lb_error *err)
{
	struct lb_disk disk = {.driver = &scsi->driver, .state = scsi, .pci = target->pci};

	scsi->driver = scsi_driver;
	memcpy(scsi->driver.name, scsi->transport->name, sizeof(scsi->driver.name));
	scsi->page = lb_heap_pages(LB_PAGE);
	if (!scsi->page)
		return lb_fail(err, "%s: no memory for a page", scsi->name);
	forget(scsi);
	// INQUIRY comes first: a unit that is not ready answers it, too, so a missing unit is found
	// without waiting.
	if (identify(scsi, &disk, err) != 0 || wait_ready(scsi, err) != 0 || read_capacity(scsi, err) != 0)
		return -1;
	disk.block_bytes = scsi->block_bytes;
	disk.blocks = scsi->blocks;
	if (lb_target_is_disk(target, scsi->name, &disk, err) != 0 || check_writable(scsi, err) != 0 ||
	    read_limits(scsi, err) != 0)
		return -1;
	disk.max_bytes = scsi->max_bytes;
	disk.depth = scsi->depth;
	*ret_disk = disk;
	return 0;
}
