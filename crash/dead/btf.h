// SPDX-License-Identifier: BSD-2-Clause
// Sizes of types, offsets of their members and values of enumerators, out of the BTF in a dead
// kernel's image (__start_BTF to __stop_BTF, CONFIG_DEBUG_INFO_BTF). BTF knows no macros.
// Format: Documentation/bpf/btf.rst, include/uapi/linux/btf.h.
#ifndef LIFEBOAT_CRASH_DEAD_BTF_H
#define LIFEBOAT_CRASH_DEAD_BTF_H

#include "crash/dead/deadmem.h"
#include "lib/format.h"

#define LB_BTF_MARKS 2048
#define LB_BTF_NAMES 192

// A name that was looked up, and the type or enumerator that has it.
struct lb_btf_name {
	const char *text; // `bytes` long, not NUL-terminated; the caller's
	uint32_t bytes;
	uint32_t offset; // in BTF's strings; 0: no string
	uint32_t type; // of the first struct or union (with members) of this name; 0: none
	uint32_t alias; // of the first typedef; 0: none
	bool has_value; // an enumerator has this name
	int64_t value;
};

// The state of one BTF. It takes 16 KiB, too much for a small stack. The members are private to btf.c.
struct lb_btf {
	struct lb_deadmem *mem;
	struct lb_range types, strings; // virtual
	uint32_t count; // of types; number 0 is void
	uint32_t mark_step; // types between two marks
	uint32_t marks[LB_BTF_MARKS]; // where in `types` every mark_step-th type begins
	uint32_t name_count;
	struct lb_btf_name names[LB_BTF_NAMES];
};

// A member's place and size.
struct lb_btf_field {
	uint64_t offset; // bytes from the start of the outermost type; of a bit field rounded down
	uint64_t bytes; // of the whole member; of a bit field those of its type
	uint64_t count; // elements of an array (of arrays: of the outermost); 0: no array
	uint32_t bit; // of a bit field: its first, from `offset` on; else 0
	uint32_t bits; // of a bit field: how many; else 0
};

// Opens the BTF at [start, stop), virtual. Reads it once, to see that every type can be read. `mem` must
// outlive `btf`.
int lb_btf_open(struct lb_btf *btf, struct lb_deadmem *mem, uint64_t start, uint64_t stop,
		struct lb_error *err);

// Looks up names of types, members and enumerators in one pass (tens of milliseconds under TCG). NULL ends
// `names`. The functions below take a pass of their own for each name that was not looked up before. A name
// may be a path: each part is looked up. All names must outlive `btf`. Names beyond LB_BTF_NAMES are left for
// later. Refills the budget of the lb_deadmem.
void lb_btf_learn(struct lb_btf *btf, const char *const *names);
// The same for several lists; NULL ends them.
void lb_btf_learn_all(struct lb_btf *btf, const char *const *const *lists);

// Finds a member of a type, which is a struct, a union or a typedef of one. A path has a dot between members
// ("counters.value"). Anonymous structs and unions are no part of a path, and pointers are not followed.
// False: there is no such type or member, or the BTF is not well-formed. Names must outlive `btf`.
bool lb_btf_member(struct lb_btf *btf, const char *type, const char *path, struct lb_btf_field *ret_field);
// The size of a type, also of a typedef of anything that has a size.
bool lb_btf_size(struct lb_btf *btf, const char *type, uint64_t *ret_bytes);
// The value of the first enumerator of this name, in whatever enum.
bool lb_btf_enumerator(struct lb_btf *btf, const char *name, int64_t *ret_value);

#endif
