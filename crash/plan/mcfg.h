// SPDX-License-Identifier: BSD-2-Clause
// PCI configuration space in memory (ECAM). Source: PCI Firmware 3.3, 4.1.2 (MCFG).
#ifndef LIFEBOAT_CRASH_PLAN_MCFG_H
#define LIFEBOAT_CRASH_PLAN_MCFG_H

#include <stdint.h>

#include "lib/format.h"
#include "lifeboat/handoff.h"

struct lb_mcfg {
	uint32_t count;
	struct lb_ecam ecam[LB_MAX_ECAM]; // in the table's order; not compared with the memory map
};

// `table` has `bytes`. A wrong length or checksum is an error. An entry with buses in
// reverse, or with a base that is not on 1 MiB, and those beyond LB_MAX_ECAM are left out:
// `ret_left_out` says so in one sentence, and is empty when all are taken.
int lb_mcfg_read(const void *table, uint64_t bytes, struct lb_mcfg *ret_mcfg, struct lb_error *ret_left_out,
		 struct lb_error *err);

#endif
