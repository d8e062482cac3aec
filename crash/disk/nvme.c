// SPDX-License-Identifier: BSD-2-Clause
// NVMe: the admin queues and one pair of I/O queues, polled. The driver begins with a controller reset,
// which clears all that the dead kernel had set up: queues, interrupts, host memory buffer. The driver
// does not use controller memory buffers.
//
// Source: NVM Express Base Specification 1.4 ("NVMe" below), PCIe transport; 2.0 ("NVMe 2.0") for
// controllers that are slow to become ready, and for more than 16 formats.
#include "crash/disk/disk.h"
#include "crash/disk/nvme_status.h"
#include "crash/disk/target_check.h"
#include "crash/disk/target_kind.h"
#include "crash/platform/pcidev.h"
#include "crash/platform/platform.h"
#include "lib/mem.h"
#include "lifeboat/range.h"

// Registers, NVMe 3.1.
#define CAP_LOW 0x00
#define CAP_HIGH 0x04
#define CAP_LOW_MQES 0xffffU
#define CAP_LOW_TO_SHIFT 24
#define CAP_HIGH_DSTRD 0xfU
#define CAP_HIGH_NVM (1U << 5) // CSS, bit 37 of CAP
#define CAP_HIGH_MPSMIN_SHIFT 16
#define CAP_HIGH_CRWMS (1U << 27) // bit 59 of CAP: CRTO is valid
#define CC 0x14
#define CC_EN 1U
// entry sizes: 2^6 bytes of a submission, 2^4 of a completion; pages of 4 KiB, NVM command set
#define CC_ENTRIES (6U << 16 | 4U << 20)
#define CC_SHN_NORMAL (1U << 14)
#define CC_SHN (3U << 14)
#define CSTS 0x1c
#define CSTS_RDY 1U
#define CSTS_CFS 2U
#define CSTS_SHST (3U << 2)
#define CSTS_SHST_DONE (2U << 2)
#define AQA 0x24
#define ASQ 0x28
#define ACQ 0x30
#define CRTO 0x68 // NVMe 2.0, 3.1.3.23: bits 15:0, until ready with all media
#define DOORBELLS 0x1000

// CAP.TO and CRTO count half seconds. CAP.TO can say up to 127 s, CRTO up to nine hours.
#define READY_UNIT_MS 500
#define READY_MAX_MS (255 * READY_UNIT_MS)
#define READY_QUIET_MS 2000 // a longer wait is told on the console

// Opcodes, NVMe 5 and 6.
#define ADMIN_CREATE_SQ 0x01
#define ADMIN_CREATE_CQ 0x05
#define ADMIN_IDENTIFY 0x06
#define ADMIN_SET_FEATURES 0x09
#define FEATURE_QUEUES 0x07
#define IDENTIFY_NAMESPACE 0
#define IDENTIFY_CONTROLLER 1
#define QUEUE_CONTIGUOUS 1U
#define IO_FLUSH 0x00
#define IO_WRITE 0x01
#define IO_READ 0x02

#define ADMIN_ENTRIES 8 // one command at a time; of 2 to 4096
#define IO_QUEUE 1
#define PRPS 256 // pages of the largest request; one PRP entry for each
#define LOOK_MS 10 // how often an idle poll checks that the controller is alive
#define TAG_BITS 5
#define GENERATIONS ((1U << (16 - TAG_BITS)) - 1) // identifier 0xffff is reserved (NVMe 2.0, 4.1)

struct command {
	uint32_t opcode_id; // opcode 7:0, identifier 31:16
	uint32_t nsid;
	uint64_t reserved, metadata;
	uint64_t prp1, prp2;
	uint32_t dw10, dw11, dw12, dw13, dw14, dw15;
};

struct completion {
	uint32_t result, reserved;
	uint32_t queue; // submission queue's head 15:0, identifier 31:16
	uint32_t status; // command identifier 15:0, phase 16, code 24:17, type 27:25
};

// Identify data, NVMe 5.15.2.1 and 5.15.2.2; only the used fields have names.
struct controller_data {
	uint8_t before_model[24];
	char model[40];
	uint8_t before_mdts[77 - 64];
	uint8_t mdts; // 4 KiB << mdts; 0: no limit
	uint8_t before_type[111 - 78];
	uint8_t type; // 0: not told, 1: I/O
	uint8_t before_namespaces[516 - 112];
	uint32_t namespaces; // the largest identifier
};

