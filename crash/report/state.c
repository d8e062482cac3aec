// SPDX-License-Identifier: BSD-2-Clause
#include "crash/report/state.h"

#include "crash/report/stacks.h"
#include "lib/format.h"

#define REGISTERS_BYTES 1024U
#define CODE_BYTES 640U
#define MODULES_BYTES 2048U
#define MEMORY_BYTES 1024U
#define CODE_BEFORE 42U // bytes, as in the kernel's own "Code:" line
#define CODE_ALL 64U

// ---- Registers and code ----------------------------------------------------------

// Finds the exception that led to the panic. Its struct pt_regs begins as struct lb_user_regs does.
static bool find_exception(struct lb_report_job *job, struct lb_frame *ret_frame,
			   struct lb_user_regs *ret_registers)
{
	for (uint32_t i = job->below_panic; i < job->frame_count; i++) {
		const struct lb_frame *frame = &job->frames[i];

		if (frame->certain && frame->interrupted && !frame->user && frame->registers &&
		    lb_deadmem_copy(&job->mem, frame->registers, ret_registers,
				    offsetof(struct lb_user_regs, fs_base))) {
			*ret_frame = *frame;
			ret_frame->interrupted = false; // the section's note says so already
			return true;
		}
	}
	return false;
}

static void write_values(struct lb_out *out, const struct lb_user_regs *r)
{
	lb_out_line(out, "RIP %016lx RSP %016lx RFLAGS %08lx CS %04lx SS %04lx", r->rip, r->rsp, r->rflags,
		    r->cs & 0xffff, r->ss & 0xffff);
	lb_out_line(out, "RAX %016lx RBX %016lx RCX %016lx RDX %016lx", r->rax, r->rbx, r->rcx, r->rdx);
	lb_out_line(out, "RSI %016lx RDI %016lx RBP %016lx R8  %016lx", r->rsi, r->rdi, r->rbp, r->r8);
	lb_out_line(out, "R9  %016lx R10 %016lx R11 %016lx R12 %016lx", r->r9, r->r10, r->r11, r->r12);
	lb_out_line(out, "R13 %016lx R14 %016lx R15 %016lx ORIG_RAX %016lx", r->r13, r->r14, r->r15,
		    r->orig_rax);
}

// Writes "??" for a byte that cannot be read.
static void write_code(struct lb_report_job *job, const struct lb_frame *frame)
{
	char where[LB_FRAME_TEXT], text[4 * CODE_ALL] = "";
	size_t at = 0;

	if (!lb_out_section(&job->out, "code", CODE_BYTES, "around %s", lb_stacks_frame(job, frame, where)))
		return;
	for (uint32_t i = 0; i < CODE_ALL; i++) {
		const char *before = i ? " " : "", *mark = i == CODE_BEFORE ? "<" : "";
		uint8_t byte;

		if (lb_deadmem_copy(&job->mem, frame->ip - CODE_BEFORE + i, &byte, 1))
			at += lb_snprintf(text + at, sizeof(text) - at, "%s%s%02x%s", before, mark, byte,
					  *mark ? ">" : "");
		else
			at += lb_snprintf(text + at, sizeof(text) - at, "%s??", before);
	}
	lb_out_line(&job->out, "%s", text);
	lb_out_end(&job->out, 0, "lines");
}

void lb_state_write_registers(struct lb_report_job *job)
{
	struct lb_user_regs registers = {.rip = 0};
	struct lb_frame frame;
	bool found = find_exception(job, &frame, &registers);
	char where[LB_FRAME_TEXT];

	if (!found && !job->has_registers) {
		lb_out_section(&job->out, "registers", REGISTERS_BYTES, "none: they are not known");
		return;
	}
	if (lb_out_section(&job->out, "registers", REGISTERS_BYTES, "%s%s",
			   found ? "of the exception at " : "of the CPU that panicked, when it left Linux",
			   found ? lb_stacks_frame(job, &frame, where) : "")) {
		write_values(&job->out, found ? &registers : &job->registers);
		lb_out_end(&job->out, 0, "lines");
	}
	if (!found && job->below_panic < job->frame_count)
		frame = job->frames[job->below_panic];
	if (found || job->below_panic < job->frame_count)
		write_code(job, &frame);
}

// ---- Modules ---------------------------------------------------------------------

