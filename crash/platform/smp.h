// SPDX-License-Identifier: BSD-2-Clause
// Further CPUs, started by INIT and start-up interrupts through a trampoline in the low
// 1 MiB, whose old content is in the backup by then. Source: Intel SDM 3A 9.4, 11.6.
#ifndef LIFEBOAT_CRASH_PLATFORM_SMP_H
#define LIFEBOAT_CRASH_PLATFORM_SMP_H

#include <stdbool.h>
#include <stdint.h>

#include "crash/bare/lapic.h"
#include "lifeboat/capture_config.h"
#include "lifeboat/handoff.h"

// Finds this CPU's local APIC. False: it is off, or its registers cannot be mapped.
bool lb_smp_lapic(struct lb_lapic *ret_lapic);

// Names the places where the trampoline may lie; kept by reference, before lb_smp_start().
void lb_smp_open(const struct lb_handoff *handoff);

// Starts up to `wanted` further CPUs of capture->apic[]; each calls run() with its number,
// 1 and up, and halts when that returns. How many answered in time. Never the boot processor
// (an INIT to it resets the machine), never the CPU that calls. One that does not answer is
// left alone; should it come late, it halts.
uint32_t lb_smp_start(const struct lb_capture_config *capture, uint32_t wanted, void (*run)(uint32_t cpu));

#endif
