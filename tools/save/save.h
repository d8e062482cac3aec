// SPDX-License-Identifier: BSD-2-Clause
// One dump off its partition, all of it or nothing, and the mark that it is saved.
#ifndef LIFEBOAT_TOOLS_SAVE_SAVE_H
#define LIFEBOAT_TOOLS_SAVE_SAVE_H

#include "tools/save/folder.h"
#include "tools/save/options.h"

// True of one that was interrupted before there was anything of it.
bool save_is_void(const struct dump *dump);
// Marks it, without saving anything; unless options->no_erase, erases it.
int save_mark(struct dump *dump, const struct options *options, struct lb_error *err);

// To options->file and options->log, as far as they are given.
int save_to_file(struct dump *dump, const struct options *options, struct lb_error *err);
// To a folder of its own, which is only marked where it is there already. Where there is too little
// room, the log alone, and an error.
int save_to_folder(struct dump *dump, const struct crash_folder *parent, const struct options *options,
		   struct lb_error *err);

#endif
