// SPDX-License-Identifier: BSD-2-Clause
// crash/bare/pci_config.c, over a mapping function and two ports that are arrays.
#define _GNU_SOURCE // REG_RIP
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "lifeboat/ports.h"
#include "unit.h"

static void fake_out8(uint16_t port, uint8_t value);
static void fake_out32(uint16_t port, uint32_t value);
static uint32_t fake_in32(uint16_t port);

#define cpu_out8 fake_out8
#define cpu_out32 fake_out32
#define cpu_in32 fake_in32
#include "crash/bare/pci_config.c"

#define ECAM_PHYS 0xb0000000ULL // of bus 0, even if the window begins at a later bus
#define OTHER_PHYS 0x8000000000ULL // above 4 GiB

// What the fake mapping and the fake ports have seen.
static struct {
	uint32_t page[LB_PCI_SPACE_ECAM / 4];
	uint64_t mapped; // the last page that was mapped; 0: none
	bool refuses;
	uint32_t address; // content of the address port
	uint8_t ports[LB_PCI_SPACE_PORTS]; // the configuration space behind the ports
	unsigned int port_accesses;
} fake;

static volatile void *map(void *ctx, uint64_t phys)
{
	assert_ptr_equal(ctx, &fake);
	fake.mapped = phys;
	return fake.refuses ? NULL : fake.page;
}

// Returns the register that the data port shows.
static uint8_t *behind(uint16_t port)
{
	uint32_t reg = fake.address & 0xfc;

	assert_in_range(port, 0xcfc, 0xcff);
	assert_true(fake.address & 1U << 31);
	fake.port_accesses++;
	return fake.ports + reg + (port - 0xcfc);
}

static void fake_out8(uint16_t port, uint8_t value)
{
	*behind(port) = value;
}

static void fake_out32(uint16_t port, uint32_t value)
{
	if (port == 0xcf8)
		fake.address = value;
	else
		memcpy(behind(port), &value, sizeof(value));
}

static uint32_t fake_in32(uint16_t port)
{
	uint32_t value;

	memcpy(&value, behind(port), sizeof(value));
	return value;
}

static const struct lb_ecam ecams[] = {
	{.phys = ECAM_PHYS, .segment = 0, .bus_first = 0x10, .bus_last = 0x3f},
	{.phys = OTHER_PHYS, .segment = 7, .bus_first = 0, .bus_last = 0xff},
};
static const struct lb_pci_config with_ecam = {ecams, 2, map, &fake};
static const struct lb_pci_config without_ecam = {NULL, 0, map, &fake};

static int forget(void **state)
{
	(void)state;
	memset(&fake, 0, sizeof(fake));
	return 0;
}

static struct lb_pci_address at(uint16_t segment, uint8_t bus, uint8_t device, uint8_t function)
{
	return (struct lb_pci_address){
		.segment = segment, .bus = bus, .device = device, .function = function};
}

static void check_ecam(struct lb_pci_address address, uint64_t phys)
{
	struct lb_pci_space space = lb_pci_select(&with_ecam, address);

	assert_int_equal(fake.mapped, phys);
	assert_ptr_equal(space.ecam, fake.page);
	assert_int_equal(space.bytes, 4096);
}

static void test_page_of_a_function(void **state)
{
	(void)state;
	check_ecam(at(0, 0x10, 0, 0), ECAM_PHYS + 0x1000000); // buses are counted from 0
	check_ecam(at(0, 0x3f, 31, 7), ECAM_PHYS + 0x3fff000);
	check_ecam(at(0, 0x20, 1, 0), ECAM_PHYS + 0x2008000);
	check_ecam(at(0, 0x20, 0, 1), ECAM_PHYS + 0x2001000);
	check_ecam(at(7, 0xff, 2, 3), OTHER_PHYS + 0xff13000);
	assert_int_equal(fake.port_accesses, 0);
}

static void test_registers_in_memory(void **state)
{
	const struct lb_pci_space space = lb_pci_select(&with_ecam, at(0, 0x10, 3, 0));

	(void)state;
	fake.page[0] = 0x12348086;
	fake.page[0xffc / 4] = 0xcafe;
	assert_int_equal(lb_pci_read(&space, 0), 0x12348086);
	assert_int_equal(lb_pci_read(&space, 0xffc), 0xcafe);
	lb_pci_write(&space, 0x100, 0x11223344);
	assert_int_equal(fake.page[0x100 / 4], 0x11223344);
	lb_pci_write8(&space, 0x102, 0xaa);
	assert_int_equal(fake.page[0x100 / 4], 0x11aa3344);
	assert_int_equal(fake.port_accesses, 0);
}

static void test_registers_by_ports(void **state)
{
	const struct lb_pci_space space = lb_pci_select(&without_ecam, at(0, 0xab, 0x15, 6));

	(void)state;
	assert_null(space.ecam);
	assert_int_equal(space.bytes, 256);
	lb_pci_write(&space, 0xfc, 0x11223344);
	assert_int_equal(fake.address, 0x80abaefc);
	assert_int_equal(lb_pci_read(&space, 0xfc), 0x11223344);
	lb_pci_write8(&space, 0xfe, 0xaa);
	assert_int_equal(fake.address, 0x80abaefc);
	assert_int_equal(lb_pci_read(&space, 0xfc), 0x11aa3344);
	assert_int_equal(fake.port_accesses, 4);
	assert_int_equal(fake.mapped, 0);
}

