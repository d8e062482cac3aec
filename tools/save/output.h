// SPDX-License-Identifier: BSD-2-Clause
// A file that appears under its name only when it is whole and on the disk.
#ifndef LIFEBOAT_TOOLS_SAVE_OUTPUT_H
#define LIFEBOAT_TOOLS_SAVE_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/format.h"

#define OUTPUT_PATH 4096 // bytes of a path, its NUL included

struct output {
	char path[OUTPUT_PATH];
	char part[OUTPUT_PATH]; // path with ".part"
	int fd;
};

// Begins PATH.part, where `bytes` have room. A PATH that exists is an error unless `replace`.
int output_begin(const char *path, uint64_t bytes, bool replace, struct output *ret_output,
		 struct lb_error *err);
int output_commit(struct output *output, struct lb_error *err);
void output_abandon(struct output *output);

#endif
