// SPDX-License-Identifier: BSD-2-Clause
// Both libraries are told that their input is one page. Their tables are then a fraction of the default size.
// Sources: zstd.h, "Static allocation"; zlib.h, deflateInit2().
#include "crash/dump/compress.h"

#define ZLIB_CONST // its sources are const
#define ZSTD_STATIC_LINKING_ONLY
#include <zlib.h>
#include <zstd.h>

#include "lib/mem.h"
#include "lifeboat/range.h"

#define ZLIB_LEVEL 1 // the fastest: makedumpfile's choice, too

// zstd's levels for a page of 4 KiB. All of them use zstd's fastest search. Level 2 looks for matches of 4
// bytes; level 1, makedumpfile's, looks for 5. Level -1 does not compress literals. Tables for the literals'
// Huffman code take half of the time, and a page that shrinks to little does not need them. Similar pages lie
// side by side, so the last page's size decides which level the next page is tried with first.
// A core of Linux 6.1 becomes 0.8 % larger than with level 1 (tests/bench/run-writer).
#define ZSTD_LEVEL 2
#define ZSTD_LEVEL_QUICK (-1)
#define QUICK_BYTES 1200U // a page that level -1 makes larger than this is compressed again
#define QUICK_NEXT 800U // after a page larger than this the next is not tried with level -1

// zlib: the window holds a page and zlib's own margin of 262 bytes. A block takes as many symbols as a page
// has bytes: 1 << (memLevel + 6). The sum is from zlib.h; the two pages are for zlib's struct deflate_state.
#define ZLIB_WINDOW_BITS 13
#define ZLIB_MEM_LEVEL 6
#define ZLIB_BYTES ((1ULL << (ZLIB_WINDOW_BITS + 2)) + (1ULL << (ZLIB_MEM_LEVEL + 9)) + 2 * LB_PAGE)

struct lb_compressor {
	enum lb_dump_format format;
	ZSTD_CCtx *zstd; // behind this struct, where zlib's memory is, too
	z_stream zlib;
	uint8_t *next; // the next piece for zlib to allocate
	uint64_t left;
	bool quick; // zstd: the last page was a small one
};

// The library's memory begins behind the struct, at a multiple of this.
#define AREA_ALIGN 64ULL

static uint64_t max64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint64_t zstd_bytes(int level)
{
	return ZSTD_estimateCCtxSize_usingCParams(ZSTD_getCParams(level, LB_PAGE, 0));
}

static uint64_t library_bytes(enum lb_dump_format format)
{
	switch (format) {
	case LB_DUMP_ZSTD:
		return max64(zstd_bytes(ZSTD_LEVEL), zstd_bytes(ZSTD_LEVEL_QUICK));
	case LB_DUMP_ZLIB:
		return ZLIB_BYTES;
	default:
		return 0;
	}
}

uint64_t lb_compressor_bytes(enum lb_dump_format format)
{
	return lb_align_up(lb_align_up(sizeof(struct lb_compressor), AREA_ALIGN) + library_bytes(format),
			   LB_PAGE);
}

// Allocates upwards. Nothing is freed, because only deflateInit2() allocates.
static voidpf zlib_take(voidpf opaque, uInt items, uInt size)
{
	struct lb_compressor *compressor = opaque;
	uint64_t bytes = lb_align_up((uint64_t)items * size, AREA_ALIGN);
	void *piece = compressor->next;

	if (bytes > compressor->left)
		return Z_NULL;
	compressor->next += bytes;
	compressor->left -= bytes;
	return piece;
}

static void zlib_give(voidpf opaque, voidpf piece)
{
	(void)opaque;
	(void)piece;
}

static bool zlib_open(struct lb_compressor *compressor)
{
	compressor->zlib.zalloc = zlib_take;
	compressor->zlib.zfree = zlib_give;
	compressor->zlib.opaque = compressor;
	return deflateInit2(&compressor->zlib, ZLIB_LEVEL, Z_DEFLATED, ZLIB_WINDOW_BITS, ZLIB_MEM_LEVEL,
			    Z_DEFAULT_STRATEGY) == Z_OK;
}

struct lb_compressor *lb_compressor_open(void *area, enum lb_dump_format format)
{
	struct lb_compressor *compressor = area;

	memset(compressor, 0, sizeof(*compressor));
	compressor->format = format;
	compressor->next = (uint8_t *)area + lb_align_up(sizeof(*compressor), AREA_ALIGN);
	compressor->left = library_bytes(format);
	switch (format) {
	case LB_DUMP_ZSTD:
		compressor->zstd = ZSTD_initStaticCCtx(compressor->next, compressor->left);
		return compressor->zstd ? compressor : NULL;
	case LB_DUMP_ZLIB:
		return zlib_open(compressor) ? compressor : NULL;
	default:
		return compressor;
	}
}

void lb_compressor_forget(struct lb_compressor *compressor)
{
	compressor->quick = false;
}

// This function and the next two return 0 when the page does not get smaller.
static uint32_t compress_at(struct lb_compressor *compressor, int level, const void *page, void *to)
{
	// The size of the source makes the library choose the parameters that the area was measured for.
	size_t bytes = ZSTD_compressCCtx(compressor->zstd, to, LB_PAGE - 1, page, LB_PAGE, level);

	return ZSTD_isError(bytes) ? 0 : (uint32_t)bytes;
}

static uint32_t compress_zstd(struct lb_compressor *compressor, const void *page, void *to)
{
	uint32_t bytes = compressor->quick ? compress_at(compressor, ZSTD_LEVEL_QUICK, page, to) : 0;

	if (!bytes || bytes > QUICK_BYTES)
		bytes = compress_at(compressor, ZSTD_LEVEL, page, to);
	compressor->quick = bytes && bytes <= QUICK_NEXT;
	return bytes;
}

static uint32_t compress_zlib(struct lb_compressor *compressor, const void *page, void *to)
{
	z_stream *zlib = &compressor->zlib;

	if (deflateReset(zlib) != Z_OK)
		return 0;
	zlib->next_in = page;
	zlib->avail_in = LB_PAGE;
	zlib->next_out = to;
	zlib->avail_out = LB_PAGE - 1;
	return deflate(zlib, Z_FINISH) == Z_STREAM_END ? (uint32_t)zlib->total_out : 0;
}

uint32_t lb_compress_page(struct lb_compressor *compressor, const void *page, void *to, uint32_t *ret_flags)
{
	uint32_t bytes = 0, flags = LB_COMPRESS_RAW;

	if (compressor->format == LB_DUMP_ZSTD) {
		bytes = compress_zstd(compressor, page, to);
		flags = LB_COMPRESS_ZSTD;
	} else if (compressor->format == LB_DUMP_ZLIB) {
		bytes = compress_zlib(compressor, page, to);
		flags = LB_COMPRESS_ZLIB;
	}
	if (!bytes) {
		memcpy(to, page, LB_PAGE);
		bytes = LB_PAGE;
		flags = LB_COMPRESS_RAW;
	}
	*ret_flags = flags;
	return bytes;
}

bool lb_compress_is_zero(const void *page)
{
	const uint64_t *word = page;

	// Most pages that are not zero show it early. A page of zeroes is read a cache line at a time.
	for (unsigned int i = 0; i < LB_PAGE / sizeof(*word); i += 8) {
		if (word[i] | word[i + 1] | word[i + 2] | word[i + 3] | word[i + 4] | word[i + 5] |
		    word[i + 6] | word[i + 7])
			return false;
	}
	return true;
}
