// SPDX-License-Identifier: BSD-2-Clause
// For programs: CSV and JSON, all figures in bytes.
#include "tools/footprint/report.h"

// ---- CSV -------------------------------------------------------------------

// Prints a text in quotes; a quote in it is doubled (RFC 4180).
static void print_csv_text(FILE *out, const char *text)
{
	fputc('"', out);
	for (; *text; text++) {
		if (*text == '"')
			fputc('"', out);
		fputc(*text, out);
	}
	fputc('"', out);
}

void report_csv(FILE *out, const struct report *report)
{
	fprintf(out, "machine,ram_bytes,levels,gib_pages,e820_entries,e820_bytes,crash_bytes,dump_bytes");
	for (int i = 0; i < LB_FOOTPRINT_POLICIES; i++)
		fprintf(out, ",%s_bytes", lb_footprint_policy_name((enum lb_footprint_policy)i));
	for (int i = 0; i < LB_FOOTPRINT_POLICIES; i++)
		fprintf(out, ",%s_bytes_per_tib", lb_footprint_policy_name((enum lb_footprint_policy)i));
	fprintf(out, ",sections_bytes,sections_all_bytes,temporary_present_bytes,temporary_whole_bytes\n");
	for (size_t i = 0; i < report->count; i++) {
		const struct machine *machine = &report->machines[i];

		print_csv_text(out, machine->name);
		fprintf(out, ",%lu,%u,%d,%u,%lu,", machine->ram_bytes, machine->levels, machine->gib_pages,
			machine->e820_entries, machine_e820_bytes(machine));
		if (machine->crash_count)
			fprintf(out, "%lu", lb_range_size(machine->region));
		fprintf(out, ",%lu", machine->dump_bytes);
		for (int j = 0; j < LB_FOOTPRINT_POLICIES; j++) {
			fputc(',', out);
			if (machine_has(machine, (enum lb_footprint_policy)j))
				fprintf(out, "%lu", machine->footprints[j].bytes);
		}
		for (int j = 0; j < LB_FOOTPRINT_POLICIES; j++) {
			fputc(',', out);
			if (machine_has(machine, (enum lb_footprint_policy)j))
				fprintf(out, "%.1f", machine_per_tib(machine, (enum lb_footprint_policy)j));
		}
		fputc(',', out);
		if (machine->crash_count)
			fprintf(out, "%lu", machine->second.total_bytes);
		fprintf(out, ",%lu,", machine->everything.total_bytes);
		if (machine->crash_count)
			fprintf(out, "%lu", machine->second.temporary_present_bytes);
		fprintf(out, ",%lu\n", machine->everything.temporary_whole_bytes);
	}
}

// ---- JSON ------------------------------------------------------------------

// Bytes that are not printable ASCII are given as code points of Latin-1.
static void print_json_text(FILE *out, const char *text)
{
	fputc('"', out);
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			fprintf(out, "\\%c", c);
		else if (c < 0x20 || c >= 0x7f)
			fprintf(out, "\\u%04x", c);
		else
			fputc(c, out);
	}
	fputc('"', out);
}

static void print_ranges(FILE *out, const char *name, const struct lb_range *ranges, size_t count)
{
	fprintf(out, "      \"%s\": [", name);
	for (size_t i = 0; i < count; i++)
		fprintf(out, "%s[%lu, %lu]", i ? ", " : "", ranges[i].start, ranges[i].end);
	fprintf(out, "],\n");
}

static void print_footprint(FILE *out, const struct lb_footprint *f)
{
	char formula[96];

	fprintf(out,
		"{\"bytes\": %lu, \"pml5\": %lu, \"pml4\": %lu, \"folded\": %lu, \"pdpt\": %lu, \"pd\": %lu, "
		"\"pt\": %lu, \"leaves_4k\": %lu, \"leaves_2m\": %lu, \"leaves_1g\": %lu, \"formula\": ",
		f->bytes, f->pml5, f->pml4, f->folded, f->pdpt, f->pd, f->pt, f->leaves_4k, f->leaves_2m,
		f->leaves_1g);
	print_json_text(out, report_formula(formula, sizeof(formula), f));
	fprintf(out, "}");
}