struct namespace_data {
	uint64_t blocks;
	uint8_t before_formats[25 - 8];
	uint8_t formats; // number of formats, minus one
	uint8_t format; // the one in use, 3:0 and, above 15, 6:5 (NVMe 2.0, NVM command set 4.1.5.1)
	uint8_t before_attributes[99 - 27];
	uint8_t attributes;
	uint8_t before_format[128 - 100];
	uint32_t lbaf[64]; // metadata 15:0, block size 23:16 as a power of two
};
#define FORMAT_LOW 0xfU
#define FORMAT_HIGH(format) ((uint32_t)(format) >> 5 & 3U)
#define FORMATS_LOW 16U
#define ATTRIBUTE_PROTECTED 1U

struct queue {
	struct command *sq;
	volatile struct completion *cq;
	uint32_t entries; // in each of the two queues
	uint32_t tail, head; // next submission to write; next completion to read
	uint32_t phase; // of the next new completion
	uint32_t id;
};

struct nvme {
	volatile uint8_t *regs;
	uint32_t doorbell_stride;
	char name[16];
	uint32_t pci_id;
	uint32_t nsid;
	bool ready; // takes requests
	uint32_t ready_ms; // the longest time for switching on or off
	bool hung; // the controller took longer than ready_ms, so later waits are LB_DISK_TIMEOUT_MS
	struct queue admin, io;
	uint64_t *lists; // PRPS entries for each tag
	void *page; // for identify data
	uint32_t generation[LB_DISK_MAX_DEPTH];
	uint32_t in_flight; // a bit for each tag
	struct lb_deadline next_look;
};

_Static_assert(sizeof(struct command) == 64, "NVMe 4.2");
_Static_assert(sizeof(struct completion) == 16, "NVMe 4.6");
_Static_assert(offsetof(struct controller_data, mdts) == 77, "NVMe figure 251");
_Static_assert(offsetof(struct controller_data, type) == 111, "NVMe figure 251");
_Static_assert(offsetof(struct controller_data, namespaces) == 516, "NVMe figure 251");
_Static_assert(offsetof(struct namespace_data, format) == 26, "NVMe figure 249");
_Static_assert(offsetof(struct namespace_data, attributes) == 99, "NVMe figure 249");
_Static_assert(offsetof(struct namespace_data, lbaf) == 128, "NVMe figure 249");
_Static_assert(LB_DISK_MAX_DEPTH <= 1 << TAG_BITS, "a tag fits into its bits");
_Static_assert(PRPS * sizeof(uint64_t) * 2 == LB_PAGE, "no list crosses a page");
_Static_assert((LB_DISK_MAX_DEPTH + 1) * sizeof(struct command) <= LB_PAGE, "a queue is one page");

static uint32_t read_reg(const struct nvme *nvme, uint32_t reg)
{
	return *(volatile uint32_t *)(nvme->regs + reg);
}

static void write_reg(const struct nvme *nvme, uint32_t reg, uint32_t value)
{
	*(volatile uint32_t *)(nvme->regs + reg) = value;
}

static void write_address(const struct nvme *nvme, uint32_t reg, const volatile void *memory)
{
	write_reg(nvme, reg, (uint32_t)(uintptr_t)memory);
	write_reg(nvme, reg + 4, (uint32_t)((uintptr_t)memory >> 32));
}

// Tells the controller of a queue's new tail, or head for completions. The controller sees earlier
// writes to memory first: device registers are uncached, and x86 keeps stores in order (SDM 3 8.2.2).
static void ring(const struct nvme *nvme, const struct queue *queue, bool completions, uint32_t value)
{
	uint32_t index = 2 * queue->id + (completions ? 1 : 0);

	__asm__ volatile("" ::: "memory");
	write_reg(nvme, DOORBELLS + index * nvme->doorbell_stride, value);
}

static int fail_status(const struct nvme *nvme, const char *what, uint32_t status, struct lb_error *err)
{
	uint32_t code = status >> 17 & 0xff, type = status >> 25 & 7;

	return lb_fail(err, "%s: %s failed: status type %u code 0x%02x (%s)", nvme->name, what, type, code,
		       lb_nvme_status(type, code));
}

