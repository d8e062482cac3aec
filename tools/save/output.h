// SPDX-License-Identifier: BSD-2-Clause
// A file that appears under its name only when it is whole and on the disk.
#ifndef LIFEBOAT_TOOLS_SAVE_OUTPUT_H
#define LIFEBOAT_TOOLS_SAVE_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/format.h"

#define OUTPUT_PATH 4096 // bytes of a path, its NUL included

struct output {
	char path[OUTPUT_PATH];
	char part[OUTPUT_PATH]; // path with ".part"
	bool replace;
	int fd; // of the part, readable and locked
};

// Begins PATH.part, where `bytes` have room. A part that an earlier run left is removed, one that
// another run writes is an error. Unless `replace`, so is a PATH that is there with another size.
int output_begin(const char *path, uint64_t bytes, bool replace, struct output *ret_output,
		 struct lb_error *err);
// Unless `replace`, a PATH that is there with the same bytes stays, and is all that was wanted; with
// others it is an error.
int output_commit(struct output *output, struct lb_error *err);
void output_abandon(struct output *output);

// Writes all `bytes` of `data` to the open file `fd`, `offset` bytes from its start.
int output_write(int fd, uint64_t offset, const uint8_t *data, size_t bytes, struct lb_error *err);

#endif
