// SPDX-License-Identifier: BSD-2-Clause
#include "tools/ctl/status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/text_line.h"
#include "tools/common/json.h"
#include "tools/ctl/metrics.h"

// ---- Saying it -----------------------------------------------------------------

static void say_variable(const struct content *text)
{
	char line[VARIABLE_VALUE + 64];

	for (size_t at = 0; at < text->bytes;) {
		at += lb_text_line(text->data + at, text->bytes - at, line, sizeof(line));
		puts(line);
	}
}

static void say_signers(const struct installed *installed)
{
	for (unsigned int i = 0; i < installed->signers.count; i++)
		printf("signed by: %s\n", installed->signers.list[i].name);
	if (installed->trust)
		printf("Secure Boot: %s\n", strcmp(installed->trust, "db") == 0 ? "db takes it"
					    : strcmp(installed->trust, "shim") == 0
						    ? "shim takes it (MokList, or the certificate in shim)"
						    : "nobody takes it");
}

static void say(const struct facts *facts)
{
	const struct installed *installed = &facts->installed;
	const struct findings *findings = &facts->findings;

	say_variable(&facts->text);
	if (installed->mode != MODE_AUTO)
		printf("installed: %s, mode %s, version %s\n", installed->path, mode_name(installed->mode),
		       installed->version[0] ? installed->version : "not known");
	say_signers(installed);
	health_say(&facts->health);
	for (unsigned int i = 0; i < findings->count; i++) {
		if (findings->list[i].kind == FINDING_NOTE)
			printf("note: %s\n", findings->list[i].text);
		else
			fprintf(stderr, "lifeboatctl: %s\n", findings->list[i].text);
	}
}

static void put_value(struct json *json, const struct content *text, const char *key)
{
	char value[VARIABLE_VALUE];

	json_text(json, key, variable_value(text, key, 0, value) ? value : NULL);
}

static void put_values(struct json *json, const struct content *text, const char *key)
{
	char value[VARIABLE_VALUE];

	json_open(json, key, '[');
	for (unsigned int i = 0; variable_value(text, key, i, value); i++)
		json_text(json, NULL, value);
	json_close(json, ']');
}

// "N of M pages".
static void put_survived(struct json *json, const struct content *text)
{
	char value[VARIABLE_VALUE];
	unsigned int pages, all;

	if (!variable_value(text, "survived", 0, value) ||
	    sscanf(value, "%u of %u pages", &pages, &all) != 2) {
		json_null(json, "survived");
		return;
	}
	json_open(json, "survived", '{');
	json_number(json, "pages", pages);
	json_number(json, "of", all);
	json_close(json, '}');
}

static void put_findings(struct json *json, const char *name, const struct findings *findings,
			 enum finding_kind kind)
{
	json_open(json, name, '[');
	for (unsigned int i = 0; i < findings->count; i++)
		if (findings->list[i].kind == kind)
			json_text(json, NULL, findings->list[i].text);
	json_close(json, ']');
}

static void put_installed(struct json *json, const struct installed *installed)
{
	if (installed->mode == MODE_AUTO) {
		json_null(json, "installed");
		return;
	}
	json_open(json, "installed", '{');
	json_text(json, "program", installed->path);
	json_text(json, "mode", mode_name(installed->mode));
	json_text(json, "version", installed->version[0] ? installed->version : NULL);
	json_open(json, "signed_by", '[');
	for (unsigned int i = 0; i < installed->signers.count; i++)
		json_text(json, NULL, installed->signers.list[i].name);
	json_close(json, ']');
	json_text(json, "secure_boot_by", installed->trust);
	json_close(json, '}');
}

static void put(const struct facts *facts)
{
	static const char *const keys[] = {"version", "state",  "reason", "stage",
					   "mode",    "kernel", "chain",  "capture"};
	const struct content *text = &facts->text;
	struct json json = {.out = stdout};

	json_open(&json, NULL, '{');
	json_text(&json, "schema", STATUS_SCHEMA);
	json_bool(&json, "covered", !findings_any(&facts->findings, FINDING_PROBLEM));
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		put_value(&json, text, keys[i]);
	put_values(&json, text, "dump_to");
	put_values(&json, text, "said");
	put_survived(&json, text);
	put_installed(&json, &facts->installed);
	health_put(&json, &facts->health);
	put_findings(&json, "problems", &facts->findings, FINDING_PROBLEM);
	put_findings(&json, "notes", &facts->findings, FINDING_NOTE);
	json_close(&json, '}');
}

int status_command(const struct options *options)
{
	struct facts *facts = facts_take(options);
	const bool covered = !findings_any(&facts->findings, FINDING_PROBLEM);

	if (options->json)
		put(facts);
	else if (options->metrics)
		metrics_put(stdout, facts);
	else
		say(facts);
	facts_free(facts);
	return covered ? EXIT_SUCCESS : EXIT_FAILURE;
}
