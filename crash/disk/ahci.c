// SPDX-License-Identifier: BSD-2-Clause
// A SATA disk behind an AHCI controller, polled. The driver does not use NCQ: it issues as many commands
// as the controller has slots, and the controller hands them to the disk one after the other. The disk's
// write cache makes up for most of what NCQ would gain. Without NCQ an error belongs to exactly one
// command.
// Sources: Serial ATA AHCI 1.3.1 (numbers are its sections); ATA/ATAPI Command Set 3 (words of
// IDENTIFY).
#include "crash/disk/disk.h"
#include "crash/disk/target_check.h"
#include "crash/disk/target_kind.h"
#include "crash/platform/pcidev.h"
#include "crash/platform/platform.h"
#include "lib/mem.h"
#include "lifeboat/range.h"

#define AHCI_BAR 5
#define AHCI_PORTS 32
#define AHCI_SLOTS 32

// 3.1: the controller's registers, by offset.
#define HBA_CAP 0x00
#define HBA_GHC 0x04
#define HBA_PI 0x0c
#define HBA_VERSION 0x10
#define HBA_CAP2 0x24
#define HBA_BOHC 0x28
#define HBA_BYTES 0x1100

#define CAP_SLOTS_SHIFT 8 // number of slots, minus one
#define CAP_SLOTS_MASK 0x1f
#define CAP_64BIT (1U << 31)
#define GHC_RESET (1U << 0)
#define GHC_ENABLE (1U << 31)
#define GHC_RESERVED 0x7ffffff8U
#define VERSION_FIRST 0x00000905 // 0.95
#define VERSION_LAST 0x0001ffff // 1.x
#define CAP2_HANDOFF (1U << 0)
#define CAP2_SLEEP (1U << 3)
#define BOHC_FIRMWARE_OWNS (1U << 0)
#define BOHC_OS_OWNS (1U << 1)
#define BOHC_FIRMWARE_BUSY (1U << 4)

// 3.3: the registers of a port.
#define PORT_BASE(port) (0x100 + 0x80 * (port))
#define PORT_CLB 0x00
#define PORT_CLBU 0x04
#define PORT_FB 0x08
#define PORT_FBU 0x0c
#define PORT_IS 0x10
#define PORT_IE 0x14
#define PORT_CMD 0x18
#define PORT_TFD 0x20
#define PORT_SIG 0x24
#define PORT_SSTS 0x28
#define PORT_SCTL 0x2c
#define PORT_SERR 0x30
#define PORT_CI 0x38
#define PORT_SLEEP 0x44

#define CMD_START (1U << 0)
#define CMD_SPIN_UP (1U << 1)
#define CMD_POWER_ON (1U << 2)
#define CMD_CLO (1U << 3)
#define CMD_FIS_RECEIVE (1U << 4)
#define CMD_SLOT_SHIFT 8 // slot of the command being carried out
#define CMD_SLOT_MASK 0x1f
#define CMD_FIS_RUNNING (1U << 14)
#define CMD_LIST_RUNNING (1U << 15)
#define CMD_MULTIPLIER (1U << 17)
#define CMD_ATAPI (1U << 24)
#define CMD_AGGRESSIVE_POWER (3U << 26)
#define CMD_STATE_MASK (0xfU << 28)
#define CMD_STATE_ACTIVE (1U << 28)

#define TFD_BUSY (1U << 7)
#define TFD_REQUEST (1U << 3)
#define SIG_ATA 0x00000101
#define SIG_MULTIPLIER 0x96690101
#define SSTS_LINK 0xf0f // DET: is a disk there; IPM: is the link awake
#define SSTS_LINK_UP 0x103
#define SCTL_COMRESET 1
#define SCTL_NO_SLEEP (3U << 8) // bars the link from the partial and slumber states
#define SCTL_NO_DEVSLEEP (4U << 8) // bars the link from DevSleep, if the controller has it
#define SLEEP_AGGRESSIVE (1U << 0)

