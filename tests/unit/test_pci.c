// SPDX-License-Identifier: BSD-2-Clause
// purgatory/pci.c over configuration space in an array: status bits that a 1 clears, functions that are
// absent, lists of capabilities with wrong pointers.
#include <stdlib.h>
#include <string.h>

#include "purgatory/pci.c"
#include "unit.h"

#define MAX_FUNCTIONS 16
// The most accesses to one function: those to its header, and to lists of bounded length.
#define MOST_ACCESSES 600
#define SEGMENT 3

#define ID 0x12345678
#define COMMAND LB_PCI_COMMAND
#define CLASS LB_PCI_CLASS
#define HEADER LB_PCI_HEADER
#define CAPABILITIES LB_PCI_CAPABILITIES
#define MASTER 0x0004U
#define NO_INTX 0x0400U
#define HAS_CAPABILITIES (1U << 20)

struct function {
	unsigned int bus, device, function;
	uint32_t registers[LB_PCI_SPACE_ECAM / 4];
	uint32_t written[LB_PCI_SPACE_ECAM / 4]; // number of writes
	uint32_t when[LB_PCI_SPACE_ECAM / 4]; // number of the last write, counted over all registers
};

struct machine {
	struct function functions[MAX_FUNCTIONS];
	size_t count;
	struct function *current; // the selected function; NULL: nothing answers
	unsigned int selects, accesses, most_accesses, writes;
	uint32_t bytes; // size of configuration space
	struct lb_pci_config config;
};

static struct machine *selected; // the machine of the last lb_pci_select()

struct lb_pci_space lb_pci_select(const struct lb_pci_config *config, struct lb_pci_address at)
{
	struct machine *machine = config->ctx;

	selected = machine;
	assert_int_equal(at.segment, SEGMENT);
	machine->current = NULL;
	machine->selects++;
	machine->accesses = 0;
	for (size_t i = 0; i < machine->count; i++) {
		struct function *one = &machine->functions[i];

		if (one->bus == at.bus && one->device == at.device && one->function == at.function)
			machine->current = one;
	}
	return (struct lb_pci_space){.bytes = machine->bytes};
}

static void count_access(const struct lb_pci_space *space, uint32_t reg)
{
	assert_int_equal(reg % 4, 0);
	assert_in_range(reg, 0, space->bytes - 4);
	if (++selected->accesses > selected->most_accesses)
		selected->most_accesses = selected->accesses;
}

uint32_t lb_pci_read(const struct lb_pci_space *space, uint32_t reg)
{
	count_access(space, reg);
	return selected->current ? selected->current->registers[reg / 4] : UINT32_MAX;
}

void lb_pci_write(const struct lb_pci_space *space, uint32_t reg, uint32_t value)
{
	uint32_t *at;

	count_access(space, reg);
	assert_non_null(selected->current);
	selected->current->written[reg / 4]++;
	selected->current->when[reg / 4] = ++selected->writes;
	at = &selected->current->registers[reg / 4];
	if (reg == COMMAND) // the upper half is the status, where a 1 clears a bit
		value = (value & 0xffff) | (*at & 0xffff0000 & ~value);
	*at = value;
}

void lb_pci_write8(const struct lb_pci_space *space, uint32_t reg, uint8_t value)
{
	count_access(space, reg & ~3U);
	assert_non_null(selected->current);
	((uint8_t *)selected->current->registers)[reg] = value;
}

static int make_machine(void **state)
{
	struct machine *machine = calloc(1, sizeof(*machine));

	if (!machine)
		return -1;
	machine->bytes = LB_PCI_SPACE_ECAM;
	machine->config.ctx = machine;
	*state = machine;
	return 0;
}

static int drop_machine(void **state)
{
	free(*state);
	return 0;
}

// Adds a network card with memory and bus mastering on, and all bits of the status register set.
static struct function *add(struct machine *machine, unsigned int bus, unsigned int device,
			    unsigned int function)
{
	struct function *one = &machine->functions[machine->count++];

	assert_true(machine->count <= MAX_FUNCTIONS);
	one->bus = bus;
	one->device = device;
	one->function = function;
	one->registers[0] = ID;
	one->registers[COMMAND / 4] = 0xffe00000 | MASTER | 0x0002;
	one->registers[CLASS / 4] = 0x02000000;
	return one;
}

