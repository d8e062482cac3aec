// SPDX-License-Identifier: BSD-2-Clause
// A machine's addresses as one bar: what is RAM, what of it may go away, and where all that is ours lies.
#include <string.h>

#include "lib/format.h"
#include "tools/footprint/report.h"

#define CELLS 96

enum mark { HOLE = '.', RAM = '-', AVOIDED = '#', REGION = 'C', TABLES = 'T', HOOK = 'H' };

// Each range marks all cells that it touches.
static void mark_cells(char bar[CELLS + 1], uint64_t top, struct lb_range range, enum mark mark)
{
	if (lb_range_empty(range))
		return;
	for (int i = 0; i < CELLS; i++) {
		const struct lb_range cell = {
			(uint64_t)((unsigned __int128)top * (unsigned int)i / CELLS),
			(uint64_t)((unsigned __int128)top * (unsigned int)(i + 1) / CELLS)};

		if (lb_range_overlaps(cell, range))
			bar[i] = (char)mark;
	}
}

static uint64_t top_of(const struct machine *machine)
{
	uint64_t top = machine->ram[machine->ram_count - 1].end;

	for (uint32_t i = 0; i < machine->avoid_count; i++)
		top = machine->avoid[i].end > top ? machine->avoid[i].end : top;
	return top;
}

static void print_range(FILE *out, const char *what, enum mark mark, struct lb_range range)
{
	char size[32];

	fprintf(out, "  %c %-14s 0x%lx-0x%lx, %s\n", mark, what, range.start, range.end,
		lb_format_size_nearest(size, sizeof(size), lb_range_size(range)));
}

// The hook is what is mapped and is neither the low 1 MiB nor a crash region.
static bool is_hook(const struct machine *machine, struct lb_range range)
{
	for (size_t i = 0; i < machine->crash_count; i++) {
		if (lb_range_overlaps(machine->crash[i], range))
			return false;
	}
	return true;
}

static void print_bar(FILE *out, const struct machine *machine, uint64_t top)
{
	char bar[CELLS + 1], size[32];

	memset(bar, HOLE, CELLS);
	bar[CELLS] = '\0';
	for (size_t i = 0; i < machine->ram_count; i++)
		mark_cells(bar, top, machine->ram[i], RAM);
	for (uint32_t i = 0; i < machine->avoid_count; i++)
		mark_cells(bar, top, machine->avoid[i], AVOIDED);
	for (size_t i = 0; machine->crash_count && i < machine->ours_count; i++)
		if (is_hook(machine, machine->ours[i]))
			mark_cells(bar, top, machine->ours[i], HOOK);
	for (size_t i = 1; i < machine->crash_count; i++)
		mark_cells(bar, top, machine->crash[i], REGION);
	mark_cells(bar, top, machine->tables, TABLES);
	fprintf(out, "  0 |%s| %s\n", bar, lb_format_size_nearest(size, sizeof(size), top));
}

static void print_machine(FILE *out, const struct machine *machine)
{
	const uint64_t top = top_of(machine);
	char size[32];

	fprintf(out, "%s, %s of RAM\n", machine->name,
		lb_format_size_nearest(size, sizeof(size), machine->ram_bytes));
	print_bar(out, machine, top);
	for (uint32_t i = 0; i < machine->avoid_count; i++)
		print_range(out, "may go away", AVOIDED, machine->avoid[i]);
	if (machine->srat.count && !machine->avoid_count)
		fprintf(out, "    SRAT calls the memory at 1 MiB hot-pluggable, too: there the word says "
			     "nothing\n");
	for (size_t i = 0; machine->crash_count && i < machine->ours_count; i++)
		if (is_hook(machine, machine->ours[i]))
			print_range(out, "hook", HOOK, machine->ours[i]);
	for (size_t i = 1; i < machine->crash_count; i++)
		print_range(out, "crash memory", REGION, machine->crash[i]);
	if (!lb_range_empty(machine->tables))
		print_range(out, "page tables", TABLES, machine->tables);
	if (!machine->crash_count)
		fprintf(out, "    no crash memory: %s\n", machine->no_crash);
	fprintf(out, "\n");
}

void report_map(FILE *out, const struct report *report)
{
	uint64_t pages = 0;
	size_t maps = 0;

	fprintf(out, "- RAM   # may go away or keeps its content   C crash memory   T page tables in it   "
		     "H hook   . no RAM\n\n");
	for (size_t i = 0; i < report->count; i++) {
		print_machine(out, &report->machines[i]);
		pages += machine_tables_avoided(&report->machines[i]);
		maps += report->machines[i].avoid_count > 0;
	}
	fprintf(out, "%lu table pages in memory that may go away; %zu of %zu maps have such memory\n", pages,
		maps, report->count);
}
