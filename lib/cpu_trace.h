// SPDX-License-Identifier: BSD-2-Clause
// Switches off what a dead kernel may have left running in a CPU that writes to memory or interrupts by
// itself: counters, Intel's PEBS, BTS and processor trace, AMD's IBS. PEBS and BTS write to linear
// addresses of whatever page tables are in use. Sources: Intel SDM 3B, chapters 18 (BTS), 20 (counters,
// PEBS) and 33 (trace), SDM 4; AMD APM 2, 13.2 and 13.3.
#ifndef LIFEBOAT_LIB_CPU_TRACE_H
#define LIFEBOAT_LIB_CPU_TRACE_H

#include <stdbool.h>
#include <stdint.h>

// Switches all of it off on this CPU. Counters go first: without them PEBS and IBS have nothing to write.
// Only registers that CPUID announces are touched; one that faults is skipped. Call it before CR3 changes,
// and outside VMX operation, in which some CPUs refuse a write to the trace's control register.
void lb_cpu_trace_off(void);

// Reads or writes MSR `msr`. Defined by each program that is linked with this. False, with nothing read or
// written, where the CPU faults.
bool lb_msr_read(uint32_t msr, uint64_t *ret_value);
bool lb_msr_write(uint32_t msr, uint64_t value);

#endif
