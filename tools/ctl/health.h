// SPDX-License-Identifier: BSD-2-Clause
// The facts that status has beside those of this boot: the trial, the last try without a crash, how boots
// ended, what waits for a restart.
#ifndef LIFEBOAT_TOOLS_CTL_HEALTH_H
#define LIFEBOAT_TOOLS_CTL_HEALTH_H

#include "tools/common/json.h"
#include "tools/ctl/change.h"
#include "tools/ctl/counters.h"
#include "tools/ctl/findings.h"
#include "tools/ctl/proof.h"
#include "tools/ctl/trial.h"

struct health {
	char aside[16]; // why this boot stood aside: off, trial, panics; "": it did not
	uint64_t arming_ms; // 0: not known
	bool is_off; // the next boot stands aside
	bool waits; // for a restart, after `change`
	bool has_counters, has_proof;
	struct change change;
	struct trial trial;
	struct counters counters;
	struct proof proof;
};

// `text`: what the loader left for this boot; empty where it left nothing.
void health_judge(const struct options *options, const struct content *text, struct findings *findings,
		  struct health *ret_health);
void health_say(const struct health *health);
// Whether lifeboat-boot-complete.service will start at the next boot.
bool health_has_unit(const char *root);
#define HEALTH_ENABLE "systemctl enable lifeboat-running.service lifeboat-boot-complete.service"

// Puts the members into the JSON object that is open.
void health_put(struct json *json, const struct health *health);

#endif
