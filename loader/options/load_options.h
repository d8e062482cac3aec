// SPDX-License-Identifier: BSD-2-Clause
// Splits the load options of a boot entry or an old shell into words. Pure.
#ifndef LIFEBOAT_LOADER_OPTIONS_LOAD_OPTIONS_H
#define LIFEBOAT_LOADER_OPTIONS_LOAD_OPTIONS_H

#include <stddef.h>
#include <stdint.h>

#include "lib/format.h"

#define LB_MAX_WORDS 512

// Splits `text` at blanks, as the UEFI shell does: double quotes keep blanks in a word and are removed. A
// quote left open ends with the text. The words point into `text`.
int lb_load_options_split(char *text, const char **words, uint32_t max, uint32_t *ret_count,
			  struct lb_error *err);

// Converts `bytes` bytes of load options to text. They are UTF-16, or UTF-8 as some tools write it
// (efibootmgr without -u), NUL-terminated or not, with a byte-order mark or not. Of a whole EFI_LOAD_OPTION
// only the optional data count; they are moved to the beginning of `data`. Fails, with the reason, on
// anything that no user typed: firmware leaves binary data, GUIDs and scraps there. `room` is in bytes, NUL
// included.
int lb_load_options_text(uint16_t *data, size_t bytes, char *text, size_t room, struct lb_error *err);

#endif