static int fail_gone(const struct nvme *nvme, struct lb_error *err)
{
	return lb_fail(err, "%s: the controller is gone: its registers read all ones", nvme->name);
}

static int check_alive(const struct nvme *nvme, struct lb_error *err)
{
	uint32_t status = read_reg(nvme, CSTS);

	if (status == UINT32_MAX)
		return fail_gone(nvme, err);
	if (status & CSTS_CFS)
		return lb_fail(err, "%s: the controller reports a fatal status (CSTS 0x%x)", nvme->name,
			       status);
	if (!(status & CSTS_RDY))
		return lb_fail(err, "%s: the controller is no longer ready (CSTS 0x%x)", nvme->name, status);
	return 0;
}

// Waits until CSTS, masked by `mask`, is `wanted`, for as long as the controller may take. `what` names
// the step in messages. A long wait is told once.
static int await_status(struct nvme *nvme, uint32_t mask, uint32_t wanted, const char *what,
			struct lb_error *err)
{
	const uint32_t ms = nvme->hung ? LB_DISK_TIMEOUT_MS : nvme->ready_ms;
	struct lb_deadline deadline = lb_deadline_in(ms), quiet = lb_deadline_in(READY_QUIET_MS);
	bool told = false;
	uint32_t status;

	while (((status = read_reg(nvme, CSTS)) & mask) != wanted || status == UINT32_MAX) {
		if (status == UINT32_MAX)
			return fail_gone(nvme, err);
		if (wanted == CSTS_RDY && (status & CSTS_CFS))
			return lb_fail(err, "%s: %s: the controller reports a fatal status (CSTS 0x%x)",
				       nvme->name, what, status);
		if (lb_deadline_passed(deadline)) {
			nvme->hung = true;
			return lb_fail(err, "%s: %s: CSTS is still 0x%x after %u ms", nvme->name, what,
				       status, ms);
		}
		if (!told && lb_deadline_passed(quiet)) {
			lb_say("%s: %s: waiting for up to %u s", nvme->name, what, ms / 1000);
			told = true;
		}
		lb_pause();
	}
	return 0;
}

// Clears CC.EN and waits until the controller is off. NVMe 3.1.5: clearing EN before the controller is
// ready is undefined, so this function waits for that first. A controller with a fatal status, or one
// that does not become ready, is switched off anyway. A fatal status stays set until the controller is
// off.
static int switch_off(struct nvme *nvme, struct lb_error *err)
{
	uint32_t config = read_reg(nvme, CC), status = read_reg(nvme, CSTS);

	if (config == UINT32_MAX)
		return fail_gone(nvme, err);
	if (config & CC_EN && !nvme->hung && !(status & (CSTS_RDY | CSTS_CFS)))
		await_status(nvme, CSTS_RDY, CSTS_RDY, "it was being switched on", NULL);
	write_reg(nvme, CC, config & ~(CC_EN | CC_SHN));
	return await_status(nvme, CSTS_RDY | (status & CSTS_CFS), 0, "switching the controller off", err);
}

// Switches the controller off. Bus mastering goes off first, so that no transfer of the dead kernel or
// of a forgotten request reaches memory. If the controller does not switch off without bus mastering, it
// gets bus mastering back for a second try. If that fails too, the PCI function is reset.
static int disable(struct lb_disk *disk, struct lb_error *err)
{
	struct nvme *nvme = disk->state;

	nvme->ready = false;
	nvme->in_flight = 0;
	// Compares with the known id, not with all ones: on some machines a read that no device answers
	// is not all ones.
	if (lb_pcidev_read(disk->pci, LB_PCI_ID) != nvme->pci_id)
		return lb_fail(err, "%s: the controller is gone from its slot", nvme->name);
	lb_pcidev_enable(disk->pci, false);
	if (switch_off(nvme, err) == 0)
		return 0;
	lb_pcidev_enable(disk->pci, true);
	if (switch_off(nvme, err) == 0)
		return 0;
	lb_pcidev_enable(disk->pci, false);
	return lb_pcidev_function_reset(disk->pci) ? switch_off(nvme, err) : -1;
}