// Port connect change and PhyRdy change: the disk was disconnected, even if it is back by now.
#define IS_CONNECT (1U << 6)
#define IS_PHY (1U << 22)
#define IS_OVERFLOW (1U << 24)
#define IS_INTERFACE (1U << 27)
#define IS_BUS_DATA (1U << 28)
#define IS_BUS_FATAL (1U << 29)
#define IS_TASK_FILE (1U << 30)
#define IS_AWAY (IS_CONNECT | IS_PHY)
#define IS_FATAL (IS_OVERFLOW | IS_INTERFACE | IS_BUS_DATA | IS_BUS_FATAL | IS_TASK_FILE)

#define ALL_ONES UINT32_MAX

// Time limits in milliseconds. 10.4.3: a reset of more than a second means a hung controller. 10.1.2:
// engines stop within half a second. 10.6.3: firmware may need two seconds for the handoff.
#define RESET_MS 1000
#define ENGINE_MS 500
#define HANDOFF_MS 2000
#define LINK_MS 2000
#define COMRESET_MS 2 // 10.4.2: at least one
#define STATE_MS 100 // 3.3.7: for a change of the link's state
#define SPIN_UP_MS 35000 // for a disk to spin up; Linux allows as long
#define QUIET_MS 2000 // a longer wait is told on the console

// 4.2.2
struct command_header {
	uint32_t flags, done_bytes;
	uint64_t table;
	uint32_t reserved[4];
};
#define HEADER_FIS_DWORDS 5
#define HEADER_WRITE (1U << 6)
#define HEADER_ONE_REGION (1U << 16)

// 4.2.3, with one region of up to 4 MiB: a request's buffer is contiguous.
struct command_table {
	uint8_t fis[64];
	uint8_t atapi[64];
	uint64_t data;
	uint32_t reserved;
	uint32_t last_byte; // bytes of the region, minus one
	uint8_t padding[112];
};
_Static_assert(sizeof(struct command_table) == 256, "a multiple of 128");

#define FIS_HOST_TO_DEVICE 0x27
#define FIS_COMMAND 0x80
#define DEVICE_LBA 0x40
#define ATA_READ_DMA_EXT 0x25
#define ATA_WRITE_DMA_EXT 0x35
#define ATA_READ_VERIFY_EXT 0x42
#define ATA_FLUSH_CACHE_EXT 0xea
#define ATA_IDENTIFY 0xec
#define ATA_SET_FEATURES 0xef
#define FEATURE_SPIN_UP 0x07

struct ahci {
	// The structures that the controller reads and writes.
	struct command_header headers[AHCI_SLOTS]; // 1 KiB-aligned
	volatile uint8_t received[256]; // 256-aligned
	uint16_t identity[256];

	struct lb_pci_address pci;
	char name[32]; // "ahci 0000:00:1f.2 port 0"
	volatile uint8_t *registers;
	uint32_t port;
	uint32_t cap, cap2;
	uint32_t in_flight; // a bit for each tag
	uint32_t done; // the part of in_flight that has completed, but that ahci_poll() has not returned yet
	struct command_table tables[AHCI_SLOTS] __attribute__((aligned(LB_PAGE)));
};

static uint32_t hba_read(const struct ahci *ahci, uint32_t reg)
{
	return *(volatile uint32_t *)(ahci->registers + reg);
}

static void hba_write(const struct ahci *ahci, uint32_t reg, uint32_t value)
{
	*(volatile uint32_t *)(ahci->registers + reg) = value;
}

static uint32_t port_read(const struct ahci *ahci, uint32_t reg)
{
	return hba_read(ahci, PORT_BASE(ahci->port) + reg);
}

static void port_write(const struct ahci *ahci, uint32_t reg, uint32_t value)
{
	hba_write(ahci, PORT_BASE(ahci->port) + reg, value);
}

static void port_write64(const struct ahci *ahci, uint32_t reg, const volatile void *at)
{
	port_write(ahci, reg, (uint32_t)(uintptr_t)at);
	port_write(ahci, reg + 4, (uint32_t)((uintptr_t)at >> 32));
}

