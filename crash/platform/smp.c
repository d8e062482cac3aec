// SPDX-License-Identifier: BSD-2-Clause
#include "crash/platform/smp.h"

#include "crash/bare/bare.h"
#include "crash/plan/capturesize.h"
#include "crash/platform/platform.h"
#include "crash/platform/smp_trampoline.h"
#include "lib/cpu.h"
#include "lib/cpu_trace.h"
#include "lib/descriptor_tables.h"
#include "lib/mem.h"
#include "lifeboat/trampoline.h"

#define STACK_BYTES (16 * LB_KIB)
#define IST_STACK_BYTES (4 * LB_KIB)

_Static_assert((sizeof(struct lb_smp_cpu) + LB_PAGE - 1) / LB_PAGE * LB_PAGE + STACK_BYTES +
			       LB_IST_COUNT * IST_STACK_BYTES <=
		       LB_CAPTURE_CPU,
	       "as planned");

#define LAPIC_ICR_LOW 0x300
#define LAPIC_ICR_HIGH 0x310
#define ICR_PENDING (1U << 12)
#define ICR_INIT 0x4500U // INIT, assert, edge
#define ICR_STARTUP 0x4600U // start-up, assert; the page's number is added
#define XAPIC_MAX_ID 254U

#define INIT_MS 10 // between INIT and start-up, as the specification demands
#define ANSWER_MS 100 // for the answer to each of two start-ups
#define DELIVERY_MS 10

// trampoline.asm
extern uint8_t lb_trampoline_start[], lb_trampoline_long[], lb_trampoline_end[];
extern uint8_t lb_smp_entry[];
void lb_smp_main(struct lb_smp_cpu *cpu);

static const struct lb_handoff *machine;
static void (*helper_run)(uint32_t cpu);

void lb_smp_open(const struct lb_handoff *handoff)
{
	machine = handoff;
}

// Runs on the started CPU. INIT does not end the dead kernel's tracing, so it is switched off here.
void lb_smp_main(struct lb_smp_cpu *cpu)
{
	lb_cpu_trace_off();
	__atomic_store_n(&cpu->alive, 1, __ATOMIC_RELEASE);
	helper_run(cpu->number);
}

bool lb_smp_lapic(struct lb_lapic *ret_lapic)
{
	static volatile uint32_t *mapped; // mapped once, for good
	uint64_t phys;

	if (!lb_lapic_find(&phys))
		return false;
	if (phys && !mapped)
		mapped = lb_device_map(phys, LB_PAGE);
	ret_lapic->mmio = phys ? mapped : NULL;
	return !phys || mapped;
}

static uint32_t own_id(const struct lb_lapic *lapic)
{
	uint32_t id = lb_lapic_read(lapic, X86_LAPIC_ID);

	return lapic->mmio ? id >> 24 : id;
}

static void send(const struct lb_lapic *lapic, uint32_t apic, uint32_t command)
{
	struct lb_deadline deadline = lb_deadline_in(DELIVERY_MS);

	if (!lapic->mmio) { // x2APIC: one write, no delivery status (SDM 3A 11.12.9)
		cpu_wrmsr(X86_MSR_X2APIC + LAPIC_ICR_LOW / 16, (uint64_t)apic << 32 | command);
		return;
	}
	lb_lapic_write(lapic, LAPIC_ICR_HIGH, apic << 24);
	lb_lapic_write(lapic, LAPIC_ICR_LOW, command);
	while (lb_lapic_read(lapic, LAPIC_ICR_LOW) & ICR_PENDING && !lb_deadline_passed(deadline))
		lb_pause();
}

static bool alive(const struct lb_smp_cpu *cpu)
{
	return __atomic_load_n(&cpu->alive, __ATOMIC_ACQUIRE);
}

// Each CPU has tables and stacks of its own, because two CPUs may fault at the same time.
static struct lb_smp_cpu *make_cpu(uint32_t number)
{
	uint64_t tops[LB_IST_COUNT];
	struct lb_smp_cpu *cpu = lb_heap_pages(sizeof(*cpu));
	uint8_t *stacks = lb_heap_pages(STACK_BYTES + LB_IST_COUNT * IST_STACK_BYTES);

