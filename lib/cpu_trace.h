// SPDX-License-Identifier: BSD-2-Clause
// What a kernel may have left running in a CPU that writes to memory, or interrupts, by itself:
// counters, Intel's PEBS, BTS and processor trace, AMD's IBS. PEBS and BTS write to linear addresses
// of the tables that are in use, whosever those are. Sources: Intel SDM 3B, chapters 18 (BTS), 20
// (counters, PEBS) and 33 (trace), SDM 4; AMD APM 2, 13.2 and 13.3.
#ifndef LIFEBOAT_LIB_CPU_TRACE_H
#define LIFEBOAT_LIB_CPU_TRACE_H

#include <stdbool.h>
#include <stdint.h>

// Switches all of it off on this CPU: counters first, for without them PEBS and IBS have nothing to
// write. Only registers that CPUID speaks of are touched; one that faults all the same costs itself
// only. To be called before CR3 changes, and outside of VMX operation, in which some CPUs
// refuse to have the trace's control register written.
void lb_cpu_trace_off(void);

// The machine's, defined by each program that is linked with this: MSR `msr`; false, with nothing
// read or written, where the CPU faults.
bool lb_msr_read(uint32_t msr, uint64_t *ret_value);
bool lb_msr_write(uint32_t msr, uint64_t value);

#endif
