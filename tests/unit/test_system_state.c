// SPDX-License-Identifier: BSD-2-Clause
// Tells a panic from a reboot by a kernel's variables: each state of each kernel's enum, with any of the
// variables missing.
#include "crash/dead/system_state.h"
#include "dead_image.h"

#define PANIC_CPU_AT 0x2f0000ULL
#define STATE_AT 0x2f0010ULL
#define NO_CPU UINT32_MAX

enum { ENUM = 6 };

static struct dead_machine *machine;
static struct lb_system_state_work work;
static struct lb_error why;

// Builds a kernel. `states`: the enumerators in its order, NULL without BTF. `symbols`: how many of the
// symbols below it has.
static void build(const char *const *states, uint32_t symbols)
{
	static struct btf_made made;
	struct dead_symbol placed[] = {{"Dpanic_cpu", PANIC_CPU_AT},
				       {"Dsystem_state", STATE_AT},
				       {"D__start_BTF", BTF_AT},
				       {"D__stop_BTF", 0}};
	uint32_t count = 0;

	memset(&made, 0, sizeof(made));
	while (states && states[count])
		count++;
	btf_type(&made, "system_states", ENUM, count, 4);
	for (uint32_t i = 0; i < count; i++)
		btf_entry(&made, states[i], i);
	placed[3].at = write_btf(machine, &made) - IMAGE_VIRT;
	write_symbols(machine, BEHIND, placed, symbols);
}

static enum lb_system_verdict judge(uint32_t cpu, uint32_t state)
{
	const struct lb_deadkernel kernel = dead_kernel(machine);

	image_put32(machine, IMAGE_VIRT + PANIC_CPU_AT, cpu);
	image_put32(machine, IMAGE_VIRT + STATE_AT, state);
	memset(&work, 0xee, sizeof(work));
	strcpy(why.text, "");
	return lb_system_state_judge(&kernel, &work, &why);
}

static const char *const of_5_10[] = {
	"SYSTEM_BOOTING",   "SYSTEM_SCHEDULING", "SYSTEM_RUNNING", "SYSTEM_HALT",
	"SYSTEM_POWER_OFF", "SYSTEM_RESTART",    "SYSTEM_SUSPEND", NULL};
static const char *const of_6_1[] = {"SYSTEM_BOOTING", "SYSTEM_SCHEDULING", "SYSTEM_FREEING_INITMEM",
				     "SYSTEM_RUNNING", "SYSTEM_HALT",       "SYSTEM_POWER_OFF",
				     "SYSTEM_RESTART", "SYSTEM_SUSPEND",    NULL};

static int open_machine(void **state)
{
	(void)state;
	machine = dead_open();
	return 0;
}

static int close_machine(void **state)
{
	(void)state;
	dead_close(machine);
	return 0;
}

static void a_panic_s_cpu_is_a_panic(void **state)
{
	(void)state;
	build(of_6_1, 4);
	for (uint32_t at = 0; of_6_1[at]; at++) {
		assert_int_equal(judge(0, at), LB_SYSTEM_PANIC);
		assert_int_equal(judge(255, at), LB_SYSTEM_PANIC);
	}
	// BTF, which tells the states apart, is not needed either.
	build(NULL, 1);
	assert_int_equal(judge(3, 6), LB_SYSTEM_PANIC);
}

static void the_states_of_a_reboot_are_one(void **state)
{
	(void)state;
	for (unsigned int older = 0; older < 2; older++) {
		const char *const *states = older ? of_5_10 : of_6_1;

		build(states, 4);
		for (uint32_t at = 0; states[at]; at++) {
			const bool reboot = strcmp(states[at], "SYSTEM_HALT") == 0 ||
					    strcmp(states[at], "SYSTEM_POWER_OFF") == 0 ||
					    strcmp(states[at], "SYSTEM_RESTART") == 0;

			assert_int_equal(judge(NO_CPU, at), reboot ? LB_SYSTEM_REBOOT : LB_SYSTEM_UNKNOWN);
			assert_int_equal(!reboot, strstr(why.text, "which is no reboot") != NULL);
		}
		assert_int_equal(judge(NO_CPU, 77), LB_SYSTEM_UNKNOWN);
	}
}

static void what_is_missing_leaves_it_in_doubt(void **state)
{
	struct lb_deadkernel no_text = dead_kernel(machine);

	(void)state;
	build(of_6_1, 0);
	assert_int_equal(judge(NO_CPU, 6), LB_SYSTEM_UNKNOWN);
	assert_non_null(strstr(why.text, "panic_cpu: kallsyms"));
	build(of_6_1, 1);
	assert_int_equal(judge(NO_CPU, 6), LB_SYSTEM_UNKNOWN);
	assert_non_null(strstr(why.text, "system_state: kallsyms"));
	build(of_6_1, 2);
	assert_int_equal(judge(NO_CPU, 6), LB_SYSTEM_UNKNOWN);
	assert_non_null(strstr(why.text, "without BTF"));
	build(of_6_1, 4);
	image_put32(machine, IMAGE_VIRT + BTF_AT, 0); // damages the magic
	assert_int_equal(judge(NO_CPU, 6), LB_SYSTEM_UNKNOWN);
	assert_non_null(strstr(why.text, "BTF at"));
	no_text.has_text = false;
	assert_int_equal(lb_system_state_judge(&no_text, &work, &why), LB_SYSTEM_UNKNOWN);
	assert_non_null(strstr(why.text, "image was not found"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_panic_s_cpu_is_a_panic, open_machine, close_machine),
		cmocka_unit_test_setup_teardown(the_states_of_a_reboot_are_one, open_machine, close_machine),
		cmocka_unit_test_setup_teardown(what_is_missing_leaves_it_in_doubt, open_machine,
						close_machine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
