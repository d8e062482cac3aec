// SPDX-License-Identifier: BSD-2-Clause
// A report's text as JSON: every section, and text that is no report.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report_form.h"
#include "tools/common/report_json.h"
#include "unit.h"

static const char report[] = "reason: BUG: \"x\"\n"
			     "reason: Kernel panic\n"
			     "build-id: 00ff\n"
			     "uptime: 4.456340 s\n"
			     "cpu: 1\n"
			     "pid: 92\n"
			     "command: cat\n"
			     "signature: bug:f:00000000\n"
			     "\n"
			     "backtrace: from below panic()\n"
			     "  f+0x12/0x34 [mod]\n"
			     "  ? g+0x1/0x2 (interrupted)\n"
			     "  +0x10 [mod]\n"
			     "  0xffff\n"
			     "  0x47fbe9 (program)\n"
			     "  end: it is broken\n"
			     "\n"
			     "registers: of the exception at f+0x12/0x34\n"
			     "  RIP 0000000000000001 R8  0000000000000002 odd\n"
			     "\n"
			     "code: around f\n"
			     "  90 <90>\n"
			     "\n"
			     "cpus: 3, all but the one that panicked\n"
			     "  CPU 0, pid 0, swapper/0, pid 7\n"
			     "    idle+0x1/0x2\n"
			     "  CPU 2: as CPU 0, pid 0, swapper/2\n"
			     "  CPU 3: no registers\n"
			     "  cut: 1 more lines and CPUs\n"
			     "\n"
			     "tasks: 9, of them in state D 1\n"
			     "  pid 77, state D, a, b\n"
			     "    wait+0x1/0x2\n"
			     "\n"
			     "modules: 2\n"
			     "  mod 0xffffffffc0000000 4096 not-live OE\n"
			     "  two 0xffffffffc0001000 8192\n"
			     "  odd\n"
			     "\n"
			     "memory: 1 GiB\n"
			     "  slab-reclaimable 12 KiB\n"
			     "\n"
			     "lifeboat: what it did\n"
			     "  log: 12 ms\n"
			     "  after 7 ms: log-on-disk\n"
			     "  after x ms: y\n"
			     "  after 9 ms\n"
			     "\n"
			     "log: the last 2 of 9 lines\n"
			     "  [    1.000000] signature: forged\n"
			     "  tasks: forged\n"
			     "\n"
			     "cut: log: a fault\n";

static char *write_json(const char *text, uint32_t bytes)
{
	char *memory = NULL;
	size_t size = 0;
	struct json json = {.out = open_memstream(&memory, &size)};

	assert_non_null(json.out);
	report_json(&json, NULL, text, bytes);
	assert_int_equal(fclose(json.out), 0);
	return memory;
}

// Takes the blanks between parts out of the JSON, so that tests can search for a part.
static char *squeeze(char *json)
{
	char *to = json;

	for (const char *at = json; *at; at++) {
		if (*at == '\n')
			at += strspn(at, "\n ") - 1;
		else
			*to++ = *at;
	}
	*to = '\0';
	return json;
}

