// SPDX-License-Identifier: BSD-2-Clause
// Property: whatever a dead kernel's ORC tables, stacks, registers, modules and tasks hold, a backtrace has
// no more frames than there is room for, begins where it was told to, is certain up to where it breaks and
// nowhere behind, says why it broke, and reads a bounded number of pages. Walks over modules and tasks end.
// The input is the content.
#include "crash/dead/tasks.h"
#include "crash/dead/unwind.h"
#include "fuzz.h"

#define DEAD_RAM (2 * LB_MIB)
#include "tests/unit/orc_made.h"

#define TEXT 0xffffffff81000000ULL
#define TEXT_PHYS 0x100000ULL // 64 KiB of code, followed by the tables
#define TEXT_BYTES 0x10000ULL
#define IPS (TEXT + 0x8000)
#define ENTRIES (TEXT + 0xa000)
#define MODULE 0xffffffffc0000000ULL
#define MODULE_PHYS 0x120000ULL
#define STACK_PHYS 0x140000ULL
#define STACK (DEAD_DIRECT + STACK_PHYS)
#define OBJECTS_PHYS 0x180000ULL // two modules and two tasks, a page each
#define OBJECTS (DEAD_DIRECT + OBJECTS_PHYS)
#define LINES 32U // number of functions, of 0x100 bytes each
#define FRAMES 40U
#define PAGES_MAX (1U << 20)

static const struct lb_modules_layout modules_layout = {
	.list = 8,
	.name = 24,
	.name_bytes = 56,
	.taints = 0x60,
	.core = 0x80,
	.init = 0xa0,
	.size = 8,
	.text_size = 12,
	.has_orc = true,
	.orc_count = 0xc0,
	.orc_ips = 0xc8,
	.orc_entries = 0xd0,
	.has_symbols = true,
	.kallsyms = 0xd8,
	.symbols = 8,
	.strtab = 16,
};
static const struct lb_tasks_layout tasks_layout = {
	.comm = 0x10,
	.pid = 0x20,
	.tgid = 0x24,
	.state = 0x28,
	.exit_state = 0x2c,
	.tasks = 0x30,
	.signal = 0x40,
	.thread_node = 0x48,
	.thread_head = 0x58,
	.sp = 0x68,
	.saved_bp = 40,
	.saved_ip = 48,
	.saved_bytes = 56,
};

static struct lb_module room[3];
static struct lb_modules modules;
static struct lb_tasks tasks;
static struct lb_unwinder unwinder;

// The machine's own window is allocated anew for each page, which is too slow for scans of whole stacks.
static const void *direct_page(void *ctx, uint64_t phys)
{
	struct dead_machine *machine = ctx;

	machine->pages_read++;
	return phys < DEAD_RAM ? machine->ram + phys : NULL;
}

// Makes, as the input chooses, a small number, an address of code, stack or objects, or any number.
static uint64_t word(struct fuzz_input *input)
{
	uint8_t how = (uint8_t)fuzz_take(input, 1);
	uint64_t value = fuzz_take(input, 2);

	switch (how % 8) {
	case 0:
		return TEXT + value;
	case 1:
		return MODULE + value % LB_PAGE;
	case 2:
	case 3:
		return STACK + value;
	case 4:
		return OBJECTS + value % (4 * LB_PAGE);
	case 5:
		return value | fuzz_take(input, 6) << 16;
	default:
		return value;
	}
}

static void build(struct fuzz_input *input, struct dead_machine *machine)
{
	uint32_t places = (uint32_t)fuzz_take(input, 1) % 128;

	for (uint64_t at = 0; at < TEXT_BYTES; at += LB_PAGE)
		dead_map(machine, TEXT + at, TEXT_PHYS + at);
	dead_map(machine, MODULE, MODULE_PHYS);
	// Every kind of entry of every generation, twice. The input changes some.
	for (uint32_t i = 0; i < LINES; i++) {
		static const uint16_t kinds[LINES / 2] = {0x05,  0x15,  0x14,  0x105, 0x205, 0x400,
							  0x09,  0x48,  0x203, 0x283, 0x284, 0xb03,
							  0xc03, 0x100, 0x209, 0x46};
		const uint64_t at = ENTRIES - TEXT + TEXT_PHYS + 6 * i;

		dead_put(machine, IPS - TEXT + TEXT_PHYS + 4 * i, TEXT + 0x100 * i - (IPS + 4 * i), 4);
		dead_put(machine, at, i < LINES / 2 ? 8 : 0x18, 2);
		dead_put(machine, at + 2, (uint16_t)-16, 2);
		dead_put(machine, at + 4, kinds[i % (LINES / 2)], 2);
	}
	while (places-- && input->left) {
		uint64_t at = fuzz_take(input, 2);

		switch (at % 4) {
		case 0:
			dead_put(machine, TEXT_PHYS + at % (TEXT_BYTES - 8), fuzz_take(input, 8), 8);
			break;
		case 2:
			dead_put(machine, ENTRIES - TEXT + TEXT_PHYS + at / 4 % (6 * LINES),
				 fuzz_take(input, 2), 2);
			break;
		case 1:
			dead_put(machine, OBJECTS_PHYS + at / 4 % 4 * LB_PAGE + at / 16 % 32 * 8, word(input),
				 8);
			break;
		default:
			dead_put(machine, STACK_PHYS + at / 4 * 8 % 0x10000, word(input), 8);
			break;
		}
	}
}

