// SPDX-License-Identifier: BSD-2-Clause
// A report's text (crash/report/report.h) as JSON, for lifeboat-report and lifeboat-save.
#ifndef LIFEBOAT_TOOLS_COMMON_REPORT_JSON_H
#define LIFEBOAT_TOOLS_COMMON_REPORT_JSON_H

#include <stdint.h>

#include "tools/common/json.h"

#define REPORT_JSON_SCHEMA "lifeboat-report-1"

// Writes the report as an object with `name` (NULL for the outermost). The text may be cut anywhere, or
// come from a disk: lines without the form of a report are left out. docs/report.md has the members.
void report_json(struct json *json, const char *name, const char *text, uint32_t bytes);

#endif
