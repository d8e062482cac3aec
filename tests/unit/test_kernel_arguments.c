// SPDX-License-Identifier: BSD-2-Clause
#include <stdio.h>
#include <string.h>

#include "crash/plan/kernel_arguments.h"
#include "crash/plan/panic_words.h"
#include "unit.h"

#define OURS "panic=-1 reboot=efi,cold,panic_warm crash_kexec_post_notifiers efi=runtime"
#define NEEDED lb_panic_words_of(LB_PROFILE_DESKTOP)
#define MAX 2047

static void check_armed(const char *user, bool oops_panic, const char *wanted)
{
	struct lb_error err = {""};
	char out[MAX + 1];

	if (lb_cmdline_armed(user, NEEDED | (oops_panic ? LB_WORD_BIT(LB_WORD_OOPS) : 0), MAX, out,
			     sizeof(out), &err) != 0)
		fail_msg("%s: %s", user, err.text);
	assert_string_equal(out, wanted);
}

static void test_armed(void **state)
{
	(void)state;
	check_armed("", true, OURS " oops=panic");
	check_armed("", false, OURS);
	check_armed("root=/dev/vda1 quiet", true, "root=/dev/vda1 quiet " OURS " oops=panic");
	check_armed("  root=/dev/vda1\t quiet ", false, "root=/dev/vda1 quiet " OURS);
	// Arguments behind "--" are init's. Lifeboat's words come before it, and init's stay as they are.
	check_armed("quiet -- single  initrd=x", false, "quiet " OURS " -- single  initrd=x");
	check_armed("-- single", true, OURS " oops=panic -- single");
	check_armed("crashkernel=256M quiet crashkernel=1G,high \"crashkernel=3\"", false, "quiet " OURS);
	check_armed("crashkernel=1G,high crashkernel=72M,low crashkernel=\"9M,cma\" crashkernel "
		    "xcrashkernel=1 --",
		    false, "xcrashkernel=1 " OURS " --");
	check_armed("initrd=a.img initrd=0x1000000,4096 ro initrd=\"b c\"", false,
		    "initrd=0x1000000,4096 ro " OURS);
	// Words behind "--" do not count for the kernel, so none of them is refused.
	check_armed("ro -- sysctl.kernel.panic=0 noefi", false, "ro " OURS " -- sysctl.kernel.panic=0 noefi");
	// The user's own reboot= and panic= stay. Lifeboat's come later and win.
	check_armed("panic=0 crash_kexec_post_notifiers=n", false,
		    "panic=0 crash_kexec_post_notifiers=n " OURS);
	check_armed("reboot=pci,warm panic=30", true, "reboot=pci,warm panic=30 " OURS " oops=panic");
	check_armed("efi=debug mem_encrypt=off dyndbg=\"file a +p\"", false,
		    "efi=debug mem_encrypt=off dyndbg=\"file a +p\" " OURS);
	// The EFI stub looks at the last efi= only, which is Lifeboat's.
	check_armed("efi=debug,nosoftreserve ro -- x", true,
		    "efi=debug,nosoftreserve ro " OURS ",nosoftreserve oops=panic -- x");
	check_armed("efi=nosoftreserve efi=debug", false, "efi=nosoftreserve efi=debug " OURS);
	check_armed("panic_force=1 -- reboot=force", false, "panic_force=1 " OURS " -- reboot=force");
}

static void test_armed_refuses(void **state)
{
	static const struct {
		const char *user, *wanted;
	} bad[] = {
		{"quiet reboot=force", "reboot=force cannot be had"},
		{"reboot=efi,force ro", "reboot=efi,force cannot"},
		{"reboot=f", "reboot=f cannot"},
		{"reboot=panic_force", "reboot=panic_force cannot"},
		{"reboot=w,panic_f,c", "reboot=w,panic_f,c cannot"},
		{"reboot=\"force\"", "reboot=\"force\" cannot"},
		{"\"reboot=force\"", "\"reboot=force\" cannot"},
		// The kernel does not forget "force" when another word follows.
		{"reboot=force reboot=efi", "reboot=force cannot"},
		{"noefi", "noefi cannot"},
		{"sysctl.kernel.panic=0", "sysctl.kernel.panic=0 cannot"},
		{"sysctl/kernel/panic=0", "sysctl/kernel/panic=0 cannot"},
		{"sysctl.kernel/panic=0", "sysctl.kernel/panic=0 cannot"},
		{"sysctl/kernel.panic=0", "sysctl/kernel.panic=0 cannot"},
		{"sysctl.kernel.panic=00", "sysctl.kernel.panic=00 cannot"},
		{"sysctl.kernel.panic=0x0", "sysctl.kernel.panic=0x0 cannot"},
		{"sysctl.kernel.panic=-0", "sysctl.kernel.panic=-0 cannot"},
		{"efi=noruntime", "efi=noruntime cannot"},
		{"efi=debug,noruntime", "efi=debug,noruntime cannot"},
		{"mem_encrypt=on", "mem_encrypt=on cannot"},
		{"mem_encrypt=\"on\"", "mem_encrypt=\"on\" cannot"},
		// The kernel looks for this word behind "--" too.
		{"ro -- mem_encrypt=on", "mem_encrypt=on cannot"},
		{"ro dyndbg=\"file a", "the quote in dyndbg=\"file a is not closed"},
		{"ro\xc2\xa0noefi", "ro\xc2\xa0noefi holds byte 0xa0"},
		// initrd= is not passed on, so its bytes do not matter.
		{"initrd=\xc3\xa0 x=\xc3\xa0", "x=\xc3\xa0 holds byte 0xa0"},
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct lb_error err = {""};
		char out[MAX + 1] = "untouched";

		if (lb_cmdline_armed(bad[i].user, NEEDED, MAX, out, sizeof(out), &err) != -1)
			fail_msg("%s was accepted", bad[i].user);
		if (!strstr(err.text, bad[i].wanted))
			fail_msg("\"%s\" does not say \"%s\"", err.text, bad[i].wanted);
		assert_string_equal(out, "untouched");
	}
}

