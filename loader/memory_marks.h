// SPDX-License-Identifier: BSD-2-Clause
// The firmware's record of the most memory ever allocated.
#ifndef LIFEBOAT_LOADER_MEMORY_MARKS_H
#define LIFEBOAT_LOADER_MEMORY_MARKS_H

#include <stdint.h>

// edk2 keeps the most pages ever allocated, by type, in a configuration table, and its boot manager makes
// that permanent: 192 MiB reserved once would be lost at every later boot. So the counts are saved before,
// and put back after freeing.
#define LB_MEMORY_MARKS 32
struct lb_memory_marks {
	uint32_t count;
	uint32_t pages[LB_MEMORY_MARKS];
};
void lb_memory_marks_take(struct lb_memory_marks *marks);
void lb_memory_marks_put_back(const struct lb_memory_marks *marks);

#endif