static void check_ports(const struct lb_pci_config *config, struct lb_pci_address address)
{
	struct lb_pci_space space = lb_pci_select(config, address);

	assert_null(space.ecam);
	assert_int_equal(space.bytes, 256);
	assert_int_equal(space.address, 0x80000000U | (uint32_t)address.bus << 16);
}

static void test_where_ecam_ends_ports_go_on(void **state)
{
	(void)state;
	check_ports(&with_ecam, at(0, 0x0f, 0, 0));
	check_ports(&with_ecam, at(0, 0x40, 0, 0));
	assert_int_equal(fake.mapped, 0);
	fake.refuses = true; // the mapping has no memory for page tables
	check_ports(&with_ecam, at(0, 0x20, 0, 0));
	assert_int_equal(fake.mapped, ECAM_PHYS + 0x2000000);
}

// Reads give all ones, and writes do nothing.
static void check_nothing(const struct lb_pci_space *space, uint32_t reg)
{
	lb_pci_write(space, reg, 0);
	lb_pci_write8(space, reg, 0);
	assert_int_equal(lb_pci_read(space, reg), UINT32_MAX);
	assert_int_equal(fake.port_accesses, 0);
	assert_int_equal(fake.address, 0);
}

static void test_ports_reach_segment_0_only(void **state)
{
	struct lb_pci_space space = lb_pci_select(&without_ecam, at(7, 0, 0, 0));

	(void)state;
	check_nothing(&space, 0);
	fake.refuses = true;
	space = lb_pci_select(&with_ecam, at(7, 0, 0, 0));
	check_nothing(&space, 0);
	space = lb_pci_select(&with_ecam, at(1, 0x20, 0, 0));
	check_nothing(&space, 0);
}

static void test_what_lies_beyond(void **state)
{
	struct lb_pci_space space = lb_pci_select(&without_ecam, at(0, 0, 0, 0));

	(void)state;
	check_nothing(&space, 0x100);
	space = lb_pci_select(&with_ecam, at(0, 0x10, 0, 0));
	check_nothing(&space, 0x1000);
}

static sigjmp_buf after_fault;
static uint8_t instruction[8]; // the instruction that faulted

static void on_fault(int signal, siginfo_t *info, void *context)
{
	const ucontext_t *machine = context;

	(void)signal;
	(void)info;
	memcpy(instruction, (const void *)machine->uc_mcontext.gregs[REG_RIP], sizeof(instruction));
	siglongjmp(after_fault, 1);
}

enum access { READ32, WRITE32, WRITE8 };

static void access_space(const struct lb_pci_space *space, enum access access)
{
	if (access == READ32)
		lb_pci_read(space, 0x40);
	else if (access == WRITE32)
		lb_pci_write(space, 0x40, 0x11223344);
	else
		lb_pci_write8(space, 0x41, 0x55);
}

// Makes the access fault, and keeps the instruction in `instruction`.
static void fault_by(const struct lb_pci_space *space, enum access access)
{
	if (sigsetjmp(after_fault, 1))
		return;
	access_space(space, access);
	fail_msg("access %d did not fault", access);
}

// AMD's rule: the access is a MOV from or to EAX or AL. The opcode is 8Bh, 89h or 88h; REX.R before it and
// bits 5:3 of the byte behind it are zero (APM 3, 1.2 and 1.4).
static void test_the_instruction(void **state)
{
	static const uint8_t opcodes[] = {[READ32] = 0x8b, [WRITE32] = 0x89, [WRITE8] = 0x88};
	const struct sigaction take = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER};
	void *page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const struct lb_pci_space space = {.ecam = page, .bytes = LB_PCI_SPACE_ECAM};
	struct sigaction before;

	(void)state;
	assert_true(page != MAP_FAILED);
	assert_int_equal(sigaction(SIGSEGV, &take, &before), 0);
	for (enum access access = READ32; access <= WRITE8; access++) {
		fault_by(&space, access);
		const bool rex = instruction[0] >> 4 == 4;

		assert_false(rex && instruction[0] & 4);
		assert_int_equal(instruction[rex], opcodes[access]);
		assert_int_equal(instruction[rex + 1] >> 3 & 7, 0);
	}
	assert_int_equal(sigaction(SIGSEGV, &before, NULL), 0);
	munmap(page, 4096);
}

#define TEST(name) cmocka_unit_test_setup(name, forget)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_page_of_a_function),
		TEST(test_registers_in_memory),
		TEST(test_registers_by_ports),
		TEST(test_where_ecam_ends_ports_go_on),
		TEST(test_ports_reach_segment_0_only),
		TEST(test_what_lies_beyond),
		TEST(test_the_instruction),
	};

	return cmocka_run_group_tests_name("pci_config", tests, NULL, NULL);
}
