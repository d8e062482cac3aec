// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE // memfd_create()
#include "tools/save/copy.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/sha256.h"
#include "tools/common/report_json.h"
#include "tools/save/decrypt.h"
#include "tools/save/output.h"

// struct page_desc of a kdump-compressed file: offset, size, flags, page flags.
#define DESC_BYTES 24U
// A whole number of descriptors and of blocks.
#define PIECE (DESC_BYTES * LB_DUMP_BLOCK * 8U)

// The kdump header's `status`, and its bit for dumps that are not whole.
#define KDUMP_STATUS_AT 424U
#define KDUMP_INCOMPLETE 0x8U
// The same of makedumpfile's ELF files: e_flags.
#define ELF_FLAGS_AT 48U
#define ELF_INCOMPLETE 0x1U

// A stretch of the partition on its way into the file.
struct stretch {
	const char *what;
	uint64_t origin; // where the file begins on the partition
	uint64_t offset, bytes; // in the file
	uint64_t whole; // the file's bytes, for progress
	const uint8_t *sha256;
	enum digest *ret_digest;
	bool open_ended; // of an interrupted dump: the age file has no last chunk
	// Changes what goes into the file: `at` is the piece's offset in the stretch. May be NULL.
	void (*edit)(const struct dump *dump, uint8_t *piece, size_t bytes, uint64_t at,
		     struct judgement *judgement);
};

const char *judgement_wrong(const struct judgement *judgement)
{
	if (judgement->head == DIGEST_WRONG)
		return "head";
	if (judgement->desc == DIGEST_WRONG)
		return "page descriptors";
	if (judgement->data == DIGEST_WRONG)
		return "page data";
	if (judgement->log == DIGEST_WRONG)
		return "log";
	if (judgement->report == DIGEST_WRONG)
		return "report";
	return NULL;
}

static void set_bits(uint8_t *at, uint32_t bits)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	value |= bits;
	memcpy(at, &value, sizeof(value));
}

static void edit_head(const struct dump *dump, uint8_t *piece, size_t bytes, uint64_t at,
		      struct judgement *judgement)
{
	const bool kdump = dump_is_kdump(&dump->header);
	const size_t field = kdump ? KDUMP_STATUS_AT : ELF_FLAGS_AT;

	(void)judgement;
	if (at == 0 && bytes >= field + sizeof(uint32_t))
		set_bits(piece + field, kdump ? KDUMP_INCOMPLETE : ELF_INCOMPLETE);
}

// Clears the descriptors of pages that are not on the disk.
static void edit_descs(const struct dump *dump, uint8_t *piece, size_t bytes, uint64_t at,
		       struct judgement *judgement)
{
	const uint64_t data = dump->header.data_offset;
	const uint64_t end = data + dump->header.data_bytes;

	(void)at;
	for (size_t i = 0; i < bytes; i += DESC_BYTES) {
		const size_t there = bytes - i < DESC_BYTES ? bytes - i : DESC_BYTES;
		uint64_t offset = 0;
		uint32_t size = 0;

		if (there == DESC_BYTES) {
			memcpy(&offset, piece + i, sizeof(offset));
			memcpy(&size, piece + i + 8, sizeof(size));
			if (offset >= data && offset <= end && size <= end - offset)
				continue;
		}
		memset(piece + i, 0, there);
		judgement->lost_pages++;
	}
}

// A digest of zeroes was never written: the dump was interrupted, or the disk did not take its end.
static enum digest judge(const struct dump *dump, const uint8_t *wanted, const uint8_t *found)
{
	static const uint8_t none[LB_SHA256_BYTES];

	if (dump_cut_short(&dump->header) && !memcmp(wanted, none, sizeof(none)))
		return DIGEST_UNKNOWN;
	return memcmp(wanted, found, LB_SHA256_BYTES) ? DIGEST_WRONG : DIGEST_RIGHT;
}

