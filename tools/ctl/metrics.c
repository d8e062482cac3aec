// SPDX-License-Identifier: BSD-2-Clause
#include "tools/ctl/metrics.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tools/ctl/place.h"

static void gauge(FILE *out, const char *name, const char *help, uint64_t value)
{
	fprintf(out, "# HELP lifeboat_%s %s\n# TYPE lifeboat_%s gauge\nlifeboat_%s %" PRIu64 "\n", name, help,
		name, name, value);
}

static void count(FILE *out, const struct counter *counter, uint64_t value)
{
	fprintf(out,
		"# HELP lifeboat_%s_total %s\n# TYPE lifeboat_%s_total counter\nlifeboat_%s_total %" PRIu64
		"\n",
		counter->metric, counter->help, counter->metric, counter->metric, value);
}

void metrics_put(FILE *out, const struct facts *facts)
{
	const struct health *health = &facts->health;
	const bool passed = health->has_proof && strcmp(health->proof.verdict, "passed") == 0;

	gauge(out, "covered", "A panic of the running system would be captured.",
	      !findings_any(&facts->findings, FINDING_PROBLEM));
	gauge(out, "aside", "This boot stood aside, or the next one will.",
	      health->aside[0] || health->is_off || health->trial.mark.mark == LB_TRIAL_ASIDE);
	gauge(out, "proof_passed", "A try without a crash passed.", passed);
	gauge(out, "proof_stale", "Firmware, loader or disk changed since that try.",
	      health->has_proof && health->proof.stale[0]);
	gauge(out, "last_end_unaccounted", "The last armed boot ended unaccounted.",
	      health->counters.last_end == END_UNACCOUNTED);
	gauge(out, "arming_milliseconds", "What arming added to this boot; 0 where it is not known.",
	      health->arming_ms);
	for (size_t i = 0; health->has_counters && i < COUNTERS; i++)
		count(out, &counters_list[i], counters_get(&health->counters, &counters_list[i]));
}

int metrics_write(const struct options *options, struct lb_error *err)
{
	struct placed placed = {.count = 0};
	struct content content = {.data = NULL};
	char path[FILE_PATH];
	struct facts *facts;
	FILE *out;
	int failed;

	if (!file_exists(options->root, METRICS_FOLDER))
		return 0;
	if (file_path(options->root, METRICS_FOLDER "/lifeboat.prom", path, err) != 0)
		return -1;
	out = open_memstream(&content.data, &content.bytes);
	if (!out)
		return lb_fail(err, "no memory");
	facts = facts_take(options);
	metrics_put(out, facts);
	facts_free(facts);
	fclose(out);
	failed = place_file(options->root, path, &content, &placed, err);
	free(content.data);
	return failed;
}
