// SPDX-License-Identifier: BSD-2-Clause
#include "crash/report/signature.h"

#include "lib/format.h"
#include "lib/mem.h"
#include "lib/number.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define HASH_BYTES 4U

// The names for lb_signature_is_generic(): functions of Linux 5.10 to 7.2 on x86-64. A '*' stands for any
// text.
static const char *const generic[] = {
	// panic() and what calls it for others.
	"panic",
	"vpanic",
	"nmi_panic",
	"do_panic",
	"panic_other_cpus_shutdown",
	"check_panic_on_warn",
	// Oops.
	"die",
	"__die*",
	"die_addr",
	"oops_end",
	"oops_begin",
	"make_task_dead",
	"page_fault_oops",
	"no_context",
	"bad_area*",
	"__bad_area*",
	"kernelmode_fixup_or_oops",
	"do_kern_addr_fault",
	"do_user_addr_fault",
	"handle_page_fault",
	"__handle_page_fault",
	"exc_*",
	"asm_exc_*",
	"do_page_fault",
	"do_trap*",
	"do_error_trap",
	"handle_invalid_op",
	"handle_bug",
	"report_bug",
	"__report_bug",
	"__warn*",
	"warn_slowpath*",
	"do_invalid_op",
	"do_int3*",
	"error_entry",
	"paranoid_entry",
	"fixup_bug",
	"gp_user_force_sig_segv",
	"handle_stack_overflow",
	"fail_on_bad_stack*",
	"rewind_stack*",
	"dump_stack*",
	"show_stack*",
	"show_regs*",
	"show_trace*",
	"search_exception*",
	"math_error",
	// NMIs and interrupts.
	"do_nmi",
	"default_do_nmi",
	"nmi_handle",
	"nmi",
	"end_repeat_nmi",
	"asm_sysvec_*",
	"sysvec_*",
	"__sysvec_*",
	"asm_common_interrupt",
	"common_interrupt",
	"unknown_nmi_error",
	"io_check_error",
	"pci_serr_error",
	"perf_event_nmi_handler",
	"*perf_event_overflow",
	"__perf_event_overflow",
	"perf_ibs_handle_irq",
	"intel_pmu_handle_irq*",
	"x86_pmu_handle_irq",
	"amd_pmu_*handle_irq",
	"handle_pmi_common",
	"asm_call_*_on_stack",
	"call_on_stack",
	"apic_timer_interrupt",
	"smp_apic_timer_interrupt",
	"local_apic_timer_interrupt",
	// Watchdogs.
	"watchdog",
	"watchdog_timer_fn",
	"watchdog_overflow_callback",
	"watchdog_hardlockup_check",
	"is_hardlockup",
	"check_hung_*",
	"check_hung_task",
	"hung_task_*",
	"__hrtimer_run_queues",
	"__run_hrtimer",
	"hrtimer_interrupt",
	"hrtimer_run_queues",
	"panic_on_rcu_stall",
	"print_*_stall*",
	"check_cpu_stall",
	"rcu_check_gp_*stall",
	"rcu_sched_clock_irq",
	"rcu_pending",
	"update_process_times",
	"tick_sched_*",
	"tick_nohz_handler",
	"tick_periodic",
	"tick_handle_periodic",
	// Machine checks.
	"mce_panic",
	"mce_end",
	"do_machine_check",
	"machine_check_poll",
	"mce_timed_out",
	"mce_reign",
	// Memory that ran out, sanitizers, lists and stacks that were found broken.
	"dump_header",
	"out_of_memory",
	"oom_kill_process",
	"__stack_chk_fail",
	"kasan_*",
	"__kasan_*",
	"__asan_*",
	"print_report",
	"end_report",
	"check_memory_region",
	"check_region_inline",
	"kfence_*",
	"ubsan_*",
	"__ubsan_*",
	"kmsan_*",
	"kcsan_*",
	"__list_add_valid*",
	"__list_del_entry_valid*",
	"__fortify_panic",
	"fortify_panic",
	"usercopy_abort",
	"__check_heap_object",
	"__check_object_size",
	"check_stack_object",
	"refcount_warn_saturate",
	"__schedule_bug",
	"__might_resched",
	"__might_sleep",
	"___might_sleep",
	// Waiting.
	"__schedule",
	"schedule",
	"schedule_timeout*",
	"schedule_hrtimeout*",
	"schedule_preempt_disabled",
	"io_schedule*",
	"wait_for_*",
	"__wait_for_*",
	"__wait_on_*",
	"out_of_line_wait_on_*",
	"wait_on_*",
	"bit_wait*",
	"do_wait_*",
	"mutex_lock*",
	"__mutex_lock*",
	"rwsem_down_*",
	"down_read*",
	"down_write*",
	"down",
	"__down*",
	"rt_mutex_*",
	"rt_spin_lock*",
	"rtlock_*",
	"__rt_mutex_*",
	"folio_wait_*",
	"__folio_lock*",
	"folio_lock*",
	"msleep*",
};

