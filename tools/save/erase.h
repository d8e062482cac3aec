// SPDX-License-Identifier: BSD-2-Clause
// What a saved dump leaves on the disk is erased; a file for dumps (lifeboat/dumpfile.h) gets its stamps
// back.
#ifndef LIFEBOAT_TOOLS_SAVE_ERASE_H
#define LIFEBOAT_TOOLS_SAVE_ERASE_H

#include "tools/save/dump.h"

// True of a dump on a block device, and of one in a file for dumps: an image is its owner's.
bool erase_is_due(const struct dump *dump);
// Erases what is behind the headers: a block device's blocks are discarded, or where it does not do that
// overwritten by zeroes; a file gets its stamps. Notes in the header that it is done. Needs
// device_make_writable(), and a dump that is marked as saved.
int erase_dump(struct dump *dump, struct lb_error *err);

#endif
