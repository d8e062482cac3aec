// SPDX-License-Identifier: BSD-2-Clause
// Describes the dead kernel in what /proc/vmcore will show: RAM that was hot-added after arming,
// NT_PRSTATUS of each CPU, VMCOREINFO, and our own note LIFEBOAT.
#include "crash/dead/deadkernel.h"
#include "crash/dead/first_kernel.h"
#include "crash/dead/hotadd.h"
#include "crash/dead/special.h"
#include "crash/plan/elfcore.h"
#include "lib/cpu.h"
#include "lib/format.h"
#include "lib/mem.h"
#include "lifeboat/capture_config.h"
#include "lifeboat/version.h"
#include "lifeboat/x86.h"
#include "pgtable/encryption.h"
#include "purgatory/purgatory.h"

#define SEARCHES_MAX 16 // each search but the last one finds more than the one before

static struct lb_deadkernel dead;
static struct lb_hotadd hotadded;
static struct lb_special special;
static struct lb_prstatus prstatus;
static char text[LB_VMCOREINFO_MAX], first_text[LB_VMCOREINFO_MAX];
static uint64_t notes_end;
static uint32_t cpu_notes;

// Reads RAM of e820_saved, and RAM that has been found to be hot-added.
static const void *read_page(void *ctx, uint64_t phys)
{
	const struct lb_handoff *handoff = ctx;
	const struct lb_physmem saved = lb_window_physmem(handoff);
	const void *page = lb_physmem_page(&saved, phys);

	if (!page && lb_aligned(phys, LB_PAGE) && lb_hotadd_is_ram(&hotadded, phys))
		page = lb_window_map(&handoff->window, phys, false);
	return page;
}

// The kernel's section tables may lie in hot-added memory themselves. So the search is repeated for as long
// as it finds more.
static void search_hotadded(const struct lb_handoff *handoff, const struct lb_physmem *mem)
{
	static struct lb_range where[LB_MAX_HOTPLUG + LB_SPECIAL_MAX];
	uint64_t before;

	memcpy(where, handoff->hotplug, handoff->hotplug_count * sizeof(where[0]));
	for (uint32_t round = 0; round < SEARCHES_MAX; round++) {
		before = lb_hotadd_bytes(&hotadded);
		lb_special_find(&dead, (const void *)(uintptr_t)handoff->e820_saved,
				handoff->e820_saved_count, &special);
		memcpy(&where[handoff->hotplug_count], special.ranges, special.count * sizeof(where[0]));
		lb_hotadd_find(mem, &dead, where, handoff->hotplug_count + special.count,
			       handoff->elfcorehdr_spare, &hotadded);
		if (!special.unknown_bytes || lb_hotadd_bytes(&hotadded) == before)
			break;
	}
}

static void find_hotadded(const struct lb_handoff *handoff, const struct lb_physmem *mem)
{
	struct lb_error error;

	search_hotadded(handoff, mem);
	for (uint32_t i = 0; i < hotadded.count; i++) {
		if (lb_elfcore_hotadd((void *)(uintptr_t)handoff->elfcorehdr, handoff->elfcorehdr_bytes,
				      hotadded.ranges[i], &error) != 0)
			lb_say("warning: %s", error.text);
	}
	if (hotadded.count)
		lb_say("hot-added RAM: 0x%lx bytes in %u ranges", lb_hotadd_bytes(&hotadded), hotadded.count);
	if (hotadded.missing)
		lb_say("warning: no slot in the ELF core header for %u more ranges of hot-added RAM, 0x%lx "
		       "bytes",
		       hotadded.missing, hotadded.missing_bytes);
	if (special.missing_bytes)
		lb_say("warning: soft-reserved or persistent memory in use in more than %u pieces: 0x%lx "
		       "bytes "
		       "are not in the dump",
		       LB_SPECIAL_MAX, special.missing_bytes);
	if (special.unknown_bytes)
		lb_say("warning: no section flags to tell whether soft-reserved or persistent memory was in "
		       "use: 0x%lx bytes are not in the dump",
		       special.unknown_bytes);
	if (hotadded.unsearched_bytes)
		lb_say("warning: no page tables to find hot-added RAM in 0x%lx bytes where it may be",
		       hotadded.unsearched_bytes);
}

