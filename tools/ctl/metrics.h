// SPDX-License-Identifier: BSD-2-Clause
// What status says as numbers, in Prometheus' text format, for node_exporter's textfile collector.
#ifndef LIFEBOAT_TOOLS_CTL_METRICS_H
#define LIFEBOAT_TOOLS_CTL_METRICS_H

#include <stdio.h>

#include "tools/ctl/facts.h"

// Debian's prometheus-node-exporter looks there.
#define METRICS_FOLDER "/var/lib/prometheus/node-exporter"

void metrics_put(FILE *out, const struct facts *facts);
// Writes lifeboat.prom in METRICS_FOLDER below the root, whole or not at all; does nothing without that
// folder.
int metrics_write(const struct options *options, struct lb_error *err);

#endif
