// SPDX-License-Identifier: BSD-2-Clause
// The capture kernel's writer, timed: makes a dump of the machine whose RAM is in an ELF dump, on CPUs of the
// host, from memory to memory.
//
//	bench_writer VMCORE IMAGE CPUS FORMAT [encrypted|share]    FORMAT: zstd, zlib or raw
//
// encrypted: to one recipient, with keys made as the loader makes them. share: tells also how much of the time
// any CPU can do, what the first must do alone, and the filter's time by itself. It takes longer.
// IMAGE, a partition's, is made anew. The level is 31, log and the kernel's own pages come first, digests are
// made: all that the capture kernel does after a panic but the report.
// Prints key=value; a time is in nanoseconds.
#include <sys/random.h>
#include <unistd.h>

#include "tests/vm/elf_core.h"

#include "bench_platform.h"
#include "crash/crypt/age.h"
#include "crash/dead/notes.h"
#include "crash/plan/dumpsize.h"

#define HEAP_BYTES (16 * LB_MIB)
#define BUFFERS 8U

static struct core core;
static struct lb_deadspace dead;
static uint32_t cpus_wanted;
static uint64_t begun, log_written;
static bool tells_share, encrypted;
static struct lb_crypt_file files[LB_CRYPT_PARTS];
static uint64_t any_cpu; // nanoseconds, all CPUs together

// Linked in front of the one in crash/dump/compress.c, as which it goes on.
uint32_t __real_lb_compress_page(struct lb_compressor *compressor, const void *page, void *to,
				 uint32_t *ret_flags);
uint32_t __wrap_lb_compress_page(struct lb_compressor *compressor, const void *page, void *to,
				 uint32_t *ret_flags);

uint32_t __wrap_lb_compress_page(struct lb_compressor *compressor, const void *page, void *to,
				 uint32_t *ret_flags)
{
	const uint64_t since = tells_share ? bench_ns(CLOCK_THREAD_CPUTIME_ID) : 0;
	const uint32_t bytes = __real_lb_compress_page(compressor, page, to, ret_flags);

	if (tells_share)
		__atomic_fetch_add(&any_cpu, bench_ns(CLOCK_THREAD_CPUTIME_ID) - since, __ATOMIC_RELAXED);
	return bytes;
}

static const void *old_page(void *ctx, uint32_t cpu, uint64_t phys)
{
	(void)ctx;
	(void)cpu;
	return core.data + phys;
}

static int start(void *ctx, struct lb_error *err)
{
	struct lb_dump_job *job = ctx;
	void *memory = lb_heap_pages(LB_CAPTURE_SCRATCH);
	uint32_t cpus;

	if (lb_kernel_pages_open(memory, LB_CAPTURE_SCRATCH, &dead, &core.ram, &job->own, err) != 0 ||
	    bench_start_cpus(job, cpus_wanted, &cpus, err) != 0)
		return -1;
	if (cpus != cpus_wanted)
		bench_die("heap", "it has no room for all CPUs");
	log_written = bench_ns(CLOCK_MONOTONIC);
	return 0;
}

static struct lb_dump_job make_job(enum lb_dump_format format)
{
	const Elf64_Phdr *segment = (const void *)(core.data + sizeof(Elf64_Ehdr));
	const uint8_t *text = core.data + segment->p_offset;
	struct lb_filter_level level;
	struct lb_notes notes;
	struct lb_dump_job job = {
		.format = format,
		.ram = &core.ram,
		.filter = lb_filter_open(lb_heap_pages(lb_filter_bytes()), &dead, &core.ram, LB_FILTER_ALL,
					 &level),
		.dead = &dead,
		.notes = text,
		.log_written = start,
	};

	lb_notes_read(text, segment->p_filesz, &notes);
	job.notes_bytes = notes.bytes;
	job.vmcoreinfo_offset = notes.vmcoreinfo;
	job.nr_cpus = notes.prstatus;
	job.level = level.bits;
	if (job.level != LB_FILTER_ALL)
		bench_die("filter", level.why);
	return job;
}

static void host_random(void *ctx, void *to, size_t bytes)
{
	(void)ctx;
	if (getrandom(to, bytes, 0) != (ssize_t)bytes)
		bench_die("encryption", "no random numbers");
}

static void encrypt(struct lb_dump_job *job)
{
	const struct lb_recipients recipients = {.count = 1, .list = {{{9}}}}; // the base point: a good one
	const struct lb_random random = {.bytes = host_random};
	struct lb_error err;

	for (unsigned int i = 0; i < LB_CRYPT_PARTS; i++) {
		if (lb_age_make(&recipients, &random, &files[i], &err) != 0)
			bench_die("encryption", err.text);
	}
	job->crypt = files;
	job->sealing = lb_chunk_new();
	job->recipients = recipients.count;
}

static void write_dump(struct lb_dump_job *job, const char *path)
{
	const uint64_t bytes = lb_align_up(core.bytes + core.bytes / 64, LB_MIB) + 64 * LB_MIB;
	struct lb_dump_header header = {.arm_id = {1}, .partuuid = {2}, .partition_bytes = bytes};
	struct bench_disk disk;
	struct lb_partition *partition;
	struct lb_error err;

	bench_disk_open(&disk, bench_map_new(path, bytes), bytes, bytes);
	if (lb_partition_open(&disk.disk, &disk.target, BUFFERS, &partition, &err) != 0 ||
	    lb_dump_write(job, partition, &header, &err) != 0)
		bench_die(path, err.text);
	lb_helpers_close();
	printf("pages=%lu\nfile_offset=%lu\nfile_bytes=%lu\nheap=%lu\n", header.pages_done,
	       header.file_offset, header.file_bytes, lb_heap_used());
	printf("wall=%lu\nwall_file=%lu\ncpu=%lu\n", bench_ns(CLOCK_MONOTONIC) - begun,
	       bench_ns(CLOCK_MONOTONIC) - log_written, bench_ns(CLOCK_PROCESS_CPUTIME_ID));
	if (tells_share)
		printf("any_cpu=%lu\n", any_cpu);
}

int main(int argc, char **argv)
{
	enum lb_dump_format format;
	struct lb_dump_job job;

	begun = bench_ns(CLOCK_MONOTONIC);
	cpus_wanted = argc == 5 || argc == 6 ? (uint32_t)strtoul(argv[3], NULL, 0) : 0;
	if (!cpus_wanted) {
		fprintf(stderr, "usage: bench_writer VMCORE IMAGE CPUS FORMAT [encrypted|share]\n");
		return 2;
	}
	tells_share = argc == 6 && strcmp(argv[5], "share") == 0;
	encrypted = argc == 6 && !tells_share;
	format = strcmp(argv[4], "zlib") == 0  ? LB_DUMP_ZLIB
		 : strcmp(argv[4], "raw") == 0 ? LB_DUMP_RAW
					       : LB_DUMP_ZSTD;
	bench_open(HEAP_BYTES);
	open_core(argv[1], &core, &dead);
	bench_old_page_by(old_page, NULL);
	job = make_job(format);
	job.ctx = &job;
	if (encrypted)
		encrypt(&job);
	write_dump(&job, argv[2]);
	printf("ram_pages=%lu\n", core.ram.pages);
	if (tells_share) {
		bench_filter(&job); // what it reads is in the CPU's reach then
		printf("filter=%lu\n", bench_filter(&job));
	}
	return 0;
}
