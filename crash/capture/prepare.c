// SPDX-License-Identifier: BSD-2-Clause
// All steps from the handoff to the job for the writer.
#include "crash/capture/capture.h"
#include "crash/dead/deadkernel.h"
#include "crash/dead/notes.h"
#include "crash/dead/vmcoreinfo_make.h"
#include "crash/platform/guard.h"
#include "crash/platform/paging.h"
#include "crash/platform/platform.h"
#include "lib/cpu.h"
#include "lib/text_line.h"
#include "lifeboat/x86.h"

// Time limit for making a VMCOREINFO: ten times what it takes under emulation.
#define MAKE_MS 5000

static const void *at(uint64_t phys)
{
	return (const void *)(uintptr_t)phys;
}

// Copies of the pages that were read last, by page number. Page tables are read again and again.
#define PAGES_KEPT 16U
#define NO_PAGE 1 // not the address of any page

static const void *read_page(void *ctx, uint64_t phys)
{
	static uint8_t pages[PAGES_KEPT][LB_PAGE] __attribute__((aligned(LB_PAGE)));
	static uint64_t
		// address of the page in each slot; 0 is an empty slot, so page 0 is never kept
		kept[PAGES_KEPT];
	const struct lb_ram *ram = ctx;
	const unsigned int i = (unsigned int)(phys / LB_PAGE % PAGES_KEPT);
	uint64_t now;

	if (phys && kept[i] == phys)
		return pages[i];
	if (!lb_aligned(phys, LB_PAGE) || !lb_ram_find(ram, phys, &now))
		return NULL;
	// The guard may interrupt the copying, and a half-made copy must not be used.
	kept[i] = NO_PAGE;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	if (!lb_old_page_copy(0, now, pages[i]))
		return NULL;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	kept[i] = phys;
	return pages[i];
}

static int find_ram(struct lb_run *run, struct lb_error *err)
{
	const struct lb_handoff *handoff = run->handoff;
	uint32_t capacity = lb_ram_capacity(at(handoff->elfcorehdr), handoff->elfcorehdr_bytes);
	struct lb_ram_piece *pieces = lb_heap_pages(capacity * sizeof(*pieces));
	char size[16], how[128];

	if (!capacity || !pieces)
		return lb_fail(err, "ELF core header at 0x%lx: it has no RAM", handoff->elfcorehdr);
	if (lb_ram_read(at(handoff->elfcorehdr), handoff->elfcorehdr_bytes, pieces, &run->ram, err) != 0 ||
	    lb_paging_map_ram(&run->ram, run->capture, how, sizeof(how), err) != 0)
		return -1;
	lb_say("RAM: %s in %u pieces, %s", lb_format_size(size, sizeof(size), run->ram.pages * LB_PAGE),
	       run->ram.count, how);
	return 0;
}

// Making a VMCOREINFO from the dead kernel's own tables.
struct making {
	const struct lb_deadspace *dead;
	struct lb_deadkernel kernel;
	struct lb_vmcoreinfo_work *work;
	struct lb_vmcoreinfo_made made;
	int result;
	struct lb_error err;
	char text[LB_VMCOREINFO_MAX];
};

static void make(void *ctx)
{
	struct making *making = ctx;

	lb_deadkernel_open(making->dead, &making->kernel);
	making->result =
		lb_vmcoreinfo_make(&making->kernel, making->work, making->text, &making->made, &making->err);
}

// Makes a VMCOREINFO under the guard, so that a fault or a loop does not cost the dump. False: it could
// not be made.
static bool make_guarded(const struct lb_run *run, struct making *making)
{
	struct lb_guard_fault fault;
	enum lb_guard_end end;

	_Static_assert(sizeof(*making->work) <= LB_CAPTURE_SCRATCH, "it works in scratch");
	making->dead = &run->dead;
	making->work = run->scratch;
	making->result = lb_fail(&making->err, "no memory");
	end = making->work ? lb_guard_run(make, making, MAKE_MS, &fault) : LB_GUARD_DONE;
	if (end == LB_GUARD_FAULT)
		lb_fail(&making->err, "exception %lu at 0x%lx of the capture kernel, cr2 0x%lx", fault.vector,
			fault.rip, fault.cr2);
	else if (end == LB_GUARD_LATE)
		lb_fail(&making->err, "no end after %u ms, at 0x%lx of the capture kernel", MAKE_MS,
			fault.rip);
	return end == LB_GUARD_DONE && making->result == 0;
}

