// SPDX-License-Identifier: BSD-2-Clause
// All facts of status, for its three forms: text, JSON and numbers.
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

// Collects the facts. There is one set of them, until facts_free().
struct facts *facts_take(const struct options *options);
void facts_free(struct facts *facts);

#endif