static void add_capability(struct function *one, uint32_t at, uint8_t id, uint8_t next, uint16_t control)
{
	one->registers[COMMAND / 4] |= HAS_CAPABILITIES;
	one->registers[at / 4] = (uint32_t)control << 16 | (uint32_t)next << 8 | id;
}

static struct lb_pci_count quiesce(struct machine *machine, uint8_t first, uint8_t last)
{
	struct lb_pci_count count = {0};

	lb_pci_quiesce(&machine->config, SEGMENT, first, last, &count);
	assert_in_range(machine->most_accesses, 0, MOST_ACCESSES);
	return count;
}

static uint32_t command(const struct function *one)
{
	return one->registers[COMMAND / 4] & 0xffff;
}

static void test_mastering_and_intx(void **state)
{
	struct machine *machine = *state;
	struct function *one = add(machine, 0, 3, 0);
	struct lb_pci_count count = quiesce(machine, 0, 0);

	assert_int_equal(command(one), 0x0002 | NO_INTX);
	assert_int_equal(one->registers[COMMAND / 4] >> 16, 0xffe0); // no status bit was cleared
	assert_int_equal(count.functions, 1);
	assert_int_equal(count.masters, 1);
	assert_int_equal(count.msi, 0);
}

static void test_watchdogs(void **state)
{
	struct machine *machine = *state;
	struct function *esb = add(machine, 3, 1, 0);
	struct function *lpc = add(machine, 0, 31, 0), *unknown = add(machine, 0, 30, 0);
	struct lb_pci_count count;

	esb->registers[0] = 0x25ab8086;
	esb->registers[0x68 / 4] = 0xaabbcc02;
	lpc->registers[0] = 0x29188086;
	unknown->registers[0] = 0xa1488086; // a chipset that has its TCO timer elsewhere
	lpc->registers[CLASS / 4] = unknown->registers[CLASS / 4] = 0x06010000;
	lpc->registers[0x40 / 4] = 0x601;
	unknown->registers[0x40 / 4] = 0x1801;
	count = quiesce(machine, 0, 255);
	assert_int_equal(esb->registers[0x68 / 4], 0xaabbcc00);
	assert_int_equal(count.tco, 0x660);

	lpc->registers[0x40 / 4] = 0x1; // the bridge's TCO address was never set
	assert_int_equal(quiesce(machine, 0, 255).tco, 0);
}

static void test_msi_and_msix(void **state)
{
	struct machine *machine = *state;
	struct function *msi = add(machine, 0, 3, 0), *msix = add(machine, 5, 4, 0);
	struct function *both = add(machine, 255, 31, 0), *off = add(machine, 0, 6, 0);
	struct lb_pci_count count;

	msi->registers[CAPABILITIES / 4] = 0x40;
	add_capability(msi, 0x40, 0x01, 0x50, 0xffff); // power management, which is left alone
	add_capability(msi, 0x50, 0x05, 0x00, 0x01b5);
	msix->registers[CAPABILITIES / 4] = 0xfc;
	add_capability(msix, 0xfc, 0x11, 0x00, 0xc003);
	both->registers[CAPABILITIES / 4] = 0x43; // the two low bits are reserved
	add_capability(both, 0x40, 0x11, 0x52, 0x8001);
	add_capability(both, 0x50, 0x05, 0x00, 0x0001);
	off->registers[CAPABILITIES / 4] = 0x40;
	add_capability(off, 0x40, 0x05, 0x00, 0x01b4);
	count = quiesce(machine, 0, 255);

	assert_int_equal(msi->registers[0x40 / 4], 0xffff5001);
	assert_int_equal(msi->registers[0x50 / 4], 0x01b40005);
	assert_int_equal(msix->registers[0xfc / 4], 0x40030011);
	assert_int_equal(both->registers[0x40 / 4], 0x00015211);
	assert_int_equal(both->registers[0x50 / 4], 0x00000005);
	assert_int_equal(off->written[0x40 / 4], 0);
	assert_int_equal(count.functions, 4);
	assert_int_equal(count.msi, 3);
}

// Without the status bit for capabilities, bytes that look like a list are ignored.
static void test_no_capabilities(void **state)
{
	struct machine *machine = *state;
	struct function *one = add(machine, 0, 0, 0);

	one->registers[CAPABILITIES / 4] = 0x40;
	one->registers[0x40 / 4] = 0x00010005;
	one->registers[COMMAND / 4] = MASTER;
	assert_int_equal(quiesce(machine, 0, 0).msi, 0);
	assert_int_equal(one->registers[0x40 / 4], 0x00010005);
}

