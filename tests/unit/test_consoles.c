// SPDX-License-Identifier: BSD-2-Clause
#include "loader/options/consoles.h"

#include <string.h>

#include "unit.h"

static void test_parse(void **state)
{
	static const struct {
		const char *value;
		const char *wanted; // the mistake; NULL: none
		uint32_t type;
		uint64_t address;
	} cases[] = {
		{"none", NULL, LB_CONSOLE_NONE, 0},
		{"ttyS1", NULL, LB_CONSOLE_PORT, 0x2f8},
		{"0xfff8", NULL, LB_CONSOLE_PORT, 0xfff8},
		{"mmio:0xfff8", NULL, LB_CONSOLE_MMIO, 0xfff8},
		{"mmio32:0xfe0", NULL, LB_CONSOLE_MMIO32, 0xfe0},
		{"pci:00:04.0", NULL, LB_CONSOLE_PCI, 0x20},
		{"pci:0000:ff:1f.7", NULL, LB_CONSOLE_PCI, 0xffff},
		{"ttyS1,115200", "c: \"ttyS1,115200\" was given, wanted " LB_CONSOLE_WANTS, 0, 0},
		{"", "c: \"\" was given, wanted " LB_CONSOLE_WANTS, 0, 0},
		{"0xfff9", "c: port 0xfff9 is not from 0x1 to 0xfff8", 0, 0},
		{"mmio:0xfff9", "c: no 8 registers of a UART fit into the page at 0xfff9", 0, 0},
		{"mmio32:0xfe1", "c: no 8 registers of a UART fit into the page at 0xfe1", 0, 0},
		{"mmio32:0x0", "c: no 8 registers of a UART fit into the page at 0x0", 0, 0},
		{"mmio32:", "c: \"mmio32:\" was given, wanted " LB_CONSOLE_WANTS, 0, 0},
		{"pci:00:20.0", "c: \"pci:00:20.0\" was given, wanted " LB_CONSOLE_WANTS, 0, 0},
		{"pci:00:04.8", "c: \"pci:00:04.8\" was given, wanted " LB_CONSOLE_WANTS, 0, 0},
		{"pci:100:04.0", "c: \"pci:100:04.0\" was given, wanted " LB_CONSOLE_WANTS, 0, 0},
		{"pci:00:04.0x", "c: \"pci:00:04.0x\" was given, wanted " LB_CONSOLE_WANTS, 0, 0},
		{"pci:1:00:04.0", "c: \"pci:1:00:04.0\" was given, wanted " LB_CONSOLE_WANTS, 0, 0},
		{"pci:", "c: \"pci:\" was given, wanted " LB_CONSOLE_WANTS, 0, 0},
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

// The last console= counts, as for the kernel's /dev/console.
static void test_of_cmdline(void **state)
{
	static const struct {
		const char *cmdline;
		uint64_t address; // 0: no console
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

static void test_uarts_of_cmdline(void **state)
{
	static const struct {
		const char *cmdline;
		uint32_t type;
		uint64_t address;
	} cases[] = {
		{"console=uart8250,io,0x2f8,115200n8", LB_CONSOLE_PORT, 0x2f8},
		{"console=uart,mmio,0xfedc9000", LB_CONSOLE_MMIO, 0xfedc9000},
		{"console=uart8250,mmio32,0xfedc9000,115200", LB_CONSOLE_MMIO32, 0xfedc9000},
		{"console=uart,mmio32native,0xfedc9000", LB_CONSOLE_MMIO32, 0xfedc9000},
		{"console=uart8250,0xfedc9000", LB_CONSOLE_MMIO, 0xfedc9000},
		{"console=uart8250,io,0x2f8 console=ttyS0", LB_CONSOLE_PORT, 0x3f8},
		{"console=ttyS0 console=uart8250,io,0x2f8 console=tty0", LB_CONSOLE_PORT, 0x2f8},
		{"earlycon=uart8250,mmio32,0xfedc9000 console=tty0", LB_CONSOLE_MMIO32, 0xfedc9000},
		{"earlycon=uart,io,0x3e8 earlycon=uart,io,0x2e8", LB_CONSOLE_PORT, 0x2e8},
		{"earlycon=uart,io,0x3e8 console=ttyS1", LB_CONSOLE_PORT, 0x2f8},
		{"console=ttyS1 earlycon=uart,io,0x3e8", LB_CONSOLE_PORT, 0x2f8},
		{"earlycon earlycon=ttyS0 earlycon=efifb", 77, 0},
		{"console=uart8250,mmio16,0xfedc9000 console=uart8250,mmio32be,0xfedc9000", 77, 0},
		// The last registers lie beyond the ports or the page.
		{"console=uart8250,io,0xfff9 console=uart8250,mmio32,0xff0", 77, 0},
		{"console=uart8250,mmio32,0x console=uart8250,io, console=uart8250, console=uart8250", 77, 0},
		{"console=uart8250,io,0x2f8x console=uart8250,io,760 console=xuart,io,0x2f8", 77, 0},
		{"console=uart8250,mmio,0x00000000000000000000000fedc9000", 77, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct lb_console console = {.type = 77};

		assert_int_equal(lb_console_of_cmdline(cases[i].cmdline, &console), cases[i].type != 77);
		assert_int_equal(console.type, cases[i].type);
		assert_int_equal(console.address, cases[i].address);
	}
}

// The text of a console is in the form that --console takes.
static void test_format(void **state)
{
	static const char *const values[] = {"none", "0x3f8", "mmio:0xfedc9000", "mmio32:0xfffffffffffff000",
					     "pci:ff:1f.7"};

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		struct lb_console console;
		struct lb_error err;
		char text[LB_CONSOLE_TEXT];

		assert_int_equal(lb_console_parse("c", values[i], &console, &err), 0);
		assert_string_equal(lb_console_format(&console, text), values[i]);
	}
}

static void test_list(void **state)
{
	const char *cmdline = "a console=tty0 console= console=ttyS0,115200 b -- console=c";
	char text[20];

	(void)state;
	lb_console_list(cmdline, text, sizeof(text));
	assert_string_equal(text, "tty0 ttyS0,115200");
	lb_console_list(cmdline, text, 18); // exactly enough, with the NUL
	assert_string_equal(text, "tty0 ttyS0,115200");
	lb_console_list(cmdline, text, 17);
	assert_string_equal(text, "tty0");
	lb_console_list("console=ttyS0,115200 console=ttyS1 console=x", text, 8);
	assert_string_equal(text, "ttyS1 x"); // a word that does not fit is left out alone
	lb_console_list("", text, sizeof(text));
	assert_string_equal(text, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_of_cmdline),
		cmocka_unit_test(test_uarts_of_cmdline),
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
