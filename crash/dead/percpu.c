// SPDX-License-Identifier: BSD-2-Clause
#include "crash/dead/percpu.h"

#include <elf.h>

#include "crash/dead/kallsyms.h"
#include "crash/plan/elfcore.h"
#include "lib/mem.h"

#define CPUS_MAX 8192U // the largest CONFIG_NR_CPUS
#define UNIT_MAX (2 * LB_MIB) // what is searched of a CPU's unit; x86 makes none larger at boot
#define SELF_ADDRESSES 16 // kept of those where a CPU finds its own offset
#define NOTE_ALIGN 512ULL // note_buf_t is 368 bytes, aligned to the next power of two
#define UNITS_SEARCHED 16U // CPUs whose unit is searched for a note before giving up
#define ARRAY_ALIGN 16ULL // compilers align an array of 16 bytes and more at least so

struct note_head {
	Elf64_Nhdr header;
	char name[8]; // "CORE", padded to 4
};

// The kernel appends one more header, of zeroes, behind the note.
struct note_end {
	Elf64_Nhdr header;
};

static bool is_note_head(const struct note_head *head)
{
	return head->header.n_namesz == sizeof("CORE") &&
	       head->header.n_descsz == sizeof(struct lb_prstatus) && head->header.n_type == NT_PRSTATUS &&
	       memcmp(head->name, "CORE", sizeof("CORE")) == 0;
}

bool lb_percpu_note(struct lb_deadmem *mem, uint64_t virt, struct lb_user_regs *ret_regs, int32_t *ret_pid)
{
	static const struct note_end zeroes;
	const uint64_t desc = virt + sizeof(struct note_head);
	struct note_head head;
	struct note_end end;
	struct lb_user_regs regs;
	int32_t pid;

	if (!lb_deadmem_copy(mem, virt, &head, sizeof(head)) || !is_note_head(&head) ||
	    !lb_deadmem_copy(mem, desc + sizeof(struct lb_prstatus), &end, sizeof(end)) ||
	    memcmp(&end, &zeroes, sizeof(end)) != 0 ||
	    !lb_deadmem_copy(mem, desc + offsetof(struct lb_prstatus, pid), &pid, sizeof(pid)) ||
	    !lb_deadmem_copy(mem, desc + offsetof(struct lb_prstatus, regs), &regs, sizeof(regs)))
		return false;
	*ret_regs = regs;
	*ret_pid = pid;
	return true;
}

static bool in_image(const struct lb_deadkernel *kernel, uint64_t virt)
{
	return virt >= kernel->text_virt && virt - kernel->text_virt < kernel->image_bytes;
}

static bool cpu_offset(struct lb_deadmem *mem, const struct lb_deadkernel *kernel, uint32_t cpu,
		       uint64_t *ret_offset)
{
	return lb_deadmem_u64(mem, kernel->per_cpu_offset + 8ULL * cpu, ret_offset);
}

// Is this the offset that __per_cpu_offset[] has for a CPU that cannot be?
static bool is_no_cpu(const struct lb_deadkernel *kernel, uint64_t offset)
{
	return offset == 0 || in_image(kernel, offset);
}

// Counts the CPUs of the array at kernel->per_cpu_offset and finds the one whose
// offset is `gs_base`.
static bool count_cpus(struct lb_deadmem *mem, uint64_t gs_base, struct lb_deadkernel *kernel)
{
	bool this_found = false;
	uint64_t last = 0;
	uint32_t cpu;

	for (cpu = 0; cpu < CPUS_MAX; cpu++) {
		uint64_t offset, room;

		if (!cpu_offset(mem, kernel, cpu, &offset) || offset == last || is_no_cpu(kernel, offset))
			break;
		if (kernel->crash_notes && !lb_deadmem_at(mem, kernel->crash_notes + offset, &room))
			break;
		if (!this_found && offset == gs_base) {
			kernel->this_cpu = cpu;
			this_found = true;
		}
		last = offset;
	}
	kernel->cpu_count = cpu;
	return this_found;
}

static bool find_by_symbols(struct lb_symbols *symbols, uint64_t gs_base, struct lb_deadkernel *kernel)
{
	enum { OFFSETS, NOTES, COUNT };
	struct lb_symbol_wanted wanted[COUNT];
	struct lb_deadmem *mem = symbols->mem;

	// One by one: an array of pointers in a constant would have absolute addresses.
	wanted[OFFSETS].name = "__per_cpu_offset";
	wanted[NOTES].name = "crash_notes";
	lb_symbols_find(symbols, wanted, COUNT);
	if (!wanted[OFFSETS].address)
		return false;
	kernel->per_cpu_offset = wanted[OFFSETS].address;
	if (wanted[NOTES].address)
		lb_deadmem_u64(mem, wanted[NOTES].address, &kernel->crash_notes);
	if (count_cpus(mem, gs_base, kernel))
		return true;
	kernel->crash_notes = 0;
	return false;
}

