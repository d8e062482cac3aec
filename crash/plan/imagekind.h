// SPDX-License-Identifier: BSD-2-Clause
// Tells what kind of file was given instead of a bzImage, for the message.
#ifndef LIFEBOAT_CRASH_PLAN_IMAGEKIND_H
#define LIFEBOAT_CRASH_PLAN_IMAGEKIND_H

#include <stddef.h>

enum lb_image_kind {
	LB_IMAGE_OTHER = 0, // may be a bzImage
	LB_IMAGE_EMPTY,
	LB_IMAGE_UKI, // a PE file with a .linux or .osrel section
	LB_IMAGE_EFI_PROGRAM, // another PE file without a Linux setup header
	LB_IMAGE_ELF,
	LB_IMAGE_COMPRESSED,
	LB_IMAGE_TEXT,
};

enum lb_image_kind lb_image_kind(const void *data, size_t bytes);

// "gzip", "xz", …; NULL when the file does not begin with a known compressor's magic.
const char *lb_image_compression(const void *data, size_t bytes);

#endif
