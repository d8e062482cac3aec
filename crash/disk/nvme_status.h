// SPDX-License-Identifier: BSD-2-Clause
// The meaning of an NVMe command's status. Source: NVM Express Base Specification 1.4, 4.6.1.2.
#ifndef LIFEBOAT_CRASH_DISK_NVME_STATUS_H
#define LIFEBOAT_CRASH_DISK_NVME_STATUS_H

#include <stdint.h>

// Puts a status into words. The list has those that a correct driver can meet; for others it says that
// it has no words. Status type 0 to 7, code 0 to 255.
const char *lb_nvme_status(uint32_t type, uint32_t code);

#endif