static void clear_queue(struct queue *queue)
{
	memset(queue->sq, 0, LB_PAGE);
	memset((void *)(uintptr_t)queue->cq, 0, LB_PAGE);
	queue->tail = 0;
	queue->head = 0;
	queue->phase = 1;
}

static void push(const struct nvme *nvme, struct queue *queue, const struct command *command)
{
	queue->sq[queue->tail] = *command;
	queue->tail = (queue->tail + 1) % queue->entries;
	ring(nvme, queue, false, queue->tail);
}

// Takes the next completion's status. False: there is none.
static bool pop(const struct nvme *nvme, struct queue *queue, uint32_t *ret_status)
{
	uint32_t status = queue->cq[queue->head].status;

	if ((status >> 16 & 1) != queue->phase)
		return false;
	__asm__ volatile("" ::: "memory"); // x86 reads in order; this makes the compiler do so, too
	queue->head++;
	if (queue->head == queue->entries) {
		queue->head = 0;
		queue->phase ^= 1;
	}
	ring(nvme, queue, true, queue->head);
	*ret_status = status;
	return true;
}

static bool status_is_good(uint32_t status)
{
	return (status >> 17 & 0x7ff) == 0;
}

static int run_admin(struct nvme *nvme, struct command command, const char *what, struct lb_error *err)
{
	struct lb_deadline deadline = lb_deadline_in(LB_DISK_TIMEOUT_MS);
	uint32_t id = nvme->admin.tail, status;

	command.opcode_id |= id << 16;
	push(nvme, &nvme->admin, &command);
	for (;;) {
		while (!pop(nvme, &nvme->admin, &status)) {
			if (lb_deadline_passed(deadline))
				return lb_fail(err, "%s: %s: no answer in %u ms", nvme->name, what,
					       LB_DISK_TIMEOUT_MS);
			if (check_alive(nvme, err) != 0)
				return -1;
			lb_pause();
		}
		if ((status & 0xffff) == id)
			return status_is_good(status) ? 0 : fail_status(nvme, what, status, err);
	}
}

static int identify(struct nvme *nvme, uint32_t what, uint32_t nsid, const char *words, struct lb_error *err)
{
	return run_admin(nvme,
			 (struct command){.opcode_id = ADMIN_IDENTIFY,
					  .nsid = nsid,
					  .prp1 = (uintptr_t)nvme->page,
					  .dw10 = what},
			 words, err);
}

// NVMe 7.6.1, from step 2 on. The controller is off when called.
static int enable(struct lb_disk *disk, struct lb_error *err)
{
	struct nvme *nvme = disk->state;

	clear_queue(&nvme->admin);
	clear_queue(&nvme->io);
	write_reg(nvme, AQA, (ADMIN_ENTRIES - 1) << 16 | (ADMIN_ENTRIES - 1));
	write_address(nvme, ASQ, nvme->admin.sq);
	write_address(nvme, ACQ, nvme->admin.cq);
	lb_pcidev_enable(disk->pci, true);
	write_reg(nvme, CC, CC_ENTRIES | CC_EN);
	return await_status(nvme, CSTS_RDY, CSTS_RDY, "switching the controller on", err);
}

static int create_queues(struct nvme *nvme, struct lb_error *err)
{
	uint32_t queue = (nvme->io.entries - 1) << 16 | IO_QUEUE;

	// One queue of each kind; the fields count from 0.
	if (run_admin(nvme, (struct command){.opcode_id = ADMIN_SET_FEATURES, .dw10 = FEATURE_QUEUES},
		      "setting the number of queues", err) != 0)
		return -1;
	if (run_admin(nvme,
		      (struct command){.opcode_id = ADMIN_CREATE_CQ,
				       .prp1 = (uintptr_t)nvme->io.cq,
				       .dw10 = queue,
				       .dw11 = QUEUE_CONTIGUOUS},
		      "creating a completion queue", err) != 0)
		return -1;
	return run_admin(nvme,
			 (struct command){.opcode_id = ADMIN_CREATE_SQ,
					  .prp1 = (uintptr_t)nvme->io.sq,
					  .dw10 = queue,
					  .dw11 = QUEUE_CONTIGUOUS | IO_QUEUE << 16},
			 "creating a submission queue", err);
}

