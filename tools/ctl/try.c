// SPDX-License-Identifier: BSD-2-Clause
#include "tools/ctl/try.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lifeboat/dumpdisk.h"
#include "tools/ctl/machine_report.h"
#include "tools/ctl/panic.h"
#include "tools/ctl/place.h"
#include "tools/ctl/plan.h"
#include "tools/ctl/proof.h"
#include "tools/save/scan.h"

#define LINE "selftest\n"

static int complain(const struct lb_error *err)
{
	fprintf(stderr, "lifeboatctl: test: %s\n", err->text);
	return EXIT_FAILURE;
}

static const char *verdict(uint32_t selftest)
{
	switch (selftest) {
	case LB_SELFTEST_BEGUN:
		return "begun, and did not come back";
	case LB_SELFTEST_PASSED:
		return "passed";
	case LB_SELFTEST_FAILED:
		return "failed";
	default:
		return "a verdict that is not known";
	}
}

// Says the verdicts; returns the number of partitions that have one. *ret_passed: all of them passed.
static unsigned int say_verdicts(const struct scan *scan, bool *ret_passed)
{
	unsigned int count = 0;

	*ret_passed = true;
	for (unsigned int i = 0; i < scan->dump_count; i++) {
		const struct lb_dump_header *header = &scan->dumps[i].header;
		const bool failed = header->selftest == LB_SELFTEST_FAILED;

		if (header->selftest == LB_SELFTEST_NONE)
			continue;
		count++;
		printf("%s: %s%s%s\n", scan->dumps[i].device.name, verdict(header->selftest),
		       failed ? ": " : "", failed ? header->message : "");
		*ret_passed = *ret_passed && header->selftest == LB_SELFTEST_PASSED;
	}
	return count;
}

// Adds the line behind what is there, which may end without a line feed.
static int add_line(const struct options *options, const struct esp *esp, struct lb_error *err)
{
	struct placed placed = {.count = 0};
	struct content content, more = {.data = NULL};
	char path[FILE_PATH];
	int failed;

	if (esp_file(esp, ESP_CONF, path, err) != 0)
		return -1;
	if (file_read(path, 65536, &content) != 0)
		return lb_fail(err, "%.160s: %s: lifeboatctl install writes one", path, strerror(errno));
	if (strncmp(content.data, LINE, strlen(LINE)) == 0 || strstr(content.data, "\n" LINE)) {
		free(content.data);
		puts("asked for already: restart the machine");
		return 0;
	}
	more.data = malloc(content.bytes + sizeof(LINE) + 1);
	if (more.data)
		more.bytes =
			(size_t)sprintf(more.data, "%s%s" LINE, content.data,
					content.bytes && content.data[content.bytes - 1] != '\n' ? "\n" : "");
	failed = !more.data         ? lb_fail(err, "no memory")
		 : options->dry_run ? 0
				    : place_file(esp->path, path, &more, &placed, err);
	if (!failed)
		puts(options->dry_run ? "would ask for a try at the next boot"
				      : "restart the machine: it tries the capture kernel once, then boots");
	free(content.data);
	free(more.data);
	return failed;
}

static int ask(const struct options *options, struct lb_error *err)
{
	struct esp esp;

	if (firmware_judge(options, err) != 0 || esp_find(options, true, &esp, err) != 0)
		return -1;
	if (plan_installed(&esp) == MODE_AUTO)
		return lb_fail(err, "it is not installed on %.100s: lifeboatctl install", esp.path);
	return add_line(options, &esp, err);
}

// Removes a verdict of another firmware, loader or disk: the loader tries again where there is none.
static int ask_when_stale(const struct options *options, struct lb_error *err)
{
	struct proof proof;

	if (proof_read(options->root, &proof) && !proof.stale[0]) {
		printf("not asked for: the try on partition %s %s, and nothing changed since\n",
		       proof.partition,
		       strcmp(proof.verdict, "begun") == 0 ? "did not come back" : proof.verdict);
		return 0;
	}
	if (proof.stale[0])
		printf("the proof is stale since %s\n", proof.stale);
	if (firmware_judge(options, err) != 0 || proof_forget(options->root, options->dry_run, err) != 0)
		return -1;
	return ask(options, err);
}

int try_command(const struct options *options)
{
	static struct scan scan;
	struct lb_error err;
	unsigned int count;
	bool passed;

	if (options->panic)
		return panic_command(options);
	if (options->report)
		return machine_report_command(options);
	if (options->when_stale)
		return ask_when_stale(options, &err) != 0 ? complain(&err) : EXIT_SUCCESS;
	scan_open(SCAN_AUTO, &scan);
	count = say_verdicts(&scan, &passed);
	scan_close(&scan);
	if (count)
		return passed ? EXIT_SUCCESS : EXIT_FAILURE;
	return ask(options, &err) != 0 ? complain(&err) : EXIT_SUCCESS;
}
