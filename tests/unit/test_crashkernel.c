// SPDX-License-Identifier: BSD-2-Clause
#include <string.h>

#include "crash/plan/crashkernel.h"
#include "lifeboat/range.h"
#include "unit.h"

#define RAM (8 * LB_GIB)
#define M(mib) ((mib)*LB_MIB)

struct good {
	const char *specs;
	uint64_t ram;
	struct lb_crashkernel wanted;
};

static void check_good(const struct good *good, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct lb_crashkernel *wanted = &good[i].wanted;
		struct lb_crashkernel result = {.offset = 1, .low_bytes = 1};
		struct lb_error err = {""};

		if (lb_crashkernel_parse(good[i].specs, good[i].ram, &result, &err))
			fail_msg("%s", err.text);
		if (result.automatic != wanted->automatic || result.bytes != wanted->bytes ||
		    result.offset != wanted->offset || result.high != wanted->high ||
		    result.low_given != wanted->low_given || result.low_bytes != wanted->low_bytes)
			fail_msg("\"%s\" of 0x%lx: auto %d, 0x%lx@0x%lx, high %d, low %d 0x%lx",
				 good[i].specs, good[i].ram, result.automatic, result.bytes, result.offset,
				 result.high, result.low_given, result.low_bytes);
	}
}

#define CHECK_GOOD(good) check_good(good, sizeof(good) / sizeof((good)[0]))

static void test_plain(void **state)
{
	static const struct good good[] = {
		{"auto", RAM, {.automatic = true}},
		{"256M", RAM, {.bytes = M(256)}},
		{"256m", RAM, {.bytes = M(256)}},
		{"1G", RAM, {.bytes = LB_GIB}},
		{"262144k", RAM, {.bytes = M(256)}},
		{"268435456", RAM, {.bytes = M(256)}},
		{"0x10000000", RAM, {.bytes = M(256)}},
		{"0X10000K", RAM, {.bytes = M(64)}},
		{"0400M", RAM, {.bytes = M(256)}},
		{"0", RAM, {.bytes = 0}},
		{"0@16M", RAM, {.bytes = 0, .offset = M(16)}},
		{"256M@0", RAM, {.bytes = M(256)}},
		{"256M@512M", RAM, {.bytes = M(256), .offset = M(512)}},
		{"256M@0x20000000", RAM, {.bytes = M(256), .offset = M(512)}},
		{"1T", 2 * LB_TIB, {.bytes = LB_TIB}},
		{"1p@2p", 3 * LB_TIB * 1024, {.bytes = LB_TIB * 1024, .offset = 2 * LB_TIB * 1024}},
		{"1E", UINT64_MAX, {.bytes = 1ULL << 60}},
	};

	(void)state;
	CHECK_GOOD(good);
}

// A range includes its start and excludes its end. The first range that holds the RAM counts.
static void test_ranges(void **state)
{
	static const struct good good[] = {
		{"512M-2G:64M,2G-:128M@256M", RAM, {.bytes = M(128), .offset = M(256)}},
		{"1G-:64M,2G-:128M", RAM, {.bytes = M(64)}},
		{"0-:64M", RAM, {.bytes = M(64)}},
		{"0-:0", RAM, {.bytes = 0}},
		{"0-1K:1M,8G-8589934593:5M,1G-:6M", RAM, {.bytes = M(5)}},
		// A size that is not below the RAM's makes the kernel refuse, even in a range before the one
		// that holds.
		{"0-1G:9G,1G-:64M", RAM, {.bytes = 0}},
		{"0-1G:8G,1G-:64M", RAM - M(20), {.bytes = 0}},
		{"0-1G:8191M,1G-:64M", RAM - M(20), {.bytes = M(64)}},
		// The kernel rounds RAM up to a multiple of 128 MiB: 2 GiB less the firmware's part counts as
		// 2 GiB.
		{"512M-2G:64M,2G-:128M", 2 * LB_GIB - M(20), {.bytes = M(128)}},
		{"512M-2G:64M,2G-:128M", 2 * LB_GIB - M(127) - 1, {.bytes = M(128)}},
		{"512M-2G:64M,2G-:128M", 2 * LB_GIB - M(128), {.bytes = M(64)}},
	};

	(void)state;
	CHECK_GOOD(good);
}