static void note(const struct lb_handoff *handoff, const char *name, uint32_t type, const void *desc,
		 uint32_t desc_bytes)
{
	const struct lb_elf_note one = {name, type, desc, desc_bytes};
	struct lb_error error;

	if (lb_elfcore_note((void *)(uintptr_t)handoff->notes, handoff->notes_bytes, &notes_end, &one,
			    &error) != 0)
		lb_say("warning: %s", error.text);
}

// pr_pid is cpu + 1: drgn takes it for that when VMCOREINFO has no CRASHTIME.
static void cpu_note(const struct lb_handoff *handoff, uint32_t cpu, const struct lb_user_regs *regs)
{
	memset(&prstatus, 0, sizeof(prstatus));
	prstatus.pid = (int32_t)cpu + 1;
	prstatus.regs = *regs;
	note(handoff, "CORE", NT_PRSTATUS, &prstatus, sizeof(prstatus));
	cpu_notes++;
}

static void cpu_notes_all(const struct lb_handoff *handoff, const struct lb_handoff_live *live)
{
	struct lb_user_regs regs;
	int32_t pid;

	if (!dead.has_cpus && live->first_cr3) {
		lb_say("warning: per-CPU areas not found, no registers are in the dump");
		return;
	}
	if (!dead.has_cpus) {
		lb_say("warning: per-CPU areas not found, only this CPU's registers are in the dump");
		cpu_note(handoff, 0, &live->cpu.regs);
		return;
	}
	for (uint32_t cpu = 0; cpu < dead.cpu_count && cpu_notes < handoff->cpu_slots; cpu++) {
		if (cpu == dead.this_cpu && !live->first_cr3)
			cpu_note(handoff, cpu, &live->cpu.regs);
		else if (lb_deadkernel_cpu_regs(&dead, cpu, &regs, &pid))
			cpu_note(handoff, cpu, &regs);
	}
}

// GS_BASE holds the per-CPU base, but for a few instructions at the edge of user mode.
static uint64_t per_cpu_base(const struct lb_cpu_state *cpu)
{
	return cpu->regs.gs_base >> 63 ? cpu->regs.gs_base : cpu->kernel_gs_base;
}

// The number of bits of a physical address. A C-bit inside the CPU's width is not one of them.
static unsigned int address_bits(void)
{
	const struct cpu_cpuid leaf = cpu_cpuid_extended(LB_CPUID_ENCRYPTION);

	return lb_encryption_address_bits(cpu_phys_bits(), leaf.eax, leaf.ebx);
}

// Reads the dead kernel. When that was kdump's kernel, which died before it could save the first one, reads
// the first one.
static void read_dead(const struct lb_deadspace *space, struct lb_handoff_live *live)
{
	const uint64_t gs_base = per_cpu_base(&live->cpu);
	struct lb_first_kernel first;

	live->first_cr3 = 0;
	lb_deadkernel_read(space, gs_base, text, &dead);
	if (dead.encrypted || !dead.has_vmcoreinfo || !lb_first_kernel_find(&dead.space, first_text, &first))
		return;
	first.space.vmcoreinfo.bytes = 0; // found again, with the hot-added RAM
	lb_deadkernel_read(&first.space, first.gs_base, first_text, &dead);
	if (!dead.has_text || !dead.has_vmcoreinfo) {
		lb_say("warning: kdump's kernel died, and the one whose memory it was to save was not found");
		lb_deadkernel_read(space, gs_base, text, &dead);
		return;
	}
	live->first_cr3 = first.space.cr3;
	live->first_la57 = first.space.la57;
	memcpy(text, first_text, sizeof(text));
	lb_say("kdump's kernel died: the dump is of the kernel that died before it");
}

