// SPDX-License-Identifier: BSD-2-Clause
// The hook in runtime memory. It is placed here and not by LoadImage: shim 16 puts every image into
// boot memory, whatever its subsystem, and frees an image whose entry point has returned.
#ifndef LIFEBOAT_LOADER_HOOK_IMAGE_H
#define LIFEBOAT_LOADER_HOOK_IMAGE_H

#include <efi.h>
#include <stdbool.h>

#include "lib/format.h"
#include "loader/hook/hook.h"

struct lb_hook_image {
	struct lb_range pages; // EfiRuntimeServicesCode; empty: not placed
	struct lb_hook *hook; // inside `pages`
	EFI_HANDLE handle; // of LB_HOOK_GUID
};

// Places and starts the embedded hook, and rehearses what it will do at ExitBootServices.
int lb_hook_image_place(struct lb_hook_image *image, struct lb_error *err);
// Disarms, and gives the memory back. A hook that somebody chained behind stays, as a pass-through.
void lb_hook_image_remove(struct lb_hook_image *image);

// Whether a hook is placed, by this copy of the loader or by another that has not removed it.
bool lb_hook_image_found(void);

#endif
