// SPDX-License-Identifier: BSD-2-Clause
// The AHCI driver against a controller in memory, which changes state while the driver waits. Tested: what
// disks say of themselves, errors, and every wait that may never end. Disks that work are in tests/vm.
#include <string.h>

#include "capture_platform.h"
#include "crash/platform/pcidev.h"
#include "unit.h"

static volatile void *fake_device_map(uint64_t phys, uint64_t bytes);
static uint32_t fake_pcidev_read(struct lb_pci_address at, uint32_t reg);
static void fake_pcidev_enable(struct lb_pci_address at, bool master);
static int fake_pcidev_bar(struct lb_pci_address at, unsigned int index, uint64_t *ret_phys,
			   struct lb_error *err);
static char *fake_pcidev_name(struct lb_pci_address at, char *text);
static void controller_moves(void);
static struct lb_deadline fake_deadline_in(uint64_t milliseconds);

#define lb_device_map fake_device_map
#define lb_pcidev_read fake_pcidev_read
#define lb_pcidev_enable fake_pcidev_enable
#define lb_pcidev_bar fake_pcidev_bar
#define lb_pcidev_name fake_pcidev_name
#define lb_pause controller_moves
#define lb_deadline_in fake_deadline_in
#include "crash/disk/ahci.c"
#undef lb_pause
#undef lb_deadline_in

#define BAR_PHYS 0xfe000000ULL
#define PORT 3

// The step that the controller does not do.
enum stuck {
	NOTHING,
	RESET_STUCK,
	LIST_STUCK,
	RECEIVE_STUCK,
	LINK_STUCK,
	LINK_ASLEEP, // the link comes up and then goes back to sleep
	STATE_STUCK, // the link's state never becomes the requested one
	BUSY_STUCK,
	IDENTIFY_STUCK,
	IDENTIFY_FAILS,
	PORT_HUNG // the port hangs until the controller is reset
};

static _Alignas(64) uint8_t registers[HBA_BYTES];
static uint32_t pci_id, pci_class;
static bool mastering;
static enum stuck stuck;
static uint32_t signature;
static uint16_t identity[256];
static uint64_t ready_ms, turns_ms; // when the disk is ready after a reset; when its medium is up to speed
static bool stands; // the disk stands still until it is told to spin up
static uint32_t state_wanted; // the link state that the driver requested
static uint8_t codes[8];
static uint32_t commands; // number of codes
static struct lb_target target;
static struct lb_disk disk;

static volatile uint32_t *hba(uint32_t reg)
{
	return (uint32_t *)(void *)(registers + reg);
}

static volatile uint32_t *port(uint32_t reg)
{
	return hba(PORT_BASE(PORT) + reg);
}

static volatile void *fake_device_map(uint64_t phys, uint64_t bytes)
{
	assert_true(phys == BAR_PHYS && bytes <= sizeof(registers));
	return registers;
}

static uint32_t fake_pcidev_read(struct lb_pci_address at, uint32_t reg)
{
	(void)at;
	return reg == LB_PCI_ID ? pci_id : pci_class << 8;
}

static void fake_pcidev_enable(struct lb_pci_address at, bool master)
{
	(void)at;
	mastering = master;
}

static int fake_pcidev_bar(struct lb_pci_address at, unsigned int index, uint64_t *ret_phys,
			   struct lb_error *err)
{
	(void)at;
	(void)err;
	assert_int_equal(index, 5);
	*ret_phys = BAR_PHYS;
	return 0;
}

static char *fake_pcidev_name(struct lb_pci_address at, char *text)
{
	(void)at;
	return memcpy(text, "0000:00:1f.2", 13);
}