static void makes_json_of_every_section(void **state)
{
	static const char *const parts[] = {
		"\"schema\": \"lifeboat-report-1\",\"reason\": \"BUG: \\\"x\\\"\",\"signature\": "
		"\"bug:f:00000000\"",
		"\"release\": null,\"build_id\": \"00ff\"",
		"\"uptime_seconds\": 4.456,\"cpu\": 1,\"pid\": 92,\"reasons\": [\"BUG: \\\"x\\\"\",\"Kernel "
		"panic\"]",
		"\"cpus\": [{\"cpu\": 1,\"panicked\": true,\"pid\": 92,\"command\": \"cat\",\"frames\": "
		"[{\"certain\": "
		"true,\"interrupted\": false,\"program\": false,\"address\": null,\"function\": "
		"\"f\",\"offset\": "
		"18,\"size\": 52,\"module\": \"mod\"},{\"certain\": false,\"interrupted\": true,\"program\": "
		"false,"
		"\"address\": null,\"function\": \"g\",\"offset\": 1,\"size\": 2,\"module\": null},",
		"\"address\": null,\"function\": null,\"offset\": 16,\"size\": null,\"module\": \"mod\"}",
		"\"program\": false,\"address\": \"0xffff\",\"function\": null,\"offset\": null,\"size\": "
		"null,"
		"\"module\": null},{\"certain\": true,\"interrupted\": false,\"program\": true,\"address\": "
		"\"0x47fbe9\"",
		"\"end\": \"it is broken\"},{\"cpu\": 0,\"panicked\": false,\"pid\": 0,\"command\": "
		"\"swapper/0, pid 7\"",
		"\"cpu\": 2,\"panicked\": false,\"pid\": 0,\"command\": \"swapper/2\",\"frames\": "
		"[{\"certain\": true",
		"\"cpu\": 3,\"panicked\": false,\"pid\": null,\"command\": null,\"frames\": [],\"end\": "
		"null}]",
		"\"tasks\": [{\"pid\": 77,\"command\": \"a, b\",\"state\": \"D\",\"frames\": [{",
		"\"cpus\": {\"note\": \"3, all but the one that panicked\",\"cut\": \"1 more lines and "
		"CPUs\"}",
		"\"cut\": \"log: a fault\",\"code\": \"90 <90>\"",
		"\"lifeboat_ms\": {\"log_on_disk\": 7},\"lifeboat\": [\"log: 12 ms\",\"after 7 ms: "
		"log-on-disk\",",
		"\"log\": [\"[    1.000000] signature: forged\",\"tasks: forged\"]",
		"\"registers\": {\"rip\": \"0000000000000001\",\"r8\": \"0000000000000002\"}",
		"\"modules\": [{\"name\": \"mod\",\"address\": \"0xffffffffc0000000\",\"bytes\": "
		"4096,\"live\": false,"
		"\"tainted\": \"OE\"},{\"name\": \"two\",\"address\": \"0xffffffffc0001000\",\"bytes\": "
		"8192,\"live\": "
		"true,\"tainted\": \"\"}]",
		"\"memory_kib\": {\"slab_reclaimable\": 12}",
	};
	char *json = squeeze(write_json(report, sizeof(report) - 1));

	(void)state;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (!strstr(json, parts[i]))
			fail_msg("the JSON lacks: %s\nin: %s", parts[i], json);
	}
	free(json);
}

// A task can choose its name, so text in the name must not be taken for the report's.
static void believes_no_name_of_a_task(void **state)
{
	static const char text[] = "signature: x\n"
				   "\n"
				   "cpus: 2, all but the one that panicked\n"
				   "  CPU 0, pid 1, a\n"
				   "    first+0x1/0x2\n"
				   "  CPU 1, pid 2, b: as CPU 0\n"
				   "    second+0x1/0x2\n"
				   "  CPU 2, pid 3, state D, c\n";
	char *json = squeeze(write_json(text, sizeof(text) - 1)), *at;

	(void)state;
	at = strstr(json, "\"command\": \"b: as CPU 0\"");
	assert_non_null(at);
	assert_non_null(strstr(at, "\"function\": \"second\""));
	assert_null(strstr(at, "\"function\": \"first\""));
	assert_non_null(strstr(at, "\"command\": \"state D, c\",\"frames\""));
	free(json);
}

// The text is in memory of exactly its size, so that ASan sees a read beyond it.
static void bears_a_report_that_is_cut_anywhere(void **state)
{
	(void)state;
	for (uint32_t bytes = 0; bytes < sizeof(report); bytes++) {
		char *part = malloc(bytes ? bytes : 1), *json;

		assert_non_null(part);
		memcpy(part, report, bytes);
		json = write_json(part, bytes);
		assert_true(json_ends(json));
		free(json);
		free(part);
	}
}

static void bears_what_is_no_report(void **state)
{
	static const char *const texts[] = {
		"\n\n\n", "cpu: x\npid: \nuptime: 1.2 s\n", "\ncpus: \n  CPU\n  CPU 1: as CPU 1\n",
		"a\n\nbacktrace: \n  +\n  ? \n   [\n", "a\n\nregisters: \n  a\n\nmodules: \n  \n"};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		char *json = write_json(texts[i], (uint32_t)strlen(texts[i]));

		assert_true(json_ends(json));
		free(json);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(makes_json_of_every_section),
		cmocka_unit_test(believes_no_name_of_a_task),
		cmocka_unit_test(bears_a_report_that_is_cut_anywhere),
		cmocka_unit_test(bears_what_is_no_report),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
