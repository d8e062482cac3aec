// SPDX-License-Identifier: BSD-2-Clause
#include "lib/cpu_trace.h"

#include "lib/cpu.h"

#define INTEL 0x756e6547U // EBX of CPUID 0: "Genu"

#define PERFEVTSEL0 0x186U
#define MISC_ENABLE 0x1a0U
#define MISC_NO_BTS (1ULL << 11)
#define MISC_NO_PEBS (1ULL << 12)
#define DEBUGCTL 0x1d9U
// LBR, BTF, TR, BTS, BTINT and both BTS_OFF. The bits that freeze counters in SMM belong to the firmware.
#define DEBUGCTL_TRACES (1ULL << 0 | 1ULL << 1 | 0x1fULL << 6)
#define PERF_GLOBAL_CTRL 0x38fU
#define PEBS_ENABLE 0x3f1U
#define RTIT_CTL 0x570U
#define RTIT_TRACE_EN (1ULL << 0)
#define DS_AREA 0x600U

#define AMD_PERF_CTL_LEGACY 0xc0010000U
#define AMD_PERF_CTL 0xc0010200U // each followed by its counter
#define AMD_PERF_GLOBAL_CTL 0xc0000301U
#define IBS_FETCH_CTL 0xc0011030U
#define IBS_FETCH_EN (1ULL << 48)
#define IBS_OP_CTL 0xc0011033U
#define IBS_OP_EN (1ULL << 17)

#define EVENT_EN (1ULL << 22) // of one counter, Intel's and AMD's
#define COUNTERS_MAX 32U // bounds a hostile CPUID

static void clear(uint32_t msr, uint64_t bits)
{
	uint64_t value;

	if (lb_msr_read(msr, &value) && (value & bits))
		lb_msr_write(msr, value & ~bits);
}

static void clear_each(uint32_t msr, uint32_t step, uint32_t count)
{
	for (uint32_t i = 0; i < count && i < COUNTERS_MAX; i++)
		clear(msr + i * step, EVENT_EN);
}

// Stops the counters of leaf 0Ah. Other CPUs than Intel's have it, too.
static void architectural_counters_off(uint32_t leaves)
{
	const uint32_t eax = leaves >= 0xa ? cpu_cpuid(0xa, 0).eax : 0;

	if ((eax & 0xff) >= 2)
		clear(PERF_GLOBAL_CTRL, UINT64_MAX);
	else if (eax & 0xff)
		clear_each(PERFEVTSEL0, 1, eax >> 8 & 0xff);
}

// PEBS and BTS write to the debug store.
static void debug_store_off(void)
{
	uint64_t misc;

	if (!(cpu_cpuid(1, 0).edx & 1U << 21) || !lb_msr_read(MISC_ENABLE, &misc))
		return;
	if (!(misc & MISC_NO_PEBS))
		clear(PEBS_ENABLE, UINT64_MAX);
	if (!(misc & MISC_NO_BTS))
		clear(DEBUGCTL, DEBUGCTL_TRACES);
	if (!(misc & MISC_NO_PEBS) || !(misc & MISC_NO_BTS))
		clear(DS_AREA, UINT64_MAX);
}

// The rest of the register may change only once TraceEn is clear. Leaf 14h, ECX, tells where the trace can
// write.
static void processor_trace_off(uint32_t leaves)
{
	if (leaves >= 0x14 && (cpu_cpuid(7, 0).ebx & 1U << 25) && cpu_cpuid(0x14, 0).ecx)
		clear(RTIT_CTL, RTIT_TRACE_EN);
}

// From version 2 of the performance monitoring on, one register stops them all. Before, there are six, or
// the first K7's four.
static void amd_counters_off(uint32_t features)
{
	if (cpu_cpuid_extended(0x80000022).eax & 1)
		clear(AMD_PERF_GLOBAL_CTL, UINT64_MAX);
	else if (features & 1U << 23)
		clear_each(AMD_PERF_CTL, 2, 6);
	else
		clear_each(AMD_PERF_CTL_LEGACY, 1, 4);
}

static void amd_sampling_off(uint32_t features)
{
	const uint32_t ibs = features & 1U << 10 ? cpu_cpuid_extended(0x8000001b).eax : 0;

	if (ibs & 1U << 1)
		clear(IBS_FETCH_CTL, IBS_FETCH_EN);
	if (ibs & 1U << 2)
		clear(IBS_OP_CTL, IBS_OP_EN);
}

// AMD's CPUs, and Hygon's, which are the same.
static bool is_amd(uint32_t ebx)
{
	return ebx == 0x68747541 || ebx == 0x6f677948; // "Auth", "Hygo"
}

void lb_cpu_trace_off(void)
{
	const struct cpu_cpuid vendor = cpu_cpuid(0, 0);
	const uint32_t features = cpu_cpuid_extended(0x80000001).ecx;

	architectural_counters_off(vendor.eax);
	if (vendor.ebx == INTEL) {
		debug_store_off();
		processor_trace_off(vendor.eax);
	} else if (is_amd(vendor.ebx)) {
		amd_counters_off(features);
		amd_sampling_off(features);
	}
}
