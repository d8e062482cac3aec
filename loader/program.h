// SPDX-License-Identifier: BSD-2-Clause
// An EFI program that the firmware loads from a file's content and starts, so that Secure Boot and TPM
// measurement work as usual.
#ifndef LIFEBOAT_LOADER_PROGRAM_H
#define LIFEBOAT_LOADER_PROGRAM_H

#include "lib/format.h"
#include "loader/file.h"
#include "loader/firmware.h"

struct lb_program {
	EFI_HANDLE image;
	EFI_LOADED_IMAGE *loaded;
	CHAR16 *load_options; // pool, LB_MAX_CMDLINE units
};

// Does everything about the start that can fail. *program is zeroed before the call, and
// lb_program_unload()ed after it, whatever the call returns. The file's content is not needed any more.
EFI_STATUS lb_program_load(const struct lb_file *file, struct lb_program *program, struct lb_error *err);

// Starts the program with `words` as its load options; "": none. Returns when the program does, with its
// status.
EFI_STATUS lb_program_start(struct lb_program *program, const char *words);

void lb_program_unload(struct lb_program *program);

#endif
