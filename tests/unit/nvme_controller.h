// SPDX-License-Identifier: BSD-2-Clause
// A controller in memory for tests/unit/test_nvme.c, which changes state while the driver waits. Includes the
// driver, with the machine's functions replaced.
#ifndef LIFEBOAT_TESTS_UNIT_NVME_CONTROLLER_H
#define LIFEBOAT_TESTS_UNIT_NVME_CONTROLLER_H

#include <string.h>

#include "capture_platform.h"
#include "crash/platform/pcidev.h"
#include "unit.h"

static volatile void *fake_device_map(uint64_t phys, uint64_t bytes);
static uint32_t fake_pcidev_read(struct lb_pci_address at, uint32_t reg);
static void fake_pcidev_enable(struct lb_pci_address at, bool master);
static bool fake_pcidev_function_reset(struct lb_pci_address at);
static int fake_pcidev_bar(struct lb_pci_address at, unsigned int index, uint64_t *ret_phys,
			   struct lb_error *err);
static char *fake_pcidev_name(struct lb_pci_address at, char *text);
static void controller_moves(void);

#define lb_device_map fake_device_map
#define lb_pcidev_read fake_pcidev_read
#define lb_pcidev_enable fake_pcidev_enable
#define lb_pcidev_function_reset fake_pcidev_function_reset
#define lb_pcidev_bar fake_pcidev_bar
#define lb_pcidev_name fake_pcidev_name
#define lb_pause controller_moves
#include "crash/disk/nvme.c"
#undef lb_pause

#define BAR_PHYS 0xfe000000ULL
#define REGISTERS_BYTES (0x1000 + 4 * (4U << 15)) // up to the doorbells of the largest stride
#define NSID 1
#define BLOCKS 0x200000
#define ADMIN_LOG 64

// The step that the controller does not do, or does otherwise.
enum stuck {
	NOTHING,
	READY_STUCK, // never becomes ready
	READY_SLOW, // becomes ready at slow_ms
	FATAL, // fails instead of becoming ready
	OFF_STUCK, // stays ready when told to stop
	OFF_WANTS_BUS, // stays ready until it has bus mastering
	OFF_WANTS_RESET, // stays ready until the function is reset
	ADMIN_STUCK, // does not answer admin commands
	ADMIN_DIES, // fails at the first command
	SHUTDOWN_STUCK
};

struct fake_queue {
	uint64_t sq, cq;
	uint32_t entries, sq_head, cq_tail, phase;
};

static _Alignas(64) uint8_t registers[REGISTERS_BYTES];
static uint32_t pci_id, pci_class;
static bool mastering;
static enum stuck stuck;
static uint64_t slow_ms;
static bool starting;
static uint32_t off_while_starting; // EN was cleared before RDY was set
static uint32_t function_resets;
static struct fake_queue admin, io;
static struct {
	uint8_t opcode;
	uint32_t nsid, dw10, dw11;
} said[ADMIN_LOG];
static uint32_t said_count;
static uint32_t admin_status[256]; // status field (DW3 31:17) for commands of this opcode
static bool answers_twice; // before each answer to an admin command comes another, to a command never given
static uint8_t controller_page[4096], namespace_page[4096];
static struct lb_target target;
static struct lb_disk disk;
static uint8_t data[1024 * 1024] __attribute__((aligned(4096)));

static volatile uint32_t *reg(uint32_t at)
{
	return (uint32_t *)(void *)(registers + at);
}

#define REG_CAP_LOW reg(0x00)
#define REG_CAP_HIGH reg(0x04)
#define REG_CC reg(0x14)
#define REG_CSTS reg(0x1c)
#define REG_AQA reg(0x24)
#define RDY 1U
#define CFS 2U

static uint64_t reg64(uint32_t at)
{
	return *reg(at) | (uint64_t)*reg(at + 4) << 32;
}

// NVMe 3.1.24 and 3.1.25: the tail of submission queue n, and the head of completion queue n.
static volatile uint32_t *doorbell(uint32_t queue, bool completions)
{
	uint32_t stride = 4U << (*REG_CAP_HIGH & 0xf);

	return reg(0x1000 + (2 * queue + completions) * stride);
}