// A piece on its way into the file: as it is, or through what decrypts it.
static int put_piece(const struct copying *copying, struct decrypting *decrypting, uint64_t offset,
		     const uint8_t *piece, size_t bytes, struct lb_error *err)
{
	if (copying->fd < 0)
		return 0;
	return decrypting ? decrypt_add(decrypting, piece, bytes, err)
			  : output_write(copying->fd, offset, piece, bytes, err);
}

static int copy_stretch(const struct dump *dump, const struct copying *copying, const struct stretch *stretch,
			struct judgement *judgement, struct lb_error *err)
{
	static uint8_t piece[PIECE];
	uint8_t digest[LB_SHA256_BYTES];
	static struct decrypting state;
	struct decrypting *decrypting = NULL;
	struct lb_sha256 sha;

	if (!stretch->bytes)
		return 0;
	if (copying->fd >= 0 && dump_is_encrypted(&dump->header) && dump->identities) {
		decrypting = &state;
		decrypt_begin(decrypting, dump->identities, copying->fd);
	}
	lb_sha256_begin(&sha);
	for (uint64_t at = 0; at < stretch->bytes; at += PIECE) {
		const size_t bytes = stretch->bytes - at < PIECE ? (size_t)(stretch->bytes - at) : PIECE;

		if (device_read(&dump->device, stretch->origin + stretch->offset + at, piece, bytes, err) !=
		    0)
			return -1;
		lb_sha256_add(&sha, piece, bytes);
		if (stretch->edit)
			stretch->edit(dump, piece, bytes, at, judgement);
		if (put_piece(copying, decrypting, stretch->offset + at, piece, bytes, err) != 0)
			return -1;
		if (copying->progress)
			copying->progress(stretch->offset + at + bytes, stretch->whole);
	}
	lb_sha256_end(&sha, digest);
	*stretch->ret_digest = judge(dump, stretch->sha256, digest);
	return decrypting ? decrypt_end(decrypting, stretch->open_ended, err) : 0;
}

// Judges a dump that was cut short: has its head been written at all?
static int check_beginning(const struct dump *dump, struct lb_error *err)
{
	const bool encrypted = dump_is_encrypted(&dump->header);
	const char *magic = encrypted ? "age-encr" : dump_is_kdump(&dump->header) ? "KDUMP   " : "\177ELF";
	char found[8];

	if (dump->file_bytes < (encrypted ? sizeof(found) : LB_DUMP_BLOCK))
		return lb_fail(err, "%s: a dump of %lu bytes: less than its first block", dump->device.name,
			       dump->file_bytes);
	if (device_read(&dump->device, dump->header.file_offset, found, sizeof(found), err) != 0)
		return -1;
	if (memcmp(found, magic, strlen(magic)) != 0)
		return lb_fail(err, "%s: the dump does not begin as a %s file does", dump->device.name,
			       encrypted                      ? "age"
			       : dump_is_kdump(&dump->header) ? "kdump-compressed"
							      : "core");
	return 0;
}

int copy_file(const struct dump *dump, const struct copying *copying, struct judgement *judgement,
	      struct lb_error *err)
{
	const struct lb_dump_header *header = &dump->header;
	const bool parts = dump_is_kdump(header) && header->desc_total;
	const bool encrypted = dump_is_encrypted(header);
	const bool cut = dump_cut_short(header) && !encrypted; // the age file itself tells when it is cut
	struct stretch stretches[] = {
		{.what = "head",
		 .bytes = parts ? header->desc_offset : dump->file_bytes,
		 .sha256 = header->head_sha256,
		 .ret_digest = &judgement->head,
		 .open_ended = header->state == LB_DUMP_WRITING,
		 .edit = cut ? edit_head : NULL},
		{.what = "page descriptors",
		 .offset = header->desc_offset,
		 .bytes = parts ? header->desc_bytes : 0,
		 .sha256 = header->desc_sha256,
		 .ret_digest = &judgement->desc,
		 .edit = cut ? edit_descs : NULL},
		{.what = "page data",
		 .offset = header->data_offset,
		 .bytes = parts ? header->data_bytes : 0,
		 .sha256 = header->data_sha256,
		 .ret_digest = &judgement->data},
	};