// Completes the notes. A kernel that died before it wrote its VMCOREINFO has only the purgatory's, which
// has little more than the place of the page tables. One made from the kernel's image replaces that in
// the notes. If none can be made the purgatory's stays, and there is no log and no filter.
static void complete_vmcoreinfo(struct lb_run *run, struct lb_notes *notes)
{
	static struct making making;
	const struct lb_handoff *handoff = run->handoff;
	const uint64_t begun_ms = lb_clock_ms();

	if (lb_vmcoreinfo_is_whole(&run->dead.vmcoreinfo))
		return;
	if (!make_guarded(run, &making)) {
		lb_say_of_dead(run, "warning: the kernel wrote no VMCOREINFO yet, and none could be made: %s",
			       making.err.text);
		return;
	}
	if (!lb_notes_replace((void *)(uintptr_t)handoff->notes, handoff->notes_bytes, making.text,
			      making.made.bytes, notes)) {
		lb_say_of_dead(run, "warning: VMCOREINFO of %u bytes does not fit into the notes",
			       making.made.bytes);
		return;
	}
	run->dead.vmcoreinfo = (struct lb_vmcoreinfo){
		.text = (const char *)at(handoff->notes + notes->vmcoreinfo),
		.bytes = notes->vmcoreinfo_bytes,
	};
	lb_say_of_dead(
		run, "the kernel wrote no VMCOREINFO yet: %u keys made from its symbols and types in %lu ms",
		making.made.keys, lb_clock_ms() - begun_ms);
	if (making.made.left_out)
		lb_say_of_dead(run, "warning: VMCOREINFO: %u keys left out: %s", making.made.left_out,
			       making.made.why);
}

// The kernel that called the firmware.
struct finding {
	struct lb_deadspace space;
	struct lb_deadkernel kernel;
	char text[LB_VMCOREINFO_MAX];
};

static void find(void *ctx)
{
	struct finding *finding = ctx;

	lb_deadkernel_read(&finding->space, 0, finding->text, &finding->kernel);
}

// Finds the kernel that entered the hook. The notes have the VMCOREINFO of the kernel that died first;
// if kdump's kernel died after it, this looks for the VMCOREINFO of kdump's kernel.
static void find_last(struct lb_run *run)
{
	static struct finding finding;
	struct lb_guard_fault fault;

	run->last = run->dead;
	if (!run->live->first_cr3)
		return;
	finding.space = run->dead;
	finding.space.cr3 = run->live->cpu.cr3;
	finding.space.la57 = run->live->cpu.cr4 & X86_CR4_LA57;
	finding.space.vmcoreinfo.bytes = 0;
	if (lb_guard_run(find, &finding, MAKE_MS, &fault) != LB_GUARD_DONE || !finding.kernel.has_vmcoreinfo)
		lb_say("warning: kdump's kernel died, and its VMCOREINFO was not found");
	else
		run->last = finding.kernel.space;
}