static void answer(uint8_t code, const struct command_table *table)
{
	static const uint16_t short_identity[256] = {[2] = 0x37c8};

	assert_true(commands < sizeof(codes));
	codes[commands++] = code;
	if (code == ATA_IDENTIFY) {
		assert_int_equal(table->last_byte, 511);
		memcpy((void *)(uintptr_t)table->data, stands ? short_identity : identity, sizeof(identity));
	} else if (code == 0xef) {
		assert_int_equal(table->fis[3], 0x07); // subcommand: spin up
		stands = false;
	} else {
		assert_int_equal(code, 0x42); // READ VERIFY: one sector of the medium, without data
		assert_int_equal(table->fis[12], 1);
	}
	*port(PORT_CI) = 0;
}

// Answers the commands that the driver gives while it opens the disk, one at a time.
static void answer_command(void)
{
	const struct command_header *header;
	const struct command_table *table;
	uintptr_t list = *port(PORT_CLB) | (uintptr_t)*port(PORT_CLBU) << 32;
	uint8_t code;

	if (!(*port(PORT_CI) & 1))
		return;
	header = (const struct command_header *)list;
	table = (const struct command_table *)header->table;
	code = table->fis[2];
	assert_int_equal(header->flags, HEADER_FIS_DWORDS | (code == ATA_IDENTIFY ? HEADER_ONE_REGION : 0));
	if (stuck == IDENTIFY_FAILS) {
		*port(PORT_IS) = IS_TASK_FILE;
		*port(PORT_TFD) = 0x0451;
	} else if (stuck != IDENTIFY_STUCK && (code == ATA_IDENTIFY || lb_clock_ms() >= turns_ms)) {
		answer(code, table);
	}
}

// PORT_IS and PORT_SERR clear a bit when 1 is written. Here they are memory and keep the ones, so this clears
// them.
static struct lb_deadline fake_deadline_in(uint64_t milliseconds)
{
	if (*port(PORT_IS) == ALL_ONES)
		*port(PORT_IS) = 0;
	if (*port(PORT_SERR) == ALL_ONES)
		*port(PORT_SERR) = 0;
	return lb_deadline_in(milliseconds);
}

// Called in every turn of a wait.
static void controller_moves(void)
{
	lb_pause();
	capture_clock_move(1);
	if (stuck == PORT_HUNG && *hba(HBA_GHC) & GHC_RESET) {
		stuck = NOTHING;
		*port(PORT_CMD) = 0;
	}
	if (stuck != RESET_STUCK)
		*hba(HBA_GHC) &= ~GHC_RESET;
	if (!(*port(PORT_CMD) & CMD_START) && stuck != LIST_STUCK && stuck != PORT_HUNG)
		*port(PORT_CMD) &= ~CMD_LIST_RUNNING;
	if (!(*port(PORT_CMD) & CMD_FIS_RECEIVE) && stuck != RECEIVE_STUCK)
		*port(PORT_CMD) &= ~CMD_FIS_RUNNING;
	if (*port(PORT_CMD) >> 28) {
		state_wanted = *port(PORT_CMD) >> 28;
		if (stuck != STATE_STUCK)
			*port(PORT_CMD) &= ~(0xfU << 28);
	}
	if (*port(PORT_SCTL) == (*hba(HBA_CAP2) & 1U << 3 ? 0x700 : 0x300) && stuck != LINK_STUCK) {
		*port(PORT_SSTS) = stuck == LINK_ASLEEP ? 0x823 : 0x123;
		*port(PORT_SIG) = signature;
		if (stuck != BUSY_STUCK && lb_clock_ms() >= ready_ms)
			*port(PORT_TFD) = 0x50;
	}
	answer_command();
}

static void put_model(const char *model)
{
	for (uint32_t i = 0; i < 40; i++) {
		char c = *model ? *model++ : ' ';

		identity[27 + i / 2] |= (uint16_t)((uint8_t)c << (i % 2 ? 0 : 8));
	}
}