// Switches the controller off, if it is on, so that it transfers nothing after a failure.
static int give_up(struct lb_disk *disk)
{
	disable(disk, NULL);
	lb_pcidev_enable(disk->pci, false);
	return -1;
}

static int nvme_reset(struct lb_disk *disk, struct lb_error *err)
{
	struct nvme *nvme = disk->state;

	if (disable(disk, err) != 0)
		return -1;
	if (enable(disk, err) != 0 || create_queues(nvme, err) != 0)
		return give_up(disk);
	nvme->next_look = lb_deadline_in(LOOK_MS);
	nvme->ready = true;
	return 0;
}

// Fills the PRPs, NVMe 4.3. The first one is the first page. The second one is the second page, or a
// list of all pages but the first.
static void describe_data(const struct nvme *nvme, const struct lb_disk_request *request,
			  struct command *command)
{
	uint64_t at = (uintptr_t)request->buffer;
	uint64_t *list = nvme->lists + (uint64_t)request->tag * PRPS;
	uint32_t pages = (uint32_t)lb_pages(request->bytes);

	command->prp1 = at;
	if (pages == 2)
		command->prp2 = at + LB_PAGE;
	if (pages <= 2)
		return;
	for (uint32_t i = 1; i < pages; i++)
		list[i - 1] = at + i * LB_PAGE;
	command->prp2 = (uintptr_t)list;
}

static int nvme_submit(struct lb_disk *disk, const struct lb_disk_request *request, struct lb_error *err)
{
	static const uint8_t opcodes[] = {
		[LB_DISK_READ] = IO_READ, [LB_DISK_WRITE] = IO_WRITE, [LB_DISK_FLUSH] = IO_FLUSH};
	struct nvme *nvme = disk->state;
	struct command command = {.nsid = nvme->nsid};
	uint32_t tag = request->tag;

	if (!nvme->ready)
		return lb_fail(err, "%s: the controller takes no requests: its reset failed", nvme->name);
	if (request->op != LB_DISK_FLUSH) {
		describe_data(nvme, request, &command);
		command.dw10 = (uint32_t)request->block;
		command.dw11 = (uint32_t)(request->block >> 32);
		command.dw12 = request->bytes / disk->block_bytes - 1;
	}
	nvme->generation[tag] = (nvme->generation[tag] + 1) % GENERATIONS;
	command.opcode_id = (nvme->generation[tag] << TAG_BITS | tag) << 16 | opcodes[request->op];
	nvme->in_flight |= 1U << tag;
	push(nvme, &nvme->io, &command);
	return 0;
}

static int nvme_poll(struct lb_disk *disk, uint32_t *ret_tag, struct lb_error *err)
{
	struct nvme *nvme = disk->state;
	uint32_t status, id, tag;

	if (!nvme->ready) {
		*ret_tag = LB_DISK_NO_TAG;
		return lb_fail(err, "%s: the controller takes no requests: its reset failed", nvme->name);
	}
	if (!pop(nvme, &nvme->io, &status)) {
		if (!lb_deadline_passed(nvme->next_look))
			return 0;
		nvme->next_look = lb_deadline_in(LOOK_MS);
		*ret_tag = LB_DISK_NO_TAG;
		return check_alive(nvme, err);
	}
	id = status & 0xffff;
	tag = id & ((1U << TAG_BITS) - 1);
	// Ignores a tag or generation that is not in flight. If its request is one of ours, that one
	// will time out.
	if (!(nvme->in_flight & 1U << tag) || nvme->generation[tag] != id >> TAG_BITS)
		return 0;
	nvme->in_flight &= ~(1U << tag);
	*ret_tag = tag;
	return status_is_good(status) ? 1 : fail_status(nvme, "a request", status, err);
}

// Shuts the controller down normally first, so that the drive saves its caches and tables (NVMe 7.6.2).
static void nvme_stop(struct lb_disk *disk)
{
	struct nvme *nvme = disk->state;

	if (nvme->ready && check_alive(nvme, NULL) == 0) {
		write_reg(nvme, CC, CC_ENTRIES | CC_EN | CC_SHN_NORMAL);
		await_status(nvme, CSTS_SHST, CSTS_SHST_DONE, "shutting down", NULL);
	}
	give_up(disk);
}

