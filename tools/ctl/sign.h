// SPDX-License-Identifier: BSD-2-Clause
// Signing an image with a key of this machine's owner, by sbsign(1).
#ifndef LIFEBOAT_TOOLS_CTL_SIGN_H
#define LIFEBOAT_TOOLS_CTL_SIGN_H

#include "tools/ctl/image.h"
#include "tools/ctl/options.h"

// The image at `path`; where options->sign_key is given, with a signature by it. The file stays as it is.
// Fails with the file that is to blame, key, certificate or image; the reason of OpenSSL, which sbsign is
// made with, is in parentheses.
int sign_image_read(const struct options *options, const char *path, enum image_kind kind,
		    struct image *ret_image, struct lb_error *err);

#endif