// Waits until the controller's register `reg`, masked by `mask`, is `wanted`. Returns false after `ms`
// milliseconds.
static bool wait_for(const struct ahci *ahci, uint32_t reg, uint32_t mask, uint32_t wanted, uint32_t ms)
{
	struct lb_deadline deadline = lb_deadline_in(ms);

	while ((hba_read(ahci, reg) & mask) != wanted) {
		if (lb_deadline_passed(deadline))
			return false;
		lb_pause();
	}
	return true;
}

static bool port_wait(const struct ahci *ahci, uint32_t reg, uint32_t mask, uint32_t wanted, uint32_t ms)
{
	return wait_for(ahci, PORT_BASE(ahci->port) + reg, mask, wanted, ms);
}

// Configuration space tells of an unplugged controller: its registers may read as ones, but in some
// virtual machines as zeroes.
static int check_there(const struct ahci *ahci, struct lb_error *err)
{
	if (lb_pcidev_read(ahci->pci, LB_PCI_ID) == ALL_ONES)
		return lb_fail(err, "%s: the controller is gone", ahci->name);
	return 0;
}

// 10.6.3. If the firmware does not let the controller go in time, the reset that follows takes it away.
static void take_from_firmware(const struct ahci *ahci)
{
	if (!(hba_read(ahci, HBA_CAP2) & CAP2_HANDOFF))
		return;
	hba_write(ahci, HBA_BOHC, hba_read(ahci, HBA_BOHC) | BOHC_OS_OWNS);
	wait_for(ahci, HBA_BOHC, BOHC_FIRMWARE_OWNS | BOHC_FIRMWARE_BUSY, 0, HANDOFF_MS);
}

// 10.4.3. The reset stops all ports. Some controllers lose the list of their ports (PI) in a reset, so
// the list that the firmware set is written back.
static int reset_controller(const struct ahci *ahci, struct lb_error *err)
{
	uint32_t ports = hba_read(ahci, HBA_PI);

	hba_write(ahci, HBA_GHC, GHC_ENABLE);
	hba_write(ahci, HBA_GHC, GHC_ENABLE | GHC_RESET);
	if (!wait_for(ahci, HBA_GHC, GHC_RESET, 0, RESET_MS)) {
		lb_pcidev_enable(ahci->pci, false);
		return lb_fail(err, "%s: controller is still in its reset after %u ms (GHC 0x%x)", ahci->name,
			       RESET_MS, hba_read(ahci, HBA_GHC));
	}
	hba_write(ahci, HBA_GHC, GHC_ENABLE); // interrupts stay off
	hba_write(ahci, HBA_PI, ports);
	return 0;
}

// 10.1.2 and 10.3: stops the command list first, then the receiving of FISes.
static int stop_port(const struct ahci *ahci, struct lb_error *err)
{
	port_write(ahci, PORT_IE, 0);
	port_write(ahci, PORT_CMD, port_read(ahci, PORT_CMD) & ~CMD_START);
	if (port_wait(ahci, PORT_CMD, CMD_LIST_RUNNING, 0, ENGINE_MS)) {
		port_write(ahci, PORT_CMD, port_read(ahci, PORT_CMD) & ~CMD_FIS_RECEIVE);
		if (port_wait(ahci, PORT_CMD, CMD_FIS_RUNNING, 0, ENGINE_MS))
			return 0;
	}
	return lb_fail(err, "%s: still at work %u ms after it was stopped (PxCMD 0x%x)", ahci->name,
		       ENGINE_MS, port_read(ahci, PORT_CMD));
}

// Waits for the disk to be ready. A disk that spins up takes a while: a wait longer than QUIET_MS is
// told.
static bool await_disk(const struct ahci *ahci)
{
	const uint32_t mask = TFD_BUSY | TFD_REQUEST;

	if (port_wait(ahci, PORT_TFD, mask, 0, QUIET_MS))
		return true;
	lb_say("%s: the disk is busy, waiting for up to %u s", ahci->name, SPIN_UP_MS / 1000);
	return port_wait(ahci, PORT_TFD, mask, 0, SPIN_UP_MS - QUIET_MS);
}