static const struct lb_disk_driver nvme_driver = {
	.name = "nvme",
	.submit = nvme_submit,
	.poll = nvme_poll,
	.reset = nvme_reset,
	.stop = nvme_stop,
};

static int map_registers(struct lb_disk *disk, struct lb_error *err)
{
	struct nvme *nvme = disk->state;
	uint32_t high;
	uint64_t phys, doorbells;

	lb_pcidev_enable(disk->pci, false);
	if (lb_pcidev_bar(disk->pci, 0, &phys, err) != 0)
		return -1;
	nvme->regs = lb_device_map(phys, LB_PAGE);
	if (!nvme->regs)
		return lb_fail(err, "%s: its registers at 0x%lx cannot be mapped", nvme->name,
			       (unsigned long)phys);
	high = read_reg(nvme, CAP_HIGH);
	nvme->doorbell_stride = 4U << (high & CAP_HIGH_DSTRD);
	doorbells = 2ULL * (IO_QUEUE + 1) * nvme->doorbell_stride;
	nvme->regs = lb_device_map(phys, DOORBELLS + doorbells);
	if (!nvme->regs)
		return lb_fail(err, "%s: its doorbells at 0x%lx cannot be mapped", nvme->name,
			       (unsigned long)(phys + DOORBELLS));
	return 0;
}

// How long the controller may take to become ready: the larger one of CAP.TO and CRTO, since some
// controllers say too little in CRTO.
static uint32_t ready_ms(const struct nvme *nvme, uint32_t low, uint32_t high)
{
	uint32_t units = low >> CAP_LOW_TO_SHIFT, crto;

	if (high & CAP_HIGH_CRWMS) {
		crto = read_reg(nvme, CRTO) & 0xffff;
		units = crto > units ? crto : units;
	}
	if (units < LB_DISK_TIMEOUT_MS / READY_UNIT_MS)
		return LB_DISK_TIMEOUT_MS;
	return units < READY_MAX_MS / READY_UNIT_MS ? units * READY_UNIT_MS : READY_MAX_MS;
}

static int check_capabilities(struct lb_disk *disk, struct lb_error *err)
{
	struct nvme *nvme = disk->state;
	uint32_t low = read_reg(nvme, CAP_LOW), high = read_reg(nvme, CAP_HIGH);
	uint32_t mqes = low & CAP_LOW_MQES; // entries minus one, which is as many requests as fit

	if (low == UINT32_MAX && high == UINT32_MAX)
		return fail_gone(nvme, err);
	if (!(high & CAP_HIGH_NVM))
		return lb_fail(err, "%s: it has no NVM command set (CAP 0x%08x%08x)", nvme->name, high, low);
	if (high >> CAP_HIGH_MPSMIN_SHIFT & 0xf)
		return lb_fail(err, "%s: its pages are larger than 4 KiB (CAP 0x%08x%08x)", nvme->name, high,
			       low);
	if (mqes == 0) // not allowed, but some controllers say so; take the smallest queue, of two entries
		mqes = 1;
	nvme->ready_ms = ready_ms(nvme, low, high);
	disk->depth = mqes < LB_DISK_MAX_DEPTH ? mqes : LB_DISK_MAX_DEPTH;
	return 0;
}

static int allocate(struct lb_disk *disk, struct lb_error *err)
{
	struct nvme *nvme = disk->state;

	nvme->admin.sq = lb_heap_pages(LB_PAGE);
	nvme->admin.cq = lb_heap_pages(LB_PAGE);
	nvme->admin.entries = ADMIN_ENTRIES;
	nvme->io.sq = lb_heap_pages(LB_PAGE);
	nvme->io.cq = lb_heap_pages(LB_PAGE);
	nvme->io.entries = disk->depth + 1;
	nvme->io.id = IO_QUEUE;
	nvme->lists = lb_heap_pages(disk->depth * PRPS * sizeof(*nvme->lists));
	nvme->page = lb_heap_pages(LB_PAGE);
	if (!nvme->admin.sq || !nvme->admin.cq || !nvme->io.sq || !nvme->io.cq || !nvme->lists || !nvme->page)
		return lb_fail(err, "%s: no memory for the queues of %u requests", nvme->name, disk->depth);
	return 0;
}

