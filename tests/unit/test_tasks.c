// SPDX-License-Identifier: BSD-2-Clause
// Tasks: who ran on a CPU, processes with their threads, states, where a sleeping task stands, and lists with
// wrong links.
#include "crash/dead/tasks.h"
#include "dead_machine.h"

#define TASK_PHYS(number) (0x300000ULL + (uint64_t)(number)*0x1000)
#define TASK(number) (DEAD_DIRECT + TASK_PHYS(number))
#define SIGNAL(number) (TASK(number) + 0x800)
#define UNITS_PHYS 0x400000ULL
#define CPU_OFFSETS (DEAD_DIRECT + 0x410000)
#define NOWHERE 0xdead000000000000ULL
#define SEEN_MAX 16

static const struct lb_tasks_layout usual = {
	.comm = 0x100,
	.pid = 0x120,
	.tgid = 0x124,
	.state = 0x10,
	.exit_state = 0x14,
	.tasks = 0x40,
	.signal = 0x60,
	.thread_node = 0x70,
	.thread_head = 0x20,
	.sp = 0x200,
	.saved_bp = 40,
	.saved_ip = 48,
	.saved_bytes = 56,
};

static struct dead_machine *machine;
static struct lb_deadmem mem;
static struct lb_tasks tasks;

static void put(uint64_t virt, uint64_t value, unsigned int bytes)
{
	dead_put(machine, virt - DEAD_DIRECT, value, bytes);
}

static void put_task(uint32_t number, uint32_t leader)
{
	char name[16] = "";

	snprintf(name, sizeof(name), "task %u", number);
	memcpy(dead_at(machine, TASK_PHYS(number) + usual.comm), name, sizeof(name));
	put(TASK(number) + usual.pid, number, 4);
	put(TASK(number) + usual.tgid, leader, 4);
	put(TASK(number) + usual.signal, SIGNAL(leader), 8);
}

// Links the nodes at these addresses into a list, in this order. The first one is the head.
static void put_list(const uint64_t *nodes, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		put(nodes[i], nodes[(i + 1) % count], 8);
}

// Tasks: init_task (0); process 1 with one thread; process 2 with threads 3 and 4; process 5.
static int open_machine(void **unused)
{
	const uint64_t processes[] = {TASK(0) + usual.tasks, TASK(1) + usual.tasks, TASK(2) + usual.tasks,
				      TASK(5) + usual.tasks};
	const uint64_t of_1[] = {SIGNAL(1) + usual.thread_head, TASK(1) + usual.thread_node};
	const uint64_t of_2[] = {SIGNAL(2) + usual.thread_head, TASK(2) + usual.thread_node,
				 TASK(3) + usual.thread_node, TASK(4) + usual.thread_node};
	const uint64_t of_5[] = {SIGNAL(5) + usual.thread_head, TASK(5) + usual.thread_node};

	(void)unused;
	machine = dead_open();
	lb_deadmem_open(&mem, &machine->dead);
	for (uint32_t i = 0; i < 6; i++)
		put_task(i, i == 3 || i == 4 ? 2 : i);
	put_list(processes, 4);
	put_list(of_1, 2);
	put_list(of_2, 4);
	put_list(of_5, 2);
	tasks = (struct lb_tasks){.mem = &mem,
				  .layout = usual,
				  .init_task = TASK(0),
				  .has_current = true,
				  .current = 0x18,
				  .per_cpu_offset = CPU_OFFSETS,
				  .cpus = 2};
	for (uint32_t cpu = 0; cpu < 3; cpu++) {
		put(CPU_OFFSETS + 8 * cpu, DEAD_DIRECT + UNITS_PHYS + 0x1000 * cpu, 8);
		put(DEAD_DIRECT + UNITS_PHYS + 0x1000 * cpu + 0x18, TASK(cpu + 1), 8);
	}
	return 0;
}

static int close_machine(void **unused)
{
	(void)unused;
	dead_close(machine);
	return 0;
}

