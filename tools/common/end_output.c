// SPDX-License-Identifier: BSD-2-Clause
#include "tools/common/end_output.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int end_output(const char *program, int status)
{
	errno = 0;
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	// The reason of an earlier failure is no longer known.
	fprintf(stderr, "%s: standard output cannot be written%s%s\n", program, errno ? ": " : "",
		errno ? strerror(errno) : "");
	return EXIT_FAILURE;
}