// Checks the command line for a kernel that another loader started. It keeps all words that are on it.
static void check_late(const char *user, uint32_t words, const char *wanted)
{
	struct lb_error err = {""};
	char out[MAX + 1], again[MAX + 1];

	if (lb_cmdline_late(user, words, MAX, out, sizeof(out), &err) != 0)
		fail_msg("%s: %s", user, err.text);
	assert_string_equal(out, wanted);
	assert_int_equal(lb_cmdline_late(out, words, MAX, again, sizeof(again), &err), 0);
	assert_string_equal(again, out);
}

#define BESIDE_KDUMP "panic=-1 reboot=efi,cold,panic_warm efi=runtime"

static void test_late(void **state)
{
	struct lb_error err = {""};
	char out[MAX + 1] = "untouched";

	(void)state;
	check_late("", NEEDED, OURS);
	check_late("BOOT_IMAGE=/vmlinuz ro initrd=\\a.img -- single", NEEDED,
		   "BOOT_IMAGE=/vmlinuz ro initrd=\\a.img " OURS " -- single");
	check_late("crashkernel=256M quiet", NEEDED, "crashkernel=256M quiet " BESIDE_KDUMP);
	check_late("crashkernel=256M quiet", NEEDED | LB_WORDS_BESIDE_KDUMP, "crashkernel=256M quiet " OURS);
	check_late("crashkernel=1G crash_kexec_post_notifiers", NEEDED,
		   "crashkernel=1G crash_kexec_post_notifiers " BESIDE_KDUMP);
	check_late("efi=nosoftreserve", NEEDED, "efi=nosoftreserve " OURS ",nosoftreserve");
	check_late(OURS, NEEDED, OURS);
	check_late("ro -- crashkernel=1G", NEEDED, "ro " OURS " -- crashkernel=1G");
	assert_int_equal(lb_cmdline_late("ro noefi", NEEDED, MAX, out, sizeof(out), &err), -1);
	assert_non_null(strstr(err.text, "noefi cannot be had"));
	// Here initrd= stays on the kernel's line, so its bytes matter.
	assert_int_equal(lb_cmdline_late("initrd=\xc3\xa0", NEEDED, MAX, out, sizeof(out), NULL), -1);
	assert_string_equal(out, "untouched");
}

// Words that only resemble a refused word are accepted.
static void test_armed_takes_lookalikes(void **state)
{
	(void)state;
	check_armed("sysctl.kernel.panic=10 sysctl.kernel.panic_on_oops=0", false,
		    "sysctl.kernel.panic=10 sysctl.kernel.panic_on_oops=0 " OURS);
	check_armed("reboot=efi,panic_warm reboots=force noefix xefi=noruntime efi=noruntimes", false,
		    "reboot=efi,panic_warm reboots=force noefix xefi=noruntime efi=noruntimes " OURS);
}

static void test_unarmed(void **state)
{
	static const char user[] = "initrd=a.img crashkernel=256M reboot=force noefi -- x";
	struct lb_error err = {""};
	char out[64];

	(void)state;
	assert_int_equal(lb_cmdline_unarmed(user, MAX, out, sizeof(out), &err), 0);
	assert_string_equal(out, "crashkernel=256M reboot=force noefi -- x");
	assert_int_equal(lb_cmdline_unarmed("", MAX, out, sizeof(out), &err), 0);
	assert_string_equal(out, "");
	assert_int_equal(lb_cmdline_unarmed("a=\"b c", MAX, out, sizeof(out), &err), 0);
	assert_string_equal(out, "a=\"b c");
}

