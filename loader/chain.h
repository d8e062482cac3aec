// SPDX-License-Identifier: BSD-2-Clause
// The boot manager of --chain. It may lead back to lifeboat.efi: a copy that starts below another copy's
// chain starts no chain.
#ifndef LIFEBOAT_LOADER_CHAIN_H
#define LIFEBOAT_LOADER_CHAIN_H

#include "loader/program.h"

struct lb_chain {
	struct lb_program program;
	EFI_HANDLE mark; // found by another copy while the boot manager runs
};

// Reads and loads the boot manager. EFI_ALREADY_STARTED: a chain is under way. *chain is zeroed before the
// call, and lb_chain_unload()ed after it, whatever the call returns.
EFI_STATUS lb_chain_load(const char *path, struct lb_chain *chain, struct lb_error *err);

// Gives the boot manager the firmware's five minutes, starts it, and returns its status. It may return
// success.
EFI_STATUS lb_chain_start(struct lb_chain *chain, const char *words);

void lb_chain_unload(struct lb_chain *chain);

#endif
