// SPDX-License-Identifier: BSD-2-Clause
// The images embedded in lifeboat.efi; payload.asm.
#ifndef LIFEBOAT_LOADER_PAYLOAD_H
#define LIFEBOAT_LOADER_PAYLOAD_H

#include <stdint.h>

extern const uint8_t lb_payload_hook[], lb_payload_hook_end[];
extern const uint8_t lb_payload_purgatory[], lb_payload_purgatory_end[];
extern const uint8_t lb_payload_capture[], lb_payload_capture_end[];

#endif
