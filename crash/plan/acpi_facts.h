// SPDX-License-Identifier: BSD-2-Clause
// Collects the facts of ACPI tables that a plan is made from, table by table, and says what a wrong table
// costs. The caller finds the tables.
#ifndef LIFEBOAT_CRASH_PLAN_ACPI_FACTS_H
#define LIFEBOAT_CRASH_PLAN_ACPI_FACTS_H

#include <stdint.h>

#include "crash/plan/dmar.h"
#include "crash/plan/dsdt.h"
#include "crash/plan/fadt.h"
#include "crash/plan/ivrs.h"
#include "crash/plan/madt.h"
#include "crash/plan/mcfg.h"
#include "crash/plan/srat.h"
#include "crash/plan/viot.h"
#include "crash/plan/wdat.h"
#include "lib/format.h"
#include "lifeboat/handoff.h"

// Begins with all 0, which means that no table says it.
struct lb_acpi_facts {
	uint32_t taken; // acpi_facts.c: a bit for each table that was
	struct lb_madt madt; // always there once complete
	uint64_t hpet;
	struct lb_console spcr;
	struct lb_mcfg mcfg;
	struct lb_srat srat;
	struct lb_dmar dmar;
	struct lb_ivrs ivrs;
	struct lb_viot viot;
	struct lb_wdat wdat;
	bool bmc; // a management controller speaks IPMI: it has a watchdog, too
	struct lb_fadt fadt;
	struct lb_dsdt dsdt; // means something only with power_off
	bool power_off; // the machine can be switched off, by fadt's ports and dsdt's values
};

// Takes the table at `table`, which has `bytes`, into `facts`. Passes over a table whose signature is not
// known or was taken before. `ret_warning` says what of the table is not used; empty: all is used. Arming
// must fail after an error.
int lb_acpi_take(const void *table, uint64_t bytes, struct lb_acpi_facts *facts, struct lb_error *ret_warning,
		 struct lb_error *err);

// The DSDT's address, once all tables were taken; 0: no DSDT is wanted.
uint64_t lb_acpi_dsdt(const struct lb_acpi_facts *facts);

// Takes the DSDT, which has `bytes`. A DSDT without the values means that the machine cannot be switched off.
// On reduced hardware that is normal, and gives no warning.
void lb_acpi_take_dsdt(const void *table, uint64_t bytes, struct lb_acpi_facts *facts);

// The watchdogs that tables name and nothing stops after a panic, one sentence each, by index from 0;
// NULL: there are no more.
const char *lb_acpi_unstoppable(const struct lb_acpi_facts *facts, uint32_t index);

// Is all there that arming needs? That is a MADT.
int lb_acpi_complete(const struct lb_acpi_facts *facts, struct lb_error *err);

#endif
