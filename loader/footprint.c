// SPDX-License-Identifier: BSD-2-Clause
#include "loader/footprint.h"

#include "loader/firmware.h"
#include "loader/page_tables.h"
#include "loader/print.h"
#include "pgtable/footprint.h"

#define SIZE_TEXT 16
#define POLICIES_A_LINE 2 // so that a line for programs stays shorter than a console row

// The plan in the model's terms. `ram` is pool memory.
struct machine_lists {
	struct lb_range *ram;
	size_t ram_count;
	struct lb_range mapped[LB_MAPPED_RANGES]; // what our tables map
	size_t mapped_count;
	struct lb_footprint_request request; // points at the lists above
};

struct costs {
	enum lb_footprint_status status[LB_FOOTPRINT_POLICIES];
	struct lb_footprint footprint[LB_FOOTPRINT_POLICIES]; // where the status is OK
	struct lb_ident_size counted; // ours, by the builder
	uint64_t sections, sections_all; // bytes; 0 where Linux could not address it
};

static int list_ram(const struct lb_e820 *saved, struct machine_lists *lists, struct lb_error *err)
{
	lists->ram = lb_pool_alloc((saved->count + 1) * sizeof(*lists->ram));
	if (!lists->ram)
		return lb_fail(err, "firmware: no memory for %u ranges", saved->count);
	for (uint32_t i = 0; i < saved->count; i++) {
		const struct boot_e820_entry *entry = &saved->entries[i];

		if (entry->type == LB_E820_RAM)
			lists->ram[lists->ram_count++] =
				(struct lb_range){entry->addr, entry->addr + entry->size};
	}
	lists->ram_count = lb_footprint_tidy(lists->ram, lists->ram_count);
	return 0;
}

static void list_mapped(const struct lb_plan *plan, struct machine_lists *lists)
{
	const struct lb_mapped mapped = lb_plan_mapped(plan);

	for (uint32_t i = 0; i < mapped.count; i++)
		lists->mapped[i] = mapped.ranges[i].range;
	lists->mapped_count = lb_footprint_tidy(lists->mapped, mapped.count);
}

static void make_request(const struct lb_plan *plan, struct machine_lists *lists)
{
	lists->request = (struct lb_footprint_request){
		.ram = lists->ram,
		.ram_count = lists->ram_count,
		.crash = lists->mapped, // the hook is not loaded: the same list
		.crash_count = lists->mapped_count,
		.ours = lists->mapped,
		.ours_count = lists->mapped_count,
		.windows = LB_WINDOWS_AT,
		.gib_pages = plan->machine.gib_pages,
		.la57 = plan->machine.la57,
		.root4 = true,
	};
}

static uint64_t sections_bytes(const struct lb_range *ram, size_t count, bool la57)
{
	struct lb_footprint_sections sections;

	if (lb_footprint_sections(ram, count, la57, &sections) != LB_FOOTPRINT_OK)
		return 0;
	return sections.total_bytes;
}

static int compute(const struct lb_plan *plan, const struct machine_lists *lists, struct costs *costs,
		   struct lb_error *err)
{
	const struct lb_mapped mapped = lb_plan_mapped(plan);
	bool la57 = plan->machine.la57;

	for (int i = 0; i < LB_FOOTPRINT_POLICIES; i++)
		costs->status[i] =
			lb_footprint(&lists->request, (enum lb_footprint_policy)i, &costs->footprint[i]);
	costs->sections = sections_bytes(lists->mapped, lists->mapped_count, la57);
	costs->sections_all = sections_bytes(lists->ram, lists->ram_count, la57);
	return lb_page_tables_count(&mapped, &costs->counted, err);
}

static void print_machine(const struct lb_plan *plan, const struct machine_lists *lists, bool assumed)
{
	const struct lb_machine *machine = &plan->machine;
	const struct lb_range region = plan->layout.region, everywhere = {0, UINT64_MAX};
	char ram[SIZE_TEXT], size[SIZE_TEXT];

	lb_print_answer("RAM: %s in %lu ranges; CPU: %u address bits, %u levels, %s1 GiB pages\n",
			lb_format_size(ram, sizeof(ram), lb_e820_ram(&plan->saved, everywhere)),
			(unsigned long)lists->ram_count, machine->phys_bits, machine->la57 ? 5 : 4,
			machine->gib_pages ? "" : "no ");
	lb_print_answer("crash memory: 0x%lx-0x%lx, %s, %s\n", (unsigned long)region.start,
			(unsigned long)region.end, lb_format_size(size, sizeof(size), lb_range_size(region)),
			assumed ? "only assumed" : "as planned");
	if (assumed && plan->crashkernel.automatic)
		lb_print_answer("  --crashkernel SIZE for another size, KERNEL for the one it takes\n");
}

