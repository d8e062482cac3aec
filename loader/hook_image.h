// SPDX-License-Identifier: BSD-2-Clause
// The hook as an image of the firmware.
#ifndef LIFEBOAT_LOADER_HOOK_IMAGE_H
#define LIFEBOAT_LOADER_HOOK_IMAGE_H

#include <efi.h>

#include "lib/format.h"
#include "loader/hook/hook.h"

struct lb_hook_image {
	EFI_HANDLE image; // NULL: not loaded
	struct lb_hook *hook;
};

// Loads and starts the embedded hook, and rehearses what it will do at ExitBootServices.
int lb_hook_image_load(struct lb_hook_image *image, struct lb_error *err);
// Disarms and unloads. A hook that somebody chained behind stays, as a pass-through.
void lb_hook_image_unload(struct lb_hook_image *image);

#endif
