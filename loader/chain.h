// SPDX-License-Identifier: BSD-2-Clause
// The boot manager of --chain, which may lead back here: a copy of the loader that is started below
// another one's chain starts none.
#ifndef LIFEBOAT_LOADER_CHAIN_H
#define LIFEBOAT_LOADER_CHAIN_H

#include "loader/program.h"

struct lb_chain {
	struct lb_program program;
	EFI_HANDLE mark; // what another copy finds while the boot manager runs
};

// Reads and loads it. EFI_ALREADY_STARTED: a chain is under way. *chain is zeroed before, and
// lb_chain_unload()ed after, whatever comes back.
EFI_STATUS lb_chain_load(const char *path, struct lb_chain *chain, struct lb_error *err);

// Gives it the firmware's five minutes, and starts it; its own status. It may come back with success.
EFI_STATUS lb_chain_start(struct lb_chain *chain, const char *words);

void lb_chain_unload(struct lb_chain *chain);

#endif
