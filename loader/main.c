// SPDX-License-Identifier: BSD-2-Clause
// The flow: words, files, the plan, arming, and then the start of the first kernel or of a boot manager. A
// driver starts nothing, and stays. A failure to arm stops the boot with --require only. When the program
// that was started comes back, arming is undone.
#include "crash/plan/bzimage.h"
#include "crash/plan/imagekind.h"
#include "crash/plan/kernel_arguments.h"
#include "lifeboat/version.h"
#include "loader/arming.h"
#include "loader/brakes.h"
#include "loader/budget.h"
#include "loader/canaries.h"
#include "loader/chain.h"
#include "loader/command_line.h"
#include "loader/file.h"
#include "loader/firmware.h"
#include "loader/footprint.h"
#include "loader/hook_image.h"
#include "loader/keys.h"
#include "loader/linux.h"
#include "loader/measure.h"
#include "loader/options/path.h"
#include "loader/placeholder.h"
#include "loader/print.h"
#include "loader/print_plan.h"
#include "loader/selftest.h"
#include "loader/target_mark.h"
#include "loader/variable.h"
#include "loader/watchdog.h"

#define CAPTURE_INITRD_NAME "capture.img"

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *table);

struct session {
	struct lb_options options;
	struct lb_file kernel, initrd;
	struct lb_file capture; // data NULL: the first kernel's image serves
	struct lb_file capture_initrd;
	struct lb_bzimage first;
	struct lb_second_kernel second;
	struct lb_linux linux_image;
	struct lb_chain chain;
	struct lb_plan plan;
	bool planned;
	char cmdline[LB_MAX_CMDLINE];
	bool covered; // another copy has placed its hook: this one does not arm, which is no error
	bool stays; // armed, and nothing is undone
	const char *stage; // of arming: the last one that was begun
	bool refused; // arming failed, or cannot begin
	struct lb_error reason; // why it is refused
};

static void end_session(struct session **session)
{
	struct session *s = *session;
	bool stays;

	if (!s)
		return;
	stays = s->stays;
	if (!stays)
		lb_placeholder_give_back();
	if (s->plan.armed && !stays) {
		lb_disarm(&s->plan);
		lb_print("Disarmed, crash memory freed.\n");
	}
	if (s->planned)
		lb_plan_free(&s->plan);
	lb_chain_unload(&s->chain);
	lb_linux_unload(&s->linux_image);
	lb_file_free(&s->capture_initrd);
	lb_file_free(&s->capture);
	lb_file_free(&s->initrd);
	lb_file_free(&s->kernel);
	lb_pool_free(session);
	if (!stays)
		lb_brakes_let_go(); // last: a hang before this is a boot that did not complete
}

// Notes that a step that arming needs has failed. The first refusal counts.
static void refuse(struct session *s, const struct lb_error *reason)
{
	if (s->refused)
		return;
	s->refused = true;
	s->reason = *reason;
}

static EFI_STATUS give_up(EFI_STATUS status, const struct lb_error *err)
{
	lb_print_error("%s", err->text);
	return status;
}

// Loading measures a program into the TPM: --dry-run and --footprint leave it out.
static EFI_STATUS read_chain(struct session *s)
{
	LB_CLEANUP(lb_file_free) struct lb_file file = {0};
	bool starts = !s->options.dry_run && !s->options.footprint;
	struct lb_error err;
	EFI_STATUS status = starts ? lb_chain_load(s->options.chain, &s->chain, &err)
				   : lb_file_read(s->options.chain, &file, &err);

	return EFI_ERROR(status) ? give_up(status, &err) : EFI_SUCCESS;
}

static EFI_STATUS read_unified(struct session *s)
{
	struct lb_error err;

	lb_file_free(&s->kernel);
	if (lb_options_unified(&s->options, &err) != 0)
		refuse(s, &err);
	return read_chain(s);
}

