// SPDX-License-Identifier: BSD-2-Clause
// What a report takes from a log, whatever pieces the log comes in.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crash/report/lastlog.h"
#include "unit.h"

static struct lb_lastlog the_log;

// Takes the text byte by byte, or at once.
static const struct lb_lastlog *take(const char *text, bool bytewise)
{
	lb_lastlog_begin(&the_log);
	if (!bytewise)
		assert_true(lb_lastlog_add(&the_log, text, strlen(text)));
	for (; bytewise && *text; text++)
		assert_true(lb_lastlog_add(&the_log, text, 1));
	lb_lastlog_end(&the_log);
	return &the_log;
}

static const char oops[] =
	"[    0.000000] Linux version 6.1.0\n"
	"[    0.000000] Command line: root=/dev/vda quiet\n"
	"[    0.000000] efi: EFI v2.70 by EDK II\n"
	"[    0.000000] DMI: QEMU Standard PC, BIOS 0.0.0 02/06/2015\n"
	"[    0.100000] Kernel command line: other\n"
	"[    2.000000] WARNING: CPU: 0 PID: 1 at a.c:1 f+0x1/0x2\n"
	"[   50.000000] BUG: unable to handle page fault for address: 1\n"
	"[  100.500000] [     T92] BUG: kernel NULL pointer dereference, address: 0000000000000008\n"
	"[  100.500000] [     T92] Oops: 0002 [#1] PREEMPT SMP\n"
	"[  100.500000] [     T92] CPU: 1 UID: 0 PID: 92 Comm: a Tainted b Tainted: G           OE      "
	"6.1.0\n"
	"[  100.500000] [     T92] RIP: 0010:oops+0x5/0x20 [provoke]\n"
	"[  100.500001] [     T92] RIP: 0033:0x47fbe9\n"
	"[  100.500002] [     T92] Kernel panic - not syncing: Fatal exception\n"
	"               a second line\n";

static void finds_facts(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		const struct lb_lastlog *log = take(oops, i);

		assert_int_equal(log->lines, 14);
		assert_int_equal(log->bytes, sizeof(oops) - 1);
		assert_int_equal(log->microseconds, 100500002);
		assert_string_equal(log->hardware, "QEMU Standard PC, BIOS 0.0.0 02/06/2015");
		assert_string_equal(log->firmware, "EFI v2.70 by EDK II");
		assert_string_equal(log->command_line, "root=/dev/vda quiet");
		assert_true(log->has_taint);
		assert_int_equal(log->taint, 1 << 12 | 1 << 13);
		assert_int_equal(log->cpu, 1);
		assert_int_equal(log->pid, 92);
		assert_string_equal(log->command, "a Tainted b");
		assert_string_equal(log->function, "oops");
		assert_int_equal(log->stuck_pid, -1);
	}
}

static void names_what_happened_before_what_followed(void **state)
{
	const struct lb_lastlog *log = take(oops, false);

	(void)state;
	// The warning and the BUG one minute earlier do not count.
	assert_int_equal(log->reason_count, 3);
	assert_string_equal(lb_lastlog_reason(log)->text,
			    "BUG: kernel NULL pointer dereference, address: 0000000000000008");
	assert_string_equal(log->reasons[2].text, "Kernel panic - not syncing: Fatal exception");
}

static void names_a_warning_that_is_a_panics_cause(void **state)
{
	const struct lb_lastlog *log =
		take("[    1.000000] WARNING: CPU: 0 PID: 1 at a.c:1 f+0x1/0x2\n"
		     "[    1.000000] Kernel panic - not syncing: panic_on_warn set ...\n",
		     false);

	(void)state;
	assert_string_equal(lb_lastlog_reason(log)->text, "WARNING: CPU: 0 PID: 1 at a.c:1 f+0x1/0x2");
}