static uint32_t dword(const uint8_t *at, uint32_t index)
{
	uint32_t value;

	memcpy(&value, at + 4 * index, sizeof(value));
	return value;
}

static uint64_t qword(const uint8_t *at, uint32_t offset)
{
	uint64_t value;

	memcpy(&value, at + offset, sizeof(value));
	return value;
}

static void put32(uint8_t *at, uint32_t value)
{
	memcpy(at, &value, sizeof(value));
}

static volatile void *fake_device_map(uint64_t phys, uint64_t bytes)
{
	assert_true(phys == BAR_PHYS && bytes <= sizeof(registers));
	return registers;
}

static uint32_t fake_pcidev_read(struct lb_pci_address at, uint32_t which)
{
	(void)at;
	return which == LB_PCI_ID ? pci_id : pci_class << 8 | 2;
}

static void fake_pcidev_enable(struct lb_pci_address at, bool master)
{
	(void)at;
	mastering = master;
}

static bool fake_pcidev_function_reset(struct lb_pci_address at)
{
	(void)at;
	assert_false(mastering);
	function_resets++;
	if (stuck != OFF_WANTS_RESET)
		return false;
	*REG_CC = 0;
	*REG_CSTS = 0;
	return true;
}

static int fake_pcidev_bar(struct lb_pci_address at, unsigned int index, uint64_t *ret_phys,
			   struct lb_error *err)
{
	(void)at;
	(void)err;
	assert_int_equal(index, 0);
	*ret_phys = BAR_PHYS;
	return 0;
}

static char *fake_pcidev_name(struct lb_pci_address at, char *text)
{
	(void)at;
	return memcpy(text, "0000:00:04.0", 13);
}

// NVMe 4.6: an entry has 16 bytes. DW3 holds identifier (15:0), phase (16) and status (31:17), and is written
// last.
static void post(struct fake_queue *queue, uint32_t queue_id, uint32_t id, uint32_t status)
{
	uint8_t *entry = (uint8_t *)(uintptr_t)queue->cq + 16 * queue->cq_tail;

	put32(entry, 0xdddddddd);
	put32(entry + 8, queue_id << 16 | queue->sq_head);
	put32(entry + 12, status << 17 | queue->phase << 16 | id);
	queue->cq_tail = (queue->cq_tail + 1) % queue->entries;
	if (queue->cq_tail == 0)
		queue->phase ^= 1;
}

static void make_queue(struct fake_queue *queue, const uint8_t *command)
{
	uint64_t memory = qword(command, 24);

	assert_int_equal(memory % 4096, 0);
	assert_int_equal(dword(command, 10) & 0xffff, 1); // the queue's identifier
	assert_int_equal(dword(command, 11) & 3, 1); // contiguous, without interrupts
	if (command[0] == 0x05) {
		*queue = (struct fake_queue){
			.cq = memory, .entries = (dword(command, 10) >> 16) + 1, .phase = 1};
		return;
	}
	assert_true(queue->cq != 0); // the completion queue is made first
	assert_int_equal(dword(command, 10) >> 16, queue->entries - 1);
	assert_int_equal(dword(command, 11) >> 16, 1); // identifier of the completion queue
	queue->sq = memory;
}

static void obey(const uint8_t *command)
{
	uint32_t status = admin_status[command[0]];

	assert_true(said_count < ADMIN_LOG);
	said[said_count].opcode = command[0];
	said[said_count].nsid = dword(command, 1);
	said[said_count].dw10 = dword(command, 10);
	said[said_count++].dw11 = dword(command, 11);
	assert_int_equal(command[1], 0); // PRPs, not fused
	if (command[0] == 0x06 && !status) {
		assert_int_equal(qword(command, 24) % 4096, 0);
		memcpy((void *)(uintptr_t)qword(command, 24),
		       dword(command, 10) == 1 ? controller_page : namespace_page, 4096);
	} else if (command[0] == 0x01 || command[0] == 0x05) {
		make_queue(&io, command);
	}
	if (answers_twice)
		// An answer to no command, with an error.
		post(&admin, 0, dword(command, 0) >> 16 ^ 0x4000, 0x5);
	post(&admin, 0, dword(command, 0) >> 16, status);
}

