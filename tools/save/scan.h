// SPDX-License-Identifier: BSD-2-Clause
// Every dump that a disk, or all disks of this machine, have.
#ifndef LIFEBOAT_TOOLS_SAVE_SCAN_H
#define LIFEBOAT_TOOLS_SAVE_SCAN_H

#include "tools/save/dump.h"

#define SCAN_AUTO "auto" // in place of a path: the disks of this machine, and the file for dumps
#define SCAN_FILE "file" // that file alone
#define SCAN_DUMPS 64U
#define SCAN_ERRORS 64U

struct scan {
	// Dumps by the names of their disks (nvme2n1 before nvme10n1), then as the GPT has them. A dump that
	// is reached in two ways (multipath) is there once.
	struct dump dumps[SCAN_DUMPS];
	unsigned int dump_count;
	// Errors of disks that cannot be read, and of headers that are damaged. A partition that was never
	// armed, a drive without a medium, a disk without a partition of ours: no error.
	struct lb_error errors[SCAN_ERRORS];
	unsigned int error_count;
};

// `path`: a partition, a disk with a GPT, an image of either, a file for dumps or its map, SCAN_AUTO
// or SCAN_FILE. What cannot be read is
// in `errors`; the dumps are to be closed by scan_close().
void scan_open(const char *path, struct scan *ret_scan);
void scan_close(struct scan *scan);

// The first that nobody has saved, else the first, else NULL.
struct dump *scan_first(struct scan *scan);
// The number of dumps that nobody has saved.
unsigned int scan_waiting(const struct scan *scan);

#endif
