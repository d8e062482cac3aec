// SPDX-License-Identifier: BSD-2-Clause
#include "crash/dump/flat.h"

#include "lib/mem.h"

#define HEAD_BYTES 4096U // of the head; the first piece follows
#define TYPE_FLAT 1
#define VERSION 1

struct head {
	char signature[16];
	uint8_t type[8], version[8];
};

struct piece {
	uint8_t offset[8], bytes[8];
};
_Static_assert(sizeof(struct piece) == LB_FLAT_PIECE, "as said");

static void put_number(uint8_t to[8], uint64_t value)
{
	for (unsigned int i = 0; i < 8; i++)
		to[i] = (uint8_t)(value >> (56 - 8 * i));
}

static int add_piece(struct lb_flat *flat, uint64_t offset, uint64_t bytes, struct lb_error *err)
{
	struct piece piece;

	put_number(piece.offset, offset);
	put_number(piece.bytes, bytes);
	return lb_output_add(&flat->output, &piece, sizeof(piece), err);
}

int lb_flat_open(struct lb_flat *flat, struct lb_partition *partition, uint64_t start, uint64_t limit,
		 const struct lb_sealing *sealing, struct lb_error *err)
{
	struct head head = {.signature = "makedumpfile"};

	put_number(head.type, TYPE_FLAT);
	put_number(head.version, VERSION);
	if (lb_output_open(&flat->output, partition, start, limit, sealing, err) != 0 ||
	    lb_output_add(&flat->output, &head, sizeof(head), err) != 0)
		return -1;
	return lb_output_align(&flat->output, HEAD_BYTES, err);
}

uint64_t lb_flat_room(const struct lb_flat *flat)
{
	const uint64_t room = lb_output_room(&flat->output);

	return room > LB_FLAT_PIECE ? room - LB_FLAT_PIECE : 0;
}

int lb_flat_put(struct lb_flat *flat, uint64_t offset, const void *data, uint64_t bytes, struct lb_error *err)
{
	if (add_piece(flat, offset, bytes, err) != 0)
		return -1;
	return lb_output_add(&flat->output, data, bytes, err);
}

int lb_flat_pad(struct lb_flat *flat, uint64_t offset, uint64_t least, uint64_t *ret_bytes,
		struct lb_error *err)
{
	// A full chunk is sealed only when a byte follows.
	const uint64_t wanted = lb_align_up(flat->output.bytes, LB_CHUNK_PLAIN) + 1;
	const uint64_t left = wanted - flat->output.bytes;
	const uint64_t bytes = left > least + LB_FLAT_PIECE ? left - LB_FLAT_PIECE : least;

	if (add_piece(flat, offset, bytes, err) != 0)
		return -1;
	*ret_bytes = bytes;
	return lb_output_add_zeroes(&flat->output, bytes, err);
}

int lb_flat_end(struct lb_flat *flat, struct lb_error *err)
{
	if (add_piece(flat, UINT64_MAX, UINT64_MAX, err) != 0)
		return -1;
	return lb_output_end(&flat->output, err);
}
