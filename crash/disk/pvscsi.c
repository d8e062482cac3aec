// SPDX-License-Identifier: BSD-2-Clause
// VMware's paravirtual SCSI adapter: a transport for the commands of scsi.c, with one page of requests
// and one of completions, polled. Its interrupts stay masked; no message ring is set up. There is no
// manual.
// Sources: the interface's header in Linux, drivers/scsi/vmw_pvscsi.h (2014), and how
// hw/scsi/vmw_pvscsi.c of QEMU answers.
#include "crash/disk/disk.h"
#include "crash/disk/scsi.h"
#include "crash/disk/target_check.h"
#include "crash/disk/target_kind.h"
#include "crash/platform/pcidev.h"
#include "crash/platform/platform.h"
#include "lib/mem.h"
#include "lifeboat/range.h"

#define ID (0x07c0U << 16 | 0x15ad)

// Registers, which take eight pages.
#define COMMAND 0x0000
#define COMMAND_DATA 0x0004
#define COMMAND_STATUS 0x0008
#define INTERRUPT_MASK 0x2010
#define KICK_OTHER 0x3014
#define KICK_READ_WRITE 0x4018
#define REGISTERS_BYTES 0x8000

#define COMMAND_RESET 1
#define COMMAND_SETUP_RINGS 3
#define COMMAND_FAILED UINT32_MAX

// The data of COMMAND_SETUP_RINGS, written 32 bits at a time. Pages are page numbers.
#define RING_PAGES_MAX 32
struct setup {
	uint32_t request_pages, completion_pages;
	uint64_t state_page;
	uint64_t requests[RING_PAGES_MAX], completions[RING_PAGES_MAX];
};
_Static_assert(sizeof(struct setup) == 528, "no padding");

// The indices only grow; their low bits are the places in the rings.
struct rings {
	uint32_t request_produced, request_consumed, request_log2;
	uint32_t completion_produced, completion_consumed, completion_log2;
};

struct request {
	uint64_t context; // not 0, below 2^32
	uint64_t data, data_bytes;
	uint64_t sense;
	uint32_t sense_bytes, flags;
	uint8_t cdb[16], cdb_bytes;
	uint8_t lun[8];
	uint8_t tag, bus, target, cpu;
	uint8_t unused[59];
};
_Static_assert(sizeof(struct request) == 128, "no padding");
#define NO_DATA (1U << 2)
#define TO_HOST (1U << 3)
#define TO_DEVICE (1U << 4)
#define TAG_SIMPLE 0x20 // SAM-5 8.8: in any order

struct completion {
	uint64_t context;
	uint64_t data_bytes; // bytes that were moved; some adapters say 0 when all were
	uint32_t sense_bytes;
	uint16_t host_status, scsi_status;
	uint64_t unused;
};
_Static_assert(sizeof(struct completion) == 32, "no padding");

#define REQUESTS (LB_PAGE / sizeof(struct request)) // 2^5
#define REQUESTS_LOG2 5
#define COMPLETIONS (LB_PAGE / sizeof(struct completion)) // 2^7
#define COMPLETIONS_LOG2 7
_Static_assert(REQUESTS >= LB_DISK_MAX_DEPTH && REQUESTS == 1 << REQUESTS_LOG2 &&
		       COMPLETIONS == 1 << COMPLETIONS_LOG2,
	       "a page each");

// The adapter's status of a request.
#define HOST_SUCCESS 0x00
#define HOST_LINKED 0x0a // this and the next one are successes, too
#define HOST_LINKED_FLAG 0x0b
#define HOST_UNDERRUN 0x0c
#define HOST_NO_SUCH_TARGET 0x11
#define HOST_RUN 0x12 // data over- or underrun

#define TARGET_MAX 255
#define LUN_MAX 255
#define SENSE_ROOM 32
#define REQUEST_BYTES (256 * LB_KIB) // the most data of one request
#define READY_MS 1000 // for setting up the rings
#define LOOK_MS 100 // between two checks that the adapter is still there

struct pvscsi {
	volatile struct rings rings __attribute__((aligned(LB_PAGE)));
	volatile struct request requests[REQUESTS] __attribute__((aligned(LB_PAGE)));
	volatile struct completion completions[COMPLETIONS] __attribute__((aligned(LB_PAGE)));
	uint8_t sense[LB_DISK_MAX_DEPTH][SENSE_ROOM]; // by tag

