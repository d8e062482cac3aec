// SPDX-License-Identifier: BSD-2-Clause
// footprint: page-table bytes of a crash jump, for synthetic machines and real maps.
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "crash/plan/place.h"
#include "lifeboat/version.h"
#include "tools/common/bad_option.h"
#include "tools/footprint/plain_text.h"
#include "tools/footprint/report.h"

#define SIZES_MAX 64
#define SIZE_MIN (2 * LB_MIB)
#define SIZES_WANTED "sizes as 512M,24T,1P, from 2M to 4P"

enum { EXIT_BAD_USAGE = 2 };

enum form { FORM_TABLE, FORM_CSV, FORM_JSON, FORM_MARKDOWN, FORM_SVG, FORM_MAP };

struct options {
	struct setting setting;
	struct lb_srat srat;
	uint64_t slope[LB_FOOTPRINT_POLICIES];
	enum form form;
	const char *output; // NULL: standard output
	uint64_t sizes[SIZES_MAX]; // of the sweep; none: the usual ones
	const char *size_words[SIZES_MAX]; // each begins with the size as it was given
	size_t size_count;
	bool sweep; // asked for beside maps
	bool usual; // the sizes are ours
	bool flat;
	char **maps;
	int map_count;
};

static const char usage[] =
	"usage: lifeboat-footprint [OPTION]... [MAP]...\n"
	"\n"
	"Prints what the page tables for a crash jump cost, in bytes, under eight ways of\n"
	"choosing what they map, what crash memory and a target for dumps take, and what the\n"
	"second kernel's section tables cost.\n"
	"A MAP is a Linux boot log, a folder /sys/firmware/memmap, an .e820 file, or - (one of\n"
	"the first and third on standard input). Without one: a sweep over synthetic machines,\n"
	"512 MiB to 64 TiB with 4 levels and on to 4 PiB with 5.\n"
	"\n"
	"  --csv, --json, --markdown, --svg   another form than the aligned table\n"
	"  --map                 instead a picture of each machine's addresses: RAM, memory that\n"
	"                        may go away, crash memory, tables, hook\n"
	"  -o, --output FILE     write there\n"
	"  --sizes SIZE,...      the synthetic machines, with units: 512M,1.5T,24TiB; 2M to 4P\n"
	"  --sweep               synthetic machines beside MAPs\n"
	"  --flat                synthetic machines without the holes that PCs have\n"
	"  --levels 4|5          of page tables (default: 5 where RAM lies above 64 TiB)\n"
	"  --no-gib-pages        the CPU has no 1 GiB pages\n"
	"  --crash auto          crash memory of the size that the loader plans, and where it\n"
	"                        would be (default)\n"
	"  --cpus N              CPUs of the machine, for that (default 8)\n"
	"  --crash SIZE          of this size, placed as the loader does\n"
	"  --crash START-END     exactly there (hex, end exclusive); repeatable\n"
	"  --hook START-END|none the hook's image (default: 64 KiB 16 MiB below the top of RAM\n"
	"                        below 4 GiB); repeatable\n"
	"  --srat FILE           ACPI's table of memory that may go away: a copy of\n"
	"                        /sys/firmware/acpi/tables/SRAT, for every MAP\n"
	"  --no-windows          without the two movable window slots\n"
	"  -h, --help, --version\n";

static int complain(const char *option, const char *value, const char *wanted)
{
	fprintf(stderr, "lifeboat-footprint: --%s %s: want %s\n", option, value, wanted);
	return -1;
}

// Takes the unit behind a number: K, M, G, T or P, of either case, and perhaps iB. Returns the bits that it
// shifts by; *ret_rest is what follows.
static unsigned int take_unit(const char *text, const char **ret_rest)
{
	static const char units[] = "kmgtp";
	const char *unit = *text ? strchr(units, tolower((unsigned char)*text)) : NULL;

	*ret_rest = text;
	if (!unit)
		return 0;
	*ret_rest = text + (strncasecmp(text + 1, "ib", 2) == 0 ? 3 : 1);
	return 10 * (unsigned int)(unit - units + 1);
}