static int read_controller(struct lb_disk *disk, struct lb_error *err)
{
	struct nvme *nvme = disk->state;
	const struct controller_data *data = nvme->page;
	size_t length = sizeof(data->model);

	if (identify(nvme, IDENTIFY_CONTROLLER, 0, "identifying the controller", err) != 0)
		return -1;
	if (data->type > 1)
		return lb_fail(err, "%s: its controller type is %u, not I/O (1)", nvme->name, data->type);
	if (nvme->nsid == 0 || nvme->nsid > data->namespaces)
		return lb_fail(err, "%s: namespace %u: the controller has 1 to %u", nvme->name, nvme->nsid,
			       data->namespaces);
	disk->max_bytes = LB_MIB;
	if (data->mdts > 0 && data->mdts < 8)
		disk->max_bytes = (uint32_t)LB_PAGE << data->mdts;
	while (length && (data->model[length - 1] == ' ' || data->model[length - 1] == '\0'))
		length--;
	memset(disk->model, 0, sizeof(disk->model));
	for (size_t i = 0; i < length; i++)
		disk->model[i] = data->model[i] >= ' ' && data->model[i] <= '~' ? data->model[i] : '?';
	return 0;
}

static int read_namespace(struct lb_disk *disk, const struct lb_target *target, struct lb_error *err)
{
	struct nvme *nvme = disk->state;
	const struct namespace_data *data = nvme->page;
	uint32_t lbaf, shift, format;

	if (identify(nvme, IDENTIFY_NAMESPACE, nvme->nsid, "identifying the namespace", err) != 0)
		return -1;
	if (data->blocks == 0)
		return lb_fail(err, "%s: namespace %u is not active", nvme->name, nvme->nsid);
	format = data->format & FORMAT_LOW;
	if (data->formats >= FORMATS_LOW)
		format += FORMATS_LOW * FORMAT_HIGH(data->format);
	lbaf = data->lbaf[format];
	shift = lbaf >> 16 & 0xff;
	if (format > data->formats || (shift != 9 && shift != 12))
		return lb_fail(err,
			       "%s: namespace %u: format %u of %u has blocks of 2^%u bytes, not 512 or 4096",
			       nvme->name, nvme->nsid, format, data->formats + 1U, shift);
	if (lbaf & 0xffff)
		return lb_fail(err, "%s: namespace %u has %u bytes of metadata with each block, wanted none",
			       nvme->name, nvme->nsid, lbaf & 0xffff);
	if (data->attributes & ATTRIBUTE_PROTECTED)
		return lb_fail(err, "%s: namespace %u is write protected", nvme->name, nvme->nsid);
	disk->block_bytes = 1U << shift;
	disk->blocks = data->blocks;
	return lb_target_is_disk(target, nvme->name, disk, err);
}

static int bring_up(struct lb_disk *disk, const struct lb_target *target, struct lb_error *err)
{
	struct nvme *nvme = disk->state;

	if (enable(disk, err) != 0 || read_controller(disk, err) != 0 ||
	    read_namespace(disk, target, err) != 0 || create_queues(nvme, err) != 0)
		return give_up(disk);
	nvme->next_look = lb_deadline_in(LOOK_MS);
	nvme->ready = true;
	return 0;
}

int lb_nvme_open(const struct lb_target *target, struct lb_disk *ret_disk, struct lb_error *err)
{
	struct lb_disk disk = {.driver = &nvme_driver, .pci = target->pci};
	struct nvme *nvme;
	char name[16];

	if (lb_target_is_function(target, lb_pcidev_name(target->pci, name),
				  lb_pcidev_read(target->pci, LB_PCI_ID),
				  lb_pcidev_read(target->pci, LB_PCI_CLASS), err) != 0)
		return -1;
	nvme = lb_heap_pages(sizeof(*nvme));
	if (!nvme)
		return lb_fail(err, "%s: no memory for the driver", name);
	memcpy(nvme->name, name, sizeof(name));
	nvme->pci_id = target->pci_id;
	nvme->nsid = target->unit;
	disk.state = nvme;
	if (map_registers(&disk, err) != 0 || check_capabilities(&disk, err) != 0 ||
	    allocate(&disk, err) != 0 || disable(&disk, err) != 0 || bring_up(&disk, target, err) != 0)
		return -1;
	*ret_disk = disk;
	return 0;
}
