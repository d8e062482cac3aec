// SPDX-License-Identifier: BSD-2-Clause
// Property: whatever a dead kernel's log holds, the report has the form that programs read, fits into its
// room, and ends and says so when the budget is spent. A masked report has none of the log's secrets. Its
// JSON closes every bracket. The JSON of a report from a disk, which may hold anything, does too. The input
// is a byte of choices and the log, a record for each line. With 0x80 it is a report instead.
#include "crash/report/report.h"
#include "fuzz.h"
#include "tools/common/report_json.h"

#define DEAD_RAM (2 * LB_MIB)
#include "tests/unit/dead_ring.h"
#include "tests/unit/report_form.h"

#define COUNT_BITS 6U
#define RECORDS (1U << COUNT_BITS)
#define SIZE_BITS 16U
#define RECORD_MAX 900U
#define SECRET "swordfish"

enum { MASK = 1, SMALL = 2, BUDGET = 4, REPORT = 0x80 };

static struct dead_machine *build(void)
{
	struct dead_machine *machine = dead_open();

	dead_ring(machine, "", COUNT_BITS, SIZE_BITS);
	return machine;
}

// Puts a record for each line, as many as the ring has room for.
static void put_log(struct dead_machine *machine, const uint8_t *text, size_t bytes)
{
	uint64_t at = 0, id = 0;

	while (bytes && id < RECORDS) {
		const uint8_t *end = memchr(text, '\n', bytes);
		size_t line = end ? (size_t)(end - text) : bytes,
		       length = line < RECORD_MAX ? line : RECORD_MAX;
		uint64_t next = at + ((8 + length + 7) & ~7ULL);

		if (next >= 1U << SIZE_BITS)
			break;
		dead_put(machine, DESCS + id * 24, 2ULL << 62 | id, 8);
		dead_put(machine, DESCS + id * 24 + 8, at, 8);
		dead_put(machine, DESCS + id * 24 + 16, next, 8);
		dead_put(machine, INFOS + id * 88 + 8, id * 1000000000, 8);
		dead_put(machine, INFOS + id * 88 + 16, length, 2);
		dead_put(machine, DATA + at, id, 8);
		memcpy(dead_at(machine, DATA + at + 8), text, length);
		at = next;
		id++;
		text += line + (end != NULL);
		bytes -= line + (end != NULL);
	}
	dead_put(machine, RING + 24, id ? id - 1 : 0, 8);
}

static bool spend(void *ctx, const char *section, uint32_t bytes)
{
	uint32_t *left = ctx;

	fuzz_check(section[0] && bytes <= LB_REPORT_MAX);
	return *left && (*left)--;
}

static void check_json(const char *text, uint32_t bytes)
{
	char *memory = NULL;
	size_t size = 0;
	struct json json = {.out = open_memstream(&memory, &size)};

	if (!json.out)
		abort();
	report_json(&json, NULL, text, bytes);
	if (fclose(json.out))
		abort();
	fuzz_check(json_ends(memory));
	free(memory);
}

static void write_report(uint8_t choices, const uint8_t *data, size_t bytes)
{
	static const char secret[] = "\npassword=" SECRET "\n";
	uint32_t left = choices >> 3 & 15, room = choices & SMALL ? 2048 : LB_REPORT_MAX, length;
	struct dead_machine *machine = build();
	char *log = fuzz_alloc(bytes + sizeof(secret)), *text = fuzz_alloc(room);
	struct lb_deadkernel kernel = {.space = machine->dead};
	struct lb_report_source source = {.kernel = &kernel, .cpu = LB_REPORT_NO_CPU, .mask = choices & MASK};

	memcpy(log, data, bytes);
	memcpy(log + bytes, secret, sizeof(secret));
	put_log(machine, (const uint8_t *)log, bytes + sizeof(secret) - 1);
	source.memory = aligned_alloc(LB_PAGE, lb_report_memory());
	if (!source.memory)
		abort();
	if (choices & BUDGET) {
		source.go_on = spend;
		source.ctx = &left;
	}
	length = lb_report_write(&source, text, room);
	fuzz_check(length < room && !report_form_fault(text, length));
	fuzz_check(!(choices & MASK) || !strstr(text, "password=" SECRET));
	check_json(text, length);
	free(source.memory);
	free(text);
	free(log);
	dead_close(machine);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	const uint8_t choices = bytes ? data[0] : 0;
	char value[32];

	if (!bytes)
		return 0;
	if (choices & REPORT) {
		lb_report_value((const char *)data + 1, (uint32_t)bytes - 1, "reason", value, sizeof(value));
		check_json((const char *)data + 1, (uint32_t)bytes - 1);
	} else {
		write_report(choices, data + 1, bytes - 1);
	}
	return 0;
}
