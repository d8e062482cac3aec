// SPDX-License-Identifier: BSD-2-Clause
// Computes how much of a partition the largest dump of a machine takes.
#ifndef LIFEBOAT_CRASH_PLAN_DUMPSIZE_H
#define LIFEBOAT_CRASH_PLAN_DUMPSIZE_H

#include <stdint.h>

#include "crash/plan/e820.h"
#include "lifeboat/capture_config.h"

// Bytes of header, log, report, and an ELF core or a kdump-compressed file with nothing left out and nothing
// that shrinks. `pages`: RAM in pages of 4 KiB, those that are RAM in part counted whole; `max_pfn`: the
// page number of RAM's end. docs/install.md has it as a rule for people: RAM, one percent of it, 32 MiB.
uint64_t lb_dump_size_largest(uint64_t pages, uint64_t max_pfn);

// The same for all RAM of `saved`.
uint64_t lb_dump_size_of(const struct lb_e820 *saved);

// The most bytes that a dump of `bytes` in the clear takes when it is encrypted (`bytes` below 2^60): 16
// bytes more for each page, batch and chunk, the parts that let bitmaps be read back, and each file's
// beginning; about 0.4 %. For people: RAM, one and a half percent of it, 32 MiB.
uint64_t lb_dump_size_encrypted(uint64_t bytes);

// A rough guess of a dump's size and time.
struct lb_dump_estimate {
	uint64_t bytes; // with a kernel that has little to do
	uint64_t largest; // with a kernel that uses all RAM and nothing that shrinks
	uint32_t seconds, most_seconds; // for the two
};

// Estimates a dump of `pages` of RAM, by `cpus` (1 and up) that compress. The small size: at level 31 the
// dumps of idle machines with 0.5 to 64 GiB are a fifth of 80 MiB and 1/64 of RAM, where compressed. Any
// other level is taken for 31. Both times: a disk that takes 200 MiB/s, and CPUs that compress 400 MiB/s
// each.
struct lb_dump_estimate lb_dump_estimate(uint64_t pages, enum lb_dump_format format, uint32_t cpus);

#endif
