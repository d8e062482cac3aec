// SPDX-License-Identifier: BSD-2-Clause
// Writes the sections about the machine's state: registers, code, modules, memory.
#ifndef LIFEBOAT_CRASH_REPORT_STATE_H
#define LIFEBOAT_CRASH_REPORT_STATE_H

#include "crash/report/job.h"

// Writes the registers of the exception that led to the panic. Without an exception it writes the registers
// with which the CPU left Linux. The section "code" follows: the bytes around the instruction.
void lb_state_write_registers(struct lb_report_job *job);
void lb_state_write_modules(struct lb_report_job *job);
// Writes the kernel's own counters. Each CPU may hold a few pages that are not yet in them.
void lb_state_write_memory(struct lb_report_job *job);

#endif