	struct setup setup; // what the adapter was given for setup
	struct lb_scsi scsi;
	struct lb_pci_address pci;
	char name[32]; // "pvscsi 0000:00:03.0"
	volatile uint8_t *registers;
	uint8_t target, lun;
	uint32_t produced, consumed; // requests, completions
	uint32_t in_flight; // a bit for each tag
	uint32_t bytes[LB_DISK_MAX_DEPTH]; // of data, by tag
	struct lb_deadline next_look;
};

static volatile uint32_t *reg(const struct pvscsi *adapter, uint32_t offset)
{
	return (volatile uint32_t *)(volatile void *)(adapter->registers + offset);
}

// Maps the first memory BAR. VMware has an I/O BAR before it, QEMU has none.
static int map_registers(struct pvscsi *adapter, struct lb_error *err)
{
	uint64_t phys = 0;

	for (unsigned int i = 0; i < LB_PCI_BARS; i++) {
		uint32_t bar = lb_pcidev_read(adapter->pci, LB_PCI_BAR0 + 4 * i);

		if (!bar || bar & LB_PCI_BAR_IO)
			continue;
		if (lb_pcidev_bar(adapter->pci, i, &phys, err) != 0)
			return -1;
		adapter->registers = lb_device_map(phys, REGISTERS_BYTES);
		if (!adapter->registers)
			return lb_fail(err, "%s: registers at 0x%lx cannot be mapped", adapter->name, phys);
		return 0;
	}
	return lb_fail(err, "%s: it has no memory BAR", adapter->name);
}

static int check_there(const struct pvscsi *adapter, struct lb_error *err)
{
	if (lb_pcidev_read(adapter->pci, LB_PCI_ID) == UINT32_MAX)
		return lb_fail(err, "%s: the adapter is gone", adapter->name);
	return 0;
}

// Resets the adapter. The reset is complete when the register write returns; the read after it only
// checks the result.
static int reset_adapter(struct pvscsi *adapter, struct lb_error *err)
{
	*reg(adapter, COMMAND) = COMMAND_RESET;
	if (*reg(adapter, COMMAND_STATUS) != COMMAND_FAILED)
		return 0;
	lb_pcidev_enable(adapter->pci, false);
	return lb_fail(err, "%s: refuses a reset", adapter->name);
}

static void write_command(const struct pvscsi *adapter, uint32_t command, const struct setup *data)
{
	const uint32_t *words = (const uint32_t *)(const void *)data;

	*reg(adapter, COMMAND) = command;
	for (uint32_t i = 0; i < sizeof(*data) / sizeof(*words); i++)
		*reg(adapter, COMMAND_DATA) = words[i];
}

// Sets the rings up. The adapter shows that it accepted them by writing their sizes into the page of the
// rings' state.
static int start_rings(struct pvscsi *adapter, struct lb_error *err)
{
	struct lb_deadline deadline = lb_deadline_in(READY_MS);
	struct setup *setup = &adapter->setup;

	memset(setup, 0, sizeof(*setup));
	setup->request_pages = setup->completion_pages = 1;
	setup->state_page = (uintptr_t)&adapter->rings / LB_PAGE;
	setup->requests[0] = (uintptr_t)adapter->requests / LB_PAGE;
	setup->completions[0] = (uintptr_t)adapter->completions / LB_PAGE;
	memset((void *)(uintptr_t)&adapter->rings, 0, LB_PAGE);
	memset((void *)(uintptr_t)adapter->requests, 0, LB_PAGE);
	memset((void *)(uintptr_t)adapter->completions, 0, LB_PAGE);
	adapter->produced = adapter->consumed = adapter->in_flight = 0;
	adapter->next_look = lb_deadline_in(LOOK_MS);

	write_command(adapter, COMMAND_SETUP_RINGS, setup);
	if (*reg(adapter, COMMAND_STATUS) == COMMAND_FAILED)
		return lb_fail(err, "%s: refuses its rings", adapter->name);
	while (adapter->rings.request_log2 != REQUESTS_LOG2 ||
	       adapter->rings.completion_log2 != COMPLETIONS_LOG2) {
		if (lb_deadline_passed(deadline))
			return lb_fail(err, "%s: made rings of 2^%u and 2^%u entries, wanted 2^%u and 2^%u",
				       adapter->name, adapter->rings.request_log2,
				       adapter->rings.completion_log2, REQUESTS_LOG2, COMPLETIONS_LOG2);
		lb_pause();
	}
	*reg(adapter, INTERRUPT_MASK) = 0;
	return 0;
}