static bool find_by_kallsyms(struct lb_deadmem *mem, uint64_t gs_base, struct lb_deadkernel *kernel)
{
	struct lb_symbols symbols;

	return lb_symbols_open_listed(&symbols, mem, kernel) && find_by_symbols(&symbols, gs_base, kernel);
}

// Per-CPU addresses at which a CPU finds its own __per_cpu_offset[]: this_cpu_off, and
// what lies there by chance. With them what is an offset can be told from what is none.
struct self {
	uint64_t address[SELF_ADDRESSES];
	uint32_t count;
};

// Looks through the `bytes` from per-CPU address `start` on, as far as they are mapped.
static struct self find_self(struct lb_deadmem *mem, uint64_t gs_base, uint64_t start, uint64_t bytes)
{
	struct self self = {.count = 0};

	for (uint64_t at = start; at < start + bytes; at += LB_PAGE) {
		const uint64_t *page = lb_deadmem_data_page(mem, gs_base + at);

		for (unsigned int i = 0; page && i < LB_PAGE / sizeof(*page); i++) {
			if (page[i] != gs_base)
				continue;
			self.address[self.count++] = at + i * sizeof(*page);
			if (self.count == SELF_ADDRESSES)
				return self;
		}
	}
	return self;
}

// The first of those addresses at which the CPU with this offset finds it too.
static bool self_address(struct lb_deadmem *mem, const struct self *self, uint64_t offset,
			 uint64_t *ret_address)
{
	for (uint32_t i = 0; i < self->count; i++) {
		uint64_t own;

		if (lb_deadmem_u64(mem, offset + self->address[i], &own) && own == offset) {
			*ret_address = self->address[i];
			return true;
		}
	}
	return false;
}

// Does the word at `virt` hold a CPU's offset?
static bool holds_offset(struct lb_deadmem *mem, const struct self *self, uint64_t virt, uint64_t *ret_offset)
{
	uint64_t offset, address;

	if (!lb_deadmem_u64(mem, virt, &offset) || offset == 0 || !lb_aligned(offset, LB_PAGE) ||
	    !self_address(mem, self, offset, &address))
		return false;
	*ret_offset = offset;
	return true;
}

// A run of words that may be __per_cpu_offset[].
struct run {
	uint64_t virt;
	uint32_t cpus;
	bool ended; // by two words that say: no CPU
};

static bool is_better(const struct run *a, const struct run *b)
{
	return a->ended != b->ended ? a->ended : a->cpus > b->cpus;
}

// The run of CPUs' offsets around the word at `virt`, which holds `gs_base`. Neighbours
// that are equal are not of one array: pcpu_base_addr may lie just before it.
static struct run measure_run(struct lb_deadmem *mem, const struct lb_deadkernel *kernel,
			      const struct self *self, uint64_t virt, uint64_t gs_base)
{
	struct run run = {.virt = virt, .cpus = 1};
	uint64_t end = virt + 8;
	uint64_t last = gs_base, next, after;

	while (run.cpus < CPUS_MAX && holds_offset(mem, self, run.virt - 8, &next) && next != last) {
		run.virt -= 8;
		run.cpus++;
		last = next;
	}
	while (!lb_aligned(run.virt, ARRAY_ALIGN) && run.virt < virt) {
		run.virt += 8;
		run.cpus--;
	}
	last = gs_base;
	while (run.cpus < CPUS_MAX && holds_offset(mem, self, end, &next) && next != last) {
		end += 8;
		run.cpus++;
		last = next;
	}
	run.ended = lb_deadmem_u64(mem, end, &next) && lb_deadmem_u64(mem, end + 8, &after) &&
		    next == after && in_image(kernel, next);
	return run;
}

// The best run among all the words of the image that hold GS base.
static bool find_array(struct lb_deadmem *mem, uint64_t gs_base, const struct self *self,
		       struct lb_deadkernel *kernel)
{
	const uint64_t image_end = kernel->text_virt + kernel->image_bytes;
	struct run best = {.cpus = 0};

	if (self->count == 0)
		return false;
	for (uint64_t virt = kernel->text_virt; virt < image_end; virt += LB_PAGE) {
		const uint64_t *page = lb_deadmem_data_page(mem, virt);

		for (unsigned int i = 0; page && i < LB_PAGE / sizeof(*page); i++) {
			struct run run;

			if (page[i] != gs_base)
				continue;
			run = measure_run(mem, kernel, self, virt + i * sizeof(*page), gs_base);
			if (lb_aligned(run.virt, ARRAY_ALIGN) && (run.ended || run.cpus > 1) &&
			    is_better(&run, &best))
				best = run;
			page = lb_deadmem_data_page(mem, virt); // the window has moved
		}
	}
	if (best.cpus == 0)
		return false;
	kernel->per_cpu_offset = best.virt;
	return count_cpus(mem, gs_base, kernel);
}

