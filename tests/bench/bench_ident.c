// SPDX-License-Identifier: BSD-2-Clause
// Times the building of page tables: pgtable/ident.c and the per-page builder of per_page.c, with the same
// ranges in the same run. For comparison, also the time to print the result.
//
//	bench_ident              every case and work, a line each: KEY=VALUE ...
//	bench_ident CASE WORK    one work once, for a tool that counts instructions
//
// A time counts only if the result is right: as many tables as were counted, and the same tables from both
// builders. A time is the least of several runs.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/format.h"
#include "lifeboat/x86.h"
#include "per_page.h"
#include "pgtable/ident.h"

#define TABLES_AT (LB_GIB / 2)
#define PHYS_BITS 46
#define MAX_RANGES 1024
#define RUNS_FOR 300000000ULL // each figure is repeated for this long, in nanoseconds
#define LEAST_RUNS 2
#define TEXT_BYTES 65536 // printed text begins again here; nobody reads it
#define LINE_BYTES 64

struct job {
	const char *name;
	size_t count;
	bool gib_pages;
	struct lb_range ranges[MAX_RANGES];
	struct lb_ident_range asked[MAX_RANGES]; // the same ranges, as ident.c takes them
	struct lb_ident_request request;
	struct lb_ident_size size;
	uint64_t (*tables)[X86_PT_ENTRIES]; // of size.pages pages
	char text[TEXT_BYTES];
};

static struct job jobs[4];

static void die(const struct job *job, const char *what)
{
	fprintf(stderr, "bench_ident: %s: %s\n", job->name, what);
	exit(1);
}

// ---- the work --------------------------------------------------------------

static void work_ident(struct job *job)
{
	struct lb_ident_tables tables;

	if (lb_ident_build(&job->request, job->tables, job->size.pages, TABLES_AT, &tables) != LB_IDENT_OK)
		die(job, "lb_ident_build() failed");
}

// Zeroes the buffer first, as lb_ident_build() does.
static void work_per_page(struct job *job)
{
	memset(job->tables, 0, job->size.pages * LB_PAGE);
	if (per_page_build(job->ranges, job->count, job->gib_pages, job->tables, job->size.pages,
			   TABLES_AT) != job->size.pages)
		die(job, "the per-page builder took another number of tables");
}

// Prints the tables: a line for each present entry.
static void work_print_tables(struct job *job)
{
	size_t used = 0;

	for (size_t page = 0; page < job->size.pages; page++) {
		for (unsigned int i = 0; i < X86_PT_ENTRIES; i++) {
			if (!job->tables[page][i])
				continue;
			if (used + LINE_BYTES > TEXT_BYTES)
				used = 0;
			used += lb_snprintf(job->text + used, LINE_BYTES, "%zu:%u 0x%lx\n", page, i,
					    (unsigned long)job->tables[page][i]);
		}
	}
}

// Prints what the tables map: a line for each range.
static void work_print_ranges(struct job *job)
{
	size_t used = 0;

	for (size_t i = 0; i < job->count; i++) {
		if (used + LINE_BYTES > TEXT_BYTES)
			used = 0;
		used += lb_snprintf(job->text + used, LINE_BYTES, "0x%012lx-0x%012lx  %lu\n",
				    (unsigned long)job->ranges[i].start, (unsigned long)job->ranges[i].end,
				    (unsigned long)lb_range_size(job->ranges[i]));
	}
}

static const struct {
	const char *name;
	void (*work)(struct job *job);
} works[] = {
	{"ident", work_ident},
	{"per-page", work_per_page},
	{"print-tables", work_print_tables},
	{"print-ranges", work_print_ranges},
};
#define WORKS (sizeof(works) / sizeof(works[0]))

// ---- the cases -------------------------------------------------------------

// Makes RAM of `nodes` nodes of `bytes` each, from address 0 on. Each node has a hole of 64 KiB and a ragged
// end, as firmware leaves them. No two ranges touch.
static void make_nodes(struct job *job, const char *name, bool gib_pages, unsigned int nodes, uint64_t bytes)
{
	job->name = name;
	job->gib_pages = gib_pages;
	for (uint64_t node = 0; node < nodes; node++) {
		const uint64_t start = node * bytes, hole = start + bytes / 2 + 5 * LB_MIB;
		const uint64_t end = start + bytes - (node % 64 + 1) * 3 * LB_PAGE;

		job->ranges[job->count++] = (struct lb_range){start, hole};
		job->ranges[job->count++] = (struct lb_range){hole + 64 * LB_KIB, end};
	}
}

static void make_armed(struct job *job)
{
	static const struct lb_range ranges[] = {
		{0, LB_LOW_END}, {0x6f800000, 0x7f800000}, {0x7f9ec000, 0x7f9f1000}};

	job->name = "armed";
	job->gib_pages = true;
	job->count = sizeof(ranges) / sizeof(ranges[0]);
	memcpy(job->ranges, ranges, sizeof(ranges));
}

