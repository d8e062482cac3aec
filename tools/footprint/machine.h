// SPDX-License-Identifier: BSD-2-Clause
// One machine: its map, what a crash jump needs of it, and what all that costs.
#ifndef LIFEBOAT_TOOLS_FOOTPRINT_MACHINE_H
#define LIFEBOAT_TOOLS_FOOTPRINT_MACHINE_H

#include "pgtable/footprint.h"
#include "tools/footprint/source.h"

// MAX_PHYSMEM_BITS of Linux with 4 and with 5 levels.
#define MACHINE_LEVELS4_END (1ULL << 46)
#define MACHINE_LEVELS5_END (1ULL << 52)
#define MACHINE_REGIONS 16 // crash regions, and pieces of the hook, that options can name

// The question that is asked of every machine.
struct setting {
	unsigned int levels; // 4 or 5; 0: 5 when RAM lies above what Linux knows with 4
	bool gib_pages;
	uint32_t cpus; // 1 and up, for `auto`
	uint64_t crash_bytes; // of a region, placed as the loader does; multiple of 2 MiB; 0: `auto`
	struct lb_range crash[MACHINE_REGIONS]; // else: exactly these
	size_t crash_count;
	struct lb_range hook[MACHINE_REGIONS]; // the hook's image; none: where firmware is likely to put it
	size_t hook_count;
	bool no_hook;
	bool no_windows;
	const struct lb_srat *srat; // in place of the map's own; NULL: none was given
};

struct machine {
	char name[256];
	bool synthetic;
	uint64_t ram_bytes;
	uint32_t e820_entries; // of the tidy map; each takes MACHINE_E820_ENTRY bytes in e820_saved
	uint64_t dump_bytes; // of a partition that holds any dump
	unsigned int levels;
	bool gib_pages;
	struct lb_range *ram; // malloc'd
	size_t ram_count;
	struct lb_range crash[MACHINE_REGIONS + 1]; // low 1 MiB and regions; 0 when none fits
	size_t crash_count;
	struct lb_range ours[2 * MACHINE_REGIONS + 1];
	size_t ours_count;
	uint64_t windows;
	char no_crash[240]; // why crash_count is 0
	struct lb_range region; // the last of the crash regions
	struct lb_range tables; // where ours lie in it; empty: it is no region of the built-in capture kernel
	struct lb_srat srat;
	struct lb_range avoid[LB_SRAT_MAX_RANGES]; // of srat, what crash memory keeps clear of
	uint32_t avoid_count;

	// Footprints by policy; those that need crash memory are 0 when there is none.
	struct lb_footprint footprints[LB_FOOTPRINT_POLICIES];
	struct lb_footprint_sections second; // of a second kernel whose RAM is `crash`
	struct lb_footprint_sections everything; // were all RAM its own
};

#define MACHINE_E820_ENTRY 20U // sizeof(struct boot_e820_entry)

// Pages of our tables that lie in memory that may go away or keeps its content.
uint64_t machine_tables_avoided(const struct machine *machine);

// Bytes of e820_saved.
static inline uint64_t machine_e820_bytes(const struct machine *machine)
{
	return (uint64_t)machine->e820_entries * MACHINE_E820_ENTRY;
}

// The bytes that a policy costs for each TiB of the machine's RAM.
static inline double machine_per_tib(const struct machine *machine, enum lb_footprint_policy policy)
{
	return (double)machine->footprints[policy].bytes * (double)LB_TIB / (double)machine->ram_bytes;
}

// Can this policy be shown for this machine?
bool machine_has(const struct machine *machine, enum lb_footprint_policy policy);

int machine_from_map(const char *name, const struct source *source, const struct setting *setting,
		     struct machine *ret_machine, struct source_error *err);

// A PC with `ram` bytes: 2 GiB of it below 4 GiB, with a hole at 640 KiB. `flat`: all
// of it from 0 on, without a hole.
int machine_synthetic(uint64_t ram, bool flat, const struct setting *setting, struct machine *ret_machine,
		      struct source_error *err);

// The bytes that a further TiB of RAM costs under each policy: by machines of 16 and 32 TiB without holes.
int machine_slope(const struct setting *setting, uint64_t ret_bytes[LB_FOOTPRINT_POLICIES],
		  struct source_error *err);

void machine_free(struct machine *machine);

#endif
