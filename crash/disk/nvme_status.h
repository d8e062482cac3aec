// SPDX-License-Identifier: BSD-2-Clause
// What an NVMe controller's status of a command means. Source: NVM Express Base Specification 1.4, 4.6.1.2.
#ifndef LIFEBOAT_CRASH_DISK_NVME_STATUS_H
#define LIFEBOAT_CRASH_DISK_NVME_STATUS_H

#include <stdint.h>

// Puts a status in words, where a sound driver can meet it; else says that the list has none. Status type 0
// to 7, code 0 to 255.
const char *lb_nvme_status(uint32_t type, uint32_t code);

#endif