static void print_sections(FILE *out, const struct lb_footprint_sections *s)
{
	fprintf(out,
		"{\"present\": %lu, \"whole\": %lu, \"bytes\": %lu, \"roots_bytes\": %lu, \"tables_bytes\": "
		"%lu, "
		"\"usage_bytes\": %lu, \"memmap_bytes\": %lu, \"temporary_present_bytes\": %lu, "
		"\"temporary_whole_bytes\": %lu, \"tables_whole_bytes\": %lu}",
		s->present, s->whole, s->total_bytes, s->roots_bytes, s->tables_bytes, s->usage_bytes,
		s->memmap_bytes, s->temporary_present_bytes, s->temporary_whole_bytes, s->tables_whole_bytes);
}

static void print_machine(FILE *out, const struct machine *machine)
{
	fprintf(out, "    {\n      \"name\": ");
	print_json_text(out, machine->name);
	fprintf(out, ",\n      \"synthetic\": %s,\n", machine->synthetic ? "true" : "false");
	fprintf(out, "      \"ram_bytes\": %lu,\n      \"levels\": %u,\n      \"gib_pages\": %s,\n",
		machine->ram_bytes, machine->levels, machine->gib_pages ? "true" : "false");
	fprintf(out, "      \"e820_entries\": %u,\n      \"e820_bytes\": %lu,\n", machine->e820_entries,
		machine_e820_bytes(machine));
	fprintf(out, "      \"crash_bytes\": %lu,\n      \"dump_bytes\": %lu,\n",
		machine->crash_count ? lb_range_size(machine->region) : 0, machine->dump_bytes);
	print_ranges(out, "ram", machine->ram, machine->ram_count);
	print_ranges(out, "avoided", machine->avoid, machine->avoid_count);
	print_ranges(out, "tables", &machine->tables, !lb_range_empty(machine->tables));
	fprintf(out, "      \"table_pages_avoided\": %lu,\n", machine_tables_avoided(machine));
	print_ranges(out, "crash", machine->crash, machine->crash_count);
	print_ranges(out, "ours", machine->ours, machine->crash_count ? machine->ours_count : 0);
	fprintf(out, "      \"windows\": %lu,\n      \"no_crash\": ", machine->windows);
	if (machine->crash_count)
		fprintf(out, "null");
	else
		print_json_text(out, machine->no_crash);
	fprintf(out, ",\n      \"page_tables\": {\n");
	for (int i = 0; i < LB_FOOTPRINT_POLICIES; i++) {
		fprintf(out, "        \"%s\": ", lb_footprint_policy_name((enum lb_footprint_policy)i));
		if (machine_has(machine, (enum lb_footprint_policy)i))
			print_footprint(out, &machine->footprints[i]);
		else
			fprintf(out, "null");
		fprintf(out, i + 1 < LB_FOOTPRINT_POLICIES ? ",\n" : "\n");
	}
	fprintf(out, "      },\n      \"sections\": {\n        \"second\": ");
	if (machine->crash_count)
		print_sections(out, &machine->second);
	else
		fprintf(out, "null");
	fprintf(out, ",\n        \"all_ram\": ");
	print_sections(out, &machine->everything);
	fprintf(out, "\n      }\n    }");
}

void report_json(FILE *out, const struct report *report)
{
	fprintf(out, "{\n  \"bytes_per_further_tib\": {");
	for (int i = 0; i < LB_FOOTPRINT_POLICIES; i++)
		fprintf(out, "%s\"%s\": %lu", i ? ", " : "",
			lb_footprint_policy_name((enum lb_footprint_policy)i), report->slope[i]);
	fprintf(out, "},\n  \"machines\": [\n");
	for (size_t i = 0; i < report->count; i++) {
		print_machine(out, &report->machines[i]);
		fprintf(out, i + 1 < report->count ? ",\n" : "\n");
	}
	fprintf(out, "  ]\n}\n");
}