// Reads the first kernel and its initrds. Without them there is nothing to boot.
static EFI_STATUS read_first_kernel(struct session *s)
{
	const struct lb_options *options = &s->options;
	struct lb_error err;
	EFI_STATUS status = lb_file_read(options->kernel, &s->kernel, &err);

	if (EFI_ERROR(status))
		return give_up(status, &err);
	if (lb_image_kind(s->kernel.data, s->kernel.bytes) == LB_IMAGE_UKI)
		return read_unified(s);
	if (lb_bzimage_parse(s->kernel.path, s->kernel.data, s->kernel.bytes, &s->first, &err) != 0)
		return give_up(EFI_LOAD_ERROR, &err);
	if (options->initrd_count == 0)
		return EFI_SUCCESS;
	status = lb_file_read_all(options->initrd, options->initrd_count, &s->initrd, &err);
	return EFI_ERROR(status) ? give_up(status, &err) : EFI_SUCCESS;
}

static EFI_STATUS read_started(struct session *s)
{
	if (s->options.resident)
		return EFI_SUCCESS;
	return s->options.chain[0] ? read_chain(s) : read_first_kernel(s);
}

static EFI_STATUS read_capture_initrd(struct session *s, struct lb_error *err)
{
	char directory[LB_MAX_PATH], path[LB_MAX_PATH];
	EFI_STATUS status;

	if (s->options.capture_initrd[0])
		return lb_file_read(s->options.capture_initrd, &s->capture_initrd, err);
	lb_command_line_directory(directory);
	if (lb_path_resolve(directory, CAPTURE_INITRD_NAME, path, sizeof(path), err) != 0)
		return EFI_INVALID_PARAMETER;
	status = lb_file_read(path, &s->capture_initrd, err);
	if (status == EFI_NOT_FOUND)
		lb_fail(err, "%s: no such file, and no --capture-initrd was given", path);
	return status;
}

static int read_capture_files(struct session *s, struct lb_error *err)
{
	if ((s->options.capture[0] && EFI_ERROR(lb_file_read(s->options.capture, &s->capture, err))) ||
	    EFI_ERROR(read_capture_initrd(s, err)))
		return -1;
	return lb_second_kernel_linux(s->capture.data ? &s->capture : &s->kernel, &s->capture_initrd,
				      &s->second, err);
}

static void read_second(struct session *s)
{
	struct lb_error err;

	if (s->refused)
		return;
	if ((s->options.builtin ? lb_second_kernel_builtin(&s->second, &err) : read_capture_files(s, &err)) !=
	    0)
		refuse(s, &err);
}

static void show_plan(const struct session *s)
{
	if (s->options.dry_run || (lb_print_enabled(LB_VERBOSE) && !s->options.footprint))
		lb_print_plan(&s->plan);
}

static void make_plan(struct session *s)
{
	struct lb_error err;

	if (s->refused)
		return;
	s->planned = true;
	s->stage = "plan";
	lb_step_begin();
	if (lb_plan_make(&s->options, &s->first, &s->second, &s->plan, &err) != 0) {
		refuse(s, &err);
		return;
	}
	show_plan(s);
}

// Reports on the plan, or on an assumed region where there is no plan.
static EFI_STATUS report_footprint(struct session *s)
{
	bool assumed = !s->options.kernel[0] || s->refused;
	struct lb_error err;

	if (s->options.kernel[0] && s->refused)
		lb_print_warning("would not arm: %s", s->reason.text);
	if (s->planned && assumed)
		lb_plan_free(&s->plan);
	s->planned = true;
	if ((assumed && lb_plan_assume(&s->options, &s->plan, &err) != 0) ||
	    lb_footprint_report(&s->plan, assumed, &err) != 0)
		return give_up(EFI_ABORTED, &err);
	return EFI_SUCCESS;
}

// Where the targets cannot be marked, a panic may leave no more than its log on the console.
static int mark_targets(struct lb_plan *plan, struct lb_error *err)
{
	uint32_t marked;

	if (lb_targets_mark(&plan->targets, plan->capture.arm_id, plan->capture.selftest, plan->capture.crypt,
			    &marked, err) != 0)
		return -1;
	if (marked == plan->evidence.partitions)
		return 0;
	plan->evidence.partitions = marked;
	return lb_plan_judge_evidence(plan, err);
}

// Arms. Makes a second plan when the firmware has taken a page of the first plan's memory meanwhile.
static int carry_out(struct session *s, struct lb_error *err)
{
	int result;

	lb_step_begin();
	result = lb_arm(&s->plan, err);
	if (result != LB_ARM_TAKEN)
		return result;
	lb_print_warning("%s; planning once more", err->text);
	if (lb_plan_again(&s->plan, err) != 0)
		return -1;
	show_plan(s);
	lb_step_begin();
	return lb_arm(&s->plan, err);
}

