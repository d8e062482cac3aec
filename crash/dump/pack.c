// SPDX-License-Identifier: BSD-2-Clause
// Both libraries are told how little they will see: one page at a time. Their tables are
// then a fraction of what they take by default.
// Sources: zstd.h, "Static allocation"; zlib.h, deflateInit2().
#include "crash/dump/pack.h"

#define ZLIB_CONST // its sources are const
#define ZSTD_STATIC_LINKING_ONLY
#include <zlib.h>
#include <zstd.h>

#include "lib/mem.h"
#include "lifeboat/range.h"

// The fastest level of both: makedumpfile's choice, too.
#define LEVEL 1

// zlib: matches reach over a page and zlib's own margin of 262 bytes, and a block takes
// as many symbols as a page has bytes: 1 << (memLevel + 6). zlib.h has the sum, to which its
// own struct deflate_state comes.
#define ZLIB_WINDOW_BITS 13
#define ZLIB_MEM_LEVEL 6
#define ZLIB_BYTES ((1ULL << (ZLIB_WINDOW_BITS + 2)) + (1ULL << (ZLIB_MEM_LEVEL + 9)) + 2 * LB_PAGE)

struct lb_pack {
	enum lb_dump_format format;
	ZSTD_CCtx *zstd; // behind this struct, as what zlib allocates
	z_stream zlib;
	uint8_t *next; // zlib's next piece
	uint64_t left;
};

// What a library finds behind the struct.
#define AREA_ALIGN 64ULL

static uint64_t library_bytes(enum lb_dump_format format)
{
	switch (format) {
	case LB_DUMP_ZSTD:
		return ZSTD_estimateCCtxSize_usingCParams(ZSTD_getCParams(LEVEL, LB_PAGE, 0));
	case LB_DUMP_ZLIB:
		return ZLIB_BYTES;
	default:
		return 0;
	}
}

uint64_t lb_pack_bytes(enum lb_dump_format format)
{
	return lb_align_up(lb_align_up(sizeof(struct lb_pack), AREA_ALIGN) + library_bytes(format), LB_PAGE);
}

// Upwards and never back: deflateInit2() is the only one who asks.
static voidpf zlib_take(voidpf opaque, uInt items, uInt size)
{
	struct lb_pack *pack = opaque;
	uint64_t bytes = lb_align_up((uint64_t)items * size, AREA_ALIGN);
	void *piece = pack->next;

	if (bytes > pack->left)
		return Z_NULL;
	pack->next += bytes;
	pack->left -= bytes;
	return piece;
}

static void zlib_give(voidpf opaque, voidpf piece)
{
	(void)opaque;
	(void)piece;
}

static bool zlib_open(struct lb_pack *pack)
{
	pack->zlib.zalloc = zlib_take;
	pack->zlib.zfree = zlib_give;
	pack->zlib.opaque = pack;
	return deflateInit2(&pack->zlib, LEVEL, Z_DEFLATED, ZLIB_WINDOW_BITS, ZLIB_MEM_LEVEL,
			    Z_DEFAULT_STRATEGY) == Z_OK;
}

struct lb_pack *lb_pack_open(void *area, enum lb_dump_format format)
{
	struct lb_pack *pack = area;

	memset(pack, 0, sizeof(*pack));
	pack->format = format;
	pack->next = (uint8_t *)area + lb_align_up(sizeof(*pack), AREA_ALIGN);
	pack->left = library_bytes(format);
	switch (format) {
	case LB_DUMP_ZSTD:
		pack->zstd = ZSTD_initStaticCCtx(pack->next, pack->left);
		return pack->zstd ? pack : NULL;
	case LB_DUMP_ZLIB:
		return zlib_open(pack) ? pack : NULL;
	default:
		return pack;
	}
}

// Both of these: 0 when it does not get smaller.
static uint32_t pack_zstd(struct lb_pack *pack, const void *page, void *to)
{
	// By the size of its source it finds the parameters that the area was measured for.
	size_t bytes = ZSTD_compressCCtx(pack->zstd, to, LB_PAGE - 1, page, LB_PAGE, LEVEL);

	return ZSTD_isError(bytes) ? 0 : (uint32_t)bytes;
}

static uint32_t pack_zlib(struct lb_pack *pack, const void *page, void *to)
{
	z_stream *zlib = &pack->zlib;

	if (deflateReset(zlib) != Z_OK)
		return 0;
	zlib->next_in = page;
	zlib->avail_in = LB_PAGE;
	zlib->next_out = to;
	zlib->avail_out = LB_PAGE - 1;
	return deflate(zlib, Z_FINISH) == Z_STREAM_END ? (uint32_t)zlib->total_out : 0;
}

uint32_t lb_pack_page(struct lb_pack *pack, const void *page, void *to, uint32_t *ret_flags)
{
	uint32_t bytes = 0, flags = LB_PACK_RAW;

	if (pack->format == LB_DUMP_ZSTD) {
		bytes = pack_zstd(pack, page, to);
		flags = LB_PACK_ZSTD;
	} else if (pack->format == LB_DUMP_ZLIB) {
		bytes = pack_zlib(pack, page, to);
		flags = LB_PACK_ZLIB;
	}
	if (!bytes) {
		memcpy(to, page, LB_PAGE);
		bytes = LB_PAGE;
		flags = LB_PACK_RAW;
	}
	*ret_flags = flags;
	return bytes;
}

bool lb_pack_is_zero(const void *page)
{
	const uint64_t *word = page;

	// Most pages that are not zero say so early; the rest of a zero one goes by the line.
	for (unsigned int i = 0; i < LB_PAGE / sizeof(*word); i += 8) {
		if (word[i] | word[i + 1] | word[i + 2] | word[i + 3] | word[i + 4] | word[i + 5] |
		    word[i + 6] | word[i + 7])
			return false;
	}
	return true;
}
