// SPDX-License-Identifier: BSD-2-Clause
// The programs in /etc/lifeboat/saved.d, which are told of each dump that is saved to /var/crash.
//
// Each gets the path of the dump's folder as its one argument. They run one after the other in the order of
// their names, which are letters, digits, '-' and '_', as run-parts(8) wants them. What is not executable
// is left out. Whose is not root's, or can be written by others, is not run: that is an error.
#ifndef LIFEBOAT_TOOLS_SAVE_HOOKS_H
#define LIFEBOAT_TOOLS_SAVE_HOOKS_H

#include "tools/save/folder.h"

#define HOOKS_FOLDER "/etc/lifeboat/saved.d"
#define HOOKS_MAX 64U

enum hooks_end {
	HOOKS_FAILED = -1, // one of them, or something else; each was said
	HOOKS_DONE,
	HOOKS_NOTHING, // there was no dump that nobody was told of
};

// For each dump that nobody was told of, whatever they end with; each is told of once. `folder`: without a
// lock, which such a program may want for itself.
enum hooks_end hooks_run(const struct crash_folder *folder, bool quiet);

#endif
