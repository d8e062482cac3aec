// SPDX-License-Identifier: BSD-2-Clause
// Judges page tables read back from the crash memory of an armed machine: handoff and tables are those that
// were sealed, there are as many tables as the ranges need, and the unit tests' judge finds, under either
// root, what was requested and nothing else.
//
//	tables_verdict IMAGE IMAGE_AT HANDOFF PHYS_BITS LA57 GIB_PAGES PAGES RANGE...
//
// IMAGE is a file of memory from physical IMAGE_AT on, from the page tables to the region's end. PAGES is the
// number of tables that the loader printed. Each RANGE, START-END with END excluded, was requested. Numbers
// are written as in C.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ident_judge.h"
#include "lib/sha256.h"
#include "lifeboat/handoff.h"
#include "unit.h"

#define FIXED_WORDS 8 // the program's name and the words before the ranges

struct image {
	uint8_t *data; // aligned to a page
	uint64_t bytes, at;
};

static struct {
	struct image image;
	uint64_t handoff, pages;
	struct lb_ident_range ranges[MAX_RANGES];
	struct lb_ident_request request;
} given;

static uint64_t number(const char *text)
{
	char *end;
	uint64_t value = strtoull(text, &end, 0);

	if (end == text || *end) {
		fprintf(stderr, "tables_verdict: \"%s\" is not a number\n", text);
		exit(2);
	}
	return value;
}

static struct lb_range range(const char *text)
{
	struct lb_range result;
	char *end;

	result.start = strtoull(text, &end, 0);
	if (end == text || *end != '-') {
		fprintf(stderr, "tables_verdict: \"%s\" is not a range START-END\n", text);
		exit(2);
	}
	result.end = number(end + 1);
	return result;
}

static struct image load(const char *path, uint64_t at)
{
	struct image image = {.at = at};
	FILE *file = fopen(path, "rb");
	long bytes;

	if (!file || fseek(file, 0, SEEK_END) || (bytes = ftell(file)) <= 0 || bytes % (long)LB_PAGE) {
		fprintf(stderr, "tables_verdict: %s: not a file of whole pages\n", path);
		exit(2);
	}
	image.bytes = (uint64_t)bytes;
	image.data = aligned_alloc(LB_PAGE, image.bytes);
	rewind(file);
	if (!image.data || fread(image.data, 1, image.bytes, file) != image.bytes) {
		fprintf(stderr, "tables_verdict: %s: cannot be read\n", path);
		exit(2);
	}
	fclose(file);
	return image;
}

// Returns [phys, phys + bytes) inside the image.
static uint8_t *memory(uint64_t phys, uint64_t bytes)
{
	const struct image *image = &given.image;

	assert_true(phys >= image->at && bytes <= image->bytes && phys - image->at <= image->bytes - bytes);
	return image->data + (phys - image->at);
}

static void assert_digest(const void *data, size_t bytes, const uint8_t wanted[LB_SHA256_BYTES])
{
	uint8_t digest[LB_SHA256_BYTES];

	lb_sha256(data, bytes, digest);
	assert_memory_equal(digest, wanted, LB_SHA256_BYTES);
}

static const struct lb_segment *find_tables(const struct lb_handoff *handoff)
{
	assert_in_range(handoff->segment_count, 1, LB_MAX_SEGMENTS);
	for (uint32_t i = 0; i < handoff->segment_count; i++)
		if (strcmp(handoff->segments[i].name, "page_tables") == 0)
			return &handoff->segments[i];
	fail_msg("the handoff names no segment page_tables");
	return NULL;
}

static void test_tables(void **state)
{
	const struct lb_handoff *handoff = (const void *)memory(given.handoff, sizeof(*handoff));
	const struct lb_segment *segment;
	struct lb_ident_size wanted;
	struct model model;
	struct built built;

	(void)state;
	assert_int_equal(handoff->magic, LB_HANDOFF_MAGIC);
	assert_int_equal(handoff->version, LB_HANDOFF_VERSION);
	assert_int_equal(handoff->self, given.handoff);
	assert_digest(handoff, LB_HANDOFF_SEALED_BYTES, handoff->sha256);
	segment = find_tables(handoff);
	assert_digest(memory(segment->phys, segment->bytes), segment->bytes, segment->sha256);

	given.request.windows = handoff->window.virt;
	assert_int_not_equal(given.request.windows, 0);
	model = model_of(&given.request);
	wanted = model_size(&given.request, &model);
	assert_int_equal(wanted.pages, given.pages);
	assert_in_range(given.pages * LB_PAGE, LB_PAGE, segment->bytes);
	built = (struct built){
		.buffer = memory(segment->phys, segment->bytes),
		.pages = given.pages,
		.phys = segment->phys,
		.tables = {.cr3_4level = handoff->cr3_4level,
			   .cr3_5level = handoff->cr3_5level,
			   .window = handoff->window,
			   .device_window = handoff->device_window},
	};
	for (uint64_t i = given.pages * LB_PAGE; i < segment->bytes; i++)
		assert_int_equal(built.buffer[i], 0);
	judge_root(&built, &given.request, false, true);
	if (given.request.root5)
		judge_root(&built, &given.request, true, true);
	else
		assert_int_equal(built.tables.cr3_5level, 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_tables)};
	int failed;

	if (argc <= FIXED_WORDS || argc > FIXED_WORDS + MAX_RANGES) {
		fprintf(stderr, "usage: tables_verdict IMAGE IMAGE_AT HANDOFF PHYS_BITS LA57 GIB_PAGES "
				"PAGES RANGE...\n");
		return 2;
	}
	given.image = load(argv[1], number(argv[2]));
	given.handoff = number(argv[3]);
	given.pages = number(argv[7]);
	given.request = (struct lb_ident_request){
		.ranges = given.ranges,
		.phys_bits = (unsigned int)number(argv[4]),
		.gib_pages = number(argv[6]),
		.root4 = true,
		.root5 = number(argv[5]),
	};
	for (int i = FIXED_WORDS; i < argc; i++)
		given.ranges[given.request.count++] = (struct lb_ident_range){range(argv[i]), LB_MEM_WB};
	failed = cmocka_run_group_tests_name("tables in crash memory", tests, NULL, NULL);
	free(given.image.data);
	return failed ? 1 : 0;
}
