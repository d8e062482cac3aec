// SPDX-License-Identifier: BSD-2-Clause
// lb_say() for platforms of tests and benchmarks. The header defines it, so one file of a program includes
// it.
#ifndef LIFEBOAT_TESTS_SAY_H
#define LIFEBOAT_TESTS_SAY_H

#include <stdarg.h>

#include "crash/platform/platform.h"
#include "lib/format.h"

// The platform's own: writes a line, given without its end.
void say_line(const char *line);

void lb_say(const char *format, ...)
{
	char line[512];
	va_list args;

	va_start(args, format);
	lb_vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	say_line(line);
}

#endif
