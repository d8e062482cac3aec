// SPDX-License-Identifier: BSD-2-Clause
// Signatures are equal for one cause, whatever the compiler or chance has changed.
#include <string.h>

#include "crash/report/signature.h"
#include "unit.h"

#define SURE(name)                                                                                           \
	{                                                                                                    \
		name, false, false                                                                           \
	}
#define UNSURE(name)                                                                                         \
	{                                                                                                    \
		name, true, false                                                                            \
	}
#define INTERRUPTED(name)                                                                                    \
	{                                                                                                    \
		name, false, true                                                                            \
	}
#define END SURE(NULL)

struct step {
	const char *function;
	bool unsure, interrupted;
};

static const char *sign(const char *reason_class, const struct step *steps)
{
	static char text[2][LB_SIGNATURE_BYTES];
	static unsigned int which;
	struct lb_signature signature;

	lb_signature_begin(&signature);
	for (; steps->function; steps++)
		lb_signature_add(&signature, steps->function, !steps->unsure, steps->interrupted);
	lb_signature_fallback(&signature, "from_the_log.cold");
	which ^= 1;
	return lb_signature_text(&signature, reason_class, text[which]);
}

static void leaves_out_what_every_kernel_does(void **state)
{
	static const struct step steps[] = {SURE("panic"),
					    SURE("oops_end"),
					    SURE("page_fault_oops.cold"),
					    SURE("exc_page_fault"),
					    SURE("asm_exc_page_fault"),
					    INTERRUPTED("culprit"),
					    SURE("do_syscall_64"),
					    END};

	(void)state;
	// The first 8 digits of the SHA-256 of "culprit\ndo_syscall_64\n".
	assert_string_equal(sign("page-fault", steps), "page-fault:culprit:bd028a1c");
}

static void is_equal_whatever_compilers_add(void **state)
{
	static const struct step plain[] = {SURE("panic"), SURE("culprit"), SURE("caller"), END};
	static const struct step same[] = {SURE("culprit.isra.0.cold"), UNSURE("junk"),
					   SURE("caller.constprop.0.part.12"), END};
	static const struct step other[] = {SURE("culprit"), SURE("caller2"), END};

	(void)state;
	assert_string_equal(sign("bug", plain), sign("bug", same));
	assert_string_not_equal(sign("bug", plain), sign("bug", other));
	assert_string_not_equal(sign("bug", plain), sign("oops", plain));
}

static void stops_where_chance_begins(void **state)
{
	static const struct step one[] = {SURE("culprit"), SURE("asm_sysvec_apic_timer_interrupt"),
					  INTERRUPTED("anything"), SURE("more"), END};
	static const struct step two[] = {SURE("culprit"), SURE("asm_sysvec_apic_timer_interrupt"),
					  INTERRUPTED("something"), END};

	(void)state;
	assert_string_equal(sign("bug", one), sign("bug", two));
}

static void does_without_frames(void **state)
{
	static const struct step none[] = {END}, generic[] = {SURE("panic"), SURE("die"), END};
	struct lb_signature signature;
	char text[LB_SIGNATURE_BYTES];

	(void)state;
	assert_string_equal(sign("bug", none), "bug:from_the_log:none");
	assert_string_equal(sign("bug", generic), "bug:from_the_log:none");
	lb_signature_begin(&signature);
	assert_string_equal(lb_signature_text(&signature, "unknown", text), "unknown:none:none");
}

static void takes_suffixes_off(void **state)
{
	static const struct {
		const char *function, *plain;
	} cases[] = {
		{"f.cold", "f"},        {"f.part.0.isra.17.cold", "f"},
		{"f.llvm.123456", "f"}, {"f.17", "f.17"},
		{".cold", ".cold"},     {"f.coldest", "f.coldest"},
		{"f.", "f."},           {"", ""},
		{"f.cold.", "f.cold."},
	};
	char text[8];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char plain[64];

		assert_string_equal(lb_signature_plain(cases[i].function, plain, sizeof(plain)),
				    cases[i].plain);
	}
	assert_string_equal(lb_signature_plain("a_long_name", text, sizeof(text)), "a_long_");
}

static void knows_generic_names(void **state)
{
	(void)state;
	assert_true(lb_signature_is_generic("asm_exc_int3"));
	assert_true(lb_signature_is_generic("asm_call_irq_on_stack"));
	assert_true(lb_signature_is_generic("__perf_event_overflow"));
	assert_true(lb_signature_is_generic("schedule_timeout"));
	assert_true(lb_signature_is_generic("__mutex_lock"));
	assert_false(lb_signature_is_generic("panic_in_nmi"));
	assert_false(lb_signature_is_generic("nmi_handler"));
	assert_false(lb_signature_is_generic("schedule_work"));
	assert_false(lb_signature_is_generic("sysrq_handle_crash"));
	assert_false(lb_signature_is_generic("asm_call_me"));
	assert_false(lb_signature_is_generic(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(leaves_out_what_every_kernel_does),
		cmocka_unit_test(is_equal_whatever_compilers_add),
		cmocka_unit_test(stops_where_chance_begins),
		cmocka_unit_test(does_without_frames),
		cmocka_unit_test(takes_suffixes_off),
		cmocka_unit_test(knows_generic_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