// Returns the pids of a whole walk, each followed by a blank, and "cut" if the walk was cut.
static const char *walked(void)
{
	static char text[400];
	struct lb_tasks_walk walk;
	struct lb_task task;
	size_t at = 0;

	text[0] = '\0';
	lb_tasks_begin(&tasks, &walk);
	for (uint32_t i = 0; i < SEEN_MAX && lb_tasks_next(&tasks, &walk, &task); i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%d ", task.pid);
	if (walk.cut)
		strcpy(text + at, "cut");
	return text;
}

static void every_thread_is_walked(void **unused)
{
	(void)unused;
	assert_string_equal(walked(), "0 1 2 3 4 5 ");
	tasks.layout.thread_node = LB_TASKS_NONE;
	assert_string_equal(walked(), "0 1 2 5 ");
}

static void a_task_tells_who_it_is(void **unused)
{
	struct lb_task task;

	(void)unused;
	assert_true(lb_tasks_read(&tasks, TASK(3), &task));
	assert_int_equal(task.address, TASK(3));
	assert_int_equal(task.pid, 3);
	assert_int_equal(task.tgid, 2);
	assert_string_equal(task.name, "task 3");
	assert_int_equal(task.state, 'R');
	memset(dead_at(machine, TASK_PHYS(3) + usual.comm), '\t', 16);
	assert_true(lb_tasks_read(&tasks, TASK(3), &task));
	assert_string_equal(task.name, "????????????????");
	assert_false(lb_tasks_read(&tasks, NOWHERE, &task));
}

static void states_have_letters(void **unused)
{
	static const struct {
		uint32_t state, exit_state;
		char letter;
	} states[] = {
		{0, 0, 'R'},      {1, 0, 'S'},       {2, 0, 'D'},     {4, 0, 'T'},     {8, 0, 't'},
		{0, 0x10, 'X'},   {0x80, 0x20, 'Z'}, {0x40, 0, 'P'},  {0x402, 0, 'I'}, {0x102, 0, 'D'},
		{0x1000, 0, 'D'}, {0x8000, 0, 'D'},  {0x800, 0, 'R'}, {0x201, 0, 'S'},
	};
	struct lb_task task;

	(void)unused;
	for (uint32_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		put(TASK(1) + usual.state, states[i].state, 4);
		put(TASK(1) + usual.exit_state, states[i].exit_state, 4);
		assert_true(lb_tasks_read(&tasks, TASK(1), &task));
		if (task.state != states[i].letter)
			fail_msg("state %x, %x is %c, wanted %c", states[i].state, states[i].exit_state,
				 task.state, states[i].letter);
	}
	tasks.layout.exit_state = LB_TASKS_NONE;
	assert_true(lb_tasks_read(&tasks, TASK(1), &task));
	assert_int_equal(task.state, '?');
}

static void each_cpu_has_a_task(void **unused)
{
	struct lb_task task;

	(void)unused;
	assert_true(lb_tasks_current(&tasks, 0, &task));
	assert_int_equal(task.pid, 1);
	assert_true(lb_tasks_current(&tasks, 1, &task));
	assert_int_equal(task.pid, 2);
	assert_false(lb_tasks_current(&tasks, 2, &task)); // CPU 2 does not exist
	put(DEAD_DIRECT + UNITS_PHYS + 0x18, NOWHERE, 8);
	assert_false(lb_tasks_current(&tasks, 0, &task));
	put(CPU_OFFSETS + 8, NOWHERE, 8);
	assert_false(lb_tasks_current(&tasks, 1, &task));
	tasks.has_current = false;
	assert_false(lb_tasks_current(&tasks, 0, &task));
}

static void lists_that_lie_are_cut(void **unused)
{
	(void)unused;
	put(TASK(4) + usual.thread_node, NOWHERE, 8);
	assert_string_equal(walked(), "0 1 2 3 4 5 cut");
	put(TASK(4) + usual.thread_node, TASK(4) + usual.thread_node, 8); // a thread that follows itself
	assert_string_equal(walked(), "0 1 2 3 4 4 4 4 4 4 4 4 4 4 4 4 ");
	put(TASK(4) + usual.thread_node, SIGNAL(2) + usual.thread_head, 8);
	put(TASK(2) + usual.tasks, NOWHERE, 8);
	assert_string_equal(walked(), "0 1 2 3 4 cut");
	put(TASK(2) + usual.tasks, TASK(5) + usual.tasks, 8);
	put(TASK(2) + usual.signal, NOWHERE, 8);
	assert_string_equal(walked(), "0 1 2 5 cut");
	tasks.init_task = 0;
	assert_string_equal(walked(), "cut");
}

// Whatever the links are, a walk ends.
static void circles_end(void **unused)
{
	struct lb_tasks_walk walk;
	struct lb_task task;
	uint32_t count = 0;

	(void)unused;
	put(TASK(5) + usual.tasks, TASK(2) + usual.tasks, 8);
	lb_tasks_begin(&tasks, &walk);
	while (lb_tasks_next(&tasks, &walk, &task))
		count++;
	assert_true(walk.cut);
	assert_true(count > 1000 && count <= LB_TASKS_MAX);
	put(TASK(2) + usual.thread_node, TASK(2) + usual.thread_node, 8);
	lb_tasks_begin(&tasks, &walk);
	count = 0;
	while (lb_tasks_next(&tasks, &walk, &task))
		count++;
	assert_true(walk.cut);
	assert_true(count >= 3 && count <= LB_TASKS_MAX);
}

static void a_sleeping_task_left_its_registers(void **unused)
{
	const uint64_t saved = TASK(5) + 0x900;
	struct lb_unwind_start start;

	(void)unused;
	put(TASK(1) + usual.sp, saved, 8);
	put(saved + 40, 0xb0, 8);
	put(saved + 48, 0x1234, 8);
	assert_true(lb_tasks_sleeping(&tasks, TASK(1), &start));
	assert_int_equal(start.ip, 0x1234);
	assert_int_equal(start.bp, 0xb0);
	assert_int_equal(start.sp, saved + 56);
	assert_null(start.registers);
	assert_false(lb_tasks_sleeping(&tasks, TASK(2), &start)); // its saved address is 0
	assert_false(lb_tasks_sleeping(&tasks, NOWHERE, &start));
	tasks.layout.saved_ip = LB_TASKS_NONE;
	assert_false(lb_tasks_sleeping(&tasks, TASK(1), &start));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_machine, close_machine)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_thread_is_walked),
		TEST(a_task_tells_who_it_is),
		TEST(states_have_letters),
		TEST(each_cpu_has_a_task),
		TEST(lists_that_lie_are_cut),
		TEST(circles_end),
		TEST(a_sleeping_task_left_its_registers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