// False when the dead kernel's memory is encrypted: nothing of it can be read.
bool lb_describe(const struct lb_handoff *handoff, struct lb_handoff_live *live)
{
	const struct lb_physmem mem = {read_page, (void *)(uintptr_t)handoff};
	const struct lb_deadspace space = {
		.mem = &mem,
		.cr3 = live->cpu.cr3,
		.la57 = live->cpu.cr4 & X86_CR4_LA57,
		.phys_bits = address_bits(),
	};
	uint32_t bytes;

	read_dead(&space, live);
	if (dead.encrypted)
		return false;
	if (!dead.has_text)
		lb_say("warning: the dead kernel's text was not found");
	if (!dead.has_page_offset)
		lb_say("warning: the dead kernel's direct map was not found");
	find_hotadded(handoff, &mem);
	cpu_notes_all(handoff, live);
	bytes = dead.has_vmcoreinfo ? dead.space.vmcoreinfo.bytes
				    : lb_deadkernel_synthesise(&dead, handoff->first_kernel_release, text);
	note(handoff, "VMCOREINFO", 0, text, bytes);
	if (!lb_encrypts(handoff))
		lb_say("dead kernel: _text 0x%lx at 0x%lx, direct map 0x%lx, VMCOREINFO %s, %u of %u CPUs, "
		       "this is "
		       "%u",
		       dead.text_virt, dead.text_phys, dead.page_offset,
		       dead.has_vmcoreinfo ? "found" : "synthesised", cpu_notes, dead.cpu_count,
		       dead.this_cpu);
	lb_elfcore_finish((void *)(uintptr_t)handoff->elfcorehdr, dead.has_page_offset ? dead.page_offset : 0,
			  dead.text_virt, dead.text_phys, dead.has_text ? dead.image_bytes : 0);
	lb_window_unmap(&handoff->window);
	return true;
}

// True when the dump is encrypted. Asked only when the configuration's digest was right, or the user wants
// to go on regardless.
bool lb_encrypts(const struct lb_handoff *handoff)
{
	const struct lb_capture_config *capture = (const void *)(uintptr_t)handoff->capture;

	return capture && capture->magic == LB_CAPTURE_MAGIC && capture->crypt;
}

static uint32_t add_line(uint32_t at, const char *key, uint64_t value)
{
	return at + (uint32_t)lb_snprintf(text + at, sizeof(text) - at, "%s=0x%lx\n", key, value);
}

// Writes our note last, when every stage's time but the jump's is known; the jump's is taken here.
void lb_describe_finish(const struct lb_handoff *handoff, const struct lb_handoff_live *live)
{
	uint32_t at = (uint32_t)lb_snprintf(text, sizeof(text), "VERSION=%s\nHANDOFF_VERSION=%u\n",
					    LIFEBOAT_VERSION, LB_HANDOFF_VERSION);

	for (uint32_t stage = 0; stage < LB_STAGE_COUNT; stage++) {
		char key[32];

		lb_snprintf(key, sizeof(key), "TSC.%s", lb_stage_names[stage]);
		at = add_line(at, key, live->tsc[stage]);
	}
	at = add_line(at, "HANDOFF", handoff->self);
	at = add_line(at, "CRASH.start", handoff->crash.start);
	at = add_line(at, "CRASH.end", handoff->crash.end);
	at = add_line(at, "CRASH_RAM.start", handoff->crash_ram.start);
	at = add_line(at, "CRASH_RAM.end", handoff->crash_ram.end);
	at = add_line(at, "NMIS", live->nmi_count + live->cpu.nmi_count);
	at = add_line(at, "CPU", dead.this_cpu);
	at = add_line(at, "CPU_NOTES", cpu_notes);
	at = add_line(at, "CR3", live->cpu.cr3);
	at = add_line(at, "VMCOREINFO_PHYS", dead.has_vmcoreinfo ? dead.vmcoreinfo_phys : 0);
	at = add_line(at, "HOTADDED", hotadded.count);
	at = add_line(at, "HOTADDED_BYTES", lb_hotadd_bytes(&hotadded));
	at = add_line(at, "HOTADD_MISSING", hotadded.missing);
	at = add_line(at, "HOTADD_MISSING_BYTES", hotadded.missing_bytes);
	at = add_line(at, "HOTADD_UNSEARCHED_BYTES", hotadded.unsearched_bytes);
	note(handoff, LB_NOTE_NAME, LB_NOTE_TYPE, text, at);
}