static int check_signature(const struct ahci *ahci, struct lb_error *err)
{
	uint32_t signature = port_read(ahci, PORT_SIG);

	if (signature == SIG_ATA)
		return 0;
	if (signature == SIG_MULTIPLIER)
		return lb_fail(
			err,
			"%s: a port multiplier is there (signature 0x%x), whose disks have no driver here",
			ahci->name, signature);
	return lb_fail(err, "%s: signature is 0x%x, wanted an ATA disk's, 0x%x", ahci->name, signature,
		       SIG_ATA);
}

// Resets the link, whatever its state (10.4.2), and bars it from sleeping.
static int connect_disk(const struct ahci *ahci, struct lb_error *err)
{
	uint32_t awake = SCTL_NO_SLEEP | (ahci->cap2 & CAP2_SLEEP ? SCTL_NO_DEVSLEEP : 0);

	port_write(ahci, PORT_SCTL, awake | SCTL_COMRESET);
	lb_wait_ms(COMRESET_MS);
	port_write(ahci, PORT_SCTL, awake);
	if (!port_wait(ahci, PORT_SSTS, SSTS_LINK, SSTS_LINK_UP, LINK_MS))
		return lb_fail(err, "%s: no disk answers (PxSSTS 0x%x)", ahci->name,
			       port_read(ahci, PORT_SSTS));
	port_write(ahci, PORT_SERR, ALL_ONES); // until this write the port does not take the disk's signature
	if (!await_disk(ahci))
		return lb_fail(err, "%s: the disk is busy for more than %u ms after a reset (PxTFD 0x%x)",
			       ahci->name, SPIN_UP_MS, port_read(ahci, PORT_TFD));
	return check_signature(ahci, err);
}

// 3.3.7: stops the controller from putting the link to sleep, and wakes the link. The controller clears
// the state's bits in PxCMD once the link is awake.
static void wake_link(const struct ahci *ahci)
{
	uint32_t cmd = port_read(ahci, PORT_CMD);

	if (ahci->cap2 & CAP2_SLEEP)
		port_write(ahci, PORT_SLEEP, port_read(ahci, PORT_SLEEP) & ~SLEEP_AGGRESSIVE);
	cmd &= ~(CMD_STATE_MASK | CMD_AGGRESSIVE_POWER | CMD_ATAPI | CMD_MULTIPLIER | CMD_CLO);
	cmd |= CMD_FIS_RECEIVE | CMD_POWER_ON | CMD_SPIN_UP;
	port_write(ahci, PORT_CMD, cmd);
	if (port_wait(ahci, PORT_CMD, CMD_STATE_MASK, 0, STATE_MS)) {
		port_write(ahci, PORT_CMD, cmd | CMD_STATE_ACTIVE);
		port_wait(ahci, PORT_CMD, CMD_STATE_MASK, 0, STATE_MS);
	}
}

// Brings a stopped port to one that takes commands.
static int start_port(struct ahci *ahci, struct lb_error *err)
{
	ahci->in_flight = ahci->done = 0;
	memset(ahci->headers, 0, sizeof(ahci->headers));
	port_write64(ahci, PORT_CLB, ahci->headers);
	port_write64(ahci, PORT_FB, ahci->received);
	port_write(ahci, PORT_SERR, ALL_ONES);
	wake_link(ahci);
	if (connect_disk(ahci, err) != 0)
		return -1;
	port_write(ahci, PORT_SERR, ALL_ONES);
	port_write(ahci, PORT_IS, ALL_ONES);
	port_write(ahci, PORT_CMD, port_read(ahci, PORT_CMD) | CMD_START);
	return 0;
}