// The limits of the kernel and of the buffer, to the byte.
static void test_lengths(void **state)
{
	struct lb_error err = {""};
	size_t length = sizeof("quiet " OURS) - 1;
	char out[256] = "untouched";
	char numbers[64];

	(void)state;
	assert_int_equal(lb_cmdline_armed("quiet", NEEDED, length - 1, out, sizeof(out), &err), -1);
	snprintf(numbers, sizeof(numbers), "takes %zu bytes, the kernel's cmdline_size is %zu", length,
		 length - 1);
	assert_non_null(strstr(err.text, numbers));
	assert_int_equal(lb_cmdline_armed("quiet", NEEDED, MAX, out, length, &err), -1);
	snprintf(numbers, sizeof(numbers), "takes %zu bytes, Lifeboat has room for %zu", length, length - 1);
	assert_non_null(strstr(err.text, numbers));
	assert_string_equal(out, "untouched");
	assert_int_equal(lb_cmdline_armed("quiet", NEEDED, length, out, length + 1, &err), 0);
	assert_string_equal(out, "quiet " OURS);

	assert_int_equal(lb_cmdline_unarmed("abcd", 3, out, sizeof(out), &err), -1);
	assert_non_null(strstr(err.text, "takes 4 bytes, the kernel's cmdline_size is 3"));
	assert_int_equal(lb_cmdline_unarmed("abcd", 4, out, 0, &err), -1);
	assert_int_equal(lb_cmdline_unarmed("abcd", 4, out, 5, &err), 0);
}

#define CAPTURE                                                                                              \
	"elfcorehdr=0x5ff80000 nr_cpus=1 reset_devices irqpoll nokaslr numa=off acpi_no_memhotplug mce=off " \
	"cgroup_disable=memory novmcoredd panic=10"

static void check_capture(const char *console, const char *user, const char *wanted)
{
	const struct lb_cmdline_second second = {0x5ff80000, console, user, MAX};
	struct lb_error err = {""};
	char out[MAX + 1];

	if (lb_cmdline_capture(&second, out, sizeof(out), &err) != 0)
		fail_msg("%s", err.text);
	assert_string_equal(out, wanted);
}

static void test_capture(void **state)
{
	(void)state;
	check_capture("", "", CAPTURE);
	check_capture("ttyS0", "", CAPTURE " console=ttyS0");
	check_capture("tty0 ttyS0,115200", "nr_cpus=4  dump=\"a b\"",
		      CAPTURE " console=tty0 console=ttyS0,115200 nr_cpus=4 dump=\"a b\"");
	check_capture("", "initrd=x crashkernel=1", CAPTURE " initrd=x crashkernel=1");
}

static void test_capture_refuses(void **state)
{
	static const struct {
		const char *user, *wanted;
	} bad[] = {
		{"a elfcorehdr=1", "elfcorehdr=1 is set by Lifeboat itself"},
		{"dump=\"a b", "the quote in dump=\"a b is not closed"},
		{"a -- b", "\"-- b\": arguments for init"},
		{"a\xc2\xa0-- b", "a\xc2\xa0-- holds byte 0xa0"},
	};
	struct lb_error err;
	char out[MAX + 1] = "untouched";

	(void)state;
	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const struct lb_cmdline_second second = {0, "", bad[i].user, MAX};

		assert_int_equal(lb_cmdline_capture(&second, out, sizeof(out), &err), -1);
		if (!strstr(err.text, bad[i].wanted))
			fail_msg("\"%s\" does not say \"%s\"", err.text, bad[i].wanted);
	}
	assert_string_equal(out, "untouched");
}

// The limit leaves room for " no5lvl", which may be appended after the panic.
static void test_capture_leaves_room(void **state)
{
	size_t length = sizeof(CAPTURE) - 1;
	size_t suffix = sizeof(" no5lvl") - 1;
	struct lb_cmdline_second second = {0x5ff80000, "", "", length + suffix};
	struct lb_error err = {""};
	char out[512];

	(void)state;
	assert_int_equal(lb_cmdline_capture(&second, out, length + suffix + 1, &err), 0);
	second.max--;
	assert_int_equal(lb_cmdline_capture(&second, out, sizeof(out), &err), -1);
	second.max = MAX;
	assert_int_equal(lb_cmdline_capture(&second, out, length + suffix, &err), -1);
	// The longest address fits.
	second.elfcorehdr = UINT64_MAX;
	second.user = "x";
	assert_int_equal(lb_cmdline_capture(&second, out, sizeof(out), &err), 0);
	assert_non_null(strstr(out, "elfcorehdr=0xffffffffffffffff nr_cpus=1"));
	assert_non_null(strstr(out, "panic=10 x"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_armed),
		cmocka_unit_test(test_armed_refuses),
		cmocka_unit_test(test_armed_takes_lookalikes),
		cmocka_unit_test(test_late),
		cmocka_unit_test(test_unarmed),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_capture),
		cmocka_unit_test(test_capture_refuses),
		cmocka_unit_test(test_capture_leaves_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
