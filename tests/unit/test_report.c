// SPDX-License-Identifier: BSD-2-Clause
// Reports of a dead machine that has a log and VMCOREINFO but no kernel image: what they say, what they name
// as missing, and how a report ends early. Reports with an image are tested in tests/vm/test_report_tool.py.
#include <stdlib.h>
#include <string.h>

#include "crash/report/report.h"
#include "fake_machine.h"
#include "report_form.h"

static struct machine machine;
static struct lb_deadkernel kernel;
static struct lb_report_source source;
static char *text;

static const char *const names[6] = {"Linux", "db-07", "6.1.0-test-amd64", "#1 SMP", "x86_64", "(none)"};
static const char *const lines[] = {
	"Command line: root=/dev/vda password=hunter2",
	"efi: EFI v2.70 by EDK II",
	"BUG: kernel NULL pointer dereference, address: 0",
	"CPU: 1 PID: 92 Comm: cat Tainted: G           O      6.1.0 #1",
	"Hardware name: QEMU",
	"RIP: 0010:culprit.isra.0+0x5/0x20",
	"nfs: server db-07 at 10.0.0.1",
	"Kernel panic - not syncing: Fatal exception",
};

static int open_machine(void **state)
{
	(void)state;
	machine_open(&machine, LB_DUMP_RAW);
	machine_map(&machine);
	machine_put_names(&machine, names);
	machine_put_log(&machine, lines, sizeof(lines) / sizeof(lines[0]));
	kernel = (struct lb_deadkernel){.space = machine.dead};
	source = (struct lb_report_source){.kernel = &kernel, .cpu = LB_REPORT_NO_CPU};
	source.memory = aligned_alloc(LB_PAGE, lb_report_memory());
	text = malloc(LB_REPORT_MAX);
	assert_non_null(source.memory);
	assert_non_null(text);
	memset(source.memory, 0xee, lb_report_memory());
	return 0;
}

static int close_machine(void **state)
{
	(void)state;
	free(source.memory);
	free(text);
	machine_close(&machine);
	return 0;
}

static uint32_t report(void)
{
	uint32_t bytes = lb_report_write(&source, text, LB_REPORT_MAX);
	const char *fault = report_form_fault(text, bytes);

	if (fault)
		fail_msg("%s", fault);
	return bytes;
}

static void says_what_the_log_says(void **state)
{
	(void)state;
	report();
	assert_true(strncmp(text,
			    "reason: BUG: kernel NULL pointer dereference, address: 0\n"
			    "reason: Kernel panic - not syncing: Fatal exception\n"
			    "release: 6.1.0-test-amd64\n"
			    "build-id: 00112233445566778899aabbccddeeff01234567\n"
			    "hardware: QEMU\n"
			    "firmware: EFI v2.70 by EDK II\n"
			    "time: 2023-11-14 22:13:20 UTC\n"
			    "uptime: 8.000000 s\n"
			    "tainted: O (out-of-tree module)\n"
			    "command-line: root=/dev/vda password=hunter2\n"
			    "cpu: 1\n"
			    "pid: 92\n"
			    "command: cat\n"
			    "signature: null-pointer:culprit:none\n\n",
			    370) == 0);
	assert_non_null(strstr(text, "\nlog: the last 8 of 8 lines\n  [    1.000000] Command line: "));
}

// The report says that crash_kexec_post_notifiers is missing, and why, when the other CPUs have no registers.
static void says_why_other_cpus_have_no_registers(void **state)
{
	static const char note[] = "\ncpus: 1, all but the one that panicked; no registers: "
				   "crash_kexec_post_notifiers is left out beside crashkernel=\n"
				   "  CPU 0: no registers\n";
	static const struct {
		const char *line;
		bool noted;
	} with[] = {
		{"Command line: crashkernel=256M quiet", true},
		{"Command line: crashkernel=256M crash_kexec_post_notifiers", false},
		{"Command line: quiet crashkernels=1", false},
	};

	(void)state;
	kernel.has_cpus = true;
	kernel.cpu_count = 2;
	source.cpu = 1;
	for (size_t i = 0; i < sizeof(with) / sizeof(with[0]); i++) {
		const char *log[] = {with[i].line, "CPU: 1 PID: 92 Comm: cat",
				     "Kernel panic - not syncing: x"};

		machine_put_log(&machine, log, sizeof(log) / sizeof(log[0]));
		report();
		assert_int_equal(strstr(text, note) != NULL, with[i].noted);
		assert_non_null(strstr(text, "  CPU 0: no registers\n"));
	}
}

static void says_what_is_missing_and_why(void **state)
{
	static const char *const wanted[] = {
		"\nbacktrace: none: the registers of the CPU that panicked are not known\n",
		"\nregisters: none: they are not known\n",
		"\ncpus: none: the kernel's CPUs were not found\n",
		"\ntasks: none: the kernel's image was not found\n",
		"\nmodules: none: the kernel's image was not found\n",
		"\nmemory: none: the kernel's image was not found\n",
	};

	(void)state;
	report();
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		assert_non_null(strstr(text, wanted[i]));
	kernel.space.vmcoreinfo.bytes = 0;
	source.release = "6.1-from-the-loader";
	report();
	assert_non_null(strstr(text, "reason: not known: log: VMCOREINFO has no number for SYMBOL(prb)\n"));
	assert_non_null(strstr(text, "release: 6.1-from-the-loader\n"));
	assert_non_null(strstr(text, "signature: unknown:none:none\n"));
	assert_non_null(strstr(text, "\nlog: none: log: VMCOREINFO has no number"));
}

