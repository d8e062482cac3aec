// SPDX-License-Identifier: BSD-2-Clause
// The figures of some machines, in the forms there are. All write to `out`; whether
// that went well is ferror()'s to say.
#ifndef LIFEBOAT_TOOLS_FOOTPRINT_REPORT_H
#define LIFEBOAT_TOOLS_FOOTPRINT_REPORT_H

#include <stdio.h>

#include "tools/footprint/machine.h"

struct report {
	const struct machine *machines;
	size_t count;
	const uint64_t *slope; // by policy: machine_slope()
};

void report_table(FILE *out, const struct report *report);
void report_markdown(FILE *out, const struct report *report);
void report_csv(FILE *out, const struct report *report);
void report_map(FILE *out, const struct report *report);
void report_json(FILE *out, const struct report *report);

// `sweep`: the lines, machines of growing size. `points`: real machines, may be none.
void report_svg(FILE *out, const struct report *sweep, const struct report *points);

// "4 KiB x (1 PML4 + 1 PDPT + 2 PD + 2 PT)". 96 bytes are enough.
char *report_formula(char *text, size_t bytes, const struct lb_footprint *footprint);

#endif