// Prints the message of an ordinary boot.
static void tell_armed(const struct lb_plan *plan)
{
	char size[16], second[32] = "a Linux";

	if (plan->second.builtin)
		lb_snprintf(second, sizeof(second), "partitions for dumps: %u", plan->capture.target_count);
	lb_print("lifeboat: %s in %lu ms: %s at 0x%lx, %s\n",
		 lb_options_late(plan->options) ? "prepared" : "armed", (unsigned long)lb_budget_ms(),
		 lb_format_size(size, sizeof(size), lb_range_size(plan->layout.region)),
		 (unsigned long)plan->layout.region.start, second);
}

// Measures the words that a later Linux may get, whether arming succeeds or not: the TPM's values are then
// the same at each boot.
static void measure_late_words(const struct session *s)
{
	char words[LB_PANIC_WORDS_TEXT];

	if (s->refused || s->options.no_measure || !lb_options_late(&s->options))
		return;
	lb_panic_words_print(s->options.panic_words, words);
	lb_measure_line(words);
}

static void arm(struct session *s)
{
	struct lb_error err;

	if (s->refused)
		return;
	s->stage = "arming";
	if (carry_out(s, &err) != 0) {
		refuse(s, &err);
		return;
	}
	s->stage = "partitions";
	if (s->options.builtin && mark_targets(&s->plan, &err) != 0) {
		lb_disarm(&s->plan);
		refuse(s, &err);
		return;
	}
	if (lb_print_enabled(LB_VERBOSE))
		lb_print_plan(&s->plan); // now with digests
	tell_armed(&s->plan);
}

// Prepares the user's own arguments without initrd=: lb_linux_load() has served it.
static void make_unarmed_cmdline(struct session *s)
{
	struct lb_error err;

	// The kernel cuts a line that is too long, as it does without Lifeboat.
	if (lb_cmdline_unarmed(s->options.cmdline, sizeof(s->cmdline) - 1, s->cmdline, sizeof(s->cmdline),
			       &err) != 0) {
		lb_print_warning("%s", err.text);
		lb_snprintf(s->cmdline, sizeof(s->cmdline), "%s", s->options.cmdline);
	}
}

// The name of what is started, for messages.
static const char *started(const struct lb_options *options)
{
	return options->resident ? "the machine" : options->chain[0] ? options->chain : options->kernel;
}

// Reports the result on the console and in the EFI variable.
static void tell(struct session *s)
{
	if (s->covered) {
		lb_print("lifeboat: another copy has placed its hook: this one arms nothing\n");
	} else if (lb_brakes_aside() != LB_ASIDE_NOT) {
		lb_print_warning("standing aside, not armed: %s", lb_brakes_why());
		lb_variable_unarmed(&s->options, lb_brakes_why(), s->stage);
	} else if (s->refused) {
		lb_print_error("not armed: %s", s->reason.text);
		lb_print_warning(
			"booting %s unarmed: only a kdump that the OS sets up itself will catch a panic",
			started(&s->options));
		lb_variable_unarmed(&s->options, s->reason.text, s->stage);
	} else {
		lb_variable_armed(&s->plan);
	}
}

// Starts the watchdog, armed or not: it ends hangs, too.
static void start_watchdog(const struct session *s)
{
	struct lb_error err;
	const char *name;

	if (!s->options.watchdog)
		return;
	if (lb_watchdog_start(s->options.watchdog, &name, &err) != 0)
		lb_print_warning("%s; going on without", err.text);
	else
		lb_print("lifeboat: watchdog %s started, %u s\n", name, s->options.watchdog);
}

static EFI_STATUS start_kernel(struct session *s)
{
	const char *line = s->plan.armed ? s->plan.first_cmdline : s->cmdline;
	EFI_STATUS status;

	if (s->refused)
		make_unarmed_cmdline(s);
	lb_print_verbose("starting %s: %s\n", s->kernel.path, line);
	if (!s->options.no_measure)
		lb_measure_line(line);
	start_watchdog(s);
	lb_steps_hand_over();
	status = lb_program_start(&s->linux_image.program, line);
	lb_steps_take_back();
	lb_watchdog_stop();
	lb_print_error("%s: came back from its start: %s (0x%lx)", s->kernel.path, lb_status_text(status),
		       (unsigned long)status);
	return EFI_ERROR(status) ? status : EFI_LOAD_ERROR;
}