// Examples of kdump.rst and kernel-parameters.txt.
static void test_kernel_documents(void **state)
{
	static const struct good good[] = {
		{"512M-2G:64M,2G-:128M", M(256), {.bytes = 0}},
		{"512M-2G:64M,2G-:128M", M(512), {.bytes = M(64)}},
		{"512M-2G:64M,2G-:128M", LB_GIB, {.bytes = M(64)}},
		{"512M-2G:64M,2G-:128M", 2 * LB_GIB, {.bytes = M(128)}},
		{"512M-2G:64M,2G-:128M", 24 * LB_TIB, {.bytes = M(128)}},
		{"64M@16M", RAM, {.bytes = M(64), .offset = M(16)}},
		{"128M@32M", RAM, {.bytes = M(128), .offset = M(32)}},
		{"256M@256M", RAM, {.bytes = M(256), .offset = M(256)}},
		{"256M@0", RAM, {.bytes = M(256)}},
		{"256M,high", RAM, {.bytes = M(256), .high = true}},
		// From kernel-parameters.txt: "0: to disable low allocation."
		{"1G,high 0,low", RAM, {.bytes = LB_GIB, .high = true, .low_given = true}},
	};

	(void)state;
	CHECK_GOOD(good);
}

// What distributions install: kdump-tools of Debian and Ubuntu, RHEL 7 to 10, Fedora, Oracle's UEK, SLES
// (yast2-kdump), Arch's wiki, clouds.
static void test_distributions(void **state)
{
	static const char ubuntu[] = "2G-4G:320M,4G-32G:512M,32G-64G:1024M,64G-128G:2048M,128G-:4096M";
	static const char rhel[] = "1G-4G:192M,4G-64G:256M,64G-:512M";
	static const char oracle[] = "1G-64G:448M,64G-:512M";
	static const struct good good[] = {
		{"384M-:128M", RAM, {.bytes = M(128)}},
		{"384M-:128M", M(256), {.bytes = 0}},
		{"384M-:512M", M(2048), {.bytes = M(512)}},
		{"512M-:192M", RAM, {.bytes = M(192)}},
		{ubuntu, LB_GIB, {.bytes = 0}},
		{ubuntu, 4 * LB_GIB - M(90), {.bytes = M(512)}},
		{ubuntu, 64 * LB_GIB - M(200), {.bytes = M(1024)}},
		{ubuntu, LB_TIB, {.bytes = M(4096)}},
		{rhel, 2 * LB_GIB, {.bytes = M(192)}},
		{rhel, RAM, {.bytes = M(256)}},
		{rhel, 6 * LB_TIB, {.bytes = M(512)}},
		{"2G-64G:256M,64G-:512M", 16 * LB_GIB, {.bytes = M(256)}},
		{"1G-2G:192M,2G-64G:256M,64G-:512M", 64 * LB_GIB, {.bytes = M(512)}},
		{"auto", RAM, {.automatic = true}}, // as RHEL 7 and 8 have it
		{oracle, 768 * LB_GIB, {.bytes = M(512)}},
		{oracle, 32 * LB_GIB, {.bytes = M(448)}},
		{"219M,high 72M,low",
		 RAM,
		 {.bytes = M(219), .high = true, .low_given = true, .low_bytes = M(72)}},
		{"512M,high 256M,low",
		 RAM,
		 {.bytes = M(512), .high = true, .low_given = true, .low_bytes = M(256)}},
		{"256M", RAM, {.bytes = M(256)}},
		{"512M", RAM, {.bytes = M(512)}},
		{"0M-2G:0M,2G-8G:192M,8G-:256M", M(1024), {.bytes = 0}},
		{"0M-2G:0M,2G-8G:192M,8G-:256M", RAM, {.bytes = M(256)}},
		{"1G-2G:128M,2G-:192M", LB_GIB, {.bytes = M(128)}},
	};

	(void)state;
	CHECK_GOOD(good);
}

