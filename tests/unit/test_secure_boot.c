// SPDX-License-Identifier: BSD-2-Clause
#include "loader/options/secure_boot.h"

#include <string.h>

#include "unit.h"

static const struct lb_console no_spcr = {.type = LB_CONSOLE_NONE};

static void judge(const char *words, const struct lb_console *spcr, const char *wanted)
{
	static struct lb_options options;
	const char *list[8];
	struct lb_error err = {.text = ""};
	char text[200];
	uint32_t count = 0;

	strcpy(text, words);
	for (char *word = strtok(text, " "); word; word = strtok(NULL, " "))
		list[count++] = word;
	lb_options_init(&options);
	lb_options_source(&options, "\\");
	assert_int_equal(lb_options_words(&options, count, list, &err), 0);
	assert_int_equal(lb_options_finish(&options, &err), 0);
	assert_int_equal(lb_secure_boot_judge(&options, spcr, &err), wanted ? -1 : 0);
	if (wanted)
		assert_non_null(strstr(err.text, wanted));
}

static void test_a_linux_as_the_second_kernel(void **state)
{
	(void)state;
	judge("\\vmlinuz", &no_spcr, NULL);
	judge("--capture builtin \\vmlinuz", &no_spcr, NULL);
	judge("--capture \\other \\vmlinuz", &no_spcr, "wanted --capture builtin");
	judge("--capture-initrd \\c.img \\vmlinuz", &no_spcr, "wanted --capture builtin");
	judge("--capture-args quiet \\vmlinuz", &no_spcr, "wanted --capture builtin");
}

static void test_a_console(void **state)
{
	const struct lb_console mmio = {.type = LB_CONSOLE_MMIO, .address = 0xfedc0000};

	(void)state;
	judge("--console none \\vmlinuz", &no_spcr, NULL);
	judge("--console ttyS3 \\vmlinuz", &no_spcr, NULL);
	judge("--console 0x2f8 \\vmlinuz", &no_spcr, NULL);
	judge("--console 0x64 \\vmlinuz", &no_spcr, "--console 0x64: nobody signed that address");
	judge("--console mmio:0x3f8 \\vmlinuz", &no_spcr, "--console mmio:0x3f8: nobody signed");
	judge("--console mmio:0xfedc0000 \\vmlinuz", &no_spcr, "--console mmio:0xfedc0000: nobody signed");
	judge("--console mmio:0xfedc0000 \\vmlinuz", &mmio, NULL);
	judge("--console mmio:0xfedc1000 \\vmlinuz", &mmio, "--console mmio:0xfedc1000: nobody signed");
	judge("--console mmio32:0xfedc0000 \\vmlinuz", &mmio, "--console mmio32:0xfedc0000: nobody signed");
	judge("--console pci:00:04.0 \\vmlinuz", &mmio, "--console pci:00:04.0: nobody signed");
	// The kernel's console= is not judged here, but in test_any_console().
	judge("\\vmlinuz console=uart,mmio,0xfedc1000", &mmio, NULL);
}

// The console's place is judged, wherever the words come from.
static void test_any_console(void **state)
{
	const struct lb_console none = {.type = LB_CONSOLE_NONE},
				com2 = {.type = LB_CONSOLE_PORT, .address = 0x2f8},
				other = {.type = LB_CONSOLE_PORT, .address = 0x2f0},
				mmio = {.type = LB_CONSOLE_MMIO, .address = 0xfedc0000},
				mmio32 = {.type = LB_CONSOLE_MMIO32, .address = 0xfedc0000};

	(void)state;
	assert_true(lb_secure_boot_console(&none, &no_spcr));
	assert_true(lb_secure_boot_console(&com2, &no_spcr));
	assert_false(lb_secure_boot_console(&other, &no_spcr));
	assert_true(lb_secure_boot_console(&mmio32, &mmio32));
	// The registers would be four times as far apart.
	assert_false(lb_secure_boot_console(&mmio32, &mmio));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_linux_as_the_second_kernel),
		cmocka_unit_test(test_a_console),
		cmocka_unit_test(test_any_console),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
