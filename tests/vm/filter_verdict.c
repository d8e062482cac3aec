// SPDX-License-Identifier: BSD-2-Clause
// Reads the log of an ELF dump, and judges every page, with the capture kernel's code. For comparison with
// makedumpfile on the same file.
//
//	filter_verdict VMCORE LEVEL LOG BITMAP [PAGES]
//
// LEVEL is that of makedumpfile's -d. Written are LOG, the text, and BITMAP, a bit for each page frame (bit 0
// of byte 0 first), which is set if the page is to be dumped. PAGES: frames to judge at a time (default
// 32768). Prints the level reached, the counts, and the reason for a lower level.
#include "crash/dead/dmesg.h"
#include "crash/dead/filter.h"
#include "elf_core.h"

static bool put(void *ctx, const char *text, size_t bytes)
{
	return fwrite(text, 1, bytes, ctx) == bytes;
}

static void write_log(const char *path, const struct lb_deadspace *dead)
{
	FILE *file = fopen(path, "wb");
	struct lb_error err;
	uint64_t records;

	if (!file)
		fail(path, "cannot be written");
	if (lb_dmesg_read(dead, put, file, &records, &err))
		fail(path, err.text);
	if (fclose(file))
		fail(path, "cannot be written");
	printf("records=%lu\n", records);
}

static void write_bitmap(const char *path, const struct lb_deadspace *dead, const struct lb_ram *ram,
			 uint32_t wanted, uint64_t pages)
{
	void *memory = aligned_alloc(LB_PAGE, lb_filter_bytes());
	uint8_t *bits = malloc(pages / 8);
	FILE *file = fopen(path, "wb");
	const struct lb_filter_count *count;
	struct lb_filter *filter;
	struct lb_filter_level level;

	if (!memory || !bits || !file)
		fail(path, "cannot be written");
	filter = lb_filter_open(memory, dead, ram, wanted, &level);
	lb_filter_rewind(filter);
	for (uint64_t pfn = 0; pfn < ram->max_pfn; pfn += pages) {
		lb_filter_next(filter, pages, bits);
		if (fwrite(bits, 1, pages / 8, file) != pages / 8)
			fail(path, "cannot be written");
	}
	if (fclose(file))
		fail(path, "cannot be written");
	count = lb_filter_counts(filter);
	printf("level=%u\nwhy=%s\npages=%lu\ndumped=%lu\ncache=%lu\ncache_private=%lu\nuser=%lu\nfree=%lu\n"
	       "hwpoison=%lu\noffline=%lu\nunused=%lu\nunmapped=%lu\n",
	       level.bits, level.why, ram->pages, count->dumped, count->cache, count->cache_private,
	       count->user, count->free, count->hwpoison, count->offline, count->unused, count->unmapped);
	free(bits);
	free(memory);
}

int main(int argc, char **argv)
{
	uint64_t pages = argc > 5 ? strtoull(argv[5], NULL, 0) : 32768;
	struct lb_deadspace dead;
	struct core core;

	if (argc < 5 || argc > 6 || !pages || pages % 8) {
		fprintf(stderr, "usage: filter_verdict VMCORE LEVEL LOG BITMAP [PAGES]\n");
		return 2;
	}
	open_core(argv[1], &core, &dead);
	write_log(argv[3], &dead);
	write_bitmap(argv[4], &dead, &core.ram, (uint32_t)strtoul(argv[2], NULL, 0), pages);
	close_core(&core);
	return 0;
}