// The bytes that the unit of the CPU with this offset may have: up to the next CPU's.
static uint64_t unit_bytes(struct lb_deadmem *mem, const struct lb_deadkernel *kernel, uint64_t offset)
{
	uint64_t bytes = UNIT_MAX;

	for (uint32_t cpu = 0; cpu < kernel->cpu_count; cpu++) {
		uint64_t other;

		if (cpu_offset(mem, kernel, cpu, &other) && other > offset && other - offset < bytes)
			bytes = other - offset;
	}
	return bytes;
}

// Counts the CPUs that have a note at a per-CPU address; 0 when any has something there that is neither a
// note nor an empty buffer.
static uint32_t count_notes(struct lb_deadmem *mem, const struct lb_deadkernel *kernel, uint64_t address)
{
	static const struct note_head empty;
	uint32_t count = 0;

	for (uint32_t cpu = 0; cpu < kernel->cpu_count; cpu++) {
		struct lb_user_regs regs;
		struct note_head head;
		uint64_t offset;
		int32_t pid;

		if (!cpu_offset(mem, kernel, cpu, &offset) ||
		    !lb_deadmem_copy(mem, offset + address, &head, sizeof(head)))
			return 0;
		if (lb_percpu_note(mem, offset + address, &regs, &pid))
			count++;
		else if (memcmp(&head, &empty, sizeof(head)) != 0)
			return 0;
	}
	return count;
}

// The per-CPU address from `start` on at which the CPU with this offset has a note,
// and the most others; 0: none. What is allocated follows what is static.
static uint64_t find_notes_in_unit(struct lb_deadmem *mem, const struct lb_deadkernel *kernel,
				   uint64_t offset, uint64_t start)
{
	const uint64_t bytes = unit_bytes(mem, kernel, offset);
	uint64_t best_address = 0;
	uint32_t best = 0;

	for (uint64_t at = 0; at < bytes; at += NOTE_ALIGN) {
		struct note_head head;
		uint32_t count;

		if (!lb_deadmem_copy(mem, offset + start + at, &head, sizeof(head)))
			break;
		if (!is_note_head(&head))
			continue;
		count = count_notes(mem, kernel, start + at);
		if (count > best) {
			best = count;
			best_address = start + at;
		}
	}
	return best_address;
}

// The panicking CPU leaves no note on the way to the firmware, so look at the others.
static void find_notes(struct lb_deadmem *mem, const struct self *self, struct lb_deadkernel *kernel)
{
	uint32_t units_left = UNITS_SEARCHED;

	for (uint32_t cpu = 0; cpu < kernel->cpu_count && units_left && !kernel->crash_notes; cpu++) {
		uint64_t offset, start;

		if (cpu == kernel->this_cpu || !cpu_offset(mem, kernel, cpu, &offset) ||
		    !self_address(mem, self, offset, &start))
			continue;
		units_left--;
		kernel->crash_notes = find_notes_in_unit(mem, kernel, offset, lb_align_down(start, LB_PAGE));
	}
}

// Without symbols; per-CPU addresses begin at 0 or in the image.
static bool find_by_pattern(struct lb_deadmem *mem, uint64_t gs_base, struct lb_deadkernel *kernel)
{
	struct self self;

	if (gs_base == 0 || !lb_aligned(gs_base, LB_PAGE))
		return false;
	self = find_self(mem, gs_base, 0, UNIT_MAX);
	if (!find_array(mem, gs_base, &self, kernel)) {
		self = find_self(mem, gs_base, kernel->text_virt, kernel->image_bytes);
		if (!find_array(mem, gs_base, &self, kernel))
			return false;
	}
	find_notes(mem, &self, kernel);
	return true;
}

void lb_percpu_find(struct lb_deadmem *mem, uint64_t gs_base, struct lb_deadkernel *kernel)
{
	struct lb_deadkernel found = *kernel;

	found.has_cpus = (kernel->has_vmcoreinfo && find_by_kallsyms(mem, gs_base, &found)) ||
			 find_by_pattern(mem, gs_base, &found);
	if (found.has_cpus)
		*kernel = found;
}

void lb_percpu_find_by(struct lb_symbols *symbols, uint64_t gs_base, struct lb_deadkernel *kernel)
{
	struct lb_deadkernel found = *kernel;

	found.has_cpus =
		find_by_symbols(symbols, gs_base, &found) || find_by_pattern(symbols->mem, gs_base, &found);
	if (found.has_cpus)
		*kernel = found;
}
