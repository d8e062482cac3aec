// SPDX-License-Identifier: BSD-2-Clause
// What was saved to a folder: the folders in it whose names Lifeboat gives, of the caller's own.
#ifndef LIFEBOAT_TOOLS_SAVE_SAVED_FOLDERS_H
#define LIFEBOAT_TOOLS_SAVE_SAVED_FOLDERS_H

#include "tools/save/folder.h"

#define SAVED_FOLDERS_MAX 4096U

struct saved_folder {
	char name[FOLDER_NAME];
	char when[sizeof("YYYYMMDDTHHMMSSZ")]; // the crash, or where that is unknown the saving
	uint64_t dump_bytes, other_bytes; // on the disk
	bool is_new; // nobody was told of it yet
};

struct saved_folders {
	struct saved_folder *each; // the oldest first
	size_t count;
};

// `ret_folders` is to be freed by saved_folders_free().
int saved_folders_list(const struct crash_folder *parent, struct saved_folders *ret_folders,
		       struct lb_error *err);
void saved_folders_free(struct saved_folders *folders);

#endif
