// SPDX-License-Identifier: BSD-2-Clause
// The dead kernel's names of itself. They are believed only if all six are texts of a Linux with
// VMCOREINFO's release.
#include "crash/dead/uts.h"
#include "dead_machine.h"
#include "unit.h"

#define NAMES 0x100ffcULL // physical, across the end of a page
#define INFO "OSRELEASE=6.1.0-test\nOFFSET(uts_namespace.name)=4\nSYMBOL(init_uts_ns)=%llx\n"

enum { NODE = 1, DOMAIN = 5 };
static const char *const usual[] = {"Linux", "host", "6.1.0-test", "#1 SMP", "x86_64", "(none)"};

static struct dead_machine *machine;
static struct lb_uts uts;

static void put_name(unsigned int i, const char *name)
{
	uint8_t *at = dead_at(machine, NAMES + i * LB_UTS_BYTES);

	memset(at, 0, LB_UTS_BYTES);
	memcpy(at, name, strlen(name) < LB_UTS_BYTES ? strlen(name) : LB_UTS_BYTES);
}

static int open_machine(void **state)
{
	(void)state;
	machine = dead_open();
	dead_info(machine, INFO, DEAD_DIRECT + NAMES - 4);
	for (unsigned int i = 0; i < 6; i++)
		put_name(i, usual[i]);
	memset(&uts, 0xee, sizeof(uts));
	return 0;
}

static int close_machine(void **state)
{
	(void)state;
	dead_close(machine);
	return 0;
}

// Compares all of `uts`, with the bytes behind the texts.
static void assert_names(const char *const names[6])
{
	struct lb_uts wanted = {.sysname = ""};

	for (unsigned int i = 0; i < 6; i++)
		strcpy((char *)&wanted + i * LB_UTS_BYTES, names[i]);
	assert_memory_equal(&uts, &wanted, sizeof(uts));
}

static void assert_unknown(const char *release)
{
	const char *const names[] = {"Linux", "(none)", release, "(unknown)", "x86_64", "(none)"};

	lb_uts_read(&machine->dead, &uts);
	assert_names(names);
}

static void names_are_read(void **state)
{
	(void)state;
	lb_uts_read(&machine->dead, &uts);
	assert_names(usual);
}

// An empty domain name does not make the host's name unknown, which a report masks.
static void names_that_root_emptied(void **state)
{
	const char *names[6];

	(void)state;
	memcpy(names, usual, sizeof(names));
	put_name(DOMAIN, "");
	lb_uts_read(&machine->dead, &uts);
	assert_names(names); // an empty domain becomes "(none)"
	put_name(DOMAIN, names[DOMAIN] = "lan");
	put_name(NODE, "");
	names[NODE] = "(none)";
	lb_uts_read(&machine->dead, &uts);
	assert_names(names);
}

static void names_that_make_no_sense(void **state)
{
	char endless[LB_UTS_BYTES + 1];

	(void)state;
	memset(endless, 'x', LB_UTS_BYTES);
	endless[LB_UTS_BYTES] = '\0';
	for (unsigned int i = 0; i < 6; i++) {
		static const char *const bad[] = {"", "bell\a", "caf\xc3\xa9"};

		for (unsigned int j = i == NODE || i == DOMAIN ? 1 : 0; j < 3; j++) {
			put_name(i, bad[j]);
			assert_unknown("6.1.0-test");
		}
		put_name(i, endless);
		assert_unknown("6.1.0-test");
		put_name(i, usual[i]);
	}
	put_name(0, "Minix");
	assert_unknown("6.1.0-test");
	put_name(0, "Linux");
	put_name(2, "6.1.0-tes"); // the release of another boot
	assert_unknown("6.1.0-test");
}

static void names_that_cannot_be_found(void **state)
{
	(void)state;
	machine->hole = 0x101000; // the page with the rest of the names
	assert_unknown("6.1.0-test");
	machine->hole = 0;
	dead_info(machine, INFO, 0x1000ULL);
	assert_unknown("6.1.0-test");
	dead_info(machine, "OSRELEASE=6.1.0-test\n");
	assert_unknown("6.1.0-test");
	machine->dead.vmcoreinfo.bytes = 0;
	assert_unknown("(unknown)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(names_are_read, open_machine, close_machine),
		cmocka_unit_test_setup_teardown(names_that_root_emptied, open_machine, close_machine),
		cmocka_unit_test_setup_teardown(names_that_make_no_sense, open_machine, close_machine),
		cmocka_unit_test_setup_teardown(names_that_cannot_be_found, open_machine, close_machine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
