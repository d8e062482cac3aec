// SPDX-License-Identifier: BSD-2-Clause
#include "tools/ctl/facts.h"

#include <stdlib.h>
#include <string.h>

#include "tools/ctl/running.h"

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

// ---- All of it -----------------------------------------------------------------

struct facts *facts_take(const struct options *options)
{
	static struct facts facts;
	struct running_boot boot;
	enum variable_state found;

	memset(&facts, 0, sizeof(facts));
	found = variable_read(options->root, &facts.text);
	if (found == VARIABLE_FOUND)
		judge_variable(&facts.text, &facts.findings);
	else
		complain_of_absence(found, &facts.findings);
	boot = running_boot_of(&facts.text);
	running_judge(options->root, &boot, &facts.findings);
	installed_judge(options, found == VARIABLE_FOUND, &facts.findings, &facts.installed);
	health_judge(options, &facts.text, &facts.findings, &facts.health);
	return &facts;
}

void facts_free(struct facts *facts)
{
	free(facts->text.data);
	facts->text.data = NULL;
}
