// SPDX-License-Identifier: BSD-2-Clause
// What this machine is: CPU, ACPI tables, memory encryption.
#ifndef LIFEBOAT_LOADER_MACHINE_H
#define LIFEBOAT_LOADER_MACHINE_H

#include "loader/plan.h"

// Fills everything; what the machine does not have is 0. Fails where arming must.
int lb_machine_read(struct lb_machine *machine, struct lb_error *err);

// The CPU's part only: address width, 1 GiB leaves, 5 levels, encryption.
void lb_machine_read_cpu(struct lb_machine *machine);

#endif