static EFI_STATUS start_chain(struct session *s)
{
	EFI_STATUS status;

	lb_print_verbose("starting %s: %s\n", s->options.chain, s->options.chain_words);
	status = lb_chain_start(&s->chain, s->options.chain_words);
	lb_print("lifeboat: %s: came back from its start: %s (0x%lx)\n", s->options.chain,
		 lb_status_text(status), (unsigned long)status);
	return status;
}

// A driver returns at once. After an error it would be unloaded, and sd-boot would wait for a key after any
// error but this one.
static EFI_STATUS stay(struct session *s)
{
	s->stays = s->plan.armed || lb_brakes_aside() != LB_ASIDE_NOT;
	return s->stays ? EFI_SUCCESS : EFI_ABORTED;
}

static EFI_STATUS start(struct session *s)
{
	EFI_STATUS status;

	if (s->options.resident)
		return stay(s);
	// The second kernel's files are in crash memory now, or unused.
	lb_file_free(&s->capture);
	lb_file_free(&s->capture_initrd);
	status = s->options.chain[0] ? start_chain(s) : start_kernel(s);
	if (!s->covered)
		lb_variable_remove();
	return status;
}

static EFI_STATUS tell_dry_run(const struct session *s)
{
	if (s->refused)
		lb_print_error("would not arm: %s", s->reason.text);
	else
		lb_print_answer("lifeboat: would arm\n");
	return s->refused ? EFI_ABORTED : EFI_SUCCESS;
}

static EFI_STATUS selftest(void)
{
	struct lb_error err;

	lb_brakes_let_go();
	lb_print("lifeboat: self-test: resetting into the capture kernel\n");
	lb_selftest_enter(&err);
	return give_up(EFI_ABORTED, &err);
}

static EFI_STATUS go_on(struct session *s)
{
	// A driver cannot stop the boot. --require is about an arming that fails.
	if (s->refused && s->options.require && !s->covered && !s->options.resident &&
	    lb_brakes_aside() == LB_ASIDE_NOT) {
		lb_print_error("not armed: %s", s->reason.text);
		lb_print_error("not booting %s: --require was given", started(&s->options));
		return EFI_ABORTED;
	}
	tell(s);
	return start(s);
}

static EFI_STATUS boot(struct session *s)
{
	const struct lb_targets *targets = &s->plan.targets;
	bool possible = !s->refused && targets->count;

	switch (lb_dump_options_boot(&s->options.dump, possible, lb_targets_verdict(targets))) {
	case LB_BOOT_SELFTEST:
		return selftest();
	case LB_BOOT_NOTHING:
		if (s->refused)
			lb_print_error("not armed: %s", s->reason.text);
		lb_print_error("--selftest: nothing was tested, nothing is booted");
		return EFI_ABORTED;
	case LB_BOOT_KERNEL:
		break;
	}
	return go_on(s);
}

// A copy of Lifeboat that is a driver may have armed before us.
static void look_for_another(struct session *s)
{
	struct lb_error err;

	s->covered = lb_hook_image_found();
	if (!s->covered)
		return;
	lb_fail(&err, "another copy of Lifeboat has placed its hook");
	refuse(s, &err);
}

// A boot that stands aside arms nothing, whatever the words say.
static void stand_aside(struct session *s)
{
	const struct lb_trial *mark = lb_brakes_mark();
	struct lb_error err;

	// A kill switch may stay for good. A hibernated system then refuses to resume only once.
	if (mark && lb_brakes_aside() != LB_ASIDE_OFF)
		lb_placeholder_take(mark);
	lb_fail(&err, "%s", lb_brakes_why());
	refuse(s, &err);
}

// Wipes the keys first: the canaries' count frees memory, which the firmware may overwrite then. A refused
// boot does this, too: it may never read the partition that says where the keys are.
static void look_at_proved_memory(void)
{
	const struct lb_trial *mark = lb_brakes_mark();

	if (!mark)
		return;
	lb_keys_forget_proved(mark);
	lb_canaries_count(mark);
}

