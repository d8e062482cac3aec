// SPDX-License-Identifier: BSD-2-Clause
// lifeboat.efi or lifeboatx64.efi as a file: its version, and whether it is signed (PE format, .sbat).
#ifndef LIFEBOAT_TOOLS_CTL_IMAGE_H
#define LIFEBOAT_TOOLS_CTL_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/sha256.h"
#include "tools/ctl/file.h"
#include "tools/ctl/signature.h"

#define IMAGE_MAX (64U << 20) // bytes of the file

enum image_kind { IMAGE_APPLICATION = 10, IMAGE_DRIVER = 11 }; // the PE header's Subsystem

struct image {
	struct content content; // image_free() frees it
	char version[24]; // of Lifeboat
	const uint8_t *signature; // within the content; NULL: it is not signed
	size_t signature_bytes;
	struct signers signers;
	uint8_t digest[LB_SHA256_BYTES]; // as signatures have it, and as firmware measures it
};

// Fails where it is no Lifeboat for x86-64 of this kind; ret_image->content.data is NULL then.
int image_read(const char *path, enum image_kind kind, struct image *ret_image, struct lb_error *err);
void image_free(struct image *image);

// Dotted numbers: below 0 where `left` is older, 0 where they are the same.
int image_compare_versions(const char *left, const char *right);

#endif