// An ATA command. One without data has only `code` and `feature`.
struct ata_command {
	uint8_t code; // ATA_...
	uint8_t feature;
	uint64_t sector;
	uint32_t sectors;
	void *data;
	uint32_t bytes;
};

static void issue(struct ahci *ahci, uint32_t tag, const struct ata_command *command)
{
	struct command_header *header = &ahci->headers[tag];
	struct command_table *table = &ahci->tables[tag];
	bool write = command->code == ATA_WRITE_DMA_EXT;

	memset(table, 0, sizeof(*table));
	table->fis[0] = FIS_HOST_TO_DEVICE;
	table->fis[1] = FIS_COMMAND;
	table->fis[2] = command->code;
	table->fis[3] = command->feature;
	table->fis[7] = DEVICE_LBA;
	for (unsigned int i = 0; i < 3; i++) {
		table->fis[4 + i] = (uint8_t)(command->sector >> (8 * i));
		table->fis[8 + i] = (uint8_t)(command->sector >> (8 * (i + 3)));
	}
	table->fis[12] = (uint8_t)command->sectors;
	table->fis[13] = (uint8_t)(command->sectors >> 8);
	header->flags =
		HEADER_FIS_DWORDS | (write ? HEADER_WRITE : 0) | (command->bytes ? HEADER_ONE_REGION : 0);
	header->done_bytes = 0;
	header->table = (uintptr_t)table;
	if (command->bytes) {
		table->data = (uintptr_t)command->data;
		table->last_byte = command->bytes - 1;
	}
	ahci->in_flight |= 1U << tag;
	__atomic_thread_fence(__ATOMIC_RELEASE); // the command is in memory before the controller is told
	port_write(ahci, PORT_CI, 1U << tag);
}

static int report_failure(struct ahci *ahci, uint32_t issued, uint32_t state, uint32_t *ret_tag,
			  struct lb_error *err)
{
	uint32_t tfd = port_read(ahci, PORT_TFD), serr = port_read(ahci, PORT_SERR);
	uint32_t cmd = port_read(ahci, PORT_CMD), slot = cmd >> CMD_SLOT_SHIFT & CMD_SLOT_MASK;

	*ret_tag = LB_DISK_NO_TAG;
	if (check_there(ahci, err) != 0)
		return -1;
	if (!(cmd & CMD_START))
		return lb_fail(err, "%s: the port was stopped, and not by Lifeboat (PxCMD 0x%x)", ahci->name,
			       cmd);
	if (state & IS_AWAY)
		return lb_fail(err, "%s: the disk was disconnected (PxSSTS 0x%x, PxSERR 0x%x)", ahci->name,
			       port_read(ahci, PORT_SSTS), serr);
	if (!(state & IS_TASK_FILE))
		return lb_fail(err, "%s: transfer failed (PxIS 0x%x, PxSERR 0x%x)", ahci->name, state, serr);
	// 6.2.2.1: the current slot's command has failed, and its bit in PxCI stays set.
	if (ahci->in_flight & issued & 1U << slot)
		*ret_tag = slot;
	return lb_fail(err, "%s: the disk reports an error (status 0x%x, error 0x%x, PxSERR 0x%x)",
		       ahci->name, tfd & 0xff, tfd >> 8 & 0xff, serr);
}

// Reads PxCI before the error bits. With an error no command counts as done, because some controllers
// (QEMU's before 8.1) clear the failed command's bit in PxCI. If the port was stopped (CMD_START is
// clear), cleared bits do not mean done either.
static int ahci_poll(struct lb_disk *disk, uint32_t *ret_tag, struct lb_error *err)
{
	struct ahci *ahci = disk->state;

	if (!ahci->in_flight)
		return 0;
	if (!ahci->done) {
		uint32_t issued = port_read(ahci, PORT_CI);
		uint32_t state = port_read(ahci, PORT_IS);

		if (state & (IS_FATAL | IS_AWAY))
			return report_failure(ahci, issued, state, ret_tag, err);
		if (!(ahci->in_flight & ~issued))
			return 0;
		if (!(port_read(ahci, PORT_CMD) & CMD_START))
			return report_failure(ahci, issued, state, ret_tag, err);
		__atomic_thread_fence(__ATOMIC_ACQUIRE); // the caller reads the data after PxCI
		ahci->done = ahci->in_flight & ~issued;
	}
	*ret_tag = (uint32_t)__builtin_ctz(ahci->done);
	ahci->done &= ~(1U << *ret_tag);
	ahci->in_flight &= ~(1U << *ret_tag);
	return 1;
}

