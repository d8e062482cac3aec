// SPDX-License-Identifier: BSD-2-Clause
#include "tools/ctl/health.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/number.h"

// Whether it is a link, as systemctl enable makes one. The link's target is a path below the root, so the
// link is not followed here.
static bool is_link(const char *root, const char *path)
{
	struct lb_error ignored;
	char whole[FILE_PATH];
	struct stat status;

	return file_path(root, path, whole, &ignored) == 0 && lstat(whole, &status) == 0;
}

bool health_has_unit(const char *root)
{
	static const char *const folders[] = {"/etc/systemd/system", "/usr/lib/systemd/system",
					      "/lib/systemd/system"};
	char path[128];

	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		snprintf(path, sizeof(path), "%s/multi-user.target.wants/lifeboat-boot-complete.service",
			 folders[i]);
		if (is_link(root, path))
			return true;
	}
	return false;
}

// ---- Finding it ----------------------------------------------------------------

static void take_boot(const struct content *text, struct health *health)
{
	char value[VARIABLE_VALUE];

	if (variable_value(text, "aside", 0, value))
		snprintf(health->aside, sizeof(health->aside), "%.15s", value);
	if (variable_value(text, "arming_ms", 0, value) &&
	    !lb_number_read(value, (uint32_t)strlen(value), 10, &health->arming_ms))
		health->arming_ms = 0;
}

static void judge_trial(const struct health *health, struct findings *findings)
{
	const struct lb_trial *mark = &health->trial.mark;

	if (health->trial.place != TRIAL_NONE && mark->mark == LB_TRIAL_ASIDE)
		findings_add(findings, FINDING_PROBLEM,
			     "it stands aside at every boot until `lifeboatctl on`: %s",
			     mark->why[0] ? mark->why : "boots on trial did not complete");
	if (health->is_off && strcmp(health->aside, "off") != 0)
		findings_add(findings, FINDING_NOTE,
			     "it is switched off from the next boot on, until `lifeboatctl on`");
	else if (health->is_off)
		findings_add(findings, FINDING_NOTE, "it is switched off: `lifeboatctl on`");
}

// Judges whether some unit will prove the trial. Before boot-complete.target none has run yet.
static void judge_unit(const struct options *options, const struct content *text, const struct trial *trial,
		       struct findings *findings)
{
	if (trial->place == TRIAL_NONE || trial->mark.mark != LB_TRIAL_BEGUN || !trial_boot(text).begun)
		return;
	findings_add(findings, FINDING_NOTE, "this boot is on trial until it has completed%s",
		     health_has_unit(options->root) ? "" : ", and nothing tells when: " HEALTH_ENABLE);
}

static void judge_end(const struct counters *counters, struct findings *findings)
{
	if (counters->last_end == END_UNACCOUNTED)
		findings_add(findings, FINDING_NOTE,
			     "the last armed boot ended unaccounted: it was not shut down, and left no dump; "
			     "it was %s",
			     counters->last_stage);
}

static void judge_proof(const struct proof *proof, struct findings *findings)
{
	if (strcmp(proof->verdict, "passed") != 0)
		findings_add(findings, FINDING_NOTE,
			     "the last try without a crash %s: lifeboatctl test says more",
			     strcmp(proof->verdict, "failed") == 0 ? "failed" : "did not come back");
	else if (proof->stale[0])
		findings_add(findings, FINDING_NOTE,
			     "the proof is stale since %.380s: lifeboatctl test --when-stale", proof->stale);
}

void health_judge(const struct options *options, const struct content *text, struct findings *findings,
		  struct health *ret_health)
{
	struct health *health = ret_health;

	memset(health, 0, sizeof(*health));
	take_boot(text, health);
	trial_read(options, &health->trial);
	health->is_off = trial_is_off(options);
	health->has_counters = counters_read(options->root, &health->counters);
	health->has_proof = proof_read(options->root, &health->proof);
	health->waits = change_waits(options->root, &health->change);
	judge_trial(health, findings);
	judge_unit(options, text, &health->trial, findings);
	judge_end(&health->counters, findings);
	if (health->has_proof)
		judge_proof(&health->proof, findings);
	if (health->waits)
		findings_add(findings, FINDING_NOTE,
			     "restart once before you hibernate: %s changed what the next boot has in memory",
			     health->change.what);
}

// ---- Saying it -----------------------------------------------------------------

void health_say(const struct health *health)
{
	if (health->arming_ms)
		printf("arming took %" PRIu64 " ms\n", health->arming_ms);
	if (health->trial.place != TRIAL_NONE)
		printf("trial: %s%s%s\n", lb_trial_mark_name(health->trial.mark.mark),
		       health->trial.mark.why[0] ? ": " : "", health->trial.mark.why);
	if (health->has_proof)
		printf("proof: the try without a crash %s on partition %s, %s, firmware %s, version %s\n",
		       strcmp(health->proof.verdict, "begun") == 0 ? "did not come back"
								   : health->proof.verdict,
		       health->proof.partition, health->proof.setting.disk, health->proof.setting.firmware,
		       health->proof.setting.loader);
	if (!health->has_counters)
		return;
	printf("counted:");
	for (size_t i = 0; i < COUNTERS; i++)
		printf("%s %s %" PRIu64, i ? "," : "", counters_list[i].name,
		       counters_get(&health->counters, &counters_list[i]));
	putchar('\n');
}

static const char *or_null(const char *text)
{
	return text[0] ? text : NULL;
}

static void put_trial(struct json *json, const struct trial *trial)
{
	if (trial->place == TRIAL_NONE) {
		json_null(json, "trial");
		return;
	}
	json_open(json, "trial", '{');
	json_text(json, "mark", lb_trial_mark_name(trial->mark.mark));
	json_number(json, "failed", trial->mark.failed);
	json_number(json, "panics", trial->mark.panics);
	json_text(json, "why", or_null(trial->mark.why));
	json_close(json, '}');
}

static void put_proof(struct json *json, const struct proof *proof)
{
	json_open(json, "proof", '{');
	json_text(json, "verdict", proof->verdict);
	json_text(json, "stale_since", or_null(proof->stale));
	json_text(json, "partition", proof->partition);
	json_text(json, "firmware", or_null(proof->setting.firmware));
	json_text(json, "loader", or_null(proof->setting.loader));
	json_text(json, "disk", or_null(proof->setting.disk));
	json_close(json, '}');
}

static void put_counters(struct json *json, const struct counters *counters)
{
	json_open(json, "counters", '{');
	for (size_t i = 0; i < COUNTERS; i++)
		json_number(json, counters_list[i].name, counters_get(counters, &counters_list[i]));
	json_close(json, '}');
	json_text(json, "last_end", counters_end_name(counters->last_end));
	json_text(json, "last_stage", or_null(counters->last_stage));
}

void health_put(struct json *json, const struct health *health)
{
	json_text(json, "aside", or_null(health->aside));
	if (health->arming_ms)
		json_number(json, "arming_ms", health->arming_ms);
	else
		json_null(json, "arming_ms");
	json_bool(json, "switched_off", health->is_off);
	json_bool(json, "restart_before_hibernation", health->waits);
	put_trial(json, &health->trial);
	if (health->has_proof)
		put_proof(json, &health->proof);
	else
		json_null(json, "proof");
	if (health->has_counters) {
		put_counters(json, &health->counters);
		return;
	}
	json_null(json, "counters");
	json_null(json, "last_end");
	json_null(json, "last_stage");
}
