// SPDX-License-Identifier: BSD-2-Clause
#include "tools/ctl/status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/text_line.h"
#include "tools/common/json.h"
#include "tools/ctl/installed.h"
#include "tools/ctl/running.h"
#include "tools/ctl/variable.h"

// ---- What the loader left ------------------------------------------------------

static void complain_of_absence(enum variable_state found, struct findings *findings)
{
	if (found == VARIABLE_NO_EFI)
		findings_add(findings, FINDING_PROBLEM,
			     EFI_FOLDER ": no such directory: this system was not started by UEFI");
	else if (found == VARIABLE_NO_EFIVARS)
		findings_add(findings, FINDING_PROBLEM,
			     EFIVARS_FOLDER " is empty: mount -t efivarfs efivarfs " EFIVARS_FOLDER);
	else
		findings_add(findings, FINDING_PROBLEM,
			     "no EFI variable " VARIABLE_NAME ": this boot did not go through lifeboat.efi");
}

// Prepared is armed where the words came, which /proc/cmdline tells.
static void judge_variable(const struct content *text, struct findings *findings)
{
	char state[VARIABLE_VALUE] = "", value[VARIABLE_VALUE] = "";

	variable_value(text, "state", 0, state);
	variable_value(text, "reason", 0, value);
	if (strcmp(state, "armed") != 0 && strcmp(state, "prepared") != 0)
		findings_add(findings, FINDING_PROBLEM, "state is \"%.64s\", wanted armed: %.400s", state,
			     value);
	else if (variable_value(text, "capture", 0, value) && strcmp(value, "built-in") == 0 &&
		 !variable_value(text, "dump_to", 0, value))
		findings_add(findings, FINDING_NOTE,
			     "no partition to dump to: a panic's log goes to the console only");
	for (unsigned int i = 0; variable_value(text, "watchdog", i, value); i++)
		findings_add(findings, FINDING_NOTE, "a watchdog that nothing stops after a panic: %.400s",
			     value);
}

// ---- Saying it -----------------------------------------------------------------

static void say_variable(const struct content *text)
{
	char line[VARIABLE_VALUE + 64];

	for (size_t at = 0; at < text->bytes;) {
		at += lb_text_line(text->data + at, text->bytes - at, line, sizeof(line));
		puts(line);
	}
}

static void say(const struct content *text, const struct installed *installed,
		const struct findings *findings)
{
	say_variable(text);
	if (installed->mode != MODE_AUTO)
		printf("installed: %s, mode %s, version %s\n", installed->path, mode_name(installed->mode),
		       installed->version[0] ? installed->version : "not known");
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
	json_close(json, '}');
}

static void put(const struct content *text, const struct installed *installed,
		const struct findings *findings)
{
	static const char *const keys[] = {"version", "state", "reason", "mode",
					   "kernel",  "chain", "capture"};
	struct json json = {.out = stdout};

	json_open(&json, NULL, '{');
	json_text(&json, "schema", STATUS_SCHEMA);
	json_bool(&json, "covered", !findings_any(findings, FINDING_PROBLEM));
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		put_value(&json, text, keys[i]);
	put_values(&json, text, "dump_to");
	put_values(&json, text, "said");
	put_installed(&json, installed);
	put_findings(&json, "problems", findings, FINDING_PROBLEM);
	put_findings(&json, "notes", findings, FINDING_NOTE);
	json_close(&json, '}');
}

int status_command(const struct options *options)
{
	static struct findings findings;
	struct content text = {.data = NULL};
	const enum variable_state found = variable_read(options->root, &text);
	static struct installed installed;
	const struct running_boot boot = running_boot_of(&text);

	if (found == VARIABLE_FOUND)
		judge_variable(&text, &findings);
	else
		complain_of_absence(found, &findings);
	running_judge(options->root, &boot, &findings);
	installed_judge(options, &findings, &installed);
	if (options->json)
		put(&text, &installed, &findings);
	else
		say(&text, &installed, &findings);
	free(text.data);
	return findings_any(&findings, FINDING_PROBLEM) ? EXIT_FAILURE : EXIT_SUCCESS;
}
