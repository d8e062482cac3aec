// SPDX-License-Identifier: BSD-2-Clause
// The images inside lifeboat.efi (loader/payload.h), checked before they are used.
#ifndef LIFEBOAT_LOADER_EMBEDDED_H
#define LIFEBOAT_LOADER_EMBEDDED_H

#include "lib/format.h"
#include "lifeboat/capture_config.h"
#include "lifeboat/handoff.h"

// Each returns the header at the image's start; NULL with an error where the image is damaged.
const struct lb_hook_header *lb_embedded_hook(struct lb_error *err);
const struct lb_purgatory_header *lb_embedded_purgatory(struct lb_error *err);
const struct lb_capture_image *lb_embedded_capture(struct lb_error *err);

#endif