void lb_state_write_modules(struct lb_report_job *job)
{
	char letters[LB_MODULE_TAINTS];
	uint32_t done = 0;

	if (!job->has_modules) {
		lb_out_section(&job->out, "modules", MODULES_BYTES, "none: %s", job->why_no_modules.text);
		return;
	}
	if (!lb_out_section(&job->out, "modules", MODULES_BYTES, "%u%s", job->modules.count,
			    job->modules.cut ? ", the list is cut" : ""))
		return;
	for (; done < job->modules.count && lb_out_go_on(&job->out); done++) {
		const struct lb_module *module = &job->modules.list[done];

		lb_out_line(&job->out, "%s 0x%lx %lu%s%s%s", module->name, module->text.start, module->bytes,
			    module->state == LB_MODULE_LIVE ? "" : " not-live", module->taints ? " " : "",
			    module->taints ? lb_taint_letters(module->taints, letters) : "");
	}
	lb_out_end(&job->out, job->modules.count - done, "modules");
}

// ---- Memory ----------------------------------------------------------------------

static const struct {
	const char *name;
	enum lb_job_symbol counters;
	uint32_t kib; // KiB in one unit of the counter
} kinds[] = {
	{"free", LB_JOB_ZONE_STAT, 4},
	{"active-anonymous", LB_JOB_NODE_STAT, 4},
	{"inactive-anonymous", LB_JOB_NODE_STAT, 4},
	{"active-file", LB_JOB_NODE_STAT, 4},
	{"inactive-file", LB_JOB_NODE_STAT, 4},
	{"unevictable", LB_JOB_NODE_STAT, 4},
	{"shared", LB_JOB_NODE_STAT, 4},
	{"dirty", LB_JOB_NODE_STAT, 4},
	{"writeback", LB_JOB_NODE_STAT, 4},
	{"slab-reclaimable", LB_JOB_NODE_STAT, 4},
	{"slab-unreclaimable", LB_JOB_NODE_STAT, 4},
	{"kernel-stacks", LB_JOB_NODE_STAT, 1},
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

const char *const lb_job_memory_types[] = {"NR_FREE_PAGES",
					   "NR_ACTIVE_ANON",
					   "NR_INACTIVE_ANON",
					   "NR_ACTIVE_FILE",
					   "NR_INACTIVE_FILE",
					   "NR_UNEVICTABLE",
					   "NR_SHMEM",
					   "NR_FILE_DIRTY",
					   "NR_WRITEBACK",
					   "NR_SLAB_RECLAIMABLE_B",
					   "NR_SLAB_UNRECLAIMABLE_B",
					   "NR_KERNEL_STACK_KB",
					   NULL};
_Static_assert(sizeof(lb_job_memory_types) / sizeof(lb_job_memory_types[0]) == KINDS + 1, "one each");

static bool read_kind(struct lb_report_job *job, uint32_t kind, uint64_t *ret_kib)
{
	uint64_t counters = job->wanted[kinds[kind].counters].address, value;
	int64_t index;

	if (!counters || !lb_btf_enumerator(&job->btf, lb_job_memory_types[kind], &index) || index < 0 ||
	    index > UINT16_MAX || !lb_deadmem_u64(&job->mem, counters + 8 * (uint64_t)index, &value))
		return false;
	// A sum may be below zero while CPUs have not yet added their part.
	*ret_kib = (int64_t)value < 0 ? 0 : value * kinds[kind].kib;
	return true;
}

void lb_state_write_memory(struct lb_report_job *job)
{
	char size[16] = "not known";
	uint64_t pages, kib;

	if (!job->has_btf) {
		lb_out_section(&job->out, "memory", MEMORY_BYTES, "none: %s", job->why_no_btf.text);
		return;
	}
	if (!lb_out_enter(&job->out, "memory"))
		return;
	if (job->wanted[LB_JOB_TOTAL_PAGES].address &&
	    lb_deadmem_u64(&job->mem, job->wanted[LB_JOB_TOTAL_PAGES].address, &pages))
		lb_format_size(size, sizeof(size), pages * LB_PAGE);
	if (!lb_out_section(&job->out, "memory", MEMORY_BYTES, "%s", size))
		return;
	for (uint32_t i = 0; i < KINDS && lb_out_go_on(&job->out); i++) {
		if (read_kind(job, i, &kib))
			lb_out_line(&job->out, "%s %lu KiB", kinds[i].name, kib);
	}
	lb_out_end(&job->out, 0, "lines");
}
