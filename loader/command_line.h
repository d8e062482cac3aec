// SPDX-License-Identifier: BSD-2-Clause
// Where the user's words are: the UEFI shell's argv; else the load options of a boot
// entry (without our path) or of an old shell (which begin with it); and, when no
// KERNEL is among them, lifeboat.conf beside us, over which the words win.
#ifndef LIFEBOAT_LOADER_COMMAND_LINE_H
#define LIFEBOAT_LOADER_COMMAND_LINE_H

#include "lib/format.h"
#include "loader/options/options.h"

// Everything up to lb_options_finish(). -1 and the first mistake; *options then
// holds all that could be understood (loader/options/options.h).
int lb_command_line_read(struct lb_options *options, struct lb_error *err);

// The directory lifeboat.efi is in, "\" when it came from no volume.
void lb_command_line_directory(char out[LB_MAX_PATH]);

#endif
