// SPDX-License-Identifier: BSD-2-Clause
// An EFI program that the firmware loads from a file's content and starts, so that Secure Boot and
// TPM measurement work as ever.
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

// Everything about the start that can fail. *program is zeroed before, and lb_program_unload()ed
// after, whatever comes back. The file's content is not needed any more.
EFI_STATUS lb_program_load(const struct lb_file *file, struct lb_program *program, struct lb_error *err);

// Starts it with these load options, "": none. Comes back when it does, with its status.
EFI_STATUS lb_program_start(struct lb_program *program, const char *words);

void lb_program_unload(struct lb_program *program);

#endif