static int bring_up(struct pvscsi *adapter, struct lb_error *err)
{
	if (check_there(adapter, err) != 0 || reset_adapter(adapter, err) != 0)
		return -1;
	lb_pcidev_enable(adapter->pci, true);
	return start_rings(adapter, err);
}

static uint32_t flags_of(const struct lb_scsi_command *command)
{
	if (!command->bytes)
		return NO_DATA;
	return command->to_device ? TO_DEVICE : TO_HOST;
}

static int adapter_submit(struct lb_scsi *scsi, uint32_t tag, const struct lb_scsi_command *command,
			  struct lb_error *err)
{
	struct pvscsi *adapter = scsi->state;
	struct request request = {
		.context = tag + 1,
		.data = command->bytes ? (uintptr_t)command->data : 0,
		.data_bytes = command->bytes,
		.sense = (uintptr_t)adapter->sense[tag],
		.sense_bytes = SENSE_ROOM,
		.flags = flags_of(command),
		.cdb_bytes = command->cdb_bytes,
		.lun = {0, adapter->lun},
		.tag = TAG_SIMPLE,
		.target = adapter->target,
	};

	(void)err;
	memcpy(request.cdb, command->cdb, sizeof(request.cdb));
	memset(adapter->sense[tag], 0, SENSE_ROOM);
	memcpy((void *)(uintptr_t)&adapter->requests[adapter->produced % REQUESTS], &request,
	       sizeof(request));
	adapter->bytes[tag] = command->bytes;
	adapter->in_flight |= 1U << tag;
	// The order is: the request, the index, the doorbell.
	__atomic_thread_fence(__ATOMIC_RELEASE);
	adapter->rings.request_produced = ++adapter->produced;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	*reg(adapter, command->bytes ? KICK_READ_WRITE : KICK_OTHER) = 0;
	return 0;
}

static int look_at_adapter(struct pvscsi *adapter, struct lb_error *err)
{
	if (!lb_deadline_passed(adapter->next_look))
		return 0;
	adapter->next_look = lb_deadline_in(LOOK_MS);
	return check_there(adapter, err);
}

static int decode(const struct pvscsi *adapter, uint32_t tag, const struct completion *completion,
		  struct lb_scsi_answer *ret_answer, struct lb_error *err)
{
	uint32_t wanted = adapter->bytes[tag];
	bool success = completion->host_status == HOST_SUCCESS || completion->host_status == HOST_LINKED ||
		       completion->host_status == HOST_LINKED_FLAG;

	ret_answer->tag = tag;
	if (completion->data_bytes > wanted || completion->sense_bytes > SENSE_ROOM ||
	    completion->scsi_status > UINT8_MAX)
		return lb_fail(err,
			       "%s: moved %lu of %u bytes, %u bytes of sense data, status 0x%x: more than is "
			       "possible",
			       adapter->name, completion->data_bytes, wanted, completion->sense_bytes,
			       completion->scsi_status);
	// If the disk gave a status of its own, that one counts, provided that the adapter reports at
	// most an over- or underrun.
	if (!success && (completion->scsi_status == LB_SCSI_GOOD ||
			 (completion->host_status != HOST_RUN && completion->host_status != HOST_UNDERRUN)))
		return lb_fail(err, "%s: %s (host status 0x%x)", adapter->scsi.name,
			       completion->host_status == HOST_NO_SUCH_TARGET ? "no such target"
									      : "the adapter failed",
			       completion->host_status);
	ret_answer->status = (uint8_t)completion->scsi_status;
	ret_answer->moved = success && !completion->data_bytes ? wanted : (uint32_t)completion->data_bytes;
	ret_answer->sense_bytes =
		completion->sense_bytes < LB_SCSI_SENSE ? completion->sense_bytes : LB_SCSI_SENSE;
	memcpy(ret_answer->sense, adapter->sense[tag], ret_answer->sense_bytes);
	return 1;
}

