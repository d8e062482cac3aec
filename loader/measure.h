// SPDX-License-Identifier: BSD-2-Clause
// What Lifeboat measures into the TPM: texts into PCR 12, lifeboat.conf into PCR 5, as in the UAPI group's
// registry of PCRs. The event in the log holds the very bytes that were digested (TCG EFI Protocol
// Specification, 6).
#ifndef LIFEBOAT_LOADER_MEASURE_H
#define LIFEBOAT_LOADER_MEASURE_H

#include <stddef.h>

// Measures a text with EV_IPL into PCR 12: in UTF-16, its NUL included, as systemd-boot measures a command
// line. "" is not measured. Does nothing on a machine without a TPM. Warns when the TPM refuses.
void lb_measure_line(const char *text);

// lifeboat.conf is measured with EV_EVENT_TAG into PCR 5, under LB_CONFIG_TAG. The event holds the first
// LB_CONFIG_LOGGED bytes of a longer file.
#define LB_CONFIG_TAG 0x4c464254U
#define LB_CONFIG_LOGGED 4096U
void lb_measure_config(const void *data, size_t bytes);

#endif
