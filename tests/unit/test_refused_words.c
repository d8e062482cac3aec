// SPDX-License-Identifier: BSD-2-Clause
#include <string.h>

#include "crash/plan/refused_words.h"
#include "unit.h"

static const char *judge(const char *text)
{
	return lb_refused_word((struct lb_word){text, strlen(text)});
}

static void check_refused(const char *const *words, unsigned int count, const char *wanted)
{
	for (unsigned int i = 0; i < count; i++) {
		const char *reason = judge(words[i]);

		if (!reason)
			fail_msg("%s was accepted", words[i]);
		if (!strstr(reason, wanted))
			fail_msg("%s: \"%s\" does not say \"%s\"", words[i], reason, wanted);
	}
}

static void check_taken(const char *const *words, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		if (judge(words[i]))
			fail_msg("%s was refused: %s", words[i], judge(words[i]));
	}
}

#define REFUSED(words, wanted) check_refused(words, sizeof(words) / sizeof(words[0]), wanted)
#define TAKEN(words) check_taken(words, sizeof(words) / sizeof(words[0]))

static void test_sysctl_panic(void **state)
{
	static const char *const zero[] = {
		// Forms of the path: '.', '/' and repeated separators are equal.
		"sysctl.kernel.panic=0",
		"sysctl/kernel/panic=0",
		"sysctl.kernel/panic=0",
		"sysctl/kernel.panic=0",
		"sysctl..kernel//panic=0",
		"sysctl./kernel./panic=0",
		// Forms of the number.
		"sysctl.kernel.panic=00",
		"sysctl.kernel.panic=0x0",
		"sysctl.kernel.panic=0X00",
		"sysctl.kernel.panic=-0",
		"sysctl.kernel.panic=-0x0",
		// Quotes, blanks before the number, and text behind it.
		"\"sysctl.kernel.panic=0\"",
		"sysctl.kernel.panic=\"0\"",
		"sysctl.kernel/panic=\" \t0\"",
		"\"sysctl.kernel.panic=\v0 1 x\"",
		"sysctl.kernel.panic=\"0\t9\"",
		"sysctl.kernel.panic=\"0\n\"",
	};
	static const char *const not_zero[] = {
		"sysctl.kernel.panic=10",
		"sysctl.kernel.panic=-1",
		"sysctl.kernel.panic=01",
		"sysctl.kernel.panic=0x10",
		"sysctl.kernel.panic=0x01",
		"sysctl.kernel.panic=-00x1",
		// Values that the kernel rejects.
		"sysctl.kernel.panic",
		"sysctl.kernel.panic=",
		"sysctl.kernel.panic=\"\"",
		"sysctl.kernel.panic=\" \"",
		"sysctl.kernel.panic=-",
		"sysctl.kernel.panic=+0",
		"sysctl.kernel.panic=--0",
		"sysctl.kernel.panic=\"- 0\"",
		"sysctl.kernel.panic=08",
		"sysctl.kernel.panic=0x",
		"sysctl.kernel.panic=0xg",
		"sysctl.kernel.panic=0,0",
		"sysctl.kernel.panic=\"0\v\"",
		"sysctl.kernel.panic=o",
		// Other paths.
		"sysctl.kernel.panic_on_oops=0",
		"sysctl.kernel.panic.x=0",
		"sysctl.kernel.panic.=0",
		"sysctl.kernelpanic=0",
		"sysctl.kernel=0",
		"sysctlkernel.panic=0",
		"xsysctl.kernel.panic=0",
		"sysctl_kernel_panic=0",
		"sysctl=0",
		"kernel.panic=0",
		"sysctl.\"kernel\".panic=0",
	};

	(void)state;
	REFUSED(zero, "a panic would hang");
	TAKEN(not_zero);
}

static void test_reboot(void **state)
{
	static const char *const force[] = {
		"reboot=f",       "reboot=force",       "reboot=efi,force", "reboot=,f",
		"reboot=panic_f", "reboot=w,panic_f,c", "reboot=\"force\"", "\"reboot=a b,force\"",
	};
	static const char *const other[] = {
		"reboot",     "reboot=",       "reboot=panic_",        "reboot=efi,panic_warm",
		"reboot=a f", "reboots=force", "reboot=panic_panic_f",
	};

	(void)state;
	REFUSED(force, "does not stop the other CPUs");
	TAKEN(other);
}

static void test_efi(void **state)
{
	static const char *const off[] = {
		"noefi",
		"noefi=0",
		"\"noefi\"",
		"efi=noruntime",
		"efi=debug,noruntime",
		"efi=noruntime,runtime",
		"efi=\"noruntime\"",
	};
	static const char *const other[] = {
		"efi",    "efi=", "efi=runtime,debug", "efi=noruntimes", "efi=noruntime=1", "xefi=noruntime",
		"noefix",
	};

	(void)state;
	REFUSED(off, "EFI runtime services");
	TAKEN(other);
}

static void test_mem_encrypt(void **state)
{
	static const char *const on[] = {
		"mem_encrypt=on",
		"mem_encrypt=\"on\"",
		"\"mem_encrypt=on\"",
		"mem_encrypt=x,on",
	};
	static const char *const other[] = {
		"mem_encrypt", "mem_encrypt=off", "mem_encrypt=1", "mem_encrypt=one", "mem-encrypt=on",
	};

	(void)state;
	REFUSED(on, "cannot be read after the panic");
	TAKEN(other);
}

// These words are accepted: Lifeboat's own come later and win.
static void test_overridden(void **state)
{
	static const char *const words[] = {
		"panic=0",
		"panic=\"00\"",
		"crash_kexec_post_notifiers=n",
		"crash-kexec-post-notifiers=off",
		"oops=no",
		"reboot=cold,panic_cold",
	};

	(void)state;
	TAKEN(words);
}

static void test_early(void **state)
{
	static const char *const found[] = {
		"mem_encrypt=on",         "a mem_encrypt=on",
		"a\vmem_encrypt=on\x01z", "dyndbg=\"file mem_encrypt=on +p\"",
		"a -- mem_encrypt=on",
	};
	static const char *const other[] = {
		"",
		" ",
		"mem_encrypt=on,x",
		"xmem_encrypt=on",
		"\"mem_encrypt=on\"",
		"mem_encrypt = on",
		"mem_encrypt=on\xc2\xa0",
	};
	struct lb_word word = {NULL, 0};

	(void)state;
	for (unsigned int i = 0; i < sizeof(found) / sizeof(found[0]); i++) {
		if (!lb_refused_early(found[i], &word))
			fail_msg("%s was accepted", found[i]);
		assert_ptr_equal(word.text, strstr(found[i], "mem_encrypt"));
		assert_int_equal(word.bytes, strlen("mem_encrypt=on"));
	}
	for (unsigned int i = 0; i < sizeof(other) / sizeof(other[0]); i++) {
		if (lb_refused_early(other[i], &word))
			fail_msg("%s was refused", other[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sysctl_panic), cmocka_unit_test(test_reboot),
		cmocka_unit_test(test_efi),          cmocka_unit_test(test_mem_encrypt),
		cmocka_unit_test(test_overridden),   cmocka_unit_test(test_early),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
