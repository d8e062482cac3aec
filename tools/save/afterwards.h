// SPDX-License-Identifier: BSD-2-Clause
// What follows a dump that was saved to /var/crash.
#ifndef LIFEBOAT_TOOLS_SAVE_AFTERWARDS_H
#define LIFEBOAT_TOOLS_SAVE_AFTERWARDS_H

#include "tools/save/hooks.h"

// Tells the programs in saved.d of what nobody was told of, then cleans up by save.conf. Every failure is
// said, and keeps nothing else from being done. Nobody has /var/crash locked.
enum hooks_end afterwards(bool quiet);

#endif
