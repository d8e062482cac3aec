// SPDX-License-Identifier: BSD-2-Clause
// Compresses single pages and decompresses them with the libraries' ordinary calls, as readers of dumps do.
#include <stdlib.h>
#include <string.h>

#include <zlib.h>
#include <zstd.h>

#include "capture_platform.h"
#include "crash/dump/compress.h"
#include "unit.h"

static uint8_t page[LB_PAGE] __attribute__((aligned(LB_PAGE)));
static uint8_t compressed[LB_PAGE + 64];
static uint8_t unpacked[LB_PAGE];
static uint32_t seed;

static uint32_t next_random(void)
{
	seed = seed * 1664525 + 1013904223;
	return seed >> 8;
}

// Fills the page: every `keep`th byte is random, the rest repeats. A small `keep` makes a page that hardly
// shrinks, a large one a page that shrinks to almost nothing.
static void fill_page(uint32_t keep)
{
	for (uint32_t i = 0; i < LB_PAGE; i++)
		page[i] = (uint8_t)(i % keep ? i / 64 : next_random());
}

static struct lb_compressor *open_compress(enum lb_dump_format format)
{
	void *area;
	struct lb_compressor *compressor;

	capture_reset();
	area = lb_heap_pages(lb_compressor_bytes(format));
	assert_non_null(area);
	compressor = lb_compressor_open(area, format);
	assert_non_null(compressor);
	return compressor;
}

static uint32_t compress_and_check(struct lb_compressor *compressor, uint32_t wanted_flags)
{
	uint32_t flags = 0xffff, bytes;
	uLongf length = sizeof(unpacked);

	memset(compressed, 0xa5, sizeof(compressed));
	bytes = lb_compress_page(compressor, page, compressed, &flags);
	assert_in_range(bytes, 1, LB_PAGE);
	for (uint32_t i = LB_PAGE; i < sizeof(compressed); i++)
		assert_int_equal(compressed[i], 0xa5);
	assert_true(flags == wanted_flags || flags == LB_COMPRESS_RAW);
	assert_true((bytes == LB_PAGE) == (flags == LB_COMPRESS_RAW));
	memset(unpacked, 0x5a, sizeof(unpacked));
	if (flags == LB_COMPRESS_ZSTD)
		assert_int_equal(ZSTD_decompress(unpacked, sizeof(unpacked), compressed, bytes), LB_PAGE);
	else if (flags == LB_COMPRESS_ZLIB)
		assert_int_equal(uncompress(unpacked, &length, compressed, bytes), Z_OK);
	else
		memcpy(unpacked, compressed, LB_PAGE);
	assert_int_equal(length, LB_PAGE);
	assert_memory_equal(unpacked, page, LB_PAGE);
	return bytes;
}

static void comes_back(enum lb_dump_format format, uint32_t flags)
{
	struct lb_compressor *compressor = open_compress(format);
	uint32_t before = LB_PAGE + 1;

	for (uint32_t keep = 1; keep <= LB_PAGE; keep *= 2) {
		uint32_t bytes;

		fill_page(keep);
		bytes = compress_and_check(compressor, flags);
		assert_true(bytes <= before);
		before = bytes;
	}
	assert_true(flags == LB_COMPRESS_RAW ? before == LB_PAGE : before < 200);
	for (uint32_t i = 0; i < 3000; i++) {
		fill_page(1 + next_random() % 64);
		compress_and_check(compressor, flags);
	}
}

static void test_zstd(void **state)
{
	(void)state;
	comes_back(LB_DUMP_ZSTD, LB_COMPRESS_ZSTD);
}

static void test_zlib(void **state)
{
	(void)state;
	comes_back(LB_DUMP_ZLIB, LB_COMPRESS_ZLIB);
}

static void test_raw(void **state)
{
	(void)state;
	comes_back(LB_DUMP_RAW, LB_COMPRESS_RAW);
}

// Each frame holds the size of its content. Some readers allocate their buffer by it.
static void test_zstd_frame_has_size(void **state)
{
	struct lb_compressor *compressor = open_compress(LB_DUMP_ZSTD);
	uint32_t flags, bytes;

	(void)state;
	fill_page(16);
	bytes = lb_compress_page(compressor, page, compressed, &flags);
	assert_int_equal(flags, LB_COMPRESS_ZSTD);
	assert_int_equal(ZSTD_getFrameContentSize(compressed, bytes), LB_PAGE);
	assert_int_equal(ZSTD_findFrameCompressedSize(compressed, bytes), bytes);
}

