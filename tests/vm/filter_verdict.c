// SPDX-License-Identifier: BSD-2-Clause
// Does with an ELF dump what the capture kernel does with a dead machine's RAM: reads the
// log, judges every page. For comparison with makedumpfile on the same file.
//
//	filter_verdict VMCORE LEVEL LOG BITMAP [PAGES]
//
// LEVEL as makedumpfile's -d; LOG and BITMAP are written: the text, and a bit for each page
// frame, bit 0 of byte 0 first, set when it is to be dumped. PAGES: how many frames to judge
// at a time (default 32768). Prints the level reached, the counts, and why it stepped down.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <elf.h>

#include "crash/dead/dmesg.h"
#include "crash/dead/filter.h"

struct core {
	const uint8_t *data;
	uint64_t bytes;
	struct lb_ram ram;
};

static void fail(const char *path, const char *what)
{
	fprintf(stderr, "filter_verdict: %s: %s\n", path, what);
	exit(2);
}

static const void *core_page(void *ctx, uint64_t phys)
{
	const struct core *core = ctx;
	uint64_t offset;

	if (!lb_ram_find(&core->ram, phys, &offset) || offset > core->bytes - LB_PAGE)
		return NULL;
	return core->data + offset;
}

static void load(const char *path, struct core *core)
{
	struct lb_ram_piece *pieces;
	struct lb_error err;
	struct stat status;
	int file = open(path, O_RDONLY);
	uint32_t capacity;
	void *data;

	if (file < 0 || fstat(file, &status) || status.st_size < (off_t)LB_PAGE)
		fail(path, "cannot be read");
	core->bytes = (uint64_t)status.st_size;
	data = mmap(NULL, core->bytes, PROT_READ, MAP_PRIVATE, file, 0);
	if (data == MAP_FAILED)
		fail(path, "cannot be mapped");
	core->data = data;
	capacity = lb_ram_capacity(core->data, core->bytes);
	pieces = calloc(capacity + 1, sizeof(*pieces));
	if (!pieces || lb_ram_read(core->data, core->bytes, pieces, &core->ram, &err))
		fail(path, pieces ? err.text : "no memory");
}

// The text of the VMCOREINFO note.
static void find_vmcoreinfo(const char *path, const struct core *core, struct lb_deadspace *dead)
{
	const Elf64_Phdr *notes = (const void *)(core->data + sizeof(Elf64_Ehdr));
	uint64_t at = notes->p_offset, end = at + notes->p_filesz;

	if (notes->p_type != PT_NOTE || end > core->bytes)
		fail(path, "does not begin with its notes");
	while (at + sizeof(Elf64_Nhdr) <= end) {
		const Elf64_Nhdr *note = (const void *)(core->data + at);
		uint64_t name = at + sizeof(*note), desc = name + lb_align_up(note->n_namesz, 4);

		at = desc + lb_align_up(note->n_descsz, 4);
		if (at > end)
			break;
		if (note->n_namesz == sizeof("VMCOREINFO") &&
		    memcmp(core->data + name, "VMCOREINFO", sizeof("VMCOREINFO")) == 0) {
			dead->vmcoreinfo.text = (const char *)core->data + desc;
			dead->vmcoreinfo.bytes = note->n_descsz;
			return;
		}
	}
	fail(path, "has no VMCOREINFO");
}

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
	uint64_t swapper = 0, phys_base = 0, la57 = 0;
	struct lb_deadspace dead = {.phys_bits = 52};
	struct core core;
	const struct lb_physmem mem = {.page = core_page, .ctx = &core};

	if (argc < 5 || argc > 6 || !pages || pages % 8) {
		fprintf(stderr, "usage: filter_verdict VMCORE LEVEL LOG BITMAP [PAGES]\n");
		return 2;
	}
	load(argv[1], &core);
	find_vmcoreinfo(argv[1], &core, &dead);
	dead.mem = &mem;
	if (!lb_vmcoreinfo_number(&dead.vmcoreinfo, "SYMBOL(swapper_pg_dir)=", 16, &swapper) ||
	    !lb_vmcoreinfo_number(&dead.vmcoreinfo, "NUMBER(phys_base)=", 10, &phys_base))
		fail(argv[1], "its VMCOREINFO does not say where the page tables are");
	dead.cr3 = swapper - LB_KERNEL_MAP + phys_base;
	dead.la57 = lb_vmcoreinfo_number(&dead.vmcoreinfo, "NUMBER(pgtable_l5_enabled)=", 10, &la57) && la57;
	write_log(argv[3], &dead);
	write_bitmap(argv[4], &dead, &core.ram, (uint32_t)strtoul(argv[2], NULL, 0), pages);
	free(core.ram.pieces);
	munmap((void *)(uintptr_t)core.data, core.bytes);
	return 0;
}
