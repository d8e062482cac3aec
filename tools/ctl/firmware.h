// SPDX-License-Identifier: BSD-2-Clause
// The firmware as its variables tell of it (UEFI 2.10, 3.3 and 32.3; systemd's Boot Loader Interface).
#ifndef LIFEBOAT_TOOLS_CTL_FIRMWARE_H
#define LIFEBOAT_TOOLS_CTL_FIRMWARE_H

#include "tools/ctl/image.h"
#include "tools/ctl/options.h"

enum trust {
	TRUST_NOT_NEEDED, // Secure Boot is off
	TRUST_FIRMWARE, // signed by a certificate of db
	TRUST_SHIM, // signed by one that shim knows (MOK)
	TRUST_NONE,
	TRUST_FORBIDDEN, // in dbx, or shim's list of the same kind
};

struct firmware {
	bool secure_boot;
	bool systemd_boot; // it started this system, or was the last to run
};

// Fails, naming the next step, where this machine runs no program of ours: a BIOS started it, or its
// firmware is one of 32 bits. An image that is built here may run on another.
int firmware_judge(const struct options *options, struct lb_error *err);

// Fails as firmware_judge() does, and where efivarfs is not mounted or read-only.
int firmware_read(const struct options *options, struct firmware *ret_firmware, struct lb_error *err);

// Whether the firmware, or shim, would start this image. Judged by names and digests; no signature is
// verified.
enum trust firmware_trusts(const struct firmware *firmware, const struct image *image);
// The reason for TRUST_NONE and TRUST_FORBIDDEN, to follow "Secure Boot is on, and NAME is": "not signed".
const char *firmware_distrust(enum trust trust, const struct image *image);

#endif
