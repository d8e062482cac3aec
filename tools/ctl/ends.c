// SPDX-License-Identifier: BSD-2-Clause
#include "tools/ctl/ends.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/ctl/dumps.h"
#include "tools/ctl/journal.h"
#include "tools/ctl/running.h"

#define STAGE_STARTED "started"
#define STAGE_COMPLETE "complete"
#define ENDS_MAX 64U // hard ends that are kept until a boot is completed

// ---- This boot -----------------------------------------------------------------

struct boot {
	char id[BOOT_ID];
	bool armed; // armed, or prepared with the words given
	bool aside;
};

static struct boot read_boot(const char *root)
{
	static struct findings findings;
	char state[VARIABLE_VALUE] = "", value[VARIABLE_VALUE];
	struct boot boot = {.armed = false};
	struct running_boot running;
	struct content text;

	state_boot_id(root, boot.id);
	if (variable_read(root, &text) != VARIABLE_FOUND)
		return boot;
	variable_value(&text, "state", 0, state);
	boot.aside = variable_value(&text, "aside", 0, value);
	running = running_boot_of(&text);
	free(text.data);
	if (strcmp(state, "prepared") == 0) {
		findings.count = 0;
		running_judge_words(root, &running, &findings);
		boot.armed = !findings_any(&findings, FINDING_PROBLEM);
	} else {
		boot.armed = strcmp(state, "armed") == 0;
	}
	return boot;
}

// ---- The mark ------------------------------------------------------------------

static int write_mark(const char *root, const struct boot *boot, const char *stage, struct lb_error *err)
{
	static struct state_text text;

	text.bytes = 0;
	state_add(&text, "boot", "%s", boot->id);
	state_add(&text, "armed", "%d", boot->armed);
	state_add(&text, "stage", "%s", stage);
	return state_write(root, STATE_RUNNING, &text, err);
}

// Notes how far the marked boot came, in one line.
static int note_end(const char *root, const struct state_text *mark, struct lb_error *err)
{
	static struct state_text text;
	char stage[VARIABLE_VALUE], ignored[VARIABLE_VALUE];

	state_read(root, STATE_ENDS, &text);
	state_value(&text, "stage", ENDS_MAX - 1, ignored);
	state_value(mark, "stage", 0, stage);
	if (!ignored[0])
		state_add(&text, "stage", "%.63s", stage[0] ? stage : STAGE_STARTED);
	return state_write(root, STATE_ENDS, &text, err);
}

static int start(const struct options *options, struct lb_error *err)
{
	static struct state_text mark;
	static struct counters counters;
	const struct boot boot = read_boot(options->root);
	const bool marked = state_read(options->root, STATE_RUNNING, &mark);
	char id[VARIABLE_VALUE];

	state_value(&mark, "boot", 0, id);
	if (marked && strcmp(id, boot.id) == 0)
		return 0;
	counters_read(options->root, &counters);
	counters.boots++;
	counters.armed += boot.armed;
	counters.aside += boot.aside;
	// Only late in this boot is it seen whether a hard end left a dump.
	counters.last_end = marked && state_number(&mark, "armed") ? END_UNKNOWN : END_CLEAN;
	counters.last_stage[0] = '\0';
	if (counters.last_end == END_UNKNOWN && note_end(options->root, &mark, err) != 0)
		return -1;
	if (write_mark(options->root, &boot, STAGE_STARTED, err) != 0)
		return -1;
	return counters_write(options->root, &counters, err);
}

static int stop(const struct options *options, struct lb_error *err)
{
	return state_remove(options->root, STATE_RUNNING, err);
}

static int count_failed_save(const struct options *options, struct lb_error *err)
{
	static struct counters counters;

	counters_read(options->root, &counters);
	counters.saves_failed++;
	journal_tell(options->root, EVENT_SAVE_FAILED,
		     "a dump could not be saved: lifeboatctl list shows it, lifeboatctl save tries again");
	return counters_write(options->root, &counters, err);
}

static int run(const struct options *options, const char *name,
	       int (*work)(const struct options *options, struct lb_error *err))
{
	struct lb_error err;
	int lock, failed;

	if (state_lock(options->root, &lock, &err) != 0) {
		fprintf(stderr, "lifeboatctl: %s: %s\n", name, err.text);
		return EXIT_FAILURE;
	}
	failed = work(options, &err);
	state_unlock(lock);
	if (failed)
		fprintf(stderr, "lifeboatctl: %s: %s\n", name, err.text);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

int boot_start_command(const struct options *options)
{
	return run(options, "boot-start", start);
}

int boot_stop_command(const struct options *options)
{
	return run(options, "boot-stop", stop);
}

int save_failed_command(const struct options *options)
{
	return run(options, "save-failed", count_failed_save);
}

// ---- Late in a boot ------------------------------------------------------------

struct finding_dumps {
	const char *root;
	struct counters *counters;
	unsigned int fresh;
};

static void take_dump(struct dump *dump, void *context)
{
	struct finding_dumps *finding = context;
	const struct lb_dump_header *header = &dump->header;
	char arm_id[ARM_ID];

	if (header->state == LB_DUMP_EMPTY)
		return;
	for (size_t i = 0; i < sizeof(header->arm_id); i++)
		snprintf(arm_id + 2 * i, 3, "%02x", header->arm_id[i]);
	if (counters_know(finding->counters, arm_id))
		return;
	counters_learn(finding->counters, arm_id);
	// At the first run a saved dump is from before.
	if (!finding->counters->settled && header->saved)
		return;
	finding->fresh++;
	finding->counters->dumps++;
	journal_tell(finding->root, EVENT_DUMP, "a panic of kernel %s was captured to %s: %s%s%s",
		     header->release[0] ? header->release : "(not known)", dump->device.name,
		     dump_state_name(header), header->message[0] ? ": " : "", header->message);
}

// One dump accounts for one hard end. A machine that dies before lifeboat-running.service leaves a dump
// without an end.
static void settle_ends(const char *root, unsigned int fresh, struct counters *counters)
{
	static struct state_text text;
	char stage[VARIABLE_VALUE], last[VARIABLE_VALUE] = "";
	unsigned int ended = 0;

	if (state_read(root, STATE_ENDS, &text))
		for (; ended < ENDS_MAX; ended++, memcpy(last, stage, sizeof(last))) {
			state_value(&text, "stage", ended, stage);
			if (!stage[0])
				break;
		}
	if (fresh && counters->last_end != END_UNACCOUNTED)
		counters->last_end = END_DUMP;
	if (!ended)
		return;
	snprintf(counters->last_stage, sizeof(counters->last_stage), "%.63s", last);
	if (ended <= fresh)
		return;
	counters->unaccounted += ended - fresh;
	counters->last_end = END_UNACCOUNTED;
	journal_tell(root, EVENT_UNACCOUNTED,
		     "an armed boot ended unaccounted: it was not shut down, and left no dump; it was %s",
		     last);
}

void ends_settle(const char *root, struct counters *counters)
{
	struct finding_dumps finding = {.root = root, .counters = counters};

	dumps_each(root, take_dump, &finding);
	settle_ends(root, finding.fresh, counters);
	counters->settled = true;
}

int ends_forget(const char *root, struct lb_error *err)
{
	static struct state_text mark;
	const struct boot boot = read_boot(root);

	if (state_remove(root, STATE_ENDS, err) != 0)
		return -1;
	// Only where lifeboat-running.service has set the mark, since that unit removes it.
	return state_read(root, STATE_RUNNING, &mark) ? write_mark(root, &boot, STAGE_COMPLETE, err) : 0;
}