static void takes_the_callers_words(void **state)
{
	(void)state;
	source.cpu = 3;
	source.time = 1700000001;
	source.lifeboat = "log: 12 ms\ntarget: nvme 0";
	report();
	assert_non_null(strstr(text, "\ncpu: 3\n"));
	assert_non_null(strstr(text, "\ntime: 2023-11-14 22:13:21 UTC\n"));
	assert_non_null(strstr(text, "\nlifeboat: what it did\n  log: 12 ms\n  target: nvme 0\n\nlog: "));
}

static void masks_all_of_it(void **state)
{
	(void)state;
	source.mask = true;
	source.lifeboat = "written to 52:54:00:12:34:56\n";
	report();
	assert_null(strstr(text, "hunter2"));
	assert_null(strstr(text, "db-07"));
	assert_null(strstr(text, "10.0.0.1"));
	assert_null(strstr(text, "52:54"));
	assert_non_null(strstr(text, "nfs: server XXXX at XXXX\n"));
}

static void fits_into_its_room(void **state)
{
	(void)state;
	for (uint32_t room = 1024; room < 4096; room += 61) {
		char *small = malloc(room);
		uint32_t bytes;

		assert_non_null(small);
		bytes = lb_report_write(&source, small, room);
		assert_true(bytes < room);
		assert_null(report_form_fault(small, bytes));
		free(small);
	}
}

struct budget {
	uint32_t left;
	const char *section;
	uint32_t bytes;
};

static bool spend(void *ctx, const char *section, uint32_t bytes)
{
	struct budget *budget = ctx;

	assert_true(bytes <= LB_REPORT_MAX);
	budget->section = section;
	budget->bytes = bytes;
	return budget->left && budget->left--;
}

// A report that the budget cuts says so in its last line. What stands before is whole.
static void ends_when_the_budget_is_spent(void **state)
{
	uint32_t asked = 0;

	(void)state;
	source.go_on = spend;
	for (bool whole = false; !whole; asked++) {
		struct budget budget = {.left = asked};
		char last[128];

		source.ctx = &budget;
		report();
		whole = !strstr(text, "\ncut: ");
		snprintf(last, sizeof(last), "\ncut: %s: the time for it was up\n", budget.section);
		if (whole)
			continue;
		assert_string_equal(strstr(text, "\ncut: "), last);
		assert_ptr_equal(strstr(text, "\ncut: "), text + budget.bytes);
		lb_report_cut(text, LB_REPORT_MAX, budget.bytes, budget.section, "2 s");
		snprintf(last, sizeof(last), "\ncut: %s: 2 s\n", budget.section);
		assert_string_equal(strstr(text, "\ncut: "), last);
	}
	assert_true(asked > 10);
}

static void says_that_the_log_is_lost(void **state)
{
	const uint64_t first_text = MACHINE_MAP + 0x13000 + 8;

	(void)state;
	machine_put_log(&machine, &lines[6], 2);
	memset(machine_at(&machine, first_text), 0, LB_PAGE - 8);
	report();
	assert_non_null(strstr(text, "reason: not known: log: the text of 2 of its records is lost\n"));
	assert_non_null(strstr(text, "\n  [    2.000000] (lost)\n"));
}

static void is_cut_from_outside(void **state)
{
	uint32_t bytes = report(), cut = (uint32_t)(strstr(text, "\ncpus: ") - text);
	static char words[300];

	(void)state;
	assert_true(bytes > cut);
	bytes = lb_report_cut(text, LB_REPORT_MAX, cut, "cpus", "a fault");
	assert_null(report_form_fault(text, bytes));
	assert_string_equal(text + cut, "\ncut: cpus: a fault\n");
	memset(words, 'w', sizeof(words) - 1);
	bytes = lb_report_cut(text, LB_REPORT_MAX, LB_REPORT_MAX, "cpus", words);
	assert_true(bytes < LB_REPORT_MAX);
	assert_int_equal(text[bytes - 1], '\n');
}

static void finds_a_value(void **state)
{
	static const char head[] = "a: 1\nreason: x\x01y\nreason: z\nno\n\nsignature: not in the head\n";
	char value[8] = "";

	(void)state;
	assert_true(lb_report_value(head, sizeof(head) - 1, "reason", value, sizeof(value)));
	assert_string_equal(value, "x?y");
	assert_true(lb_report_value(head, sizeof(head) - 1, "reason", value, 2));
	assert_string_equal(value, "x");
	assert_false(lb_report_value(head, sizeof(head) - 1, "signature", value, sizeof(value)));
	assert_false(lb_report_value(head, sizeof(head) - 1, "n", value, sizeof(value)));
	for (uint32_t bytes = 0; bytes < 15; bytes++) {
		char *part = malloc(bytes + 1);

		assert_non_null(part);
		memcpy(part, head, bytes);
		assert_int_equal(lb_report_value(part, bytes, "reason", value, sizeof(value)), bytes >= 13);
		free(part);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(says_what_the_log_says, open_machine, close_machine),
		cmocka_unit_test_setup_teardown(says_what_is_missing_and_why, open_machine, close_machine),
		cmocka_unit_test_setup_teardown(says_why_other_cpus_have_no_registers, open_machine,
						close_machine),
		cmocka_unit_test_setup_teardown(takes_the_callers_words, open_machine, close_machine),
		cmocka_unit_test_setup_teardown(masks_all_of_it, open_machine, close_machine),
		cmocka_unit_test_setup_teardown(fits_into_its_room, open_machine, close_machine),
		cmocka_unit_test_setup_teardown(ends_when_the_budget_is_spent, open_machine, close_machine),
		cmocka_unit_test_setup_teardown(says_that_the_log_is_lost, open_machine, close_machine),
		cmocka_unit_test_setup_teardown(is_cut_from_outside, open_machine, close_machine),
		cmocka_unit_test(finds_a_value),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