// The last word of each kind counts. ",high" and ",low" count only where there is no word without them. A
// word that does not count is not checked.
static void test_several(void **state)
{
	static const struct good good[] = {
		{"64M 128M", RAM, {.bytes = M(128)}},
		{"zz 128M", RAM, {.bytes = M(128)}},
		{" \t64M  ", RAM, {.bytes = M(64)}},
		{"64M auto", RAM, {.automatic = true}},
		{"auto 64M", RAM, {.bytes = M(64)}},
		{"64M@1G 1G-:32M", RAM, {.bytes = M(32)}},
		{"64M 128M,high 32M,low", RAM, {.bytes = M(64)}},
		{"128M,high 32M,low 64M@16M", RAM, {.bytes = M(64), .offset = M(16)}},
		{"128M,high auto", RAM, {.automatic = true}},
		{"0 128M,high", RAM, {.bytes = 0}},
		{"32M,low 128M,high",
		 RAM,
		 {.bytes = M(128), .high = true, .low_given = true, .low_bytes = M(32)}},
		{"1M,high 2M,low 3M,high 4M,low",
		 RAM,
		 {.bytes = M(3), .high = true, .low_given = true, .low_bytes = M(4)}},
		{"x,high 128M,high", RAM, {.bytes = M(128), .high = true}},
		{"64M x,high x,low", RAM, {.bytes = M(64)}},
		{"0,high", RAM, {.bytes = 0, .high = true}},
		// Every ",cma" adds to the size.
		{"64M 32M,cma", RAM, {.bytes = M(96)}},
		{"1M,cma 64M,high 32M,cma", RAM, {.bytes = M(96), .high = true}},
		{"auto 32M,cma", RAM, {.automatic = true}},
		{"0 32M,cma", RAM, {.bytes = 0}},
	};

	(void)state;
	CHECK_GOOD(good);
}

struct bad {
	const char *specs, *wanted;
};

static void check_bad(const struct bad *bad, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct lb_crashkernel result = {true, 1, 2, true, true, 3};
		struct lb_error err = {""};

		if (lb_crashkernel_parse(bad[i].specs, RAM, &result, &err) != -1)
			fail_msg("\"%s\" was accepted", bad[i].specs);
		if (!strstr(err.text, bad[i].wanted))
			fail_msg("\"%s\": \"%s\" does not say \"%s\"", bad[i].specs, err.text, bad[i].wanted);
		assert_true(result.automatic && result.bytes == 1 && result.offset == 2 && result.high &&
			    result.low_given && result.low_bytes == 3);
	}
}

#define CHECK_BAD(bad) check_bad(bad, sizeof(bad) / sizeof((bad)[0]))

static void test_bad_plain(void **state)
{
	static const struct bad bad[] = {
		{"", "crashkernel=: nothing follows"},
		{" ", "nothing follows"},
		{"autos", "crashkernel=autos: character 1 is 'a', wanted a number"},
		{"Auto", "character 1 is 'A'"},
		{"x", "character 1 is 'x'"},
		{"-5", "character 1 is '-'"},
		{"@16M", "character 1 is '@'"},
		{",", "character 1 is ','"},
		{"512Q", "character 4 is 'Q', wanted a unit"},
		{"512MB", "character 5 is 'B'"},
		{"512KK", "character 5 is 'K'"},
		{"0x", "character 2 is 'x', wanted a unit"}, // the kernel reads a 0, and something behind it
		{"0x x", "character 1 is 'x'"}, // the last word counts
		{"x 0x", "crashkernel=0x: character 2 is 'x'"},
		{"089", "character 2 is '8'"},
		{"256M@", "ends at character 6, wanted a number"},
		{"256M@x", "character 6 is 'x'"},
		{"256M@1G@2G", "character 8 is '@', wanted a unit (K, M, G, T) or the end"},
		{"256M,",
		 "character 5 is ',', wanted a unit (K, M, G, T), '@', \",high\", \",low\" or the end"},
		{"256M,highest", "character 5 is ','"},
		{"256M,High", "character 5 is ','"},
		{"18446744073709551616", "64 bits"},
		{"0x10000000000000000", "64 bits"},
		{"17179869184G", "64 bits"},
		{"16E", "64 bits"},
		{"8G", "crashkernel=8G: asks for 8 GiB, the machine has 8 GiB"},
	};

	(void)state;
	CHECK_BAD(bad);
}