// Decimal, "1.5T", in whole bytes. *ret_rest is what follows.
static bool take_size(const char *text, uint64_t *ret_size, const char **ret_rest)
{
	unsigned long long whole, scale = 1;
	unsigned __int128 part = 0; // of 20 and 50 bits
	unsigned int bits;
	char *rest;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	whole = strtoull(text, &rest, 10);
	if (*rest == '.') {
		for (rest++; *rest >= '0' && *rest <= '9' && scale < 1000000; rest++) {
			part = 10 * part + (unsigned int)(*rest - '0');
			scale *= 10;
		}
		if (scale == 1)
			return false;
	}
	bits = take_unit(rest, ret_rest);
	if (errno || (bits && whole >> (64 - bits)) || ((part << bits) % scale && bits < 20))
		return false;
	*ret_size = (whole << bits) + (uint64_t)((part << bits) / scale);
	return *ret_size > 0;
}

static bool take_range(const char *text, struct lb_range *ret_range)
{
	char *rest;

	errno = 0;
	ret_range->start = strtoull(text, &rest, 16);
	if (rest == text || *rest != '-' || rest[1] < '0')
		return false;
	text = rest + 1;
	ret_range->end = strtoull(text, &rest, 16);
	return rest != text && *rest == '\0' && !errno && ret_range->start < ret_range->end &&
	       lb_aligned(ret_range->start | ret_range->end, LB_PAGE);
}

static int take_crash(struct setting *setting, const char *value)
{
	const char *rest;
	uint64_t bytes;

	if (strcmp(value, "auto") == 0) {
		setting->crash_bytes = 0;
		return 0;
	}
	if (!strchr(value, '-')) {
		if (!take_size(value, &bytes, &rest) || *rest || !lb_aligned(bytes, LB_REGION_STEP))
			return complain("crash", value, "auto, a multiple of 2M, or START-END");
		setting->crash_bytes = bytes;
		return 0;
	}
	if (setting->crash_count == MACHINE_REGIONS)
		return complain("crash", value, "at most 16 of them");
	if (!take_range(value, &setting->crash[setting->crash_count++]))
		return complain("crash", value, "START-END in hex, on 4 KiB, the end above the start");
	return 0;
}

static int take_hook(struct setting *setting, const char *value)
{
	if (strcmp(value, "none") == 0) {
		setting->no_hook = true;
		return 0;
	}
	if (setting->hook_count == MACHINE_REGIONS)
		return complain("hook", value, "at most 16 of them");
	if (!take_range(value, &setting->hook[setting->hook_count++]))
		return complain("hook", value,
				"none, or START-END in hex, on 4 KiB, the end above the start");
	return 0;
}

static int take_cpus(struct setting *setting, const char *value)
{
	char *rest;
	unsigned long cpus;

	errno = 0;
	cpus = strtoul(value, &rest, 10);
	if (*value < '0' || *value > '9' || *rest || errno || cpus < 1 || cpus > 65536)
		return complain("cpus", value, "a number from 1 to 65536");
	setting->cpus = (uint32_t)cpus;
	return 0;
}

#define SRAT_MAX (1U << 20)

// A table in binary, as firmware has it.
static int take_srat(struct options *options, const char *value)
{
	FILE *file = fopen(value, "rb");
	uint8_t *table = malloc(SRAT_MAX);
	struct lb_error why = {""};
	size_t bytes = file && table ? fread(table, 1, SRAT_MAX, file) : 0;
	int failed = -1;

	if (!table)
		fputs("lifeboat-footprint: out of memory\n", stderr);
	else if (!file || ferror(file))
		fprintf(stderr, "lifeboat-footprint: --srat %s: %s\n", value, strerror(errno));
	else if (lb_srat_read(table, bytes, &options->srat, &why) != 0)
		fprintf(stderr, "lifeboat-footprint: --srat %s: %s\n", value, why.text);
	else
		failed = 0;
	if (file)
		fclose(file);
	free(table);
	options->setting.srat = &options->srat;
	return failed;
}

