// SPDX-License-Identifier: BSD-2-Clause
#include "tools/ctl/complete.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/ctl/ends.h"
#include "tools/ctl/health.h"
#include "tools/ctl/journal.h"
#include "tools/ctl/keep.h"
#include "tools/ctl/metrics.h"
#include "tools/ctl/panic.h"

// The facts that the loader left for this boot.
struct boot {
	enum variable_state found;
	struct lb_trial_boot trial;
	enum trial_place begun_in;
	char state[16], aside[16], version[24], reason[VARIABLE_VALUE];
};

static void read_boot(const char *root, struct boot *ret_boot)
{
	char value[VARIABLE_VALUE] = "";
	struct content text;

	memset(ret_boot, 0, sizeof(*ret_boot));
	ret_boot->found = variable_read(root, &text);
	if (ret_boot->found != VARIABLE_FOUND)
		return;
	ret_boot->trial = trial_boot(&text);
	ret_boot->begun_in = trial_begun_in(&text);
	if (variable_value(&text, "state", 0, value))
		snprintf(ret_boot->state, sizeof(ret_boot->state), "%.15s", value);
	if (variable_value(&text, "aside", 0, value))
		snprintf(ret_boot->aside, sizeof(ret_boot->aside), "%.15s", value);
	if (variable_value(&text, "version", 0, value))
		snprintf(ret_boot->version, sizeof(ret_boot->version), "%.23s", value);
	variable_value(&text, "reason", 0, ret_boot->reason);
	free(text.data);
}

// ---- The trial -----------------------------------------------------------------

static int settle_trial(const struct options *options, const struct boot *boot, struct lb_error *err)
{
	static struct trial trial;
	bool proved;

	if (boot->aside[0])
		journal_tell(options->root, EVENT_ASIDE, "this boot stood aside (%s): %.800s", boot->aside,
			     boot->reason);
	if (!options->live)
		return 0;
	trial_read_begun(options, boot->begun_in, &trial);
	if (trial_complete(options, &trial, &boot->trial, &proved, err) != 0)
		return -1;
	if (proved)
		journal_tell(options->root, EVENT_PROVED,
			     "version %s is proved: a boot on trial was completed", boot->version);
	return 0;
}

// ---- An update -----------------------------------------------------------------

enum outcome {
	OUTCOME_OPEN, // this boot tells nothing about it
	OUTCOME_GOOD,
	OUTCOME_BAD,
};

// A boot entry chosen by hand bypasses a chain, but neither the firmware's drivers nor those of
// systemd-boot.
static enum outcome judge_update(const struct boot *boot, enum mode mode)
{
	if (boot->found == VARIABLE_ABSENT)
		return mode == MODE_CHAIN ? OUTCOME_OPEN : OUTCOME_BAD;
	if (boot->found != VARIABLE_FOUND)
		return OUTCOME_OPEN;
	if (boot->aside[0])
		return strcmp(boot->aside, "trial") == 0 ? OUTCOME_BAD : OUTCOME_OPEN;
	// A new program that refused to arm may do so because a dump waits.
	return strcmp(boot->state, "unarmed") != 0 || boot->trial.begun ? OUTCOME_GOOD : OUTCOME_OPEN;
}

static int return_to_previous(const struct options *options, const struct esp *esp, enum mode mode,
			      struct lb_error *err)
{
	static struct trial trial;
	char version[24];

	if (keep_return(esp, mode, version, err) != 0)
		return -1;
	journal_tell(options->root, EVENT_RETURNED,
		     "the update did not come through its first boot: version %s is back", version);
	change_note(options, "rollback");
	trial_read(options, &trial);
	return trial_renew(options, &trial, err);
}

// *ret_over: nothing more is awaited of the change.
static int settle_esp(const struct options *options, const struct boot *boot, bool *ret_over,
		      struct lb_error *err)
{
	struct esp esp;
	enum mode mode;

	*ret_over = true;
	if (esp_find(options, true, &esp, err) != 0)
		return -1;
	mode = plan_installed(&esp);
	if (mode == MODE_AUTO || !keep_on_trial(&esp, mode))
		return 0;
	switch (judge_update(boot, mode)) {
	case OUTCOME_OPEN:
		*ret_over = false;
		return 0;
	case OUTCOME_BAD:
		*ret_over = false; // returning to the previous program is a change of its own
		return return_to_previous(options, &esp, mode, err);
	case OUTCOME_GOOD:
	default:
		journal_tell(options->root, EVENT_UPDATED, "the update to version %s stays", boot->version);
		return keep_settle(&esp, mode, err);
	}
}

static int settle_change(const struct options *options, const struct boot *boot, struct lb_error *err)
{
	struct change change;
	bool over;

	if (!options->live || !change_read(options->root, &change) || change_waits(options->root, &change))
		return 0;
	if (settle_esp(options, boot, &over, err) != 0) {
		// Without an ESP only an update has something left to do.
		if (strcmp(change.what, "update") == 0)
			return -1;
		over = true;
	}
	return over ? state_remove(options->root, STATE_CHANGE, err) : 0;
}

// ---- Counters and verdict ------------------------------------------------------

static int settle_counters(const struct options *options, struct lb_error *err)
{
	static struct counters counters, before;
	int lock, failed = 0;

	if (state_lock(options->root, &lock, err) != 0)
		return -1;
	counters_read(options->root, &counters);
	before = counters;
	ends_settle(options->root, &counters);
	if (memcmp(&before, &counters, sizeof(before)) != 0)
		failed = counters_write(options->root, &counters, err);
	if (!failed)
		failed = ends_forget(options->root, err);
	if (!failed)
		failed = proof_take(options->root, err);
	if (!failed)
		failed = panic_take(options->root, err);
	state_unlock(lock);
	return failed;
}

static bool judge(int failed, const struct lb_error *err)
{
	if (failed)
		fprintf(stderr, "lifeboatctl: boot-complete: %s\n", err->text);
	return failed;
}

int boot_complete_command(const struct options *options)
{
	static struct boot boot;
	struct lb_error err;
	bool failed;

	read_boot(options->root, &boot);
	failed = judge(settle_trial(options, &boot, &err), &err);
	failed |= judge(settle_change(options, &boot, &err), &err);
	failed |= judge(settle_counters(options, &err), &err);
	failed |= judge(metrics_write(options, &err), &err);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