// Makes the controller as a kernel that was using the disk left it.
static void make_controller(void)
{
	capture_reset();
	memset(registers, 0, sizeof(registers));
	memset(identity, 0, sizeof(identity));
	pci_id = 0x29228086;
	pci_class = 0x010601;
	mastering = false;
	stuck = NOTHING;
	signature = SIG_ATA;
	ready_ms = turns_ms = 0;
	stands = false;
	commands = state_wanted = 0;
	*hba(HBA_VERSION) = 0x00010301;
	*hba(HBA_CAP) = CAP_64BIT | 9U << CAP_SLOTS_SHIFT;
	*hba(HBA_PI) = 1U << PORT;
	*port(PORT_CMD) = CMD_START | CMD_FIS_RECEIVE | CMD_LIST_RUNNING | CMD_FIS_RUNNING;
	*port(PORT_TFD) = TFD_BUSY;
	put_model("Some disk");
	identity[83] = 0x4000 | IDENTITY_LBA48;
	identity[100] = 0x1000;
	identity[102] = 0x2;
	target = (struct lb_target){.kind = LB_TARGET_AHCI,
				    .block_bytes = 512,
				    .pci_id = pci_id,
				    .unit = PORT,
				    .last_block = 100000};
}

static void assert_says(const struct lb_error *err, const char *part)
{
	if (!strstr(err->text, part))
		fail_msg("\"%s\" does not say \"%s\"", err->text, part);
}

static struct ahci *opened(void)
{
	struct lb_error err = {""};

	make_controller();
	if (lb_ahci_open(&target, &disk, &err))
		fail_msg("%s", err.text);
	// The driver wrote ones to clear these bits. The controller is memory and has kept them.
	*port(PORT_IS) = *port(PORT_SERR) = 0;
	return disk.state;
}

static void test_opening(void **state)
{
	struct ahci *ahci = opened();

	(void)state;
	assert_int_equal(disk.depth, 10);
	assert_int_equal(disk.max_bytes, LB_MIB);
	assert_int_equal(disk.block_bytes, 512);
	assert_int_equal(disk.blocks, 0x200001000);
	assert_string_equal(disk.model, "Some disk");
	assert_true(mastering);
	assert_int_equal(*hba(HBA_GHC), GHC_ENABLE);
	assert_int_equal(*port(PORT_CLB) | (uint64_t)*port(PORT_CLBU) << 32, (uintptr_t)ahci->headers);
	assert_int_equal(*port(PORT_FB) | (uint64_t)*port(PORT_FBU) << 32, (uintptr_t)ahci->received);
	assert_int_equal((uintptr_t)ahci->headers % 1024, 0);
	assert_int_equal((uintptr_t)ahci->received % 256, 0);
	assert_int_equal((uintptr_t)ahci->tables % 128, 0);
	assert_int_equal(*port(PORT_CMD) & (CMD_START | CMD_FIS_RECEIVE | CMD_SPIN_UP | CMD_POWER_ON),
			 CMD_START | CMD_FIS_RECEIVE | CMD_SPIN_UP | CMD_POWER_ON);
	assert_int_equal(*port(PORT_IE), 0);
	disk.driver->stop(&disk);
	assert_false(mastering);
	assert_int_equal(*port(PORT_CMD) & (CMD_START | CMD_FIS_RECEIVE), 0);
}

static void test_large_blocks(void **state)
{
	struct lb_error err;

	(void)state;
	make_controller();
	identity[106] = 0x4000 | IDENTITY_LONG_SECTORS;
	identity[117] = 2048; // words per logical sector
	target.block_bytes = 4096;
	assert_int_equal(lb_ahci_open(&target, &disk, &err), 0);
	assert_int_equal(disk.block_bytes, 4096);
	// The sector size is ignored when identity word 106 is not valid.
	make_controller();
	identity[106] = IDENTITY_LONG_SECTORS;
	identity[117] = 2048;
	assert_int_equal(lb_ahci_open(&target, &disk, &err), 0);
	assert_int_equal(disk.block_bytes, 512);
}

