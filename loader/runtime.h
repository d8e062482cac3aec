// SPDX-License-Identifier: BSD-2-Clause
// The hook in the firmware, and what the firmware remembers of our allocations.
#ifndef LIFEBOAT_LOADER_RUNTIME_H
#define LIFEBOAT_LOADER_RUNTIME_H

#include <efi.h>

#include "lib/format.h"
#include "loader/hook/hook.h"

struct lb_runtime {
	EFI_HANDLE image; // NULL: not loaded
	struct lb_hook *hook;
};

// Loads and starts the embedded hook, and rehearses what it will do at ExitBootServices.
int lb_runtime_load(struct lb_runtime *runtime, struct lb_error *err);
// Disarms and unloads. A hook that somebody chained behind stays, as a pass-through.
void lb_runtime_unload(struct lb_runtime *runtime);

// edk2 keeps the most pages ever allocated by type in a configuration table, and its
// boot manager makes that permanent: 192 MiB reserved once would be lost at every
// later boot. Take the counts before, put them back after freeing.
#define LB_MARKS 32
struct lb_marks {
	uint32_t count;
	uint32_t pages[LB_MARKS];
};
void lb_marks_take(struct lb_marks *marks);
void lb_marks_put_back(const struct lb_marks *marks);

#endif