static int take_sizes(struct options *options, const char *value)
{
	const char *rest = value;

	do {
		if (options->size_count == SIZES_MAX)
			return complain("sizes", value, "at most 64 sizes");
		options->size_words[options->size_count] = rest;
		if (!take_size(rest, &options->sizes[options->size_count], &rest) ||
		    (*rest != ',' && *rest != '\0'))
			return complain("sizes", value, SIZES_WANTED);
		options->sizes[options->size_count] =
			lb_align_down(options->sizes[options->size_count], LB_PAGE);
		options->size_count++;
	} while (*rest++ == ',');
	return 0;
}

enum {
	OPTION_CSV = 256,
	OPTION_JSON,
	OPTION_MARKDOWN,
	OPTION_SVG,
	OPTION_SIZES,
	OPTION_SWEEP,
	OPTION_FLAT,
	OPTION_LEVELS,
	OPTION_NO_GIB_PAGES,
	OPTION_MAP,
	OPTION_SRAT,
	OPTION_CPUS,
	OPTION_CRASH,
	OPTION_HOOK,
	OPTION_NO_WINDOWS,
	OPTION_VERSION,
};

static const struct option long_options[] = {
	{"csv", no_argument, NULL, OPTION_CSV},
	{"json", no_argument, NULL, OPTION_JSON},
	{"markdown", no_argument, NULL, OPTION_MARKDOWN},
	{"svg", no_argument, NULL, OPTION_SVG},
	{"map", no_argument, NULL, OPTION_MAP},
	{"srat", required_argument, NULL, OPTION_SRAT},
	{"cpus", required_argument, NULL, OPTION_CPUS},
	{"output", required_argument, NULL, 'o'},
	{"sizes", required_argument, NULL, OPTION_SIZES},
	{"sweep", no_argument, NULL, OPTION_SWEEP},
	{"flat", no_argument, NULL, OPTION_FLAT},
	{"levels", required_argument, NULL, OPTION_LEVELS},
	{"no-gib-pages", no_argument, NULL, OPTION_NO_GIB_PAGES},
	{"crash", required_argument, NULL, OPTION_CRASH},
	{"hook", required_argument, NULL, OPTION_HOOK},
	{"no-windows", no_argument, NULL, OPTION_NO_WINDOWS},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, OPTION_VERSION},
	{NULL, 0, NULL, 0},
};

static int take_form(struct options *options, enum form form)
{
	if (options->form != FORM_TABLE && options->form != form) {
		fprintf(stderr,
			"lifeboat-footprint: want only one of --csv, --json, --markdown, --svg and --map\n");
		return -1;
	}
	options->form = form;
	return 0;
}

static int take_option(struct options *options, int option, const char *value)
{
	switch (option) {
	case OPTION_CSV:
		return take_form(options, FORM_CSV);
	case OPTION_JSON:
		return take_form(options, FORM_JSON);
	case OPTION_MARKDOWN:
		return take_form(options, FORM_MARKDOWN);
	case OPTION_SVG:
		return take_form(options, FORM_SVG);
	case OPTION_MAP:
		return take_form(options, FORM_MAP);
	case OPTION_SRAT:
		return take_srat(options, value);
	case OPTION_CPUS:
		return take_cpus(&options->setting, value);
	case 'o':
		options->output = value;
		return 0;
	case OPTION_SIZES:
		return take_sizes(options, value);
	case OPTION_SWEEP:
		options->sweep = true;
		return 0;
	case OPTION_FLAT:
		options->flat = true;
		return 0;
	case OPTION_LEVELS:
		if (strcmp(value, "4") != 0 && strcmp(value, "5") != 0)
			return complain("levels", value, "4 or 5");
		options->setting.levels = (unsigned int)(value[0] - '0');
		return 0;
	case OPTION_NO_GIB_PAGES:
		options->setting.gib_pages = false;
		return 0;
	case OPTION_CRASH:
		return take_crash(&options->setting, value);
	case OPTION_HOOK:
		return take_hook(&options->setting, value);
	case OPTION_NO_WINDOWS:
		options->setting.no_windows = true;
		return 0;
	default:
		return -1;
	}
}

