// SPDX-License-Identifier: BSD-2-Clause
//
// The keys of an encrypted dump, behind the capture kernel's configuration in the same sealed segment
// (lifeboat/capture_config.h). When the loader arms it makes a fresh key for each file of each target, and
// wraps it to every recipient. This holds the beginning of the age file, as it will stand on the disk, and
// the key of its payload. The capture kernel wipes each key when its file ends; the loader wipes all of
// them at the next start.
// Source: age v1, c2sp.org/age.
#ifndef LIFEBOAT_CRYPT_H
#define LIFEBOAT_CRYPT_H

#include <stdint.h>

#include "lifeboat/capture_config.h"

#define LB_CRYPT_MAGIC 0x545059524342414cULL
#define LB_CRYPT_KEY 32 // bytes of the payload's key
#define LB_CRYPT_SHARE 32 // of a public key
#define LB_CRYPT_NONCE 16 // between header and payload
#define LB_MAX_RECIPIENTS 8

// The files of one dump on one target.
enum lb_crypt_part { LB_CRYPT_LOG, LB_CRYPT_REPORT, LB_CRYPT_FILE, LB_CRYPT_PARTS };

struct lb_crypt_file {
	uint8_t key[LB_CRYPT_KEY];
	uint32_t prefix_bytes; // age's header and the nonce; 0: used, or none
	uint8_t prefix[1024 - LB_CRYPT_KEY - 4];
};

struct lb_crypt {
	uint64_t magic;
	uint8_t arm_id[16]; // of the arming that it belongs to
	uint32_t recipients; // 1 to LB_MAX_RECIPIENTS
	uint32_t reserved;
	struct lb_crypt_file files[LB_MAX_TARGETS][LB_CRYPT_PARTS]; // for each target, in the targets' order
};

_Static_assert(sizeof(struct lb_crypt_file) == 1024, "no padding");
_Static_assert(sizeof(struct lb_crypt) == 32 + LB_MAX_TARGETS * LB_CRYPT_PARTS * 1024, "no padding");

#endif