// Judges the mark: the words are known, and something is booted.
static void judge_boot(struct session *s)
{
	if (s->options.require)
		lb_budget_lift();
	if (!s->refused && !s->covered)
		lb_brakes_know(&s->options, lb_command_line_sum());
	look_at_proved_memory();
	if (lb_brakes_aside() != LB_ASIDE_NOT)
		stand_aside(s);
}

// Runs before the words are read. A mark that another copy has begun belongs to this boot.
static bool driver_stands_aside(struct session *s)
{
	s->stage = "mark";
	if (lb_hook_image_found() || lb_brakes_look(lb_command_line_shell()) || !lb_command_line_driver())
		return false;
	lb_command_line_init(&s->options);
	look_at_proved_memory();
	stand_aside(s);
	return true;
}

static void give_up_arming(struct session *s)
{
	lb_brakes_let_go();
	if (lb_brakes_aside() == LB_ASIDE_PANICS)
		stand_aside(s);
}

static EFI_STATUS run(struct session *s)
{
	struct lb_error err;
	EFI_STATUS status;

	if (driver_stands_aside(s)) {
		tell(s);
		return stay(s);
	}
	s->stage = "words";
	if (lb_command_line_read(&s->options, &err) != 0)
		refuse(s, &err);
	lb_print_level(s->options.verbosity);
	if (s->options.typed && s->options.unknown) {
		lb_print_error("%s (--help lists the options)", s->reason.text);
		return EFI_INVALID_PARAMETER;
	}
	if (lb_options_answer(&s->options))
		lb_steps_end(); // somebody reads, page by page: no time limit
	if (s->options.help || s->options.help_dump || s->options.version) {
		lb_print_answer("%s", s->options.help        ? lb_options_help
				      : s->options.help_dump ? lb_dump_options_help
							     : "lifeboat " LIFEBOAT_VERSION "\n");
		return EFI_SUCCESS;
	}
	if (!s->options.kernel[0] && s->options.footprint && !s->refused)
		return report_footprint(s);
	if (!s->options.kernel[0] && !lb_options_late(&s->options)) {
		lb_print_error("%s (--help lists the options)", s->reason.text);
		return EFI_INVALID_PARAMETER;
	}

	look_for_another(s);
	if (!lb_options_answer(&s->options))
		judge_boot(s);
	s->stage = "files";
	lb_budget_pause();
	status = read_started(s);
	lb_budget_resume();
	if (EFI_ERROR(status)) {
		if (s->refused) // a mistake in the words may explain the missing file
			lb_print_error("%s (--help lists the options)", s->reason.text);
		return status;
	}
	// The image is loaded before the plan is made, so it cannot take a place that was planned.
	// --dry-run and --footprint leave it out, as read_chain() does.
	if (s->options.kernel[0] && !s->options.dry_run && !s->options.footprint) {
		lb_step_begin();
		lb_budget_pause();
		status = lb_linux_load(&s->kernel, &s->initrd, &s->linux_image, &err);
		lb_budget_resume();
		if (EFI_ERROR(status))
			return give_up(status, &err);
	}
	if (!lb_options_answer(&s->options))
		measure_late_words(s);
	read_second(s);
	make_plan(s);
	if (s->options.footprint)
		return report_footprint(s);
	if (s->options.dry_run)
		return tell_dry_run(s);

	arm(s);
	if (s->refused)
		give_up_arming(s);
	return boot(s);
}

// `ret_stays`: the driver stays in memory, and a boot manager goes on.
static EFI_STATUS run_session(bool *ret_stays)
{
	LB_CLEANUP(end_session)
	struct session *session = lb_pool_alloc(sizeof(*session)); // too much for a stack
	EFI_STATUS status;

	*ret_stays = false;
	if (!session) {
		lb_print_error("no memory for %zu bytes", sizeof(*session));
		return EFI_OUT_OF_RESOURCES;
	}
	status = run(session);
	*ret_stays = session->options.resident && !lb_command_line_shell();
	return status;
}

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *table)
{
	EFI_STATUS status;
	bool stays;

	lb_firmware_init(image, table);
	// One file gets five minutes of its own: the boot manager's five would run out while large files
	// are read.
	lb_step_begin();
	lb_budget_begin();
	status = run_session(&stays);
	if (stays)
		lb_steps_hand_over(); // within the boot manager's own five minutes
	else
		lb_steps_end();
	return status;
}
