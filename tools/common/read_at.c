// SPDX-License-Identifier: BSD-2-Clause
#include "tools/common/read_at.h"

#include <errno.h>
#include <unistd.h>

bool read_at(int file, void *to, size_t bytes, uint64_t at)
{
	size_t done = 0;

	while (done < bytes) {
		ssize_t count = at + done <= INT64_MAX
					? pread(file, (char *)to + done, bytes - done, (off_t)(at + done))
					: 0;

		if (count < 0 && errno == EINTR)
			continue;
		if (count <= 0)
			return false;
		done += (size_t)count;
	}
	return true;
}
