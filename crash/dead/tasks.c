// SPDX-License-Identifier: BSD-2-Clause
#include "crash/dead/tasks.h"

#include "lib/mem.h"

// The bits of a state that ps shows, in the order of its letters; TASK_REPORT. Bits above have a
// meaning of their own. include/linux/sched.h.
#define STATE_REPORTED 0x7fU
#define STATE_UNINTERRUPTIBLE 2U
#define STATE_NOLOAD 0x400U
#define STATE_RTLOCK_WAIT 0x1000U
#define STATE_FROZEN 0x8000U
#define NAME_BYTES 16 // TASK_COMM_LEN

struct member {
	const char *type, *path;
	uint32_t at; // offsetof(struct lb_tasks_layout)
};

#define MEMBER(type, path, field)                                                                            \
	{                                                                                                    \
		type, path, offsetof(struct lb_tasks_layout, field)                                          \
	}

static const struct member needed[] = {
	MEMBER("task_struct", "comm", comm),
	MEMBER("task_struct", "pid", pid),
};
static const struct member optional[] = {
	MEMBER("task_struct", "tgid", tgid),
	MEMBER("task_struct", "__state", state), // since 5.14
	MEMBER("task_struct", "exit_state", exit_state),
	MEMBER("task_struct", "tasks", tasks),
	MEMBER("task_struct", "signal", signal),
	MEMBER("task_struct", "thread_node", thread_node),
	MEMBER("signal_struct", "thread_head", thread_head),
	MEMBER("task_struct", "thread.sp", sp),
	MEMBER("inactive_task_frame", "bp", saved_bp),
	MEMBER("inactive_task_frame", "ret_addr", saved_ip),
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool find_member(struct lb_btf *btf, const struct member *member, struct lb_tasks_layout *layout)
{
	struct lb_btf_field field;
	uint64_t offset = LB_TASKS_NONE;
	bool found = lb_btf_member(btf, member->type, member->path, &field);

	if (found)
		offset = field.offset;
	memcpy((uint8_t *)layout + member->at, &offset, sizeof(offset));
	return found;
}

const char *const lb_tasks_symbols[] = {"init_task", "current_task", "pcpu_hot", NULL};
const char *const lb_tasks_types[] = {"task_struct",
				      "comm",
				      "pid",
				      "tgid",
				      "__state",
				      "state",
				      "exit_state",
				      "tasks",
				      "signal",
				      "thread_node",
				      "thread_head",
				      "thread.sp",
				      "signal_struct",
				      "inactive_task_frame",
				      "bp",
				      "ret_addr",
				      "pcpu_hot",
				      "current_task",
				      NULL};

static int lay_out(struct lb_btf *btf, struct lb_tasks_layout *layout, struct lb_error *err)
{
	static const struct member old_state = MEMBER("task_struct", "state", state);

	lb_btf_learn(btf, lb_tasks_types);
	for (uint32_t i = 0; i < COUNT(needed); i++)
		if (!find_member(btf, &needed[i], layout))
			return lb_fail(err, "tasks: BTF does not know %s.%s", needed[i].type, needed[i].path);
	for (uint32_t i = 0; i < COUNT(optional); i++)
		find_member(btf, &optional[i], layout);
	if (layout->state == LB_TASKS_NONE)
		find_member(btf, &old_state, layout);
	if (!lb_btf_size(btf, "inactive_task_frame", &layout->saved_bytes))
		layout->saved_ip = LB_TASKS_NONE;
	return 0;
}

static void find_current(struct lb_tasks *tasks, struct lb_symbols *symbols, struct lb_btf *btf)
{
	struct lb_btf_field field;

	tasks->has_current = lb_symbols_percpu(symbols, "current_task", &tasks->current);
	if (tasks->has_current || !lb_symbols_percpu(symbols, "pcpu_hot", &tasks->current) ||
	    !lb_btf_member(btf, "pcpu_hot", "current_task", &field))
		return;
	tasks->has_current = true;
	tasks->current += field.offset;
}

int lb_tasks_open(struct lb_tasks *tasks, struct lb_symbols *symbols, struct lb_btf *btf,
		  const struct lb_deadkernel *kernel, struct lb_error *err)
{
	*tasks = (struct lb_tasks){.mem = symbols->mem};
	if (lay_out(btf, &tasks->layout, err) != 0)
		return -1;
	if (!lb_symbols_address(symbols, "init_task", &tasks->init_task))
		tasks->init_task = 0;
	if (kernel->has_cpus) {
		tasks->per_cpu_offset = kernel->per_cpu_offset;
		tasks->cpus = kernel->cpu_count;
		find_current(tasks, symbols, btf);
	}
	return 0;
}

static bool read_u32(struct lb_tasks *tasks, uint64_t address, uint64_t offset, uint32_t *ret_value)
{
	return offset != LB_TASKS_NONE &&
	       lb_deadmem_copy(tasks->mem, address + offset, ret_value, sizeof(*ret_value));
}

static bool read_pointer(struct lb_tasks *tasks, uint64_t address, uint64_t offset, uint64_t *ret_value)
{
	return offset != LB_TASKS_NONE && lb_deadmem_u64(tasks->mem, address + offset, ret_value);
}

// The letter of a state, as task_state_index() has it.
static char state_letter(uint32_t state, uint32_t exit_state)
{
	static const char letters[] = "RSDTtXZP";
	uint32_t shown = (state | exit_state) & STATE_REPORTED;
	uint32_t letter = 0;

	if ((state & (STATE_UNINTERRUPTIBLE | STATE_NOLOAD)) == (STATE_UNINTERRUPTIBLE | STATE_NOLOAD))
		return 'I';
	if (state & (STATE_RTLOCK_WAIT | STATE_FROZEN))
		shown = STATE_UNINTERRUPTIBLE;
	for (; shown; shown >>= 1)
		letter++;
	return letters[letter];
}

static void make_printable(char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

bool lb_tasks_read(struct lb_tasks *tasks, uint64_t address, struct lb_task *ret_task)
{
	struct lb_task task = {.address = address, .state = '?'};
	uint32_t pid, tgid, state, exit_state;

	if (!lb_deadmem_copy(tasks->mem, address + tasks->layout.comm, task.name, NAME_BYTES) ||
	    !read_u32(tasks, address, tasks->layout.pid, &pid))
		return false;
	make_printable(task.name);
	task.pid = (int32_t)pid;
	if (read_u32(tasks, address, tasks->layout.tgid, &tgid))
		task.tgid = (int32_t)tgid;
	if (read_u32(tasks, address, tasks->layout.state, &state) &&
	    read_u32(tasks, address, tasks->layout.exit_state, &exit_state))
		task.state = state_letter(state, exit_state);
	*ret_task = task;
	return true;
}

bool lb_tasks_current(struct lb_tasks *tasks, uint32_t cpu, struct lb_task *ret_task)
{
	uint64_t offset, address;

	return tasks->has_current && cpu < tasks->cpus &&
	       lb_deadmem_u64(tasks->mem, tasks->per_cpu_offset + 8ULL * cpu, &offset) &&
	       lb_deadmem_u64(tasks->mem, tasks->current + offset, &address) &&
	       lb_tasks_read(tasks, address, ret_task);
}

void lb_tasks_begin(const struct lb_tasks *tasks, struct lb_tasks_walk *walk)
{
	*walk = (struct lb_tasks_walk){.left = tasks->init_task ? LB_TASKS_MAX : 0};
	lb_deadmem_refill(tasks->mem);
}

// Goes to the next process, and to the beginning of its threads.
static bool next_process(struct lb_tasks *tasks, struct lb_tasks_walk *walk)
{
	const struct lb_tasks_layout *layout = &tasks->layout;
	uint64_t signal, next;

	if (!walk->leader) {
		walk->leader = tasks->init_task;
		return true;
	}
	if (!read_pointer(tasks, walk->leader, layout->tasks, &next)) {
		walk->left = 0;
		walk->cut = true;
		return false;
	}
	walk->leader = next - layout->tasks;
	walk->head = 0;
	if (walk->leader == tasks->init_task)
		return false;
	if (layout->thread_node != LB_TASKS_NONE && layout->thread_head != LB_TASKS_NONE &&
	    read_pointer(tasks, walk->leader, layout->signal, &signal) && signal) {
		walk->head = signal + layout->thread_head;
		walk->node = walk->head;
	}
	return true;
}

// The next thread of the process beside its leader; 0: there is none.
static uint64_t next_thread(struct lb_tasks *tasks, struct lb_tasks_walk *walk)
{
	const uint64_t at = tasks->layout.thread_node;

	while (walk->head && walk->left) {
		uint64_t next;

		walk->left--;
		if (!lb_deadmem_u64(tasks->mem, walk->node, &next)) {
			walk->cut = true;
			next = walk->head;
		}
		walk->node = next;
		if (next == walk->head)
			walk->head = 0;
		else if (next - at != walk->leader)
			return next - at;
	}
	return 0;
}

bool lb_tasks_next(struct lb_tasks *tasks, struct lb_tasks_walk *walk, struct lb_task *ret_task)
{
	while (walk->left) {
		uint64_t address = next_thread(tasks, walk);

		if (!walk->left)
			break;
		walk->left--;
		if (!address && !next_process(tasks, walk))
			return false;
		if (lb_tasks_read(tasks, address ? address : walk->leader, ret_task))
			return true;
		walk->cut = true;
		walk->head = 0; // of such a one the next one is not known either
	}
	walk->cut = true;
	return false;
}

bool lb_tasks_sleeping(struct lb_tasks *tasks, uint64_t address, struct lb_unwind_start *ret_start)
{
	const struct lb_tasks_layout *layout = &tasks->layout;
	struct lb_unwind_start start = {0};
	uint64_t saved;

	if (!read_pointer(tasks, address, layout->sp, &saved) ||
	    !read_pointer(tasks, saved, layout->saved_bp, &start.bp) ||
	    !read_pointer(tasks, saved, layout->saved_ip, &start.ip))
		return false;
	start.sp = saved + layout->saved_bytes;
	*ret_start = start;
	return true;
}
