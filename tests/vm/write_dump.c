// SPDX-License-Identifier: BSD-2-Clause
// Writes a dump of a machine, whose RAM is in an ELF dump, to an image of a partition, with the capture
// kernel's code. For tests of dumps that were cut off.
//
//	write_dump VMCORE IMAGE NOISE
//
// NOISE: MiB of additional RAM above all other, which cannot be compressed, like the user pages of a busy
// machine. The level is 1: only pages of zeroes are left out. Prints key=value.
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "elf_core.h"
#include "unit.h"
#undef fail // cmocka's fail(); elf_core.h has another

#include "capture_platform.h"
#include "crash/dead/notes.h"
#include "crash/dump/dump.h"
#include "crash/dump/helpers.h"
#include "memory_disk.h"

#define NOISE_NOW (1ULL << 45) // the content's address, which is no offset in a file
#define NOISE_BYTES (1U << 20)
#define OWN_BYTES LB_MIB
#define MORE (64 * LB_MIB) // room for headers and descriptors

static uint8_t noise[NOISE_BYTES] __attribute__((aligned(64)));
static struct core core;
static struct lb_deadspace dead;
static struct memory_disk disk;

static void fill_noise(void)
{
	uint64_t seed = 1;

	for (uint32_t i = 0; i < NOISE_BYTES; i++) {
		seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
		noise[i] = (uint8_t)(seed >> 56);
	}
}

static const void *old_page(void *ctx, uint32_t cpu, uint64_t phys)
{
	(void)cpu;
	if (phys >= NOISE_NOW)
		return noise + (phys - NOISE_NOW) / 64 % (NOISE_BYTES - LB_PAGE);
	return ((const struct core *)ctx)->data + phys;
}

static void add_noise(struct lb_ram *ram, uint64_t bytes)
{
	uint64_t start = lb_align_up(ram->max_pfn * LB_PAGE, 128 * LB_MIB); // a section of its own

	ram->pieces[ram->count++] = (struct lb_ram_piece){{start, start + bytes}, NOISE_NOW};
	ram->pages += bytes / LB_PAGE;
	ram->max_pfn = (start + bytes) / LB_PAGE;
}

// The memory disk's memory is the image.
static void open_disk(const char *path, uint64_t bytes)
{
	int file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);

	memory_disk_open(&disk, LB_PAGE, 0);
	free(disk.data);
	if (file < 0 || ftruncate(file, (off_t)bytes))
		fail(path, "cannot be made");
	disk.data = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	close(file);
	if (disk.data == MAP_FAILED)
		fail(path, "cannot be mapped");
	disk.bytes = bytes;
	disk.disk.blocks = MEMORY_DISK_FIRST + bytes / 512;
	disk.target.last_block = disk.disk.blocks - 1;
}

static int open_all(void *ctx, struct lb_error *err)
{
	const struct lb_capture_config config = {.format = LB_DUMP_ZSTD, .cpus = 1, .apic_count = 1};
	struct lb_dump_job *job = ctx;
	struct lb_kernel_pages_facts facts;
	void *memory = lb_heap_pages(OWN_BYTES);
	uint32_t cpus;

	if (lb_kernel_pages_open(memory, OWN_BYTES, &dead, &core.ram, &job->own, err) != 0)
		return -1;
	facts = lb_kernel_pages_facts(job->own);
	printf("tables=%lu\nreserved=%d\ncut=%d\n", facts.tables, facts.knows_reserved, facts.cut);
	return lb_helpers_open(&config, 1, &cpus, err);
}

static const uint8_t *find_notes(struct lb_notes *ret_notes)
{
	const Elf64_Phdr *notes = (const void *)(core.data + sizeof(Elf64_Ehdr)); // elf_core.h has checked it

	lb_notes_read(core.data + notes->p_offset, notes->p_filesz, ret_notes);
	return core.data + notes->p_offset;
}

static struct lb_dump_job make_job(void)
{
	struct lb_notes notes;
	const uint8_t *text = find_notes(&notes);
	void *memory = lb_heap_pages(lb_filter_bytes());
	struct lb_filter_level level;
	struct lb_dump_job job = {
		.format = LB_DUMP_ZSTD,
		.ram = &core.ram,
		.filter = lb_filter_open(memory, &dead, &core.ram, LB_FILTER_ZERO, &level),
		.dead = &dead,
		.notes = text,
		.notes_bytes = notes.bytes,
		.vmcoreinfo_offset = notes.vmcoreinfo,
		.nr_cpus = notes.prstatus,
		.log_written = open_all,
	};

	job.level = level.bits;
	return job;
}

int main(int argc, char **argv)
{
	struct lb_dump_header header = {.arm_id = {1}, .partuuid = {2}};
	struct lb_partition *partition;
	struct lb_dump_job job;
	struct lb_error err;
	uint64_t more;

	if (argc != 4) {
		fprintf(stderr, "usage: write_dump VMCORE IMAGE NOISE\n");
		return 2;
	}
	more = strtoull(argv[3], NULL, 0) * LB_MIB;
	fill_noise();
	capture_reset();
	open_core(argv[1], &core, &dead);
	capture_old_page_by(old_page, &core);
	add_noise(&core.ram, more);
	open_disk(argv[2], lb_align_up(core.bytes + more + MORE, LB_MIB));
	header.partition_bytes = disk.bytes;
	job = make_job();
	job.ctx = &job;
	if (lb_partition_open(&disk.disk, &disk.target, 8, &partition, &err) != 0 ||
	    lb_dump_write(&job, partition, &header, &err) != 0)
		fail(argv[2], err.text);
	lb_helpers_close();
	printf("pages=%lu\ndata_offset=%lu\ndata_bytes=%lu\nkernel_bytes=%lu\nflags=%u\n", header.page_count,
	       header.data_offset, header.data_bytes, header.kernel_bytes, header.flags);
	munmap(disk.data, disk.bytes);
	close_core(&core);
	return 0;
}
