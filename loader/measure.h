// SPDX-License-Identifier: BSD-2-Clause
// What Lifeboat measures into the TPM, by the UAPI group's registry of PCRs: texts into PCR 12, lifeboat.conf into
// PCR 5. The event in the log holds the very bytes of which it has the digest (TCG EFI Protocol Specification, 6).
#ifndef LIFEBOAT_LOADER_MEASURE_H
#define LIFEBOAT_LOADER_MEASURE_H

#include <stddef.h>

// EV_IPL into PCR 12: the text in UTF-16, its NUL included, as systemd-boot measures a command line. "": nothing.
// A machine without a TPM measures nothing. What a TPM does not take is a warning.
void lb_measure_line(const char *text);

// EV_EVENT_TAG into PCR 5, with LB_CONFIG_TAG. Of a longer file the event holds LB_CONFIG_LOGGED bytes.
#define LB_CONFIG_TAG 0x4c464254U
#define LB_CONFIG_LOGGED 4096U
void lb_measure_config(const void *data, size_t bytes);

#endif