static void print_policy(enum lb_footprint_policy policy, const struct costs *costs)
{
	const struct lb_footprint *cost = &costs->footprint[policy];
	const char *name = lb_footprint_policy_name(policy);

	if (costs->status[policy] != LB_FOOTPRINT_OK) {
		lb_print_answer("%-12s cannot be: %s\n", name,
				lb_footprint_status_text(costs->status[policy]));
		return;
	}
	lb_print_answer("%-12s %14lu =%5lu%5lu%7lu%7lu%8lu%10lu\n", name, (unsigned long)cost->bytes,
			(unsigned long)cost->pml5, (unsigned long)cost->pml4, (unsigned long)cost->folded,
			(unsigned long)cost->pdpt, (unsigned long)cost->pd, (unsigned long)cost->pt);
}

static void print_table(const struct costs *costs)
{
	lb_print_answer("%-12s %14s  %5s%5s%7s%7s%8s%10s\n", "page tables", "bytes", "PML5", "PML4", "folded",
			"PDPT", "PD", "PT");
	for (int i = 0; i < LB_FOOTPRINT_POLICIES; i++)
		print_policy((enum lb_footprint_policy)i, costs);
	lb_print_answer("bytes = %lu x (PML5 + PML4 + folded + PDPT + PD + PT)\n", (unsigned long)LB_PAGE);
	lb_print_answer("Once armed, the hook's image is mapped too: at most %lu bytes more.\n",
			(unsigned long)(LB_HOOK_TABLES * LB_PAGE));
	lb_print_answer("The second kernel's memory map: %lu bytes; of all RAM: %lu.\n",
			(unsigned long)costs->sections, (unsigned long)costs->sections_all);
}

static void print_map(const struct lb_e820 *saved)
{
	for (uint32_t i = 0; i < saved->count; i++) {
		const struct boot_e820_entry *entry = &saved->entries[i];

		lb_print_verbose("lifeboat: footprint e820 0x%lx 0x%lx %s\n", (unsigned long)entry->addr,
				 (unsigned long)(entry->addr + entry->size - 1),
				 lb_e820_type_text(entry->type));
	}
}

static void print_policies_for_programs(const struct costs *costs)
{
	for (int i = 0, on_line = 0; i < LB_FOOTPRINT_POLICIES; i++) {
		if (costs->status[i] != LB_FOOTPRINT_OK)
			continue;
		lb_print_answer("%s %s=%lu", on_line ? "" : "lifeboat: footprint",
				lb_footprint_policy_name((enum lb_footprint_policy)i),
				(unsigned long)costs->footprint[i].bytes);
		on_line = (on_line + 1) % POLICIES_A_LINE;
		if (!on_line)
			lb_print_answer("\n");
	}
}

static void print_for_programs(const struct lb_plan *plan, const struct machine_lists *lists,
			       const struct costs *costs, bool assumed)
{
	const struct lb_machine *machine = &plan->machine;
	const struct lb_range region = plan->layout.region, everywhere = {0, UINT64_MAX};

	print_map(&plan->saved);
	lb_print_answer("lifeboat: footprint ram_bytes=%lu ram_ranges=%lu\n",
			(unsigned long)lb_e820_ram(&plan->saved, everywhere),
			(unsigned long)lists->ram_count);
	lb_print_answer("lifeboat: footprint phys_bits=%u la57=%u gib_pages=%u\n", machine->phys_bits,
			machine->la57, machine->gib_pages);
	lb_print_answer("lifeboat: footprint crash=0x%lx-0x%lx\n", (unsigned long)region.start,
			(unsigned long)region.end);
	lb_print_answer("lifeboat: footprint crash_bytes=%lu assumed=%u\n",
			(unsigned long)lb_range_size(region), assumed);
	print_policies_for_programs(costs);
	lb_print_answer("lifeboat: footprint sections=%lu sections_all=%lu\n", (unsigned long)costs->sections,
			(unsigned long)costs->sections_all);
	lb_print_answer("lifeboat: footprint counted=%lu\n", (unsigned long)(costs->counted.pages * LB_PAGE));
}

int lb_footprint_report(const struct lb_plan *plan, bool assumed, struct lb_error *err)
{
	struct machine_lists lists = {0};
	LB_CLEANUP(lb_pool_free) struct costs *costs = lb_pool_alloc(sizeof(*costs));
	int status = -1;

	if (!costs)
		return lb_fail(err, "firmware: no memory for %zu bytes", sizeof(*costs));
	if (list_ram(&plan->saved, &lists, err) == 0) {
		list_mapped(plan, &lists);
		make_request(plan, &lists);
		status = compute(plan, &lists, costs, err);
	}
	if (status == 0) {
		print_machine(plan, &lists, assumed);
		print_table(costs);
		print_for_programs(plan, &lists, costs, assumed);
	}
	lb_pool_free(&lists.ram);
	return status;
}
