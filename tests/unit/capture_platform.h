// SPDX-License-Identifier: BSD-2-Clause
// The machine under the capture kernel's parts on the host: what a test may turn in
// tests/unit/capture_platform.c, which stands for crash/platform/platform.h and smp.h.
#ifndef LIFEBOAT_TESTS_UNIT_CAPTURE_PLATFORM_H
#define LIFEBOAT_TESTS_UNIT_CAPTURE_PLATFORM_H

#include <stddef.h>
#include <stdint.h>

#include "crash/platform/platform.h"
#include "crash/platform/smp.h"

// Everything as at the start: an empty heap of CAPTURE_HEAP_BYTES, no RAM, the clock at 0,
// nothing said. Waits for the CPUs that were started, so they must have been told to end.
void capture_reset(void);

// The heap's size. Each allocation is a block of its own, for AddressSanitizer; all are
// freed by capture_reset() and at exit.
#define CAPTURE_HEAP_BYTES (16 * LB_MIB)
void capture_heap_limit(uint64_t bytes);

// The clock: it moves by what the test says, and by `microseconds` with each lb_pause(), so that
// a bounded wait ends. 1 unless set.
void capture_clock_move(uint64_t milliseconds);
void capture_clock_pause(uint64_t microseconds);

// Old memory: `bytes` (whole pages) of `data`, the test's own, at physical address `phys`.
// lb_old_page() aborts, saying where, for what is in none of up to CAPTURE_RAM_PIECES.
#define CAPTURE_RAM_PIECES 32
void capture_ram_add(uint64_t phys, const void *data, uint64_t bytes);

// Asked first by lb_old_page() where set; NULL from it: see above. On the thread of `cpu`.
void capture_old_page_by(const void *(*page)(void *ctx, uint32_t cpu, uint64_t phys), void *ctx);

// The page at `phys` cannot be read; 0: all can.
void capture_page_fails(uint64_t phys);

// How many CPUs answer lb_smp_start(), each a thread: none unless set.
#define CAPTURE_CPUS_MAX LB_MAX_CAPTURE_CPUS
void capture_cpus(uint32_t count);

// All that lb_say() said, a line each; cut where it is more than CAPTURE_SAID_BYTES.
#define CAPTURE_SAID_BYTES 16384
const char *capture_said(void);

#endif
