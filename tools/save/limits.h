// SPDX-License-Identifier: BSD-2-Clause
// save.conf's limits: what goes so that the rest has room. The oldest dump goes first, its log and report
// stay; when no dump is left to go, logs and reports of the oldest. Never the newest, nor one that nobody
// was told of yet (hooks.h), and nothing that Lifeboat did not write.
#ifndef LIFEBOAT_TOOLS_SAVE_LIMITS_H
#define LIFEBOAT_TOOLS_SAVE_LIMITS_H

#include "tools/save/folder.h"

// Before a dump of `bytes` is saved: by min-free. Where all that may go is too little, nothing goes.
int limits_make_room(const struct crash_folder *folder, uint64_t bytes, struct lb_error *err);
// By keep and max-bytes. The folder is locked.
int limits_keep(const struct crash_folder *folder, struct lb_error *err);

#endif