	if (check_beginning(dump, err) != 0)
		return -1;
	if (cut && parts && header->desc_total > header->desc_bytes)
		judgement->lost_pages += (header->desc_total - header->desc_bytes) / DESC_BYTES;
	if (copying->fd >= 0 && !(encrypted && dump->identities) &&
	    ftruncate(copying->fd, (off_t)dump->file_bytes))
		return lb_fail(err, "making it %lu bytes long: %s", dump->file_bytes, strerror(errno));
	for (size_t i = 0; i < sizeof(stretches) / sizeof(stretches[0]); i++) {
		struct lb_error why;

		stretches[i].origin = header->file_offset;
		stretches[i].whole = dump->file_bytes;
		if (copy_stretch(dump, copying, &stretches[i], judgement, &why) != 0)
			return lb_fail(err, "%s: %s", stretches[i].what, why.text);
	}
	return 0;
}

int copy_log(const struct dump *dump, const struct copying *copying, struct judgement *judgement,
	     struct lb_error *err)
{
	const struct stretch stretch = {
		.what = "log",
		.origin = dump->header.log_offset,
		.bytes = dump->header.log_bytes,
		.whole = dump->header.log_bytes,
		.sha256 = dump->header.log_sha256,
		.ret_digest = &judgement->log,
	};

	return copy_stretch(dump, &(struct copying){.fd = copying->fd}, &stretch, judgement, err);
}

int copy_report(const struct dump *dump, const struct copying *copying, struct judgement *judgement,
		struct lb_error *err)
{
	const struct stretch stretch = {
		.what = "report",
		.origin = dump->header.report_offset,
		.bytes = dump->header.report_bytes,
		.whole = dump->header.report_bytes,
		.sha256 = dump->header.report_sha256,
		.ret_digest = &judgement->report,
	};

	return copy_stretch(dump, &(struct copying){.fd = copying->fd}, &stretch, judgement, err);
}

// Reads the report's text, decrypted where it has to be.
static int read_report(const struct dump *dump, char *text, uint32_t *ret_bytes, struct lb_error *err)
{
	struct judgement ignored = {0};
	struct copying copying = {.fd = -1};
	ssize_t bytes = -1;

	if (!dump_is_encrypted(&dump->header))
		return dump_read_report(dump, text, ret_bytes, err);
	copying.fd = memfd_create("report", MFD_CLOEXEC);
	if (copying.fd < 0)
		return lb_fail(err, "%s", strerror(errno));
	if (copy_report(dump, &copying, &ignored, err) == 0) {
		bytes = pread(copying.fd, text, LB_DUMP_REPORT_MAX, 0);
		if (bytes < 0)
			lb_fail(err, "%s", strerror(errno));
	}
	close(copying.fd);
	if (bytes < 0)
		return -1;
	*ret_bytes = (uint32_t)bytes;
	return 0;
}

int copy_report_json(const struct dump *dump, const struct copying *copying, struct judgement *judgement,
		     struct lb_error *err)
{
	static char text[LB_DUMP_REPORT_MAX];
	const int fd = dup(copying->fd);
	struct json json = {.out = fd < 0 ? NULL : fdopen(fd, "w")};
	uint32_t bytes;

	(void)judgement;
	if (!json.out) {
		if (fd >= 0)
			close(fd);
		return lb_fail(err, "%s", strerror(errno));
	}
	if (read_report(dump, text, &bytes, err) != 0) {
		fclose(json.out);
		return -1;
	}
	report_json(&json, NULL, text, bytes);
	return fclose(json.out) == 0 ? 0 : lb_fail(err, "%s", strerror(errno));
}