static int find_notes(struct lb_run *run, struct lb_error *err)
{
	const struct lb_handoff *handoff = run->handoff;
	struct lb_notes notes;

	lb_notes_read(at(handoff->notes), handoff->notes_bytes, &notes);
	if (!notes.bytes)
		return lb_fail(err, "notes at 0x%lx: there are none", handoff->notes);
	run->mem = (struct lb_physmem){read_page, &run->ram};
	run->dead = (struct lb_deadspace){
		.mem = &run->mem,
		.cr3 = run->live->first_cr3 ? run->live->first_cr3 : run->live->cpu.cr3,
		.la57 = run->live->first_cr3 ? run->live->first_la57 != 0
					     : (run->live->cpu.cr4 & X86_CR4_LA57) != 0,
		.phys_bits = cpu_phys_bits(),
		.vmcoreinfo.text =
			notes.vmcoreinfo ? (const char *)at(handoff->notes + notes.vmcoreinfo) : "",
		.vmcoreinfo.bytes = notes.vmcoreinfo_bytes,
	};
	complete_vmcoreinfo(run, &notes);
	find_last(run);
	run->job.notes = at(handoff->notes);
	run->job.notes_bytes = notes.bytes;
	run->job.vmcoreinfo_offset = notes.vmcoreinfo;
	run->job.nr_cpus = notes.prstatus;
	return 0;
}

static int find_filter(struct lb_run *run, struct lb_error *err)
{
	struct lb_dump_job *job = &run->job;
	void *memory = lb_heap_pages(lb_filter_bytes());
	uint32_t wanted = job->format == LB_DUMP_ELF ? 0 : run->capture->dump_level & LB_FILTER_ALL;
	struct lb_filter_level level;

	if (!memory)
		return lb_fail(err, "filter: no memory for its %lu bytes", lb_filter_bytes());
	run->filter = lb_filter_open(memory, &run->dead, &run->ram, wanted, &level);
	job->level = level.bits;
	lb_snprintf(run->filter_why, sizeof(run->filter_why), "%s", level.why);
	if (level.bits != wanted)
		lb_say_of_dead(run, "filter: level %u instead of %u: %s", level.bits, wanted, level.why);
	if (level.keeps_unused)
		lb_say_of_dead(run, "filter: %s: the RAM that it did not use is dumped", level.keeps_unused);
	return 0;
}

// The time of the panic: the loader's reading of the firmware's clock, plus the time until the hook.
static uint64_t panic_time(const struct lb_run *run)
{
	const struct lb_capture_config *capture = run->capture;
	uint64_t ticks = run->live->cpu.tsc - capture->armed_tsc, crash_time;

	if (lb_vmcoreinfo_number(&run->dead.vmcoreinfo, "CRASHTIME=", 10, &crash_time))
		return crash_time;
	if (!capture->armed_time || !capture->tsc_khz || run->live->cpu.tsc < capture->armed_tsc)
		return 0;
	return capture->armed_time + ticks / capture->tsc_khz / 1000;
}

// Says the kernel's release. The text comes from the dead kernel.
static void say_release(struct lb_run *run)
{
	char release[64], printable[sizeof(release)];
	const uint32_t bytes =
		lb_vmcoreinfo_text(&run->dead.vmcoreinfo, "OSRELEASE=", release, sizeof(release));

	if (!bytes)
		return;
	lb_text_line(release, bytes, printable, sizeof(printable));
	lb_say_of_dead(run, "dead kernel: %s, CPUs whose registers are known: %u", printable,
		       run->job.nr_cpus);
}

int lb_prepare(struct lb_run *run, struct lb_error *err)
{
	run->scratch = lb_heap_pages(LB_CAPTURE_SCRATCH);
	run->report = lb_heap_pages(LB_CAPTURE_REPORT);
	if (run->crypt)
		run->sealing = lb_chunk_new();
	if (find_ram(run, err) != 0 || find_notes(run, err) != 0)
		return -1;
	run->job.format = (enum lb_dump_format)run->capture->format;
	if (find_filter(run, err) != 0)
		return -1;
	run->job.ram = &run->ram;
	run->job.filter = run->filter;
	run->job.dead = &run->dead;
	run->job.kdump = run->last.cr3 != run->dead.cr3 ? &run->last : NULL;
	run->job.elfcorehdr = at(run->handoff->elfcorehdr);
	run->job.elfcorehdr_bytes = run->handoff->elfcorehdr_bytes;
	run->job.now = panic_time(run);
	say_release(run);
	return 0;
}