static void open_readers(struct fuzz_input *input, struct lb_deadmem *mem)
{
	uint8_t how = (uint8_t)fuzz_take(input, 1);

	fuzz_poison(room, sizeof(room));
	modules = (struct lb_modules){.mem = mem, .list = room, .capacity = 2};
	lb_modules_read(&modules, &modules_layout, OBJECTS + 0x800);
	fuzz_check(modules.count <= 2);
	fuzz_check_untouched(&room[2], sizeof(room[2]));
	tasks = (struct lb_tasks){.mem = mem, .layout = tasks_layout, .init_task = OBJECTS + 2 * LB_PAGE};
	unwinder = (struct lb_unwinder){
		.mem = mem,
		.modules = &modules,
		.image = {TEXT, TEXT + TEXT_BYTES},
		.has_orc = how & 1,
		.orc = {.has_types_of_6_4 = how & 2, .has_registers_of_7 = how & 4},
		.table = {IPS, ENTRIES, LINES},
	};
	if (how & 8)
		unwinder.text = (struct lb_range){TEXT, TEXT + 0x8000};
}

static void check_frames(const struct lb_unwind_start *start, uint32_t max)
{
	struct lb_frame *frames = fuzz_alloc(max * sizeof(*frames));
	uint32_t count = lb_unwind(&unwinder, start, frames, max);
	bool certain = true;

	fuzz_check(count <= max && (max == 0 || count > 0));
	fuzz_check(!count || (frames[0].ip == start->ip && frames[0].certain));
	for (uint32_t i = 0; i < count; i++) {
		struct lb_function function;

		fuzz_check(certain || !frames[i].certain);
		certain = frames[i].certain;
		fuzz_check(!frames[i].user || i == count - 1);
		if (lb_unwind_function(&unwinder, &frames[i], &function))
			fuzz_check(function.module && memchr(function.name, '\0', sizeof(function.name)));
	}
	fuzz_check(certain || unwinder.end == LB_UNWIND_BROKEN);
	fuzz_check((unwinder.end == LB_UNWIND_BROKEN) == (unwinder.why.text[0] != '\0'));
	fuzz_check(lb_unwind_below_panic(&unwinder, frames, count) == 0); // the kernel has no symbols
	free(frames);
}

static void check_tasks(void)
{
	struct lb_tasks_walk walk;
	struct lb_unwind_start start;
	struct lb_task task;
	uint32_t count = 0;

	lb_tasks_begin(&tasks, &walk);
	while (lb_tasks_next(&tasks, &walk, &task)) {
		fuzz_check(memchr(task.name, '\0', sizeof(task.name)) && strchr("RSDTtXZPI?", task.state));
		if (count++ < 4 && lb_tasks_sleeping(&tasks, task.address, &start))
			check_frames(&start, FRAMES);
	}
	fuzz_check(count <= LB_TASKS_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct fuzz_input input = {data, bytes};
	struct dead_machine *machine = dead_open();
	struct lb_user_regs registers = {.cs = 0x10};
	struct lb_unwind_start start;
	struct lb_deadmem mem;
	uint32_t max = (uint32_t)fuzz_take(&input, 1) % FRAMES;
	if (max % 8)
		machine->mem.page = direct_page;
	registers.rip = word(&input);
	registers.rsp = word(&input);
	registers.rbp = word(&input);
	registers.r10 = word(&input);
	build(&input, machine);
	lb_deadmem_open(&mem, &machine->dead);
	open_readers(&input, &mem);
	machine->pages_read = 0;
	start = lb_unwind_from(&registers);
	check_frames(&start, max);
	fuzz_check(machine->pages_read < PAGES_MAX);
	start.registers = NULL;
	check_frames(&start, max);
	check_tasks();
	dead_close(machine);
	return 0;
}
