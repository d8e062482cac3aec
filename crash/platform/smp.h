// SPDX-License-Identifier: BSD-2-Clause
// Starts further CPUs by INIT and start-up interrupts. Their first code is a trampoline in the low 1 MiB,
// whose old content is in the backup by then.
// Source: Intel SDM 3A 9.4, 11.6.
#ifndef LIFEBOAT_CRASH_PLATFORM_SMP_H
#define LIFEBOAT_CRASH_PLATFORM_SMP_H

#include <stdbool.h>
#include <stdint.h>

#include "crash/bare/lapic.h"
#include "lifeboat/capture_config.h"
#include "lifeboat/handoff.h"

// Finds this CPU's local APIC. False: the APIC is off, or its registers cannot be mapped.
bool lb_smp_lapic(struct lb_lapic *ret_lapic);

// Sets where the trampoline may lie. Must be called before lb_smp_start(). `handoff` is kept by reference.
void lb_smp_open(const struct lb_handoff *handoff);

// Starts up to `wanted` CPUs of capture->apic[], and returns how many answered in time. Each CPU calls run()
// with its number, from 1 on, and halts when run() returns. Neither the calling CPU nor the boot processor is
// started: an INIT to the boot processor resets the machine. A CPU that does not answer is left alone, and
// halts if it starts late.
uint32_t lb_smp_start(const struct lb_capture_config *capture, uint32_t wanted, void (*run)(uint32_t cpu));

#endif