// All pages together are at most 1 % larger than with makedumpfile's level, for similar and for mixed pages.
static void test_zstd_as_good(void **state)
{
	struct lb_compressor *compressor = open_compress(LB_DUMP_ZSTD);
	uint8_t reference[2 * LB_PAGE];
	uint64_t ours = 0, theirs = 0;

	(void)state;
	for (uint32_t i = 0; i < 1000; i++) {
		fill_page(2 + (i < 500 ? i / 8 : next_random() % 64));
		ours += compress_and_check(compressor, LB_COMPRESS_ZSTD);
		theirs += ZSTD_compress(reference, sizeof(reference), page, LB_PAGE, 1);
	}
	assert_true(ours <= theirs + theirs / 100);
}

// A page's compressed bytes depend on the page before it. lb_compressor_forget() ends this dependence.
static void test_forget(void **state)
{
	struct lb_compressor *compressor = open_compress(LB_DUMP_ZSTD);
	uint8_t first[LB_PAGE], after_small[LB_PAGE];
	uint32_t flags, first_bytes, bytes;

	(void)state;
	for (uint32_t i = 0; i < LB_PAGE; i++) // content that a Huffman code makes smaller
		page[i] = (uint8_t)(i % 32 < 4 ? 'a' + next_random() % 16 : i / 64);
	first_bytes = lb_compress_page(compressor, page, first, &flags);
	// So small that the next page is compressed by the quick method.
	assert_in_range(first_bytes, 100, 1000);
	bytes = lb_compress_page(compressor, page, after_small, &flags);
	assert_int_equal(flags, LB_COMPRESS_ZSTD);
	assert_true(bytes > first_bytes);
	lb_compressor_forget(compressor);
	memset(after_small, 0, sizeof(after_small));
	assert_int_equal(lb_compress_page(compressor, page, after_small, &flags), first_bytes);
	assert_memory_equal(after_small, first, first_bytes);
}

static void test_incompressible_is_raw(void **state)
{
	static const enum lb_dump_format formats[] = {LB_DUMP_ZSTD, LB_DUMP_ZLIB, LB_DUMP_RAW};

	(void)state;
	for (unsigned int i = 0; i < 3; i++) {
		struct lb_compressor *compressor = open_compress(formats[i]);
		uint32_t flags = 0xffff;

		fill_page(1);
		assert_int_equal(lb_compress_page(compressor, page, compressed, &flags), LB_PAGE);
		assert_int_equal(flags, LB_COMPRESS_RAW);
		assert_memory_equal(compressed, page, LB_PAGE);
		// The page after an incompressible one is compressed as usual.
		fill_page(64);
		assert_true((lb_compress_page(compressor, page, compressed, &flags) < LB_PAGE) ==
			    (formats[i] != LB_DUMP_RAW));
	}
}

// The work area stays below 100 KiB with the library of the build.
static void test_work_area(void **state)
{
	(void)state;
	assert_in_range(lb_compressor_bytes(LB_DUMP_ZSTD), LB_PAGE, 100 * LB_KIB);
	assert_in_range(lb_compressor_bytes(LB_DUMP_ZLIB), LB_PAGE, 100 * LB_KIB);
	assert_int_equal(lb_compressor_bytes(LB_DUMP_RAW), LB_PAGE);
}

static void test_is_zero(void **state)
{
	(void)state;
	memset(page, 0, sizeof(page));
	assert_true(lb_compress_is_zero(page));
	for (uint32_t i = 0; i < LB_PAGE; i++) {
		for (uint32_t bit = 0; bit < 8; bit++) {
			page[i] = (uint8_t)(1U << bit);
			assert_false(lb_compress_is_zero(page));
		}
		page[i] = 0;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_zstd),
		cmocka_unit_test(test_zlib),
		cmocka_unit_test(test_raw),
		cmocka_unit_test(test_zstd_frame_has_size),
		cmocka_unit_test(test_zstd_as_good),
		cmocka_unit_test(test_forget),
		cmocka_unit_test(test_incompressible_is_raw),
		cmocka_unit_test(test_work_area),
		cmocka_unit_test(test_is_zero),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