static void test_bad_ranges(void **state)
{
	static const struct bad bad[] = {
		{"1G-2G", "ends at character 6, wanted ':'"},
		{"1G-2G:", "ends at character 7, wanted a number"},
		{"1G:64M", "character 3 is ':', wanted '-'"},
		{":64M", "character 1 is ':', wanted a number"},
		{"2G-1G:64M", "character 4 is '1', wanted an end above"},
		{"1G-1G:64M", "wanted an end above"},
		{"1G-2G:64M,", "ends at character 11, wanted a number"},
		{"1G-2G:64M,x", "character 11 is 'x', wanted a number"},
		{"1G-2G:64M,,2G-:1M", "character 11 is ','"},
		{"1G-2G:64M;2G-:1M", "character 10 is ';'"},
		{"1G-2G:64M@16M,2G-:1M", "character 14 is ','"},
		{"1G-2G:64M@", "ends at character 11, wanted a number"},
		// A range that does not apply is checked too.
		{"0-1K:1M,4G-:zz", "character 13 is 'z'"},
		{"4G-:1M,8G-:zz", "character 12 is 'z'"},
		{"0-:9G", "asks for 9 GiB, the machine has 8 GiB"},
		{"1G-:64M,high", "character 3 is '-', wanted a unit (K, M, G, T) or \",high\""},
	};

	(void)state;
	CHECK_BAD(bad);
}

static void test_bad_suffixed(void **state)
{
	static const struct bad bad[] = {
		{",high", "character 1 is ',', wanted a number"},
		{"x,high", "crashkernel=x,high: character 1 is 'x'"},
		{"256M@16M,high", "character 5 is '@', wanted a unit (K, M, G, T) or \",high\""},
		{"256M,high,high", "character 5 is ','"},
		{"256Mi,high", "character 5 is 'i'"},
		{"256M,low", "crashkernel=256M,low: gives the region itself no size"},
		{"256M,cma", "crashkernel=256M,cma: gives the region itself no size"},
		{"x,low", "gives the region itself no size"},
		{"256M,high x,low", "crashkernel=x,low: character 1 is 'x'"},
		{"256M,high ,low", "crashkernel=,low: character 1 is ','"},
		{"256M,high 1Z,low", "character 2 is 'Z', wanted a unit (K, M, G, T) or \",low\""},
		{"256M x,cma", "crashkernel=x,cma: character 1 is 'x'"},
		{"256M 15E,cma", "asks for"},
		{"8G,high", "crashkernel=8G,high: asks for 8 GiB"},
		{"4G 4G,cma", "crashkernel=4G: asks for 8 GiB"},
	};

	(void)state;
	CHECK_BAD(bad);
	check_bad((const struct bad[]){{"64M 17592186044415M,cma", "64 bits at most"}}, 1);
}

// The message about a very long word shows its beginning, and the right position.
static void test_long(void **state)
{
	char specs[400];
	struct lb_crashkernel result;
	struct lb_error err = {""};

	(void)state;
	memset(specs, '0', sizeof(specs));
	memcpy(specs + 300, "x", 2);
	assert_int_equal(lb_crashkernel_parse(specs, RAM, &result, &err), -1);
	assert_non_null(strstr(err.text, "00: character 301 is 'x', wanted"));
	assert_int_equal(strspn(err.text + strlen("crashkernel="), "0"), 80);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),         cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_several),       cmocka_unit_test(test_kernel_documents),
		cmocka_unit_test(test_distributions), cmocka_unit_test(test_bad_plain),
		cmocka_unit_test(test_bad_ranges),    cmocka_unit_test(test_bad_suffixed),
		cmocka_unit_test(test_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
