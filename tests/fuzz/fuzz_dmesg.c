// SPDX-License-Identifier: BSD-2-Clause
// Property: whatever a printk ring buffer and VMCOREINFO hold, reading the log ends, and uses no page but the
// one read last (the others are freed). It gives only lines of printable text, and no more records than the
// ring holds. The input is damage to a small log. Without damage every record is found.
#include "crash/dead/dmesg.h"
#include "fuzz.h"

#define DEAD_RAM (2 * LB_MIB)
#include "tests/unit/dead_ring.h"

#define RECORDS 16U
#define COUNT_BITS_MAX 10U // the largest that damage may set, to keep a run short
#define LOG_MAX (1U << 16) // bytes of log that are taken

struct written {
	uint64_t bytes;
	char last;
};

static bool put(void *ctx, const char *text, size_t bytes)
{
	struct written *written = ctx;

	fuzz_check(bytes > 0);
	for (size_t i = 0; i < bytes; i++)
		fuzz_check((text[i] >= ' ' && text[i] <= '~') || (text[i] >= '\t' && text[i] <= '\r'));
	written->bytes += bytes;
	written->last = text[bytes - 1];
	return written->bytes < LOG_MAX;
}

static struct dead_machine *build(void)
{
	struct dead_machine *machine = dead_open();

	dead_ring(machine, "", 4, 9);
	dead_put(machine, RING + 24, RECORDS - 1, 8);
	for (uint64_t id = 0; id < RECORDS; id++) {
		dead_put(machine, DESCS + id * 24, 2ULL << 62 | id, 8);
		dead_put(machine, DESCS + id * 24 + 8, id * 32, 8);
		dead_put(machine, DESCS + id * 24 + 16, id * 32 + 32, 8);
		dead_put(machine, INFOS + id * 88 + 8, id * 1000000000, 8);
		dead_put(machine, INFOS + id * 88 + 16, 20, 2);
		memcpy(dead_at(machine, DATA + id * 32 + 8), "a line\nof some text.", 20);
	}
	return machine;
}

// Makes one change: to a number in the rings, a page table entry, or a byte of VMCOREINFO.
static void damage(struct fuzz_input *input, struct dead_machine *machine)
{
	static const uint64_t places[] = {RING, DESCS, INFOS, DATA, PRB_POINTER, 0x2000, 0x1000, 0};
	uint8_t how = (uint8_t)fuzz_take(input, 1);
	uint64_t at = fuzz_take(input, 2);
	unsigned int bytes = 1U << (how >> 3 & 3);
	uint64_t value = fuzz_take(input, bytes);

	if (how & 0x20)
		value += DEAD_DIRECT + DATA; // a pointer that may lead somewhere
	if (how & 0x80) {
		machine->info[at % machine->dead.vmcoreinfo.bytes] = (char)value;
		return;
	}
	at %= (how & 7) == 0 ? 80 : 512;
	dead_put(machine, places[how & 7] + at, value, how & 0x20 ? 8 : bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct fuzz_input input = {data, bytes};
	struct dead_machine *machine = build();
	const bool whole = bytes == 0;
	struct written written = {0};
	uint64_t records = 0;
	uint32_t count_bits;
	struct lb_error err;

	while (input.left)
		damage(&input, machine);
	memcpy(&count_bits, machine->ram + RING, sizeof(count_bits));
	if (count_bits > COUNT_BITS_MAX)
		dead_put(machine, RING, count_bits | 32, 4);
	fuzz_poison_error(&err);
	if (lb_dmesg_read(&machine->dead, put, &written, &records, &err)) {
		fuzz_check(written.bytes == 0);
		fuzz_check_error(&err, "log: ");
	} else {
		fuzz_check(written.bytes >= LOG_MAX || records == 0 || written.last == '\n');
	}
	fuzz_check(!whole || records == RECORDS);
	dead_close(machine);
	return 0;
}