// When all options are known, since --levels may follow --sizes.
static int check_sizes(const struct options *options)
{
	const bool four = options->setting.levels == 4;
	const uint64_t max = four ? MACHINE_LEVELS4_END : MACHINE_LEVELS5_END;

	for (size_t i = 0; i < options->size_count; i++) {
		char word[32];

		if (options->sizes[i] >= SIZE_MIN && options->sizes[i] <= max)
			continue;
		snprintf(word, sizeof(word), "%.*s", (int)strcspn(options->size_words[i], ","),
			 options->size_words[i]);
		return complain("sizes", word,
				four ? "from 2M to 64T with --levels 4"
				     : "from 2M to 4P, all that 5 levels reach");
	}
	return 0;
}

static int take_options(struct options *options, int argc, char **argv)
{
	int option;

	while ((option = getopt_long(argc, argv, ":o:h", long_options, NULL)) != -1) {
		if (option == 'h') {
			fputs(usage, stdout);
			exit(EXIT_SUCCESS);
		}
		if (option == OPTION_VERSION) {
			puts("lifeboat-footprint (Lifeboat) " LIFEBOAT_VERSION);
			exit(EXIT_SUCCESS);
		}
		if (option == '?' || option == ':') {
			bad_option_say("lifeboat-footprint", "--help", long_options, option, argv);
			return -1;
		}
		if (take_option(options, option, optarg) != 0)
			return -1;
	}
	options->maps = argv + optind;
	options->map_count = argc - optind;
	return check_sizes(options);
}

#define THREAD_2017 (24 * LB_TIB)
// The capture kernel of the 2018 thread.
#define THREAD_2018 (256 * LB_MIB)

static void add_usual(struct options *options, uint64_t size)
{
	options->sizes[options->size_count++] = size;
}

// Powers of two, a large server of today, and the machine of the 2017 thread, which make_sweep() adds once
// more as the thread counted it: without holes.
static void usual_sizes(struct options *options)
{
	const uint64_t largest = options->setting.levels == 4 ? 64 * LB_TIB : 4096 * LB_TIB;

	for (uint64_t size = 512 * LB_MIB; size <= largest; size *= 2) {
		add_usual(options, size);
		if (size == 4 * LB_TIB)
			add_usual(options, 6 * LB_TIB);
		if (size == 16 * LB_TIB)
			add_usual(options, THREAD_2017);
	}
	options->usual = true;
}

struct results {
	struct machine *machines; // malloc'd
	size_t count;
	int absent; // maps that cannot be opened
};

// An error quotes the input, which may hold anything.
static int complain_of(struct source_error *err)
{
	plain_name(err->text);
	fprintf(stderr, "lifeboat-footprint: %s\n", err->text);
	return -1;
}

static int read_map(const struct options *options, const char *path, struct results *results)
{
	struct machine *machine = &results->machines[results->count];
	struct source_error err = {""};
	struct source source;
	int failed;

	if (source_read(path, &source, &err) != 0) {
		results->absent += strcmp(path, "-") != 0 && access(path, R_OK) != 0;
		return complain_of(&err);
	}
	failed = machine_from_map(path, &source, &options->setting, machine, &err);
	if (!failed && source.note)
		fprintf(stderr, "lifeboat-footprint: %s: %s\n", machine->name, source.note);
	source_free(&source);
	if (failed)
		return complain_of(&err);
	results->count++;
	if (!machine->crash_count)
		fprintf(stderr, "lifeboat-footprint: %s: no crash region: %s\n", machine->name,
			machine->no_crash);
	return 0;
}

// All that can be read; -1 where there was one that could not.
static int read_maps(const struct options *options, struct results *results)
{
	int failed = 0;

	for (int i = 0; i < options->map_count; i++) {
		if (read_map(options, options->maps[i], results) != 0)
			failed = -1;
	}
	return failed;
}

