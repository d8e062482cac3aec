// SPDX-License-Identifier: BSD-2-Clause
// Problems and notes, one sentence each, in the order in which they were found.
#ifndef LIFEBOAT_TOOLS_CTL_FINDINGS_H
#define LIFEBOAT_TOOLS_CTL_FINDINGS_H

#include <stdbool.h>

#define FINDINGS_MAX 32U
#define FINDING_TEXT 512U // bytes, its NUL included

enum finding_kind { FINDING_PROBLEM, FINDING_NOTE };

struct findings {
	struct {
		enum finding_kind kind;
		char text[FINDING_TEXT];
	} list[FINDINGS_MAX];
	unsigned int count; // findings beyond FINDINGS_MAX are dropped
};

void findings_add(struct findings *findings, enum finding_kind kind, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
bool findings_any(const struct findings *findings, enum finding_kind kind);

#endif