static void prepare(struct job *job)
{
	for (size_t i = 0; i < job->count; i++)
		job->asked[i] = (struct lb_ident_range){job->ranges[i], LB_MEM_WB};
	job->request = (struct lb_ident_request){.ranges = job->asked,
						 .count = job->count,
						 .phys_bits = PHYS_BITS,
						 .gib_pages = job->gib_pages,
						 .root4 = true};
	if (lb_ident_count(&job->request, &job->size) != LB_IDENT_OK)
		die(job, "lb_ident_count() failed");
	job->tables = aligned_alloc(LB_PAGE, job->size.pages * LB_PAGE);
	if (!job->tables)
		die(job, "no memory for the tables");
	memset(job->tables, 0, job->size.pages * LB_PAGE);
}

static void make_jobs(void)
{
	make_armed(&jobs[0]); // what the loader maps when it arms: low 1 MiB, 256 MiB, the hook
	make_nodes(&jobs[1], "64TiB-1GiB", true, 64, LB_TIB);
	make_nodes(&jobs[2], "64TiB-1GiB-512", true, 512, LB_TIB / 8);
	make_nodes(&jobs[3], "64TiB-2MiB", false, 64, LB_TIB);
}
#define JOBS (sizeof(jobs) / sizeof(jobs[0]))

// ---- right before fast -----------------------------------------------------

// True if both have the same leaves at the same addresses. The tables may be in another order.
static bool same(const struct job *job, uint64_t (*other)[X86_PT_ENTRIES], uint64_t one_phys,
		 uint64_t other_phys, int level)
{
	const uint64_t *a = job->tables[(one_phys - TABLES_AT) / LB_PAGE];
	const uint64_t *b = other[(other_phys - TABLES_AT) / LB_PAGE];

	for (unsigned int i = 0; i < X86_PT_ENTRIES; i++) {
		bool table = (a[i] & X86_PTE_P) && level > 1 && !(a[i] & X86_PTE_PS);

		if ((a[i] & ~(table ? X86_PTE_ADDR : 0)) != (b[i] & ~(table ? X86_PTE_ADDR : 0)))
			return false;
		if (table && !same(job, other, a[i] & X86_PTE_ADDR, b[i] & X86_PTE_ADDR, level - 1))
			return false;
	}
	return true;
}

static void check(struct job *job)
{
	const size_t bytes = job->size.pages * LB_PAGE;
	uint64_t(*other)[X86_PT_ENTRIES] = aligned_alloc(LB_PAGE, bytes);

	if (!other)
		die(job, "no memory for a second set of tables");
	work_per_page(job);
	memcpy(other, job->tables, bytes);
	work_ident(job);
	if (!same(job, other, TABLES_AT, TABLES_AT, 4))
		die(job, "the two builders made different tables");
	free(other);
}

// ---- figures ---------------------------------------------------------------

static uint64_t nanoseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec;
}

static uint64_t least_time(struct job *job, size_t work)
{
	uint64_t least = UINT64_MAX, all = 0;

	for (unsigned int run = 0; run < LEAST_RUNS || all < RUNS_FOR; run++) {
		const uint64_t begun = nanoseconds();
		uint64_t took;

		works[work].work(job);
		took = nanoseconds() - begun;
		least = took < least ? took : least;
		all += took;
	}
	return least;
}

static void report(struct job *job)
{
	uint64_t bytes = 0;

	check(job);
	for (size_t i = 0; i < job->count; i++)
		bytes += lb_range_size(job->ranges[i]);
	for (size_t work = 0; work < WORKS; work++) {
		printf("case=%s work=%s ranges=%zu mapped=%lu pages=%zu ns=%lu\n", job->name,
		       works[work].name, job->count, (unsigned long)bytes, job->size.pages,
		       (unsigned long)least_time(job, work));
		fflush(stdout);
	}
}

static int run_one(const char *name, const char *wanted)
{
	for (size_t i = 0; i < JOBS; i++) {
		for (size_t work = 0; work < WORKS; work++) {
			if (strcmp(jobs[i].name, name) || strcmp(works[work].name, wanted))
				continue;
			prepare(&jobs[i]);
			works[work].work(&jobs[i]);
			return 0;
		}
	}
	fprintf(stderr, "bench_ident: no case %s with work %s\n", name, wanted);
	return 2;
}

int main(int argc, char **argv)
{
	make_jobs();
	if (argc == 3)
		return run_one(argv[1], argv[2]);
	for (size_t i = 0; i < JOBS; i++) {
		prepare(&jobs[i]);
		report(&jobs[i]);
		free(jobs[i].tables);
	}
	return 0;
}
