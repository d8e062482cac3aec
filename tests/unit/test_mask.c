// SPDX-License-Identifier: BSD-2-Clause
// What masking takes out of a report, and what it leaves.
#include <string.h>

#include "crash/report/mask.h"
#include "unit.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define HOST "db-07"

struct masked {
	const char *line, *wanted; // wanted: NULL if the line stays as it is
};

static void judge(const struct masked *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char line[256];

		strcpy(line, cases[i].line);
		lb_mask_line(line, HOST);
		assert_string_equal(line, cases[i].wanted ? cases[i].wanted : cases[i].line);
	}
}

static void masks_secrets(void **state)
{
	static const struct masked cases[] = {
		{"root=/dev/vda1 db.password=hunter2 ro", "root=/dev/vda1 db.password=XXXX ro"},
		{"PASSWD=ab", "PASSWD=XX"},
		{"my_api_key=0123456789 quiet", "my_api_key=XXXX quiet"},
		{"rd.luks.key=/root/key:UUID=7 x", "rd.luks.key=XXXX x"},
		{"token=\"two words\" ro", "token=XXXX ro"},
		{"token='two words", "token=XXXX"},
		{"\"secret=two words\" ro", "\"secret=XXXX\" ro"},
		{"said {\"password\": \"hunter2\", \"a\": 1}", "said {\"password\": XXXX, \"a\": 1}"},
		{"{\"password\":\"hunter2\",\"pin\":1}", "{\"password\":XXXX,\"pin\":1}"},
		{"init: passphrase: hunter2", "init: passphrase: XXXX"},
		{"secret=", NULL},
		{"secret= ", NULL},
		{"ip=dhcp hostname=db-07", "ip=XXXX hostname=XXXX"},
		{"root=http://joe:hunter2@files/", "root=http://XXXX@files/"},
		{"keymap=de keyboard: usb monkey=1 passage=d", NULL},
		{"Key type asymmetric registered", NULL},
		{"signature: sysrq:sysrq_handle_crash:0011aabb", NULL},
	};

	(void)state;
	judge(cases, COUNT(cases));
}

static void masks_addresses(void **state)
{
	static const struct masked cases[] = {
		{"eth0: link up, 52:54:00:12:34:56", "eth0: link up, XXXX"},
		{"BOOTIF=01-52-54-00-12-34-56 x", "BOOTIF=XXXX x"},
		{"from 10.0.2.15, to 192.168.1.255:80.", "from XXXX, to XXXX:80."},
		{"node-10.0.2.15.", "node-XXXX."},
		{"fe80::5054:ff:fe12:3456%eth0", "XXXX%eth0"},
		{"2001:db8:0:1:2:3:4:5 and ::1", "XXXX and XXX"},
		{"log to [2001:db8::1]:514", "log to [XXXX]:514"},
		{"6.1.0-56 BIOS 0.0.0 02/06/2015 1.2.3.4.5 256.1.1.1 1.2.3", NULL},
		{"pci 0000:00:1f.2: [8086:2922] at 12:34:56", NULL},
		{"RIP: 0010:sysrq_handle_crash+0x16/0x20", NULL},
		{"RSP: 0018:ffffb2f5c0013e20 EFLAGS: 00010246", NULL},
		{"Code: 48 3d 00 f0 ff ff <48> 8b 52:54", NULL},
		{"52:54:00:12:34 52:54:00:12:34:5g :: x::y", NULL},
	};

	(void)state;
	judge(cases, COUNT(cases));
}

static void masks_the_host_name(void **state)
{
	static const struct masked cases[] = {
		{"nfs: server db-07 not responding", "nfs: server XXXX not responding"},
		{"db-07.example.org, [db-07]", "XXXX.example.org, [XXXX]"},
		{"db-071 xdb-07 db-07-b mydb-07", NULL},
	};
	char line[] = "x db-07 y";

	(void)state;
	judge(cases, COUNT(cases));
	lb_mask_line(line, "");
	assert_string_equal(line, "x db-07 y");
	lb_mask_line(line, NULL);
	assert_string_equal(line, "x db-07 y");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(masks_secrets),
		cmocka_unit_test(masks_addresses),
		cmocka_unit_test(masks_the_host_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
