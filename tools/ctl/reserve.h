// SPDX-License-Identifier: BSD-2-Clause
// The file for dumps (lifeboat/dumpfile.h) of install --reserve: made, looked after, removed.
#ifndef LIFEBOAT_TOOLS_CTL_RESERVE_H
#define LIFEBOAT_TOOLS_CTL_RESERVE_H

#include "lifeboat/dumpfile.h"
#include "tools/ctl/esp.h"
#include "tools/ctl/findings.h"
#include "tools/ctl/options.h"

#define RESERVE_MAP "\\EFI\\lifeboat\\" LB_FILE_MAP_NAME
#define RESERVE_FILE "\\EFI\\lifeboat\\reserve" // where no file system but the ESP's will do

// Whether there is a map of such a file.
bool reserve_is_there(const struct esp *esp);

// Makes the file and its map, where options->reserve asks for one, and says so. One that is there, of that
// size and in its place, stays. *ret_made: there was none before.
int reserve_make(const struct options *options, const struct esp *esp, bool *ret_made, struct lb_error *err);

// Takes both away, the file only where it still has the id that the map has.
int reserve_remove(const struct options *options, const struct esp *esp, struct lb_error *err);

// Notes of one that no boot will take, and why; and of one that is there.
void reserve_judge(const char *root, const struct esp *esp, struct findings *findings);

#endif