static void test_hostile_lists(void **state)
{
	struct machine *machine = *state;
	struct function *loop = add(machine, 0, 0, 0), *header = add(machine, 0, 1, 0);
	struct function *ones = add(machine, 0, 2, 0), *full = add(machine, 0, 3, 0);
	struct function *extended = add(machine, 0, 4, 0), *low = add(machine, 0, 5, 0);
	struct function *ats = add(machine, 0, 6, 0);

	loop->registers[CAPABILITIES / 4] = 0x60;
	add_capability(loop, 0x60, 0x05, 0x60, 0x0001);
	header->registers[CAPABILITIES / 4] = 0x04; // points to the command register
	header->registers[COMMAND / 4] = HAS_CAPABILITIES | 0x0005; // whose content looks like MSI
	memset(ones->registers + 0x40 / 4, 0xff, LB_PCI_SPACE_ECAM - 0x40);
	ones->registers[CAPABILITIES / 4] = 0x40;
	ones->registers[COMMAND / 4] |= HAS_CAPABILITIES;
	// A list of the greatest length, which leads back to its beginning.
	for (uint32_t at = 0x40; at < 0x100; at += 4)
		add_capability(full, at, 0x05, at == 0xfc ? 0x40 : (uint8_t)(at + 4), 0x0001);
	full->registers[CAPABILITIES / 4] = 0x40;
	extended->registers[0x100 / 4] = 0x10000003 | 0xffcU << 20;
	// SR-IOV at the end, where its registers do not fit.
	extended->registers[0xffc / 4] = 0x00010010 | 0x100U << 20;
	ats->registers[0x100 / 4] = 0x10000003 | 0xffcU << 20;
	ats->registers[0xffc / 4] = 0x0001000f; // ATS at the end, where its registers do not fit
	low->registers[0x100 / 4] = 0x00010003 | 0x040U << 20; // points back into the first 256 bytes

	assert_int_equal(quiesce(machine, 0, 0).functions, 7);
	assert_int_equal(loop->registers[0x60 / 4], 0x00006005);
	assert_int_equal(command(header), 0x0001 | NO_INTX);
	for (uint32_t at = 0x40; at < 0x100; at += 4)
		assert_int_equal(full->registers[at / 4] >> 16, 0);
	for (uint32_t at = 0x40; at < LB_PCI_SPACE_ECAM; at += 4)
		assert_int_equal(ones->written[at / 4], 0);
	assert_int_equal(command(ones), 0x0002 | NO_INTX);
	assert_int_equal(command(low), 0x0002 | NO_INTX);
}

static void test_extended_list_that_loops(void **state)
{
	struct machine *machine = *state;
	struct function *one = add(machine, 0, 0, 0);

	for (uint32_t at = 0x100; at < LB_PCI_SPACE_ECAM; at += 4)
		one->registers[at / 4] = 0x00010003 | (at + 4 == LB_PCI_SPACE_ECAM ? 0x100 : at + 4) << 20;
	assert_int_equal(quiesce(machine, 0, 0).functions, 1);
	// The walk has gone through the list, and ended.
	assert_in_range(machine->most_accesses, 480, MOST_ACCESSES);
	assert_int_equal(command(one), 0x0002 | NO_INTX);
}

static void test_virtual_functions(void **state)
{
	struct machine *machine = *state;
	struct function *on = add(machine, 0, 0, 0), *off = add(machine, 0, 1, 0);

	for (size_t i = 0; i < machine->count; i++) {
		machine->functions[i].registers[0x100 / 4] = 0x00010003 | 0x140U << 20;
		machine->functions[i].registers[0x140 / 4] = 0x00010010;
	}
	on->registers[0x148 / 4] = 0x0001001b; // migration, ARI and enable bits are set, and so is the status
	off->registers[0x148 / 4] = 0x00010012;
	quiesce(machine, 0, 0);
	assert_int_equal(on->registers[0x148 / 4], 0x00000012);
	assert_int_equal(off->written[0x148 / 4], 0);

	// Through ports there is no extended configuration space.
	machine->bytes = LB_PCI_SPACE_PORTS;
	on->registers[0x148 / 4] = 0x0001001b;
	quiesce(machine, 0, 0);
	assert_int_equal(on->registers[0x148 / 4], 0x0001001b);
}