static int check_reach(const struct ahci *ahci, const void *at, uint64_t bytes, struct lb_error *err)
{
	uint64_t end = (uintptr_t)at + bytes;

	if (ahci->cap & CAP_64BIT || end <= LB_4GIB)
		return 0;
	return lb_fail(
		err, "%s: controller has 32-bit addresses, memory for it ends at 0x%lx, wanted below 0x%llx",
		ahci->name, end, LB_4GIB);
}

static int ahci_submit(struct lb_disk *disk, const struct lb_disk_request *request, struct lb_error *err)
{
	struct ahci *ahci = disk->state;
	struct ata_command command = {.code = ATA_FLUSH_CACHE_EXT};

	if (request->op != LB_DISK_FLUSH) {
		if (check_reach(ahci, request->buffer, request->bytes, err) != 0)
			return -1;
		command = (struct ata_command){
			.code = request->op == LB_DISK_WRITE ? ATA_WRITE_DMA_EXT : ATA_READ_DMA_EXT,
			.sector = request->block,
			.sectors = request->bytes / disk->block_bytes,
			.data = request->buffer,
			.bytes = request->bytes,
		};
	}
	issue(ahci, request->tag, &command);
	return 0;
}

// Resets the controller and with it all ports: nobody uses the other ports' disks any more.
static int restart_all(struct ahci *ahci, struct lb_error *err)
{
	if (reset_controller(ahci, err) != 0 || stop_port(ahci, err) != 0)
		return -1;
	return start_port(ahci, err);
}

static int ahci_reset(struct lb_disk *disk, struct lb_error *err)
{
	struct ahci *ahci = disk->state;

	if (check_there(ahci, err) != 0)
		return -1;
	if (stop_port(ahci, NULL) == 0 && start_port(ahci, NULL) == 0)
		return 0;
	if (restart_all(ahci, err) == 0)
		return 0;
	lb_pcidev_enable(ahci->pci, false);
	return -1;
}

static void ahci_stop(struct lb_disk *disk)
{
	struct ahci *ahci = disk->state;

	stop_port(ahci, NULL);
	lb_pcidev_enable(ahci->pci, false);
}

static const struct lb_disk_driver ahci_driver = {
	.name = "ahci",
	.submit = ahci_submit,
	.poll = ahci_poll,
	.reset = ahci_reset,
	.stop = ahci_stop,
};

// Copies text of IDENTIFY: two characters a word, the first in the upper half, padded with blanks.
static void copy_model(const uint16_t *words, uint32_t count, char *text)
{
	uint32_t length = 0;

	for (uint32_t i = 0; i < 2 * count; i++) {
		char c = (char)(words[i / 2] >> (i % 2 ? 0 : 8));

		text[i] = c >= ' ' && c <= '~' ? c : ' ';
		if (text[i] != ' ')
			length = i + 1;
	}
	text[length] = '\0';
}

#define IDENTITY_STATE 2
#define STATE_STANDS 0x37c8 // needs SET FEATURES to spin up; IDENTIFY's data is incomplete
#define STATE_STANDS_KNOWN 0x738c // needs SET FEATURES to spin up; IDENTIFY's data is complete
#define IDENTITY_MODEL 27
#define IDENTITY_MODEL_WORDS 20
#define IDENTITY_FEATURES 83
#define IDENTITY_FEATURES_VALID 0xc000
#define IDENTITY_FEATURES_AS_VALID 0x4000
#define IDENTITY_LBA48 (1U << 10)
#define IDENTITY_SECTORS 100
#define IDENTITY_SIZES 106
#define IDENTITY_LONG_SECTORS (1U << 12)
#define IDENTITY_SECTOR_WORDS 117
_Static_assert(2 * IDENTITY_MODEL_WORDS < sizeof(((struct lb_disk *)NULL)->model), "its NUL fits");