static void submit(uint32_t tag, enum lb_disk_op op, uint64_t block, uint32_t bytes)
{
	const struct lb_disk_request request = {
		.op = op, .tag = tag, .block = block, .buffer = identity, .bytes = bytes};
	struct lb_error err;

	assert_int_equal(disk.driver->submit(&disk, &request, &err), 0);
}

static void test_commands(void **state)
{
	static const uint8_t write[16] = {0x27, 0x80, 0x35, 0, 0xbc, 0x9a, 0x78, 0x40,
					  0x56, 0x34, 0x12, 0, 0x00, 0x08, 0,    0};
	static const uint8_t read[16] = {0x27, 0x80, 0x25, 0, 1, 0, 0, 0x40, 0, 0, 0, 0, 8, 0, 0, 0};
	static const uint8_t flush[16] = {0x27, 0x80, 0xea, 0, 0, 0, 0, 0x40};
	struct ahci *ahci = opened();

	(void)state;
	submit(7, LB_DISK_WRITE, 0x123456789abc, (uint32_t)LB_MIB);
	assert_int_equal(*port(PORT_CI), 1U << 7);
	assert_int_equal(ahci->headers[7].flags, 5 | HEADER_WRITE | HEADER_ONE_REGION);
	assert_int_equal(ahci->headers[7].table, (uintptr_t)&ahci->tables[7]);
	assert_memory_equal(ahci->tables[7].fis, write, sizeof(write));
	assert_int_equal(ahci->tables[7].data, (uintptr_t)identity);
	assert_int_equal(ahci->tables[7].last_byte, LB_MIB - 1);
	submit(0, LB_DISK_READ, 1, 4096);
	assert_int_equal(ahci->headers[0].flags, 5 | HEADER_ONE_REGION);
	assert_memory_equal(ahci->tables[0].fis, read, sizeof(read));
	submit(9, LB_DISK_FLUSH, 55, 4096);
	assert_int_equal(ahci->headers[9].flags, 5);
	assert_memory_equal(ahci->tables[9].fis, flush, sizeof(flush));
}

static int poll(uint32_t *ret_tag, struct lb_error *err)
{
	return disk.driver->poll(&disk, ret_tag, err);
}

static void test_completions(void **state)
{
	struct lb_error err;
	uint32_t tag, seen = 0;

	(void)state;
	opened();
	assert_int_equal(poll(&tag, &err), 0);
	for (uint32_t i = 0; i < 10; i++)
		submit(i, LB_DISK_WRITE, i, 512);
	*port(PORT_CI) = 0x3ff;
	assert_int_equal(poll(&tag, &err), 0);
	*port(PORT_CI) = 0x3ff & ~0x15U;
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(poll(&tag, &err), 1);
		seen |= 1U << tag;
	}
	assert_int_equal(seen, 0x15);
	assert_int_equal(poll(&tag, &err), 0);
	*port(PORT_CI) = 0;
	while (poll(&tag, &err) == 1)
		seen |= 1U << tag;
	assert_int_equal(seen, 0x3ff);
}

// Two requests are in flight, with tags 1 and 4. The controller has finished tag 1 already.
static void assert_fails(uint32_t state, uint32_t slot, uint32_t wanted, const char *says)
{
	struct lb_error err;
	uint32_t tag;

	opened();
	submit(1, LB_DISK_WRITE, 0, 512);
	submit(4, LB_DISK_WRITE, 8, 512);
	*port(PORT_CI) = 1U << 4;
	*port(PORT_IS) = state;
	*port(PORT_TFD) = 0x8451;
	*port(PORT_SERR) = 0x800;
	*port(PORT_CMD) |= slot << CMD_SLOT_SHIFT;
	assert_int_equal(poll(&tag, &err), -1);
	assert_int_equal(tag, wanted);
	assert_says(&err, says);
	*port(PORT_CMD) |= CMD_LIST_RUNNING | CMD_FIS_RUNNING;
	assert_int_equal(disk.driver->reset(&disk, &err), 0);
	*port(PORT_IS) = 0;
	assert_int_equal(poll(&tag, &err), 0);
	submit(4, LB_DISK_WRITE, 8, 512);
	*port(PORT_CI) = 0;
	assert_int_equal(poll(&tag, &err), 1);
	assert_int_equal(tag, 4);
}

