// SPDX-License-Identifier: BSD-2-Clause
#include "tools/report/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crash/report/report.h"
#include "crash/report/signature.h"
#include "tools/common/end_output.h"
#include "tools/common/json.h"
#include "tools/common/report_json.h"
#include "tools/report/kernel.h"
#include "tools/report/options.h"

enum { EXIT_BAD_USAGE = 2 };

struct report {
	const char *file;
	bool failed, absent; // absent: it cannot be opened
	struct lb_error err, lacks; // lacks: why something of the dump is missing; "": nobody says so
	char *text; // NULL: failed
	uint32_t bytes;
	char signature[LB_SIGNATURE_BYTES], reason[512];
};

static int complain(const char *text)
{
	fprintf(stderr, "lifeboat-report: %s\n", text);
	return EXIT_FAILURE;
}

static int write_report(const struct dumpfile *dump, bool mask, struct report *report)
{
	static struct kernel kernel;
	struct lb_report_source source;

	kernel_find(dump, &kernel, &source);
	source.mask = mask;
	source.memory = aligned_alloc(4096, lb_report_memory());
	report->text = malloc(LB_REPORT_MAX);
	if (!source.memory || !report->text) {
		free(source.memory);
		return lb_fail(&report->err, "%s: no memory", report->file);
	}
	report->bytes = lb_report_write(&source, report->text, LB_REPORT_MAX);
	free(source.memory);
	lb_report_value(report->text, report->bytes, "signature", report->signature,
			sizeof(report->signature));
	lb_report_value(report->text, report->bytes, "reason", report->reason, sizeof(report->reason));
	return 0;
}

static void read_dump(const char *file, bool mask, struct report *report)
{
	static struct dumpfile dump;

	*report = (struct report){.file = file};
	report->failed =
		dumpfile_open(&dump, file, &report->err) != 0 || write_report(&dump, mask, report) != 0;
	report->absent = dump.file < 0;
	report->lacks = dump.lacks;
	dumpfile_close(&dump);
	if (report->failed)
		complain(report->err.text);
	else if (report->lacks.text[0])
		complain(report->lacks.text);
}

// ---- Groups of one signature ---------------------------------------------------------

// The first report of each signature that `report` is not the first of: that first one; else itself.
static const struct report *group_of(const struct report *reports, const struct report *report)
{
	for (const struct report *first = reports; first < report; first++) {
		if (!first->failed && strcmp(first->signature, report->signature) == 0)
			return first;
	}
	return report;
}

static unsigned int group_size(const struct report *reports, unsigned int count, const struct report *first)
{
	unsigned int size = 0;

	for (unsigned int i = 0; i < count; i++)
		size += !reports[i].failed && strcmp(reports[i].signature, first->signature) == 0;
	return size;
}

// The first of the largest group that is smaller than `below`, or as large and begins after `after`.
static const struct report *next_group(const struct report *reports, unsigned int count, unsigned int below,
				       const struct report *after)
{
	const struct report *best = NULL;
	unsigned int best_size = 0;

	for (const struct report *first = reports; first < reports + count; first++) {
		unsigned int size;

		if (first->failed || group_of(reports, first) != first)
			continue;
		size = group_size(reports, count, first);
		if ((size < below || (size == below && first > after)) && size > best_size) {
			best = first;
			best_size = size;
		}
	}
	return best;
}

static void say_groups(const struct report *reports, unsigned int count)
{
	const struct report *first = next_group(reports, count, count + 1, NULL);

	while (first) {
		unsigned int size = group_size(reports, count, first);

		printf("%u\t%s\t%s\n", size, first->signature, first->reason);
		for (unsigned int i = 0; i < count; i++) {
			if (!reports[i].failed && group_of(reports, &reports[i]) == first)
				printf("\t%s\n", reports[i].file);
		}
		first = next_group(reports, count, size, first);
	}
}

static void put_groups(struct json *json, const struct report *reports, unsigned int count)
{
	const struct report *first = next_group(reports, count, count + 1, NULL);

	json_open(json, "groups", '[');
	while (first) {
		unsigned int size = group_size(reports, count, first);

		json_open(json, NULL, '{');
		json_text(json, "signature", first->signature);
		json_number(json, "count", size);
		json_open(json, "files", '[');
		for (unsigned int i = 0; i < count; i++) {
			if (!reports[i].failed && group_of(reports, &reports[i]) == first)
				json_text(json, NULL, reports[i].file);
		}
		json_close(json, ']');
		json_close(json, '}');
		first = next_group(reports, count, size, first);
	}
	json_close(json, ']');
}

// ---- Forms ---------------------------------------------------------------------------

static void say(const struct report *reports, unsigned int count, bool signature)
{
	for (unsigned int i = 0; signature && i < count; i++) {
		if (!reports[i].failed)
			printf("%s%s%s\n", reports[i].signature, count > 1 ? "\t" : "",
			       count > 1 ? reports[i].file : "");
	}
	if (!signature && count > 1)
		say_groups(reports, count);
	else if (!signature && !reports->failed)
		fwrite(reports->text, 1, reports->bytes, stdout);
}

static void put_json(const struct report *reports, unsigned int count)
{
	struct json json = {.out = stdout};

	json_open(&json, NULL, '{');
	json_text(&json, "schema", "lifeboat-reports-1");
	json_open(&json, "reports", '[');
	for (unsigned int i = 0; i < count; i++) {
		if (reports[i].failed)
			continue;
		json_open(&json, NULL, '{');
		json_text(&json, "file", reports[i].file);
		json_text(&json, "lacks", reports[i].lacks.text[0] ? reports[i].lacks.text : NULL);
		report_json(&json, "report", reports[i].text, reports[i].bytes);
		json_close(&json, '}');
	}
	json_close(&json, ']');
	put_groups(&json, reports, count);
	json_open(&json, "errors", '[');
	for (unsigned int i = 0; i < count; i++) {
		if (reports[i].failed)
			json_text(&json, NULL, reports[i].err.text);
	}
	json_close(&json, ']');
	json_close(&json, '}');
}

// Where no dump that is named can be opened, nothing was begun.
static int find_status(const struct report *reports, unsigned int count)
{
	unsigned int failed = 0, absent = 0;

	for (unsigned int i = 0; i < count; i++) {
		failed += reports[i].failed;
		absent += reports[i].absent;
	}
	return !failed ? EXIT_SUCCESS : absent == count ? EXIT_BAD_USAGE : EXIT_FAILURE;
}

int report_command(int argc, char **argv)
{
	struct options options;
	struct report *reports;
	int status;

	if (report_options_take(&options, argc, argv) != 0)
		return EXIT_BAD_USAGE;
	reports = calloc(options.count, sizeof(*reports));
	if (!reports)
		return complain("no memory");
	for (unsigned int i = 0; i < options.count; i++)
		read_dump(options.files[i], options.mask, &reports[i]);
	status = find_status(reports, options.count);
	if (options.json)
		put_json(reports, options.count);
	else
		say(reports, options.count, options.signature);
	for (unsigned int i = 0; i < options.count; i++)
		free(reports[i].text);
	free(reports);
	return end_output("lifeboat-report", status);
}