static bool has_bit(const uint16_t *words, uint32_t word, uint32_t bit)
{
	return (words[word] & IDENTITY_FEATURES_VALID) == IDENTITY_FEATURES_AS_VALID && words[word] & bit;
}

static int measure_disk(const struct ahci *ahci, const struct lb_target *target, struct lb_disk *disk,
			struct lb_error *err)
{
	const uint16_t *words = ahci->identity;

	if (!has_bit(words, IDENTITY_FEATURES, IDENTITY_LBA48))
		return lb_fail(err, "%s: the disk has no 48-bit addresses (word 83 is 0x%x)", ahci->name,
			       words[IDENTITY_FEATURES]);
	disk->block_bytes = 512;
	if (has_bit(words, IDENTITY_SIZES, IDENTITY_LONG_SECTORS))
		disk->block_bytes =
			(words[IDENTITY_SECTOR_WORDS] | (uint32_t)words[IDENTITY_SECTOR_WORDS + 1] << 16) * 2;
	for (uint32_t i = 0; i < 3; i++)
		disk->blocks |= (uint64_t)words[IDENTITY_SECTORS + i] << (16 * i);
	copy_model(words + IDENTITY_MODEL, IDENTITY_MODEL_WORDS, disk->model);
	return lb_target_is_disk(target, ahci->name, disk, err);
}

// Carries out one command while no other is in flight. Waits up to SPIN_UP_MS, since the disk may have
// to spin up first. A wait longer than QUIET_MS is told.
static int run(struct lb_disk *disk, const char *what, const struct ata_command *command,
	       struct lb_error *err)
{
	struct lb_deadline deadline = lb_deadline_in(SPIN_UP_MS), quiet = lb_deadline_in(QUIET_MS);
	struct ahci *ahci = disk->state;
	bool told = false;
	uint32_t tag;
	int result;

	issue(ahci, 0, command);
	while ((result = ahci_poll(disk, &tag, err)) == 0) {
		if (lb_deadline_passed(deadline))
			return lb_fail(err, "%s: no answer to %s in %u ms (PxTFD 0x%x)", ahci->name, what,
				       SPIN_UP_MS, port_read(ahci, PORT_TFD));
		if (!told && lb_deadline_passed(quiet)) {
			lb_say("%s: %s: waiting for up to %u s", ahci->name, what, SPIN_UP_MS / 1000);
			told = true;
		}
		lb_pause();
	}
	return result < 0 ? -1 : 0;
}

static int identify(struct lb_disk *disk, struct lb_error *err)
{
	struct ahci *ahci = disk->state;

	return run(disk, "IDENTIFY",
		   &(struct ata_command){
			   .code = ATA_IDENTIFY, .data = ahci->identity, .bytes = sizeof(ahci->identity)},
		   err);
}

// ATA/ATAPI Command Set 3, 4.18 and 7.12.7.3: a disk may spin up only at SET FEATURES, and answer
// IDENTIFY incompletely before that.
static int spin_up(struct lb_disk *disk, struct lb_error *err)
{
	const struct ahci *ahci = disk->state;
	uint16_t word = ahci->identity[IDENTITY_STATE];

	if (word == STATE_STANDS || word == STATE_STANDS_KNOWN) {
		lb_say("%s: the disk waits to be told to spin up", ahci->name);
		if (run(disk, "SET FEATURES (spin up)",
			&(struct ata_command){.code = ATA_SET_FEATURES, .feature = FEATURE_SPIN_UP},
			err) != 0 ||
		    identify(disk, err) != 0)
			return -1;
	}
	// A disk in standby answers IDENTIFY, but spins up only for an access to its medium.
	return run(disk, "READ VERIFY", &(struct ata_command){.code = ATA_READ_VERIFY_EXT, .sectors = 1},
		   err);
}

