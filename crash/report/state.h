// SPDX-License-Identifier: BSD-2-Clause
// The sections of a report that say in which state the machine was: registers, code, modules, memory.
#ifndef LIFEBOAT_CRASH_REPORT_STATE_H
#define LIFEBOAT_CRASH_REPORT_STATE_H

#include "crash/report/job.h"

// Writes the registers of the exception that led to the panic, where there is one; else those with which the
// CPU left Linux; and the bytes around the instruction.
void lb_state_write_registers(struct lb_report_job *job);
void lb_state_write_modules(struct lb_report_job *job);
// Writes the kernel's own counters, of which each CPU may still hold a few pages back.
void lb_state_write_memory(struct lb_report_job *job);

#endif