static void test_errors(void **state)
{
	(void)state;
	assert_fails(IS_TASK_FILE, 4, 4,
		     "ahci 0000:00:1f.2 port 3: the disk reports an error (status 0x51, error 0x84");
	// The slot named as the cause holds no request in flight, so no tag is returned.
	assert_fails(IS_TASK_FILE, 1, LB_DISK_NO_TAG, "reports an error");
	assert_fails(IS_TASK_FILE, 5, LB_DISK_NO_TAG, "reports an error");
	assert_fails(IS_BUS_FATAL, 4, LB_DISK_NO_TAG, "transfer failed (PxIS 0x20000000, PxSERR 0x800)");
	assert_fails(IS_INTERFACE, 4, LB_DISK_NO_TAG, "transfer failed");
	assert_fails(IS_PHY, 4, LB_DISK_NO_TAG, "the disk was disconnected");
	assert_fails(IS_CONNECT | IS_TASK_FILE, 4, LB_DISK_NO_TAG, "the disk was disconnected");
}

static void test_a_controller_that_goes(void **state)
{
	struct lb_error err;
	uint32_t tag;

	(void)state;
	for (int ones = 0; ones < 2; ones++) {
		opened();
		submit(1, LB_DISK_WRITE, 0, 512);
		memset(registers, ones ? 0xff : 0, sizeof(registers));
		pci_id = UINT32_MAX;
		assert_int_equal(poll(&tag, &err), -1);
		assert_int_equal(tag, LB_DISK_NO_TAG);
		assert_says(&err, "the controller is gone");
		assert_int_equal(disk.driver->reset(&disk, &err), -1);
		assert_says(&err, "the controller is gone");
	}
	opened();
	submit(1, LB_DISK_WRITE, 0, 512);
	*port(PORT_CI) = 0;
	*port(PORT_CMD) = 0;
	assert_int_equal(poll(&tag, &err), -1);
	assert_says(&err, "stopped, and not by Lifeboat");
}

static void assert_refused(const char *says)
{
	struct lb_disk untouched = {0};
	struct lb_error err;

	assert_int_equal(lb_ahci_open(&target, &untouched, &err), -1);
	assert_says(&err, says);
	assert_null(untouched.driver);
	assert_false(mastering);
	assert_in_range(lb_clock_ms(), 0, 40000);
	make_controller();
}

