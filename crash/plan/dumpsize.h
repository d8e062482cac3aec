// SPDX-License-Identifier: BSD-2-Clause
// How much of a partition the largest dump of a machine takes.
#ifndef LIFEBOAT_CRASH_PLAN_DUMPSIZE_H
#define LIFEBOAT_CRASH_PLAN_DUMPSIZE_H

#include <stdint.h>

// Bytes of header, log, report, and an ELF core or a kdump-compressed file with nothing left out and nothing
// that shrinks. `pages`: RAM in pages of 4 KiB, those that are RAM in part counted whole; `max_pfn`: the
// page number of RAM's end. docs/install.md has it as a rule for people: RAM, one percent of it, 32 MiB.
uint64_t lb_dump_size_largest(uint64_t pages, uint64_t max_pfn);

#endif