static void switch_on(void)
{
	assert_true(mastering);
	assert_int_equal(*REG_CC, 0x00460001); // entries of 64 and 16 bytes, pages of 4 KiB, enabled
	assert_int_equal(*REG_AQA & 0xfff, *REG_AQA >> 16);
	assert_int_equal(reg64(0x28) % 4096 | reg64(0x30) % 4096, 0);
	memset(registers + 0x1000, 0, sizeof(registers) - 0x1000);
	admin = (struct fake_queue){
		.sq = reg64(0x28), .cq = reg64(0x30), .entries = (*REG_AQA & 0xfff) + 1, .phase = 1};
	memset(&io, 0, sizeof(io));
	*REG_CSTS = stuck == FATAL ? CFS : RDY;
}

// Bus mastering is off when a controller in use is told to stop, unless a stop without it has failed before.
static void switch_off_controller(void)
{
	if (stuck == OFF_STUCK || stuck == OFF_WANTS_RESET || (stuck == OFF_WANTS_BUS && !mastering))
		return;
	assert_true(!mastering || stuck == OFF_WANTS_BUS);
	*REG_CSTS = 0;
}

// Called while the driver, or the dead kernel before it, switches the controller on.
static void become_ready(void)
{
	starting = false;
	if (mastering)
		switch_on();
	else
		*REG_CSTS = RDY;
}

// Called in every turn of a wait.
static void controller_moves(void)
{
	lb_pause();
	capture_clock_move(1);
	if (*REG_CSTS == UINT32_MAX)
		return;
	if (!(*REG_CC & 1)) {
		off_while_starting += starting;
		starting = false;
		switch_off_controller();
	} else if (!(*REG_CSTS & RDY)) {
		starting = true;
		if (stuck != READY_STUCK && (stuck != READY_SLOW || lb_clock_ms() >= slow_ms))
			become_ready();
		return;
	} else if ((*REG_CC >> 14 & 3) == 1 && stuck != SHUTDOWN_STUCK) {
		*REG_CSTS |= 2U << 2; // SHST: complete
	}
	if (!(*REG_CSTS & RDY) || stuck == ADMIN_STUCK || !mastering)
		return;
	while (admin.sq_head != *doorbell(0, false)) {
		const uint8_t *command = (const uint8_t *)(uintptr_t)admin.sq + 64 * admin.sq_head;

		if (stuck == ADMIN_DIES) {
			*REG_CSTS |= CFS;
			return;
		}
		admin.sq_head = (admin.sq_head + 1) % admin.entries;
		obey(command);
	}
}

// Makes the controller as a kernel that used the disk left it: ready, with queues of its own.
static void make_controller(void)
{
	capture_reset();
	memset(registers, 0, sizeof(registers));
	memset(controller_page, 0, sizeof(controller_page));
	memset(namespace_page, 0, sizeof(namespace_page));
	memset(admin_status, 0, sizeof(admin_status));
	memset(&admin, 0, sizeof(admin));
	memset(&io, 0, sizeof(io));
	pci_id = 0x00101b36;
	pci_class = 0x010802;
	mastering = true;
	stuck = NOTHING;
	said_count = function_resets = off_while_starting = 0;
	starting = false;
	answers_twice = false;
	*REG_CAP_LOW = 0x0f0107ff; // 2048 entries, contiguous, 7.5 s
	*REG_CAP_HIGH = 0x00000020; // NVM command set, pages from 4 KiB, doorbells of 4 bytes
	*REG_CC = 0x00460001;
	*REG_CSTS = RDY;
	*REG_AQA = 0x001f001f;
	memcpy(controller_page + 24, "Some drive                              ", 40);
	controller_page[77] = 7; // MDTS: 512 KiB
	controller_page[111] = 1; // I/O controller
	put32(controller_page + 516, 2); // namespaces
	put32(namespace_page, BLOCKS);
	namespace_page[25] = 1; // two formats
	put32(namespace_page + 128, 9U << 16); // 512 bytes
	put32(namespace_page + 132, 12U << 16); // 4096
	target = (struct lb_target){.kind = LB_TARGET_NVME,
				    .block_bytes = 512,
				    .pci_id = pci_id,
				    .unit = NSID,
				    .last_block = BLOCKS - 1};
}

#endif