// A function's name may end in one of these. A number that compilers choose may follow.
static const char *const suffixes[] = {".cold",     ".isra", ".constprop", ".part",
				       ".lto_priv", ".llvm", ".warm"};

void lb_signature_begin(struct lb_signature *signature)
{
	memset(signature, 0, sizeof(*signature));
	lb_sha256_begin(&signature->sha);
}

// Takes one suffix off. Returns false if there is none.
static bool take_off(char *text, size_t *bytes)
{
	size_t end = *bytes;

	while (end && lb_is_decimal(text[end - 1]))
		end--;
	if (end && end < *bytes && text[end - 1] == '.')
		end--;
	else
		end = *bytes;
	for (size_t i = 0; i < COUNT(suffixes); i++) {
		size_t length = lb_strlen(suffixes[i]);

		if (end > length && memcmp(text + end - length, suffixes[i], length) == 0) {
			*bytes = end - length;
			text[*bytes] = '\0';
			return true;
		}
	}
	return false;
}

char *lb_signature_plain(const char *function, char *text, uint32_t bytes)
{
	size_t length;

	lb_snprintf(text, bytes, "%s", function);
	length = lb_strlen(text);
	while (take_off(text, &length))
		;
	return text;
}

static bool fits(const char *name, const char *pattern)
{
	while (*pattern && *pattern != '*') {
		if (*name++ != *pattern++)
			return false;
	}
	if (!*pattern)
		return !*name;
	if (!pattern[1])
		return true;
	for (; *name; name++) {
		if (fits(name, pattern + 1))
			return true;
	}
	return false;
}

bool lb_signature_is_generic(const char *plain)
{
	for (size_t i = 0; i < COUNT(generic); i++) {
		if (fits(plain, generic[i]))
			return true;
	}
	return false;
}

void lb_signature_add(struct lb_signature *signature, const char *function, bool certain, bool interrupted)
{
	char plain[128];

	if (signature->ended || !certain)
		return;
	if (interrupted && signature->count) {
		signature->ended = true;
		return;
	}
	lb_signature_plain(function, plain, sizeof(plain));
	if (!signature->count && lb_signature_is_generic(plain))
		return;
	if (!signature->count++)
		memcpy(signature->function, plain, sizeof(plain));
	lb_sha256_add(&signature->sha, plain, lb_strlen(plain));
	lb_sha256_add(&signature->sha, "\n", 1);
}

void lb_signature_fallback(struct lb_signature *signature, const char *function)
{
	if (!signature->count)
		lb_signature_plain(function, signature->function, sizeof(signature->function));
}

char *lb_signature_text(struct lb_signature *signature, const char *reason_class, char *text)
{
	uint8_t digest[LB_SHA256_BYTES];
	size_t at;

	if (!signature->count) {
		lb_snprintf(text, LB_SIGNATURE_BYTES, "%s:%s:none", reason_class,
			    signature->function[0] ? signature->function : "none");
		return text;
	}
	lb_sha256_end(&signature->sha, digest);
	at = lb_snprintf(text, LB_SIGNATURE_BYTES, "%s:%s:", reason_class, signature->function);
	for (uint32_t i = 0; i < HASH_BYTES; i++)
		at += lb_snprintf(text + at, LB_SIGNATURE_BYTES - at, "%02x", digest[i]);
	return text;
}