static void keeps_the_last_of_many_reasons(void **state)
{
	char text[4096] = "";
	const struct lb_lastlog *log;

	(void)state;
	for (unsigned int i = 0; i < 20; i++)
		sprintf(text + strlen(text), "[    1.000000] BUG: number %u\n", i);
	log = take(text, false);
	assert_int_equal(log->reason_count, LB_LASTLOG_REASONS);
	assert_string_equal(log->reasons[0].text, "BUG: number 12");
	assert_string_equal(lb_lastlog_reason(log)->text, "BUG: number 19");
	assert_null(lb_lastlog_reason(take("[    1.000000] all is well\n", false)));
}

static void finds_the_task_that_is_stuck(void **state)
{
	(void)state;
	assert_int_equal(
		take("[1.000000] INFO: task a:b:77 blocked for more than 122 seconds.\n", false)->stuck_pid,
		77);
	assert_int_equal(
		take("[1.000000] watchdog: BUG: soft lockup - CPU#1 stuck for 26s! [x:y:78]\n", false)
			->stuck_pid,
		78);
	assert_int_equal(take("[1.000000] INFO: task nothing blocked for more than\n", false)->stuck_pid, -1);
	assert_int_equal(take("[1.000000] soft lockup - CPU#1 stuck\n", false)->stuck_pid, -1);
}

static void gives_the_last_lines(void **state)
{
	const struct lb_lastlog *log = take("one\ntwo\nthree", false);
	char line[4];
	uint64_t at;

	(void)state;
	assert_int_equal(log->bytes, 14);
	assert_int_equal(lb_lastlog_tail(log, 100, 2, &at), 3);
	assert_int_equal(at, 0);
	assert_int_equal(lb_lastlog_tail(log, 13, 2, &at), 1);
	assert_int_equal(at, 8);
	assert_int_equal(lb_lastlog_tail(log, 14, 2, &at), 2);
	assert_true(lb_lastlog_line(log, &at, line, sizeof(line)));
	assert_string_equal(line, "two");
	assert_true(lb_lastlog_line(log, &at, line, sizeof(line)));
	assert_string_equal(line, "thr");
	assert_false(lb_lastlog_line(log, &at, line, sizeof(line)));
	assert_int_equal(lb_lastlog_tail(log, 3, 2, &at), 0);
	assert_false(lb_lastlog_line(log, &at, line, sizeof(line)));
}

static void keeps_the_end_of_a_long_log(void **state)
{
	char *text = malloc(100000);
	uint32_t bytes = 0, lines;
	char line[64];
	uint64_t at;

	(void)state;
	assert_non_null(text);
	for (unsigned int i = 0; i < 4000; i++)
		bytes += (uint32_t)sprintf(text + bytes, "[%5u.000000] line\n", i);
	take(text, false);
	lines = lb_lastlog_tail(&the_log, UINT32_MAX, 0, &at);
	assert_int_equal(lines, (LB_LASTLOG_BYTES - 1) / 20);
	assert_int_equal(bytes - at, 20 * lines);
	assert_true(lb_lastlog_line(&the_log, &at, line, sizeof(line)));
	sprintf(text, "[%5u.000000] line", 4000 - lines);
	assert_string_equal(line, text);
	free(text);
}

static void bears_lines_without_end(void **state)
{
	char *text = malloc(50001);
	char line[LB_LASTLOG_LINE];
	uint64_t at;

	(void)state;
	assert_non_null(text);
	memset(text, 'x', 50000);
	text[50000] = '\0';
	memcpy(text, "[    1.000000] BUG: ", 20);
	take(text, false);
	assert_int_equal(the_log.lines, 1);
	assert_int_equal(strlen(the_log.reasons[0].text), sizeof(the_log.reasons[0].text) - 1);
	assert_int_equal(lb_lastlog_tail(&the_log, UINT32_MAX, 0, &at), 0);
	assert_false(lb_lastlog_line(&the_log, &at, line, sizeof(line)));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_facts),
		cmocka_unit_test(names_what_happened_before_what_followed),
		cmocka_unit_test(names_a_warning_that_is_a_panics_cause),
		cmocka_unit_test(keeps_the_last_of_many_reasons),
		cmocka_unit_test(finds_the_task_that_is_stuck),
		cmocka_unit_test(gives_the_last_lines),
		cmocka_unit_test(keeps_the_end_of_a_long_log),
		cmocka_unit_test(bears_lines_without_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
