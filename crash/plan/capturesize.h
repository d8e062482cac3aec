// SPDX-License-Identifier: BSD-2-Clause
// How much crash memory the built-in capture kernel takes, and how many CPUs go with it. The loader
// plans by it, and the capture kernel divides its heap by the same sums: a plan for N CPUs starts N.
#ifndef LIFEBOAT_CRASH_PLAN_CAPTURESIZE_H
#define LIFEBOAT_CRASH_PLAN_CAPTURESIZE_H

#include "crash/plan/e820.h"
#include "lib/format.h"
#include "lifeboat/range.h"
#include "pgtable/ident.h"

// The bounds of `auto` with up to LB_CAPTURE_FIRST_CPUS. The lower one leaves the smallest machine something
// to spare. Each further CPU takes what lb_capture_helpers() says, and may take LB_CAPTURE_FURTHER.
#define LB_CAPTURE_MIN (8 * LB_MIB)
#define LB_CAPTURE_MAX (16 * LB_MIB)
#define LB_CAPTURE_FIRST_CPUS 8U
#define LB_CAPTURE_FURTHER (LB_MIB * 4 / 10)
// Further CPUs together take no more of RAM than one part in so many.
#define LB_CAPTURE_RAM_PART 64U

// Tables that map all RAM, in bytes; where they take more, a window slides instead.
#define LB_CAPTURE_TABLES_MAX (4 * LB_MIB)

// The capture kernel's parts take these bytes of whole pages from the heap. Each part is compared with its
// number where it is compiled, or by test_helpers.c.
#define LB_CAPTURE_BUFFER (128 * LB_KIB) // a write in flight
#define LB_CAPTURE_BUFFERS_MIN 4U // the writer's streams hold one each
#define LB_CAPTURE_BATCH_PAGES 32
// A batch: its data, a page for its struct, and a page for a copy.
#define LB_CAPTURE_BATCH ((2 + LB_CAPTURE_BATCH_PAGES) * LB_PAGE)
// A chunk to be encrypted: its plain and its sealed bytes, and a page for its struct.
#define LB_CAPTURE_CHUNK (34 * LB_PAGE)
#define LB_CAPTURE_CONTEXT (80 * LB_KIB) // of a compressor: libzstd's takes 76 KiB, zlib's the same
#define LB_CAPTURE_CPU (40 * LB_KIB) // a further CPU's stacks and tables
#define LB_CAPTURE_GPT (144 * LB_KIB) // room for a partition table, one after the other
#define LB_CAPTURE_DISK (112 * LB_KIB) // a driver's queues, a header
#define LB_CAPTURE_STATE (32 * LB_KIB) // of the filter, of a partition
#define LB_CAPTURE_WRITER (160 * LB_KIB) // bitmaps and streams of one dump
#define LB_CAPTURE_SCRATCH LB_MIB // the report's work, then lists of the kernel's own pages
#define LB_CAPTURE_REPORT (16 * LB_KIB) // its text

// The terms, in bytes, for the plan.
struct lb_capture_size {
	uint64_t contents; // lb_layout_minimum(): image, purgatory, tables, backup, ...
	uint64_t buffers; // writes in flight, and all that each further target takes
	uint64_t helpers; // lb_capture_helpers()
	uint64_t tables; // to map RAM; 0: a window slides
	uint64_t slack; // the first disk, the writer, scratch, lists, tables of device registers and windows
	uint64_t total; // a multiple of 2 MiB, at most the limit
	uint32_t cpus; // that may compress, 1 and up
};

struct lb_capture_need {
	uint64_t contents; // lb_layout_minimum()
	uint64_t tables; // to map all RAM
	uint32_t cpus; // that are wanted, 1 and up
	uint32_t targets;
};

// Sums up the need. Above `limit` (a multiple of 2 MiB) CPUs are given up first, then the tables, then the
// targets after the first, which leaves one CPU; the sum that is then left, with a window, has to fit.
int lb_capture_size(const struct lb_capture_need *need, uint64_t limit, struct lb_capture_size *ret_size,
		    struct lb_error *err);

// The CPU's abilities, as far as tables for RAM go.
struct lb_capture_paging {
	uint32_t phys_bits;
	bool gib_pages, la57;
};

// Bytes of tables that map all RAM of `saved`, counted as the capture kernel counts them. 0: they cannot be
// counted, and the capture kernel slides a window. `room` is for saved->count ranges.
uint64_t lb_capture_ram_tables(const struct lb_e820 *saved, const struct lb_capture_paging *paging,
			       struct lb_ident_range *room);

// The most that `auto` takes on a machine with `cpus` that may compress and `ram` bytes, rounded up to 2
// MiB.
uint64_t lb_capture_limit(uint32_t cpus, uint64_t ram);

// The bytes that `cpus` that compress take, the first included: contexts, stacks, batches and, whether a
// dump is encrypted or not, chunks.
uint64_t lb_capture_helpers(uint32_t cpus);
// Batches of a ring: one for each CPU, two more that are being filled and written, and a spare one.
uint32_t lb_capture_batches(uint32_t cpus);
// Chunks: sealing one takes less than half of the time that compressing it took.
uint32_t lb_capture_chunks(uint32_t cpus);

// The capture kernel's side. `left`: bytes of heap that are left when scratch and report are taken. These
// functions keep memory for `cpus` that are to be started (0: they run, or there will be none), and for
// `targets` that are not opened yet.
//
// Returns the bytes that tables for RAM may take.
uint64_t lb_capture_tables(uint64_t left, uint32_t cpus, uint32_t targets);
// Returns the number of buffers, LB_CAPTURE_BUFFERS_MIN and up, for one of `targets` that is being opened.
uint32_t lb_capture_buffers(uint64_t left, uint32_t cpus, uint32_t targets);
// Returns the number of CPUs, 1 to `cpus`, that may be started with one target open and up to `targets` - 1
// to come. 0: there is no memory even for the first CPU's part.
uint32_t lb_capture_cpus(uint64_t left, uint32_t cpus, uint32_t targets);

#endif
