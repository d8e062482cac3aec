// SPDX-License-Identifier: BSD-2-Clause
// The lines are those of `makedumpfile --dump-dmesg` from 1.7.6 on. Time and caller stand before a record's
// first line, as many blanks before its further lines. Bytes that are no text become \xNN.
#include "crash/dead/dmesg.h"

#include "crash/dead/prb.h"
#include "lib/mem.h"

struct out {
	bool (*put)(void *ctx, const char *text, size_t bytes);
	void *ctx;
	bool stopped; // `put` wants no more
	uint64_t lost; // records whose text is not there, or in part
	size_t bytes;
	char text[512];
};

static void flush(struct out *out)
{
	if (out->bytes && !out->stopped && !out->put(out->ctx, out->text, out->bytes))
		out->stopped = true;
	out->bytes = 0;
}

static void add(struct out *out, const char *text, size_t bytes)
{
	if (bytes > sizeof(out->text) - out->bytes)
		flush(out);
	memcpy(out->text + out->bytes, text, bytes);
	out->bytes += bytes;
}

static void add_char(struct out *out, unsigned char c, size_t indent)
{
	char text[40];

	// isprint() or isspace() of the C locale, and the kernel's own \x.
	if (c == '\n')
		add(out, text, lb_snprintf(text, sizeof(text), "\n%-*s", (int)indent, ""));
	else if ((c >= ' ' && c <= '~') || (c >= '\t' && c <= '\r'))
		add(out, (const char *)&c, 1);
	else
		add(out, text, lb_snprintf(text, sizeof(text), "\\x%02x", c));
}

// Adds the caller: a thread, "[      T1] ", or a CPU, "[      C0] ".
static size_t add_caller(uint32_t caller, char *stamp, size_t bytes)
{
	char id[16];

	lb_snprintf(id, sizeof(id), "%c%u", caller & LB_PRB_CPU ? 'C' : 'T', caller & ~LB_PRB_CPU);
	return lb_snprintf(stamp, bytes, "[%8s] ", id);
}

static bool all_zero(const unsigned char *piece, uint32_t bytes)
{
	while (bytes && !piece[bytes - 1])
		bytes--;
	return bytes == 0;
}

static void add_lost(struct out *out)
{
	add(out, "(lost)", 6);
	out->lost++;
}

static void add_record(struct out *out, struct lb_prb *prb, const struct lb_prb_record *record)
{
	uint64_t microseconds = record->nanoseconds / 1000;
	uint64_t virt = record->text;
	uint32_t left = record->text_bytes;
	char stamp[64]; // at most 32 characters and 15
	size_t indent = lb_snprintf(stamp, sizeof(stamp), "[%5lu.%06lu] ", microseconds / 1000000,
				    microseconds % 1000000);

	if (prb->layout.info_caller != LB_PRB_NONE)
		indent += add_caller(record->caller, stamp + indent, sizeof(stamp) - indent);
	add(out, stamp, indent);
	while (left && !out->stopped) {
		unsigned char piece[64]; // `put` may move the window that memory is seen through
		uint32_t bytes = left < sizeof(piece) ? left : sizeof(piece);

		// Zeros are no text: they stand for a page that a dump that was cut off does not have.
		if (!lb_deadmem_copy(&prb->mem, virt, piece, bytes) || all_zero(piece, bytes)) {
			add_lost(out);
			break;
		}
		for (uint32_t i = 0; i < bytes; i++)
			add_char(out, piece[i], indent);
		virt += bytes;
		left -= bytes;
	}
	add(out, "\n", 1);
}

// Adds all records' text; returns their number.
static uint64_t add_records(struct out *out, struct lb_prb *prb)
{
	struct lb_prb_record record;
	uint64_t records = 0;

	while (!out->stopped && lb_prb_next(prb, &record)) {
		add_record(out, prb, &record);
		records++;
	}
	flush(out);
	return records;
}

int lb_dmesg_read(const struct lb_deadspace *dead, bool (*put)(void *ctx, const char *text, size_t bytes),
		  void *ctx, uint64_t *ret_records, struct lb_error *err)
{
	struct out out = {.put = put, .ctx = ctx};
	struct lb_prb prb;

	if (lb_prb_open(&prb, dead, err) != 0)
		return -1;
	*ret_records = add_records(&out, &prb);
	return 0;
}

// RECORD_BYTES: a record's time stamp and line feed. The other number: by how much a text may become longer
// than in the ring. It becomes longest by line feeds, because each indents the next line.
#define RECORD_BYTES 16U
#define LONGER 64U

static bool count(void *ctx, const char *text, size_t bytes)
{
	uint64_t *sum = ctx;

	(void)text;
	*sum += bytes;
	return true;
}

int lb_dmesg_fit(const struct lb_deadspace *dead, uint64_t bytes, struct lb_dmesg_tail *ret_tail,
		 struct lb_error *err)
{
	struct lb_dmesg_tail tail = {UINT64_MAX, 0};
	uint64_t in_ring, text = 0;
	struct lb_dmesg_gaps gaps;
	struct lb_prb prb;

	if (lb_prb_open(&prb, dead, err) != 0)
		return -1;
	tail.records = lb_prb_last(&prb, bytes, RECORD_BYTES, &in_ring);
	if (tail.records == prb.left && in_ring <= bytes / LONGER)
		tail.records = UINT64_MAX;
	else if (lb_dmesg_read_ends(dead, (struct lb_dmesg_ends){.last = tail.records}, count, &text, &gaps,
				    err) != 0)
		return -1;
	if (text > bytes)
		tail.skip = text - bytes;
	*ret_tail = tail;
	return 0;
}

static uint64_t min64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

int lb_dmesg_read_ends(const struct lb_deadspace *dead, struct lb_dmesg_ends ends,
		       bool (*put)(void *ctx, const char *text, size_t bytes), void *ctx,
		       struct lb_dmesg_gaps *ret_gaps, struct lb_error *err)
{
	struct out out = {.put = put, .ctx = ctx};
	struct lb_prb prb;
	uint64_t ignored;

	if (lb_prb_open(&prb, dead, err) != 0)
		return -1;
	if (ends.bytes) {
		ends.first = min64(ends.first, lb_prb_first(&prb, ends.bytes, RECORD_BYTES, &ignored));
		ends.last = min64(ends.last, lb_prb_last(&prb, ends.bytes, RECORD_BYTES, &ignored));
	}
	ret_gaps->left_out = lb_prb_keep_ends(&prb, ends.first, ends.last);
	add_records(&out, &prb);
	ret_gaps->lost = out.lost;
	return 0;
}