// Adds ATS, PASID and PRI with all their switches on. A 1 clears PRI's status bits; ATS has no status.
static void add_translation(struct function *one)
{
	one->registers[0x100 / 4] = 0x0001001b | 0x110U << 20; // PASID, before ATS in the list
	one->registers[0x104 / 4] = 0x00071406;
	one->registers[0x110 / 4] = 0x00010013 | 0x130U << 20; // PRI
	one->registers[0x114 / 4] = 0x81030001;
	one->registers[0x130 / 4] = 0x0001000f; // ATS
	one->registers[0x134 / 4] = 0x801f0060;
}

static void test_translation(void **state)
{
	struct machine *machine = *state;
	struct function *on = add(machine, 0, 0, 0), *off = add(machine, 0, 1, 0),
			*iommu = add(machine, 0, 2, 0);

	add_translation(on);
	add_translation(off);
	add_translation(iommu);
	off->registers[0x104 / 4] &= 0xffff;
	off->registers[0x114 / 4] &= ~1U;
	off->registers[0x134 / 4] &= ~(1U << 31);
	iommu->registers[CLASS / 4] = 0x08060000;
	quiesce(machine, 0, 0);
	assert_int_equal(on->registers[0x104 / 4], 0x00001406);
	assert_int_equal(on->registers[0x114 / 4], 0); // zeroes were written to the status bits
	assert_int_equal(on->registers[0x134 / 4], 0x001f0060);
	// Bus mastering is switched off first, then ATS, and PASID last.
	assert_true(on->when[COMMAND / 4] < on->when[0x134 / 4]);
	assert_true(on->when[0x134 / 4] < on->when[0x104 / 4]);
	assert_int_equal(off->written[0x104 / 4] | off->written[0x114 / 4] | off->written[0x134 / 4], 0);
	assert_int_equal(iommu->written[0x104 / 4] | iommu->written[0x134 / 4], 0);
	machine->bytes = LB_PCI_SPACE_PORTS; // through ports there is no extended space
	add_translation(on);
	quiesce(machine, 0, 0);
	assert_int_equal(on->registers[0x134 / 4], 0x801f0060);
}

static void test_what_keeps_mastering(void **state)
{
	struct machine *machine = *state;
	struct function *bridge = add(machine, 0, 0, 0), *host = add(machine, 0, 1, 0),
			*lpc = add(machine, 0, 2, 0);
	struct function *ioapic = add(machine, 0, 3, 0), *dma = add(machine, 0, 4, 0),
			*cardbus = add(machine, 0, 5, 0);
	struct lb_pci_count count;

	bridge->registers[CLASS / 4] = 0x06040000;
	bridge->registers[HEADER / 4] = 0x00010000;
	bridge->registers[CAPABILITIES / 4] = 0x80;
	add_capability(bridge, 0x80, 0x05, 0, 0x0001); // hot-plug and power management events
	host->registers[CLASS / 4] = 0x06000000;
	lpc->registers[CLASS / 4] = 0x06010000;
	ioapic->registers[CLASS / 4] = 0x08002000;
	dma->registers[CLASS / 4] = 0x08010000;
	cardbus->registers[CLASS / 4] = 0x06070000;
	cardbus->registers[HEADER / 4] = 0x00020000;
	cardbus->registers[0x14 / 4] = 0xa0;
	add_capability(cardbus, 0xa0, 0x11, 0, 0x8000);
	count = quiesce(machine, 0, 0);

	assert_int_equal(command(bridge), 0x0002 | MASTER | NO_INTX);
	assert_int_equal(bridge->registers[0x80 / 4], 0x00000005);
	assert_int_equal(command(host), 0x0002 | MASTER | NO_INTX);
	assert_int_equal(command(lpc), 0x0002 | MASTER | NO_INTX);
	assert_int_equal(command(ioapic), 0x0002 | MASTER | NO_INTX);
	assert_int_equal(command(dma), 0x0002 | NO_INTX);
	assert_int_equal(command(cardbus), 0x0002 | MASTER | NO_INTX);
	assert_int_equal(cardbus->registers[0xa0 / 4], 0x00000011);
	assert_int_equal(count.functions, 6);
	assert_int_equal(count.masters, 1);
	assert_int_equal(count.msi, 2);
}

