// SPDX-License-Identifier: BSD-2-Clause
// Rearranges makedumpfile's flattened format, which it writes to a pipe: pieces of a dump, each with its
// offset. Source: makedumpfile 1.7.2's manual (-F, -R) and its IMPLEMENTATION.
#ifndef LIFEBOAT_TOOLS_COMMON_UNFLATTEN_H
#define LIFEBOAT_TOOLS_COMMON_UNFLATTEN_H

#include <stdbool.h>

#include "lib/format.h"

// Whether the file that `from` is open on is a flattened one, by its beginning.
bool unflatten_wants(int from);

#define UNFLATTEN_CUT (-2)

// Writes the dump that the flattened file holds to `to`, an empty file. Messages call the file `name`.
// Fails, naming the piece, where a piece has an invalid offset. Returns UNFLATTEN_CUT where the file ends
// early; `to` holds what came before.
int unflatten(int from, const char *name, int to, struct lb_error *err);

#endif
