// SPDX-License-Identifier: BSD-2-Clause
// The driver of AMD's IOMMU.
// Source: AMD I/O Virtualization Technology (IOMMU) 3.05, 2.2.2.1 (device table), 2.12.2 (what SEV-SNP
// locks), 3.4 (registers). The order of the steps is that of Linux's iommu_disable(), which runs at every
// boot that finds translation on.
#include "crash/platform/iommu.h"
#include "crash/platform/platform.h"
#include "lib/cpu.h"
#include "lib/cpu_trace.h"
#include "lib/mem.h"
#include "pgtable/encryption.h"

#define DEVICE_TABLE 0x00
#define CONTROL 0x18
#define FEATURES 0x30
#define COMMAND_HEAD 0x2000
#define COMMAND_TAIL 0x2008
#define STATUS 0x2020
#define REGISTERS 0x3000

#define ON (1ULL << 0) // IommuEn
#define COMMANDS (1ULL << 12)
#define EVENTS (1ULL << 2 | 1ULL << 3) // the event log and its interrupt
#define PAGE_REQUESTS (1ULL << 13 | 1ULL << 14 | 1ULL << 15) // PprLogEn, PprIntEn, PprEn
#define GUEST_INTERRUPTS (1ULL << 28 | 1ULL << 29) // GALogEn, GAIntEn
#define CACHE_DISABLED (1ULL << 59) // IRTCacheDis
#define SEGMENTED (7ULL << 34) // DevTblSegEn: the device table is in pieces

#define EVENTS_RUN (1ULL << 3)
#define COMMANDS_RUN (1ULL << 4)
#define PAGE_REQUESTS_RUN (1ULL << 7)
#define GUEST_INTERRUPTS_RUN (1ULL << 8)

#define FEATURE_SNP (1ULL << 63)
#define CPUID_SNP (1U << 4) // EAX of LB_CPUID_ENCRYPTION
#define MSR_SYSCFG 0xc0010010U
#define SYSCFG_SNP (1ULL << 24)

#define DRAIN_MS 10
#define WAIT_MS 100

// Each step clears the bits `control` of CONTROL, then waits until the bits `running` of STATUS are 0.
static const struct {
	uint64_t control, running;
} steps[] = {
	{COMMANDS, COMMANDS_RUN},
	{EVENTS, EVENTS_RUN},
	{GUEST_INTERRUPTS, GUEST_INTERRUPTS_RUN},
	{PAGE_REQUESTS, PAGE_REQUESTS_RUN},
	{ON, 0},
	{CACHE_DISABLED, 0},
};

static bool stopped(volatile void *unit, uint64_t running)
{
	struct lb_deadline deadline = lb_deadline_in(WAIT_MS);

	while (lb_iommu_get64(unit, STATUS) & running) {
		if (lb_deadline_passed(deadline))
			return false;
		lb_pause();
	}
	return true;
}

// Returns true when the unit has done all commands of the dead kernel, above all invalidations.
static bool drained(volatile void *unit)
{
	struct lb_deadline deadline = lb_deadline_in(DRAIN_MS);

	while (lb_iommu_get64(unit, COMMAND_HEAD) != lb_iommu_get64(unit, COMMAND_TAIL)) {
		if (lb_deadline_passed(deadline))
			return false;
		lb_pause();
	}
	return true;
}

// Returns true on a host for SEV-SNP guests, where the hardware ignores writes to some of the registers.
static bool is_snp_host(volatile void *unit)
{
	uint64_t syscfg;

	return (lb_iommu_get64(unit, FEATURES) & FEATURE_SNP) &&
	       (cpu_cpuid_extended(LB_CPUID_ENCRYPTION).eax & CPUID_SNP) &&
	       lb_msr_read(MSR_SYSCFG, &syscfg) && (syscfg & SYSCFG_SNP);
}

static bool all_off(volatile void *unit, uint64_t control)
{
	bool obeyed = true;

	for (uint32_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		control &= ~steps[i].control;
		lb_iommu_put64(unit, CONTROL, control);
		obeyed = stopped(unit, steps[i].running) && obeyed;
	}
	return obeyed;
}

static enum lb_iommu_end amd_off(const struct lb_iommu *iommu, volatile void *unit)
{
	const uint64_t control = lb_iommu_get64(unit, CONTROL);
	bool empty, obeyed;
	uint64_t now;

