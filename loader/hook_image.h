// SPDX-License-Identifier: BSD-2-Clause
// The hook in runtime memory. The loader places it itself: with LoadImage shim 16 puts every image into
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
	EFI_HANDLE handle; // the handle with LB_HOOK_GUID
};

// Places and starts the embedded hook, and rehearses its work at ExitBootServices.
int lb_hook_image_place(struct lb_hook_image *image, struct lb_error *err);
// Disarms, and frees the memory. A hook that somebody has chained behind stays as a pass-through.
void lb_hook_image_remove(struct lb_hook_image *image);

// Whether a hook is placed, by this copy of the loader or by another copy that has not removed it.
bool lb_hook_image_found(void);

#endif
