// SPDX-License-Identifier: BSD-2-Clause
// The machine below the capture kernel's parts, on the host. tests/unit/capture_platform.c takes the place of
// crash/platform/platform.h and smp.h. Here is what a test can set.
#ifndef LIFEBOAT_TESTS_UNIT_CAPTURE_PLATFORM_H
#define LIFEBOAT_TESTS_UNIT_CAPTURE_PLATFORM_H

#include <stddef.h>
#include <stdint.h>

#include "crash/platform/platform.h"
#include "crash/platform/smp.h"

// Sets everything back: an empty heap of CAPTURE_HEAP_BYTES, no RAM, the clock at 0, nothing said. Waits for
// the CPUs that were started, so these must have been told to end.
void capture_reset(void);

// The heap's size. Each allocation is a block of its own, so that ASan guards it. capture_reset() frees all
// blocks, and so does the end of the program.
#define CAPTURE_HEAP_BYTES (16 * LB_MIB)
void capture_heap_limit(uint64_t bytes);

// The clock moves when the test says so, and by `microseconds` (1 unless set) with each lb_pause(). So a
// bounded wait ends.
void capture_clock_move(uint64_t milliseconds);
void capture_clock_pause(uint64_t microseconds);

// Adds old memory: `bytes` (whole pages) of the test's own `data` at physical address `phys`. There are up to
// CAPTURE_RAM_PIECES. lb_old_page() of any other address prints it and aborts.
#define CAPTURE_RAM_PIECES 32
void capture_ram_add(uint64_t phys, const void *data, uint64_t bytes);

// Sets a function that lb_old_page() asks first, on the thread of `cpu`. If it returns NULL, the pieces are
// searched.
void capture_old_page_by(const void *(*page)(void *ctx, uint32_t cpu, uint64_t phys), void *ctx);

// Makes the page at `phys` unreadable; 0: all pages can be read.
void capture_page_fails(uint64_t phys);

// Sets how many CPUs answer lb_smp_start(), each by a thread. 0 unless set.
#define CAPTURE_CPUS_MAX LB_MAX_CAPTURE_CPUS
void capture_cpus(uint32_t count);

// All that lb_say() said, a line each, cut at CAPTURE_SAID_BYTES.
#define CAPTURE_SAID_BYTES 16384
const char *capture_said(void);

#endif
