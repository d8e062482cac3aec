// SPDX-License-Identifier: BSD-2-Clause
// The user's words: the UEFI shell's argv, else the load options of a boot or driver entry or of an old
// shell, which begin with lifeboat.efi's path. Without KERNEL and --chain lifeboat.conf is read, too:
// beside lifeboat.efi, else in \EFI\lifeboat. The words win over it.
#ifndef LIFEBOAT_LOADER_COMMAND_LINE_H
#define LIFEBOAT_LOADER_COMMAND_LINE_H

#include "lib/format.h"
#include "loader/options/options.h"

// Reads all the words, and calls lb_options_finish(). Sets options->resident by how the firmware loaded us.
// Fails with the first mistake; *options then holds all that was understood (loader/options/options.h).
// Measures lifeboat.conf (loader/measure.h) where something will be booted, unless --no-measure.
int lb_command_line_read(struct lb_options *options, struct lb_error *err);

// Whether the firmware has loaded us as a driver.
bool lb_command_line_driver(void);

// Sets *options to those of no words; options->resident as above.
void lb_command_line_init(struct lb_options *options);

// A checksum of all that lb_command_line_read() has read.
uint64_t lb_command_line_sum(void);

// Whether a UEFI shell runs.
bool lb_command_line_shell(void);

// The directory of lifeboat.efi, or "\" when it came from no volume.
void lb_command_line_directory(char out[LB_MAX_PATH]);

#endif