static int map_registers(struct ahci *ahci, struct lb_error *err)
{
	uint64_t phys;

	if (lb_pcidev_bar(ahci->pci, AHCI_BAR, &phys, err) != 0)
		return -1;
	ahci->registers = lb_device_map(phys, HBA_BYTES);
	if (!ahci->registers)
		return lb_fail(err, "%s: registers at 0x%lx cannot be mapped", ahci->name, phys);
	return 0;
}

// A controller of the RAID class need not be AHCI. An AHCI controller has a known version, and no bits
// in GHC but the three that are defined.
static int check_kind(const struct ahci *ahci, struct lb_error *err)
{
	uint32_t version = hba_read(ahci, HBA_VERSION), ghc = hba_read(ahci, HBA_GHC);

	if (lb_pcidev_read(ahci->pci, LB_PCI_CLASS) >> 8 == LB_AHCI_CLASS ||
	    (version >= VERSION_FIRST && version <= VERSION_LAST && !(ghc & GHC_RESERVED)))
		return 0;
	return lb_fail(err, "%s: a RAID controller whose registers are not AHCI's (version 0x%x, GHC 0x%x)",
		       ahci->name, version, ghc);
}

static int start_controller(struct ahci *ahci, struct lb_error *err)
{
	ahci->cap = hba_read(ahci, HBA_CAP);
	if (ahci->cap == ALL_ONES)
		return lb_fail(err, "%s: the controller does not answer", ahci->name);
	if (check_kind(ahci, err) != 0)
		return -1;
	ahci->cap2 = hba_read(ahci, HBA_CAP2);
	if (check_reach(ahci, ahci, sizeof(*ahci), err) != 0)
		return -1;
	if (ahci->port >= AHCI_PORTS || !(hba_read(ahci, HBA_PI) & 1U << ahci->port))
		return lb_fail(err, "%s: the controller has no such port (ports 0x%x)", ahci->name,
			       hba_read(ahci, HBA_PI));
	take_from_firmware(ahci);
	if (reset_controller(ahci, err) != 0)
		return -1;
	lb_pcidev_enable(ahci->pci, true);
	if (stop_port(ahci, err) != 0)
		return -1;
	return start_port(ahci, err);
}

int lb_ahci_open(const struct lb_target *target, struct lb_disk *ret_disk, struct lb_error *err)
{
	struct lb_disk disk = {.driver = &ahci_driver, .pci = target->pci, .max_bytes = LB_MIB};
	struct ahci *ahci = lb_heap_pages(sizeof(*ahci));
	char pci[16];

	if (!ahci)
		return lb_fail(err, "ahci %s: no memory for its command list, %lu bytes",
			       lb_pcidev_name(target->pci, pci), sizeof(*ahci));
	disk.state = ahci;
	ahci->pci = target->pci;
	ahci->port = target->unit;
	lb_snprintf(ahci->name, sizeof(ahci->name), "ahci %s port %u", lb_pcidev_name(target->pci, pci),
		    target->unit);
	if (lb_target_is_function(target, ahci->name, lb_pcidev_read(ahci->pci, LB_PCI_ID),
				  lb_pcidev_read(ahci->pci, LB_PCI_CLASS), err) != 0)
		return -1;
	lb_pcidev_enable(ahci->pci, false);
	if (map_registers(ahci, err) != 0 || start_controller(ahci, err) != 0 || identify(&disk, err) != 0 ||
	    spin_up(&disk, err) != 0 || measure_disk(ahci, target, &disk, err) != 0) {
		lb_pcidev_enable(ahci->pci, false);
		return -1;
	}
	disk.depth = (ahci->cap >> CAP_SLOTS_SHIFT & CAP_SLOTS_MASK) + 1;
	*ret_disk = disk;
	return 0;
}
