// SPDX-License-Identifier: BSD-2-Clause
#include "tools/ctl/findings.h"

#include <stdarg.h>
#include <stdio.h>

void findings_add(struct findings *findings, enum finding_kind kind, const char *format, ...)
{
	va_list args;

	if (findings->count == FINDINGS_MAX)
		return;
	findings->list[findings->count].kind = kind;
	va_start(args, format);
	vsnprintf(findings->list[findings->count].text, FINDING_TEXT, format, args);
	va_end(args);
	findings->count++;
}

bool findings_any(const struct findings *findings, enum finding_kind kind)
{
	for (unsigned int i = 0; i < findings->count; i++)
		if (findings->list[i].kind == kind)
			return true;
	return false;
}