static void test_what_is_refused(void **state)
{
	static const struct {
		enum stuck what;
		const char *says;
	} waits[] = {{RESET_STUCK, "still in its reset after 1000 ms"},
		     {LIST_STUCK, "still at work 500 ms after it was stopped"},
		     {RECEIVE_STUCK, "still at work 500 ms after it was stopped"},
		     {LINK_STUCK, "no disk answers (PxSSTS 0x0)"},
		     {LINK_ASLEEP, "no disk answers (PxSSTS 0x823)"},
		     {BUSY_STUCK, "busy for more than 35000 ms after a reset (PxTFD 0x80)"},
		     {IDENTIFY_STUCK, "no answer to IDENTIFY in 35000 ms"},
		     {IDENTIFY_FAILS, "reports an error (status 0x51, error 0x4"}};

	(void)state;
	for (unsigned int i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
		make_controller();
		stuck = waits[i].what;
		assert_refused(waits[i].says);
	}
	pci_id = 0x29238086;
	assert_refused("PCI ID is 0x29238086, the target was chosen with 0x29228086");
	pci_class = 0x010802;
	assert_refused("PCI class is 0x10802, wanted 0x10601");
	turns_ms = UINT64_MAX;
	assert_refused("no answer to READ VERIFY in 35000 ms");
	target.unit = 2;
	assert_refused("no such port (ports 0x8)");
	target.unit = 32;
	assert_refused("no such port");
	*hba(HBA_CAP) = ALL_ONES;
	assert_refused("does not answer");
	*hba(HBA_CAP) &= ~CAP_64BIT; // the host's memory is above 4 GiB
	assert_refused("controller has 32-bit addresses, memory for it ends at 0x");
	signature = 0xeb140101;
	assert_refused("signature is 0xeb140101");
	signature = 0x96690101;
	assert_refused("a port multiplier is there (signature 0x96690101)");
	identity[83] = 0x4000;
	assert_refused("no 48-bit addresses");
	identity[83] = IDENTITY_LBA48;
	assert_refused("no 48-bit addresses (word 83 is 0x400)");
	identity[106] = 0x4000 | IDENTITY_LONG_SECTORS;
	identity[117] = 2048;
	assert_refused("blocks of 4096 bytes, the target was chosen with 512");
	target.block_bytes = 4096;
	assert_refused("blocks of 512 bytes, the target was chosen with 4096");
	target.last_block = 0x200001000;
	assert_refused("has 8589938688 blocks, the target's last is 8589938688");
	capture_heap_limit(0);
	assert_refused("no memory");
}

// A reset of the whole controller succeeds with a port that does not stop, and fails when the disk does not
// answer.
static void test_resets(void **state)
{
	struct lb_error err;

	(void)state;
	opened();
	stuck = PORT_HUNG;
	*port(PORT_CMD) |= CMD_LIST_RUNNING;
	assert_int_equal(disk.driver->reset(&disk, &err), 0);
	assert_int_equal(stuck, NOTHING);
	assert_true(mastering);
	opened();
	stuck = LINK_STUCK;
	*port(PORT_SSTS) = 0;
	assert_int_equal(disk.driver->reset(&disk, &err), -1);
	assert_says(&err, "no disk answers");
	assert_false(mastering);
	opened();
	stuck = LIST_STUCK;
	*port(PORT_CMD) |= CMD_LIST_RUNNING;
	assert_int_equal(disk.driver->reset(&disk, &err), -1);
	assert_says(&err, "still at work");
	assert_false(mastering);
}

// AHCI 10.6.3: the wait for firmware that does not release the controller is bounded.
static void test_firmware(void **state)
{
	struct lb_error err;

	(void)state;
	make_controller();
	*hba(HBA_CAP2) = CAP2_HANDOFF;
	*hba(HBA_BOHC) = BOHC_FIRMWARE_OWNS;
	assert_int_equal(lb_ahci_open(&target, &disk, &err), 0);
	assert_int_equal(*hba(HBA_BOHC), BOHC_FIRMWARE_OWNS | BOHC_OS_OWNS);
	assert_in_range(lb_clock_ms(), HANDOFF_MS, HANDOFF_MS + 1000);
}

// A controller of RAID class is used if its registers are AHCI's.
static void test_raid_class(void **state)
{
	static const struct {
		uint32_t version, ghc;
		const char *says; // the refusal; NULL: the controller is used
	} rows[] = {
		{0x00010300, 0x80000000, NULL}, // RST
		{0x00000905, 0, NULL},
		{0, 0x80000000,
		 "a RAID controller whose registers are not AHCI's (version 0x0, GHC 0x80000000)"},
		{0x00020000, 0, "not AHCI's (version 0x20000"},
		{0x00010300, 0x80000010, "GHC 0x80000010"},
	};
	struct lb_error err;

	(void)state;
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		make_controller();
		pci_class = 0x010400;
		*hba(HBA_VERSION) = rows[i].version;
		*hba(HBA_GHC) = rows[i].ghc;
		if (rows[i].says)
			assert_refused(rows[i].says);
		else if (lb_ahci_open(&target, &disk, &err) != 0)
			fail_msg("%s", err.text);
	}
	make_controller();
	*hba(HBA_VERSION) = 0x00020000; // a controller of AHCI class may have a later version
	assert_int_equal(lb_ahci_open(&target, &disk, &err), 0);
}

