// SPDX-License-Identifier: BSD-2-Clause
#include "tools/report/kernel.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "crash/dead/deadkernel.h"
#include "crash/dead/percpu.h"

#define PHYS_BITS 52 // the most that x86-64 has
#define PANIC_CPU_NONE (-1)

// The kernel's own page tables: the dump does not say which ones the CPU used.
static bool find_tables(struct lb_deadspace *space)
{
	uint64_t swapper, phys_base, la57 = 0;

	if (!lb_vmcoreinfo_number(&space->vmcoreinfo, "SYMBOL(swapper_pg_dir)=", 16, &swapper) ||
	    !lb_vmcoreinfo_number(&space->vmcoreinfo, "NUMBER(phys_base)=", 10, &phys_base))
		return false;
	space->cr3 = swapper - LB_KERNEL_MAP + phys_base;
	space->la57 =
		lb_vmcoreinfo_number(&space->vmcoreinfo, "NUMBER(pgtable_l5_enabled)=", 10, &la57) && la57;
	return true;
}

// One more line on what the dump lacks.
__attribute__((format(printf, 2, 3))) static void tell(struct kernel *kernel, const char *format, ...)
{
	const size_t at = strlen(kernel->lifeboat);
	va_list args;

	va_start(args, format);
	vsnprintf(kernel->lifeboat + at, sizeof(kernel->lifeboat) - at, format, args);
	va_end(args);
}

static void complete_vmcoreinfo(struct kernel *kernel)
{
	struct lb_vmcoreinfo_made made;
	struct lb_error err;

	if (lb_vmcoreinfo_is_whole(&kernel->dead.space.vmcoreinfo))
		return;
	if (lb_vmcoreinfo_make(&kernel->dead, &kernel->work, kernel->made, &made, &err) != 0) {
		tell(kernel, "no VMCOREINFO in the dump, nor to be made: %s\n", err.text);
		return;
	}
	kernel->dead.space.vmcoreinfo = (struct lb_vmcoreinfo){.text = kernel->made, .bytes = made.bytes};
	tell(kernel, "VMCOREINFO: made from kallsyms and BTF, %u keys%s%s\n", made.keys,
	     made.why[0] ? ", without " : "", made.why);
}

// Finds the CPU that panicked, and all that there are. panic_cpu is -1 (PANIC_CPU_INVALID) in a kernel that
// did not panic.
static uint32_t find_cpus(struct kernel *kernel)
{
	static const char *const asked[] = {"panic_cpu", "__per_cpu_offset", "crash_notes", NULL};
	struct lb_symbol_wanted wanted[] = {{.name = asked[0]}, {.name = asked[1]}};
	struct lb_symbols_known *known = &kernel->work.known;
	struct lb_deadmem *mem = &kernel->work.mem;
	uint64_t offset;
	int32_t cpu;

	memset(known, 0, sizeof(*known));
	lb_symbols_will_ask(known, asked);
	if (lb_symbols_open(&kernel->work.symbols, mem, &kernel->dead, known, NULL) != 0)
		return LB_REPORT_NO_CPU;
	lb_symbols_find(&kernel->work.symbols, wanted, 2);
	if (!wanted[0].address || !lb_deadmem_copy(mem, wanted[0].address, &cpu, sizeof(cpu)) ||
	    cpu == PANIC_CPU_NONE)
		return LB_REPORT_NO_CPU;
	if (wanted[1].address && lb_deadmem_u64(mem, wanted[1].address + 8ULL * (uint32_t)cpu, &offset))
		lb_percpu_find_by(&kernel->work.symbols, offset, &kernel->dead);
	return (uint32_t)cpu;
}

void kernel_find(const struct dumpfile *dump, struct kernel *kernel, struct lb_report_source *ret_source)
{
	struct lb_deadspace space = {.mem = &dump->mem, .phys_bits = PHYS_BITS};
	uint32_t cpu = LB_REPORT_NO_CPU;

	memset(kernel, 0, sizeof(*kernel));
	if (dump->lacks.text[0])
		tell(kernel, "%s\n", dump->lacks.text);
	space.vmcoreinfo =
		(struct lb_vmcoreinfo){.text = dump->vmcoreinfo, .bytes = (uint32_t)strlen(dump->vmcoreinfo)};
	kernel->dead.space = space;
	if (find_tables(&space)) {
		lb_deadkernel_open(&space, &kernel->dead);
		complete_vmcoreinfo(kernel);
		lb_deadmem_open(&kernel->work.mem, &kernel->dead.space);
		cpu = find_cpus(kernel);
	}
	if (cpu == LB_REPORT_NO_CPU && dump->cpus == 1)
		cpu = 0;
	*ret_source = (struct lb_report_source){
		.kernel = &kernel->dead,
		.cpu = cpu,
		.lifeboat = kernel->lifeboat[0] ? kernel->lifeboat : NULL,
	};
	// The report looks for a note in the CPU's own area, where the kernel put it, if no note is known to
	// be that CPU's.
	if (cpu != LB_REPORT_NO_CPU &&
	    dumpfile_registers(dump, cpu, kernel->dead.has_cpus ? kernel->dead.cpu_count : 0,
			       &kernel->registers))
		ret_source->registers = &kernel->registers;
}