// Linux as the second kernel, in 256 MiB and with 5 levels.
static int add_thread_2018(const struct options *options, struct results *results)
{
	struct machine *machine = &results->machines[results->count];
	struct setting setting = options->setting;
	struct source_error err = {""};

	if (setting.levels == 4)
		return 0;
	setting.levels = 5;
	setting.crash_bytes = THREAD_2018;
	if (machine_synthetic(LB_TIB, false, &setting, machine, &err) != 0)
		return complain_of(&err);
	snprintf(machine->name, sizeof(machine->name), "PC, --crash 256M");
	results->count++;
	return 0;
}

static int make_sweep(const struct options *options, struct results *results)
{
	struct source_error err = {""};

	for (size_t i = 0; i < options->size_count; i++) {
		if (machine_synthetic(options->sizes[i], options->flat, &options->setting,
				      &results->machines[results->count], &err) != 0)
			return complain_of(&err);
		results->count++;
	}
	if (!options->usual || options->flat || options->form == FORM_SVG)
		return 0;
	if (machine_synthetic(THREAD_2017, true, &options->setting, &results->machines[results->count],
			      &err) != 0)
		return complain_of(&err);
	results->count++;
	return add_thread_2018(options, results);
}

static void write_form(FILE *out, const struct options *options, const struct results *all, size_t real)
{
	const struct report report = {all->machines, all->count, options->slope};

	switch (options->form) {
	case FORM_TABLE:
		report_table(out, &report);
		return;
	case FORM_CSV:
		report_csv(out, &report);
		return;
	case FORM_JSON:
		report_json(out, &report);
		return;
	case FORM_MARKDOWN:
		report_markdown(out, &report);
		return;
	case FORM_MAP:
		report_map(out, &report);
		return;
	case FORM_SVG:
		report_svg(out, &(struct report){all->machines + real, all->count - real, options->slope},
			   &(struct report){all->machines, real, options->slope});
		return;
	}
}

static int write_output(const struct options *options, const struct results *all, size_t real)
{
	const char *name = options->output ? options->output : "standard output";
	FILE *out = options->output ? fopen(options->output, "w") : stdout;
	bool failed = !out;

	if (out) {
		write_form(out, options, all, real);
		failed = fflush(out) || ferror(out);
		if (out != stdout)
			failed = fclose(out) || failed;
	}
	if (failed)
		fprintf(stderr, "lifeboat-footprint: %s: cannot be written: %s\n", name, strerror(errno));
	return failed ? -1 : 0;
}

// Real machines first, then the sweep; a plot always has its lines. Returns the exit status.
static int run(struct options *options)
{
	const bool sweep =
		options->map_count == 0 || options->sweep || options->size_count || options->form == FORM_SVG;
	struct setting four = options->setting;
	struct results results = {0};
	struct source_error err = {""};
	size_t real;
	int failed;

	four.levels = 0;
	four.srat = NULL;
	if (machine_slope(&four, options->slope, &err) != 0) {
		complain_of(&err);
		return EXIT_FAILURE;
	}
	if (sweep && options->size_count == 0)
		usual_sizes(options);
	results.machines =
		calloc((size_t)options->map_count + options->size_count + 2, sizeof(*results.machines));
	if (!results.machines) {
		fprintf(stderr, "lifeboat-footprint: out of memory\n");
		return EXIT_FAILURE;
	}
	failed = read_maps(options, &results);
	real = results.count;
	if (sweep && make_sweep(options, &results) != 0)
		failed = -1;
	else if (results.count && write_output(options, &results, real) != 0)
		failed = -1;
	for (size_t i = 0; i < results.count; i++)
		machine_free(&results.machines[i]);
	free(results.machines);
	if (!sweep && results.absent == options->map_count)
		return EXIT_BAD_USAGE; // nothing was begun
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct options options = {.setting = {.gib_pages = true, .cpus = 8}};

	if (take_options(&options, argc, argv) != 0)
		return EXIT_BAD_USAGE;
	return run(&options);
}