static void test_iommu_is_left_alone(void **state)
{
	struct machine *machine = *state;
	struct function *iommu = add(machine, 0, 0, 2), *before;

	machine->functions[0].registers[CLASS / 4] = 0x08060000;
	iommu->registers[CAPABILITIES / 4] = 0x40;
	add_capability(iommu, 0x40, 0x05, 0, 0x0001);
	add(machine, 0, 0, 0)->registers[HEADER / 4] = 0x00800000;
	before = malloc(sizeof(*before));
	assert_non_null(before);
	*before = *iommu;
	assert_int_equal(quiesce(machine, 0, 0).functions, 2);
	assert_memory_equal(iommu, before, sizeof(*before));
	free(before);
}

// Functions 1 to 7 are asked only if function 0 says that there are several. On other devices function 0 may
// answer for them.
static void test_which_functions_are_asked(void **state)
{
	struct machine *machine = *state;
	struct function *single = add(machine, 0, 1, 0), *ghost = add(machine, 0, 1, 3);
	struct function *multi = add(machine, 0, 2, 0), *seventh = add(machine, 0, 2, 7);
	struct function *orphan = add(machine, 0, 3, 5);

	multi->registers[HEADER / 4] = 0x00800000;
	seventh->registers[HEADER / 4] = 0x00800000;
	assert_int_equal(quiesce(machine, 0, 0).functions, 3);
	assert_int_equal(machine->selects, 32 + 7);
	assert_int_equal(command(single), 0x0002 | NO_INTX);
	assert_int_equal(command(seventh), 0x0002 | NO_INTX);
	assert_int_equal(command(ghost), 0x0002 | MASTER);
	assert_int_equal(command(orphan), 0x0002 | MASTER);
}

static void test_only_the_buses_asked_for(void **state)
{
	struct machine *machine = *state;
	struct function *before = add(machine, 0x3f, 0, 0), *first = add(machine, 0x40, 0, 0);
	struct function *last = add(machine, 0x41, 31, 0), *after = add(machine, 0x42, 0, 0);

	assert_int_equal(quiesce(machine, 0x40, 0x41).functions, 2);
	assert_int_equal(machine->selects, 2 * 32);
	assert_int_equal(command(before), 0x0002 | MASTER);
	assert_int_equal(command(first), 0x0002 | NO_INTX);
	assert_int_equal(command(last), 0x0002 | NO_INTX);
	assert_int_equal(command(after), 0x0002 | MASTER);
}

static void test_nothing_there(void **state)
{
	struct machine *machine = *state;

	add(machine, 0, 0, 0)->registers[0] = 0xffff0001; // the function is still in its reset
	assert_int_equal(quiesce(machine, 0, 255).functions, 0);
	assert_int_equal(machine->selects, 256 * 32);
	assert_int_equal(machine->most_accesses, 1);
	assert_int_equal(machine->functions[0].written[COMMAND / 4], 0);
}

// The buses behind the ports are scanned unless MCFG has all of segment 0 from bus 0 on.
static void test_segments(void **state)
{
	static const struct lb_ecam ecam[] = {
		{.segment = 1, .bus_first = 0, .bus_last = 255},
		{.segment = 0, .bus_first = 0x40, .bus_last = 0x7f},
		{.segment = 0, .bus_first = 0, .bus_last = 0x3f},
	};

	(void)state;
	assert_true(lb_pci_wants_ports(ecam, 0));
	assert_true(lb_pci_wants_ports(ecam, 1));
	assert_true(lb_pci_wants_ports(ecam, 2));
	assert_false(lb_pci_wants_ports(ecam, 3));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_machine, drop_machine)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_mastering_and_intx),
		TEST(test_watchdogs),
		TEST(test_msi_and_msix),
		TEST(test_no_capabilities),
		TEST(test_hostile_lists),
		TEST(test_extended_list_that_loops),
		TEST(test_virtual_functions),
		TEST(test_translation),
		TEST(test_what_keeps_mastering),
		TEST(test_iommu_is_left_alone),
		TEST(test_which_functions_are_asked),
		TEST(test_only_the_buses_asked_for),
		TEST(test_nothing_there),
		cmocka_unit_test(test_segments),
	};

	return cmocka_run_group_tests_name("pci", tests, NULL, NULL);
}