	if (control == UINT64_MAX) {
		lb_say("warning: IOMMU at 0x%lx does not answer", iommu->registers);
		return LB_IOMMU_WAS_OFF;
	}
	if (!(control & ON)) {
		lb_say("IOMMU at 0x%lx (AMD-Vi): translation was off, is off", iommu->registers);
		return LB_IOMMU_WAS_OFF;
	}
	empty = !(control & COMMANDS) || drained(unit);
	obeyed = all_off(unit, control);
	now = lb_iommu_get64(unit, CONTROL);
	lb_say("IOMMU at 0x%lx (AMD-Vi): translation was on, is %s; control 0x%lx, now 0x%lx, status 0x%lx%s",
	       iommu->registers, now & ON ? "on" : "off", control, now, lb_iommu_get64(unit, STATUS),
	       empty ? "" : ", commands still waited");
	if (now & ON) {
		lb_say("warning: IOMMU at 0x%lx stays on%s: transfers go by the dead kernel's tables",
		       iommu->registers, is_snp_host(unit) ? ", locked by SEV-SNP" : "");
		return LB_IOMMU_STAYS_ON;
	}
	if (!obeyed)
		lb_say("warning: IOMMU at 0x%lx: a log or the commands did not stop", iommu->registers);
	return LB_IOMMU_IS_OFF;
}

// An entry of the device table has 256 bits. Only the first 64 are read here.
#define ENTRY_BYTES 32U
#define ENTRY_VALID (1ULL << 0)
#define ENTRY_TRANSLATION_VALID (1ULL << 1)
#define ENTRY_MODE (7ULL << 9) // levels of host page tables; 0: none
#define ENTRY_GUEST (1ULL << 55) // translated by guest tables
#define ENTRY_READ_WRITE (3ULL << 61)

static bool lets_pass(uint64_t entry)
{
	if (!(entry & ENTRY_VALID))
		return true;
	return (entry & ENTRY_TRANSLATION_VALID) && !(entry & (ENTRY_MODE | ENTRY_GUEST)) &&
	       (entry & ENTRY_READ_WRITE) == ENTRY_READ_WRITE;
}

// Returns false when the entry cannot be read.
static bool read_entry(volatile void *unit, struct lb_pci_address at, const struct lb_physmem *mem,
		       uint64_t *ret_entry)
{
	const struct cpu_cpuid leaf = cpu_cpuid_extended(LB_CPUID_ENCRYPTION);
	const unsigned int bits = lb_encryption_address_bits(cpu_phys_bits(), leaf.eax, leaf.ebx);
	const uint64_t base = lb_iommu_get64(unit, DEVICE_TABLE);
	const uint64_t offset = (uint64_t)(at.bus << 8 | at.device << 3 | at.function) * ENTRY_BYTES;
	const uint64_t table = base & ((1ULL << bits) - 1) & ~(LB_PAGE - 1);
	const uint8_t *page;

	if ((lb_iommu_get64(unit, CONTROL) & SEGMENTED) || offset >= ((base & 0x1ff) + 1) * LB_PAGE ||
	    !mem->page)
		return false;
	page = lb_physmem_page(mem, table + lb_align_down(offset, LB_PAGE));
	if (page)
		memcpy(ret_entry, page + offset % LB_PAGE, sizeof(*ret_entry));
	return page;
}

static int amd_check(volatile void *unit, struct lb_pci_address at, const struct lb_physmem *mem,
		     struct lb_error *err)
{
	uint64_t entry;

	if (!read_entry(unit, at, mem, &entry))
		return lb_fail(
			err,
			"the IOMMU stays on, and its table's entry for the disk at %02x:%02x.%x cannot "
			"be read",
			at.bus, at.device, at.function);
	if (!lets_pass(entry))
		return lb_fail(
			err,
			"the IOMMU stays on and translates the disk at %02x:%02x.%x: its table's entry is "
			"0x%lx",
			at.bus, at.device, at.function, entry);
	lb_say("the IOMMU stays on, and lets the disk at %02x:%02x.%x pass", at.bus, at.device, at.function);
	return 0;
}

const struct lb_iommu_driver lb_iommu_amd = {
	.name = "AMD-Vi", .bytes = REGISTERS, .off = amd_off, .check = amd_check};
