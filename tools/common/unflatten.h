// SPDX-License-Identifier: BSD-2-Clause
// makedumpfile's flattened format, which it writes to a pipe: pieces of a dump with where they belong.
// Source: makedumpfile 1.7.2's manual (-F, -R) and its IMPLEMENTATION.
#ifndef LIFEBOAT_TOOLS_COMMON_UNFLATTEN_H
#define LIFEBOAT_TOOLS_COMMON_UNFLATTEN_H

#include <stdbool.h>

#include "lib/format.h"

// The file that `from` is open on begins as a flattened one does.
bool unflatten_wants(int from);

#define UNFLATTEN_CUT (-2)

// Writes the dump that the flattened file holds to `to`, an empty file. `name` is the file's, for
// messages. Fails, naming the piece, where a piece lies nowhere; UNFLATTEN_CUT where the file ends early.
// Then `to` holds what came before.
int unflatten(int from, const char *name, int to, struct lb_error *err);

#endif
