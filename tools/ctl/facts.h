// SPDX-License-Identifier: BSD-2-Clause
// All that status tells, for whoever says it: as text, as JSON, as numbers.
#ifndef LIFEBOAT_TOOLS_CTL_FACTS_H
#define LIFEBOAT_TOOLS_CTL_FACTS_H

#include "tools/ctl/health.h"
#include "tools/ctl/installed.h"

struct facts {
	struct content text; // what the loader left for this boot
	struct installed installed;
	struct health health;
	struct findings findings;
};

// Takes the facts, of which there is one, until facts_free().
struct facts *facts_take(const struct options *options);
void facts_free(struct facts *facts);

#endif
