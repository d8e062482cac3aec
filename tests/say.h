// SPDX-License-Identifier: BSD-2-Clause
// lb_say() of a platform that tests or benchmarks made. It is defined here: one file of a program includes this.
#ifndef LIFEBOAT_TESTS_SAY_H
#define LIFEBOAT_TESTS_SAY_H

#include <stdarg.h>

#include "crash/platform/platform.h"
#include "lib/format.h"

// The platform's: puts a line, without its end, where lines go.
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
