// SPDX-License-Identifier: BSD-2-Clause
#include "tools/save/progress.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

// About once a second.
static void show(uint64_t done, uint64_t whole)
{
	static time_t last;
	const time_t now = time(NULL);

	if (now == last && done < whole)
		return;
	last = now;
	fprintf(stderr, "\r%3u %%%s", (unsigned int)(whole ? done * 100 / whole : 100),
		done < whole ? "" : "\r     \r");
}

struct copying progress_copying(int fd, bool quiet)
{
	const bool shown = !quiet && isatty(STDERR_FILENO);

	return (struct copying){.fd = fd, .progress = shown ? show : NULL};
}