// The dead kernel let the link sleep by itself, in the states partial, slumber and DevSleep.
static void test_a_link_that_sleeps(void **state)
{
	struct lb_error err;

	(void)state;
	for (uint32_t sleep = 0; sleep < 2; sleep++) {
		for (int hangs = 0; hangs < 2; hangs++) {
			make_controller();
			*hba(HBA_CAP2) = sleep << 3; // SDS: the controller supports DevSleep
			// DevSleep requested; ALPE, ASP: aggressive link power management.
			*port(PORT_CMD) |= 8U << 28 | 3U << 26;
			*port(0x44) = 0x1e103; // PxDEVSLP: ADSE and timeouts
			*port(PORT_SCTL) = 0;
			*port(PORT_SSTS) = 0x823;
			stuck = hangs ? STATE_STUCK : NOTHING;
			if (lb_ahci_open(&target, &disk, &err) != 0)
				fail_msg("%s", err.text);
			assert_int_equal(*port(PORT_CMD) & 3U << 26, 0);
			assert_int_equal(*port(PORT_SCTL), sleep ? 0x700 : 0x300);
			assert_int_equal(*port(0x44), sleep ? 0x1e102 : 0x1e103);
			assert_int_equal(state_wanted, 1); // active
			assert_in_range(lb_clock_ms(), 0, 1000);
		}
	}
}

// The driver says what it waits for. Each disk gets ready in the end.
static void test_a_disk_that_stands_still(void **state)
{
	struct lb_error err;

	(void)state;
	opened();
	assert_int_equal(commands, 2);
	assert_int_equal(codes[0], 0xec);
	assert_int_equal(codes[1], 0x42);
	assert_string_equal(capture_said(), "");
	make_controller();
	ready_ms = 30000;
	assert_int_equal(lb_ahci_open(&target, &disk, &err), 0);
	assert_string_equal(capture_said(),
			    "ahci 0000:00:1f.2 port 3: the disk is busy, waiting for up to 35 s\n");
	make_controller();
	turns_ms = 30000;
	assert_int_equal(lb_ahci_open(&target, &disk, &err), 0);
	assert_string_equal(capture_said(),
			    "ahci 0000:00:1f.2 port 3: READ VERIFY: waiting for up to 35 s\n");
	make_controller();
	stands = true;
	assert_int_equal(lb_ahci_open(&target, &disk, &err), 0);
	assert_int_equal(commands, 4);
	assert_memory_equal(codes, "\xec\xef\xec\x42", 4);
	assert_string_equal(disk.model, "Some disk");
	assert_string_equal(capture_said(),
			    "ahci 0000:00:1f.2 port 3: the disk waits to be told to spin up\n");
	make_controller();
	identity[2] = 0x738c; // the identity is complete, but the disk stands still
	assert_int_equal(lb_ahci_open(&target, &disk, &err), 0);
	assert_memory_equal(codes, "\xec\xef\xec\x42", 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_opening),
		cmocka_unit_test(test_large_blocks),
		cmocka_unit_test(test_commands),
		cmocka_unit_test(test_completions),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_a_controller_that_goes),
		cmocka_unit_test(test_what_is_refused),
		cmocka_unit_test(test_resets),
		cmocka_unit_test(test_firmware),
		cmocka_unit_test(test_raid_class),
		cmocka_unit_test(test_a_link_that_sleeps),
		cmocka_unit_test(test_a_disk_that_stands_still),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