static int adapter_poll(struct lb_scsi *scsi, struct lb_scsi_answer *ret_answer, struct lb_error *err)
{
	struct pvscsi *adapter = scsi->state;
	uint32_t produced = adapter->rings.completion_produced, tag;
	struct completion completion;

	ret_answer->tag = LB_DISK_NO_TAG;
	if (!adapter->in_flight)
		return 0;
	if (produced == adapter->consumed)
		return look_at_adapter(adapter, err);
	if (produced - adapter->consumed > scsi->depth)
		return lb_fail(err, "%s: completions went from %u to %u with %u requests at most",
			       adapter->name, adapter->consumed, produced, scsi->depth);
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	memcpy(&completion, (const void *)(uintptr_t)&adapter->completions[adapter->consumed % COMPLETIONS],
	       sizeof(completion));
	if (!completion.context || completion.context > scsi->depth ||
	    !(adapter->in_flight & 1U << (completion.context - 1)))
		return lb_fail(err, "%s: reports request %lu as done, which is not in flight", adapter->name,
			       completion.context);
	tag = (uint32_t)completion.context - 1;
	adapter->in_flight &= ~(1U << tag);
	adapter->rings.completion_consumed = ++adapter->consumed;
	return decode(adapter, tag, &completion, ret_answer, err);
}

static int adapter_reset(struct lb_scsi *scsi, struct lb_error *err)
{
	return bring_up(scsi->state, err);
}

static void adapter_stop(struct lb_scsi *scsi)
{
	struct pvscsi *adapter = scsi->state;

	reset_adapter(adapter, NULL);
	lb_pcidev_enable(adapter->pci, false);
}

static const struct lb_scsi_transport pvscsi_transport = {
	.name = "pvscsi",
	.submit = adapter_submit,
	.poll = adapter_poll,
	.reset = adapter_reset,
	.stop = adapter_stop,
};

static int check_identity(struct pvscsi *adapter, const struct lb_target *target, struct lb_error *err)
{
	uint32_t id = lb_pcidev_read(adapter->pci, LB_PCI_ID);
	uint32_t unit_target = LB_SCSI_UNIT_TARGET(target->unit), lun = LB_SCSI_UNIT_LUN(target->unit);

	if (lb_target_is_function(target, adapter->name, id, lb_pcidev_read(adapter->pci, LB_PCI_CLASS),
				  err) != 0)
		return -1;
	if (id != ID)
		return lb_fail(err, "%s: PCI ID 0x%x is no PVSCSI adapter", adapter->name, id);
	if (unit_target > TARGET_MAX || lun > LUN_MAX)
		return lb_fail(err, "%s: cannot address target %u LUN %u, wanted up to %u and %u",
			       adapter->name, unit_target, lun, TARGET_MAX, LUN_MAX);
	adapter->target = (uint8_t)unit_target;
	adapter->lun = (uint8_t)lun;
	return 0;
}

int lb_pvscsi_open(const struct lb_target *target, struct lb_disk *ret_disk, struct lb_error *err)
{
	struct pvscsi *adapter = lb_heap_pages(sizeof(*adapter));
	char pci[16];

	if (!adapter)
		return lb_fail(err, "pvscsi %s: no memory for its rings, %lu bytes",
			       lb_pcidev_name(target->pci, pci), sizeof(*adapter));
	adapter->pci = target->pci;
	lb_snprintf(adapter->name, sizeof(adapter->name), "pvscsi %s", lb_pcidev_name(target->pci, pci));
	lb_snprintf(adapter->scsi.name, sizeof(adapter->scsi.name), "%s target %u LUN %u", adapter->name,
		    LB_SCSI_UNIT_TARGET(target->unit), LB_SCSI_UNIT_LUN(target->unit));
	adapter->scsi.transport = &pvscsi_transport;
	adapter->scsi.state = adapter;
	adapter->scsi.depth = LB_DISK_MAX_DEPTH;
	adapter->scsi.max_bytes = REQUEST_BYTES;
	if (check_identity(adapter, target, err) != 0)
		return -1;
	lb_pcidev_enable(adapter->pci, false);
	if (map_registers(adapter, err) != 0 || bring_up(adapter, err) != 0) {
		lb_pcidev_enable(adapter->pci, false);
		return -1;
	}
	if (lb_scsi_open(&adapter->scsi, target, ret_disk, err) != 0) {
		adapter_stop(&adapter->scsi);
		return -1;
	}
	return 0;
}