	if (!cpu || !stacks)
		return NULL;
	for (unsigned int i = 0; i < LB_IST_COUNT; i++)
		tops[i] = (uint64_t)(uintptr_t)stacks + (i + 1) * IST_STACK_BYTES;
	lb_descriptor_tables_build(&cpu->tables, tops, lb_trap_stub, X86_VECTORS);
	cpu->stack = (uint64_t)(uintptr_t)stacks + LB_IST_COUNT * IST_STACK_BYTES + STACK_BYTES;
	cpu->fs_base = cpu_rdmsr(X86_MSR_FS_BASE);
	cpu->number = number;
	return cpu;
}

// Puts the trampoline's code, its data and a copy of the top-level page table into the two pages at `low`.
static struct lb_trampoline *lay_trampoline(uint64_t low)
{
	uint8_t *page = (uint8_t *)(uintptr_t)low;
	size_t code = (size_t)(lb_trampoline_end - lb_trampoline_start);
	struct lb_trampoline *trampoline = (struct lb_trampoline *)(page + code);
	uint64_t cr3 = cpu_cr3();

	memcpy(page, lb_trampoline_start, code);
	*trampoline = (struct lb_trampoline){
		.gdt = {0, 0, LB_GDT_CODE, LB_GDT_DATA},
		.gdt_limit = sizeof(trampoline->gdt) - 1,
		.gdt_base = (uint32_t)(low + code),
		.far_offset = (uint32_t)(low + (uint64_t)(lb_trampoline_long - lb_trampoline_start)),
		.far_selector = X86_SEL_CODE,
		.low_root = (uint32_t)(low + LB_PAGE),
		.cr4 = (uint32_t)cpu_cr4(),
		.cr0 = (uint32_t)cpu_cr0(),
		.efer = (uint32_t)(cpu_rdmsr(X86_MSR_EFER) & ~X86_EFER_LMA),
		.cr3 = cr3,
		.entry = (uint64_t)(uintptr_t)lb_smp_entry,
	};
	memcpy(page + LB_PAGE, (const void *)(uintptr_t)(cr3 & X86_PTE_ADDR), LB_PAGE);
	return trampoline;
}

static bool start(const struct lb_lapic *lapic, uint32_t apic, uint64_t low, struct lb_trampoline *trampoline,
		  struct lb_smp_cpu *cpu)
{
	__atomic_store_n(&trampoline->cpu, (uint64_t)(uintptr_t)cpu, __ATOMIC_SEQ_CST);
	send(lapic, apic, ICR_INIT);
	lb_wait_ms(INIT_MS);
	for (int i = 0; i < 2 && !alive(cpu); i++) {
		struct lb_deadline deadline = lb_deadline_in(ANSWER_MS);

		send(lapic, apic, ICR_STARTUP | (uint32_t)(low / LB_PAGE));
		while (!alive(cpu) && !lb_deadline_passed(deadline))
			lb_pause();
	}
	// A CPU that has taken `cpu` counts as started: it has a stack and number of its own, however late it
	// comes.
	return alive(cpu) || __atomic_exchange_n(&trampoline->cpu, 0, __ATOMIC_SEQ_CST) == 0;
}

uint32_t lb_smp_start(const struct lb_capture_config *capture, uint32_t wanted, void (*run)(uint32_t cpu))
{
	uint64_t low = lb_smp_trampoline_pages(machine->swap, machine->swap_count);
	struct lb_smp_cpu *cpu = NULL;
	struct lb_trampoline *trampoline;
	struct lb_lapic lapic;
	uint32_t started = 0;

	if (!wanted)
		return 0;
	if (!low || !lb_smp_lapic(&lapic)) {
		lb_say("warning: further CPUs cannot be started: no %s", low ? "local APIC" : "low memory");
		return 0;
	}
	helper_run = run;
	trampoline = lay_trampoline(low);
	for (uint32_t i = 0; i < capture->apic_count && i < LB_MAX_CAPTURE_CPUS && started < wanted; i++) {
		uint32_t apic = capture->apic[i];

		if (apic == capture->bsp_apic || apic == own_id(&lapic) ||
		    (lapic.mmio && apic > XAPIC_MAX_ID))
			continue;
		if (!cpu) // a CPU that did not answer can no longer take `cpu`: the next CPU gets it
			cpu = make_cpu(started + 1);
		if (!cpu) {
			lb_say("warning: no memory for a further CPU");
			break;
		}
		if (start(&lapic, apic, low, trampoline, cpu)) {
			started++;
			cpu = NULL;
		} else {
			lb_say("warning: the CPU with APIC id %u does not start", apic);
		}
	}
	return started;
}
