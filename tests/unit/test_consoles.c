// SPDX-License-Identifier: BSD-2-Clause
#include "loader/options/consoles.h"

#include <string.h>

#include "unit.h"

static void test_parse(void **state)
{
	static const struct {
		const char *value;
		const char *wanted; // NULL: no mistake
		uint32_t type;
		uint64_t address;
	} cases[] = {
		{"none", NULL, LB_CONSOLE_NONE, 0},
		{"ttyS1", NULL, LB_CONSOLE_PORT, 0x2f8},
		{"0xfff8", NULL, LB_CONSOLE_PORT, 0xfff8},
		{"mmio:0xfff8", NULL, LB_CONSOLE_MMIO, 0xfff8},
		{"ttyS1,115200", "c: \"ttyS1,115200\" was given, wanted " LB_CONSOLE_WANTS, 0, 0},
		{"", "c: \"\" was given, wanted " LB_CONSOLE_WANTS, 0, 0},
		{"0xfff9", "c: port 0xfff9 is not from 0x1 to 0xfff8", 0, 0},
		{"mmio:0xfff9", "c: no 8 registers of a UART fit into the page at 0xfff9", 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct lb_console console = {.type = 77};
		struct lb_error err = {.text = ""};

		assert_int_equal(lb_console_parse("c", cases[i].value, &console, &err),
				 cases[i].wanted ? -1 : 0);
		assert_string_equal(err.text, cases[i].wanted ? cases[i].wanted : "");
		assert_int_equal(console.type, cases[i].wanted ? 77 : cases[i].type);
		assert_int_equal(console.address, cases[i].address);
	}
}

// The last one counts, as it does for the kernel's /dev/console.
static void test_of_cmdline(void **state)
{
	static const struct {
		const char *cmdline;
		uint64_t address; // 0: none
	} cases[] = {
		{"", 0},
		{"console=tty0 quiet", 0},
		{"console=ttyS0", 0x3f8},
		{"console=ttyS0,115200n8 console=tty0", 0x3f8},
		{"console=ttyS0 console=ttyS3,9600", 0x2e8},
		{"console=ttyS0 -- console=ttyS1", 0x3f8},
		{"console=ttyS4 console=ttyS10 console=ttyS console=ttyUSB0 console=ttyS1x", 0},
		{"xconsole=ttyS0 console= console", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct lb_console console = {.type = 77};

		assert_int_equal(lb_console_of_cmdline(cases[i].cmdline, &console), cases[i].address != 0);
		assert_int_equal(console.type, cases[i].address ? LB_CONSOLE_PORT : 77);
		assert_int_equal(console.address, cases[i].address);
	}
}

static void test_list(void **state)
{
	const char *cmdline = "a console=tty0 console= console=ttyS0,115200 b -- console=c";
	char text[20];

	(void)state;
	lb_console_list(cmdline, text, sizeof(text));
	assert_string_equal(text, "tty0 ttyS0,115200");
	lb_console_list(cmdline, text, 18); // with its NUL
	assert_string_equal(text, "tty0 ttyS0,115200");
	lb_console_list(cmdline, text, 17);
	assert_string_equal(text, "tty0");
	lb_console_list("console=ttyS0,115200 console=ttyS1 console=x", text, 8);
	assert_string_equal(text, "ttyS1 x"); // a word that does not fit takes no other with it
	lb_console_list("", text, sizeof(text));
	assert_string_equal(text, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_of_cmdline),
		cmocka_unit_test(test_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
