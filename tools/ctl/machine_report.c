// SPDX-License-Identifier: BSD-2-Clause
#include "tools/ctl/machine_report.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/number.h"
#include "lifeboat/version.h"
#include "tools/common/json.h"
#include "tools/ctl/facts.h"
#include "tools/ctl/machine.h"
#include "tools/ctl/panic.h"

static const char *value_of(const struct content *text, const char *key, char value[VARIABLE_VALUE])
{
	return variable_value(text, key, 0, value) ? value : NULL;
}

static void put_value_number(struct json *json, const struct content *text, const char *key)
{
	char value[VARIABLE_VALUE];
	uint64_t number;

	if (value_of(text, key, value) && lb_number_read(value, (uint32_t)strlen(value), 10, &number))
		json_number(json, key, number);
	else
		json_null(json, key);
}

// Puts only words and numbers of the loader's text: its sentences name partitions and files.
static void put_boot(struct json *json, const struct facts *facts)
{
	static const char *const words[] = {"state", "stage", "mode", "aside"}, *const numbers[] = {
											"arming_ms",
											"crash_bytes",
											"page_table_bytes"};
	const struct content *text = &facts->text;
	char value[VARIABLE_VALUE];
	const char *capture = value_of(text, "capture", value);

	json_open(json, "boot", '{');
	json_bool(json, "covered", !findings_any(&facts->findings, FINDING_PROBLEM));
	if (capture)
		json_bool(json, "built_in", strcmp(capture, "built-in") == 0);
	else
		json_null(json, "built_in");
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		json_text(json, words[i], value_of(text, words[i], value));
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		put_value_number(json, text, numbers[i]);
	json_close(json, '}');
}

// Puts whether the verdict is stale, but not the reason, which has the disk's serial number.
static void put_selftest(struct json *json, const struct health *health)
{
	if (!health->has_proof) {
		json_null(json, "selftest");
		return;
	}
	json_open(json, "selftest", '{');
	json_text(json, "verdict", health->proof.verdict);
	json_bool(json, "stale", health->proof.stale[0]);
	json_close(json, '}');
}

static void put_ms(struct json *json, const char *name, uint64_t ms)
{
	if (ms)
		json_thousandths(json, name, ms);
	else
		json_null(json, name);
}

static void put_panic(struct json *json, const char *root)
{
	struct panic panic;

	if (!panic_read(root, &panic)) {
		json_null(json, "panic");
		return;
	}
	json_open(json, "panic", '{');
	json_text(json, "outcome", panic.outcome);
	json_bool(json, "stale", panic.stale[0]);
	put_ms(json, "seconds_to_first_byte", panic.first_byte_ms);
	put_ms(json, "seconds_to_end", panic.end_ms);
	json_number(json, "dump_bytes", panic.dump_bytes);
	json_close(json, '}');
}

static void put(FILE *out, const struct options *options, const struct facts *facts)
{
	struct json json = {.out = out};
	char value[VARIABLE_VALUE];

	json_open(&json, NULL, '{');
	json_text(&json, "schema", MACHINE_SCHEMA);
	json_text(&json, "tool", LIFEBOAT_VERSION);
	json_text(&json, "loader", value_of(&facts->text, "version", value));
	machine_put(&json, options);
	put_boot(&json, facts);
	put_selftest(&json, &facts->health);
	put_panic(&json, options->root);
	json_close(&json, '}');
}

static int put_file(const struct options *options, const struct facts *facts, struct lb_error *err)
{
	FILE *out = fopen(options->report_to, "w");
	bool failed;

	if (!out)
		return lb_fail(err, "%.160s: %s", options->report_to, strerror(errno));
	put(out, options, facts);
	failed = ferror(out);
	if (fclose(out) != 0 || failed)
		return lb_fail(err, "%.160s: cannot be written: %s", options->report_to, strerror(errno));
	printf("%s: what is known of this machine, without serial numbers, UUIDs, names and addresses\n",
	       options->report_to);
	return 0;
}

// Takes verdicts that boot-complete has not seen. A user who may not read the partitions gets the recorded
// ones.
static void look(const char *root)
{
	struct lb_error ignored;
	int lock;

	if (state_lock(root, &lock, &ignored) != 0)
		return;
	proof_take(root, &ignored);
	panic_take(root, &ignored);
	state_unlock(lock);
}

int machine_report_command(const struct options *options)
{
	struct facts *facts;
	struct lb_error err;
	int failed = 0;

	if (!options->dry_run)
		look(options->root);
	facts = facts_take(options);
	if (options->report_to)
		failed = put_file(options, facts, &err);
	else
		put(stdout, options, facts);
	facts_free(facts);
	if (failed)
		fprintf(stderr, "lifeboatctl: test: %s\n", err.text);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
