// SPDX-License-Identifier: BSD-2-Clause
#include "tools/ctl/install.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/ctl/boot_order.h"
#include "tools/ctl/change.h"
#include "tools/ctl/health.h"
#include "tools/ctl/keep.h"
#include "tools/ctl/pcrlock.h"
#include "tools/ctl/plan.h"
#include "tools/ctl/reserve.h"
#include "tools/ctl/sign.h"

static int complain(const char *command, const struct lb_error *err)
{
	fprintf(stderr, "lifeboatctl: %s: %s\n", command, err->text);
	return EXIT_FAILURE;
}

// ---- What will be done ---------------------------------------------------------

static void say_notes(const struct findings *notes)
{
	for (unsigned int i = 0; i < notes->count; i++)
		printf("note: %s\n", notes->list[i].text);
}

static void say_target(const struct target *target)
{
	const char *between = target->any ? " or " : ", else to ";

	if (target->count)
		fputs(target->any && target->count > 1 ? "dumps go to the first that the firmware shows: "
						       : "dumps go to: ",
		      stdout);
	for (unsigned int i = 0; i < target->count; i++)
		printf("%s%s", i ? between : "", target->list[i].text);
	if (target->count)
		putchar('\n');
	else if (target->kept)
		puts("note: until that dump is saved no boot is armed: lifeboatctl save");
}

// The PCRs of a volume that change, or TPM_PCRS_UNKNOWN.
static uint32_t lost_pcrs(const struct plan *plan, unsigned int i)
{
	return plan->volumes.list[i].pcrs & (plan_pcrs(plan) | TPM_PCRS_UNKNOWN);
}

static void say_volumes(const struct plan *plan)
{
	char bound[96], changed[96];

	for (unsigned int i = 0; i < plan->volumes.count; i++) {
		const uint32_t lost = lost_pcrs(plan, i);

		printf(plan->volumes.list[i].bitlocker
			       ? "TPM: %s is BitLocker's, by Windows' custom bound to PCR %s; "
			       : "TPM: %s has a key bound to PCR %s; ",
		       plan->volumes.list[i].device,
		       tpm_pcrs_text(plan->volumes.list[i].pcrs, bound, sizeof(bound)));
		printf("mode %s changes %s: %s\n", mode_name(plan->mode),
		       tpm_pcrs_text(plan_pcrs(plan), changed, sizeof(changed)),
		       !lost                             ? "it stays"
		       : plan->volumes.list[i].bitlocker ? "it will ask for its recovery key"
							 : "it will ask for its passphrase");
	}
}

static void say_plan(const struct options *options, const struct plan *plan)
{
	char device[DISK_NAME + 16] = "no partition that is known";

	if (plan->esp.has_partition)
		disk_device(plan->esp.partition.disk, plan->esp.partition.number, device, sizeof(device));
	printf("mode: %s\nESP: %s (%s)\n", mode_name(plan->mode), plan->esp.path, device);
	say_target(&plan->target);
	if (plan->chain[0])
		printf("starts: %s\n", plan->chain);
	say_volumes(plan);
	if (plan->settings.options.dump.recipients.count)
		printf("dumps are encrypted to %u recipients\n",
		       plan->settings.options.dump.recipients.count);
	else if (options->live && root_is_encrypted(options->root))
		puts("note: the root is encrypted, a dump is not: whoever takes the disk reads memory's keys "
		     "in it");
}

static int judge_volumes(const struct options *options, const struct plan *plan, struct lb_error *err)
{
	const bool secure_boot = plan->firmware.secure_boot;
	char driver[64], chain[64];
	unsigned int i = 0;

	while (i < plan->volumes.count && !lost_pcrs(plan, i))
		i++;
	if (i == plan->volumes.count || options->accept_tpm_change)
		return 0;
	return lb_fail(
		err,
		"%s would ask for its passphrase or recovery key at the next boot: have it at hand, and say "
		"--accept-tpm-change, or take another --mode (driver and sd-boot change PCR %s, chain "
		"%s)%s",
		plan->volumes.list[i].device,
		tpm_pcrs_text(mode_pcrs(MODE_DRIVER, secure_boot), driver, sizeof(driver)),
		tpm_pcrs_text(mode_pcrs(MODE_CHAIN, secure_boot), chain, sizeof(chain)),
		plan->settings.options.no_measure ? "" : ", or --no-measure (else each changes 5 and 12)");
}

// Whether a lifeboat.conf that stays has the recipients that were given. If not, nobody would encrypt to
// them.
static bool has_recipients(const struct options *options, const struct lb_recipients *there)
{
	for (unsigned int i = 0; i < options->recipient_count; i++) {
		const char *text = options->recipients[i];
		struct lb_recipient recipient;
		bool found = false;

		if (lb_recipient_parse(text, strlen(text), &recipient, NULL) != 0)
			return false;
		for (uint32_t j = 0; j < there->count; j++)
			found |= memcmp(&there->list[j], &recipient, sizeof(recipient)) == 0;
		if (!found)
			return false;
	}
	return true;
}

// Judges --no-measure against a lifeboat.conf that stays, as for recipients.
static int judge_measuring(const struct options *options, const struct plan *plan, struct lb_error *err)
{
	if (!options->no_measure || plan->settings.options.no_measure)
		return 0;
	return lb_fail(err, "--no-measure: %.60s is there and stays: add the line \"no-measure\"",
		       plan->settings.name);
}

static int judge_secrecy(const struct options *options, const struct plan *plan, struct lb_error *err)
{
	const struct lb_recipients *recipients = &plan->settings.options.dump.recipients;

	if (!has_recipients(options, recipients))
		return lb_fail(err,
			       "--recipient %.80s: %.60s is there and stays: add the line \"dump-encrypt "
			       "RECIPIENT\"",
			       options->recipients[0], plan->settings.name);
	if (recipients->count || options->cleartext || !plan->settings.options.builtin || !options->live ||
	    !root_is_encrypted(options->root))
		return 0;
	return lb_fail(err,
		       "the root is encrypted, a dump is not: whoever takes the disk reads memory's keys in "
		       "it; say --recipient age1... (docs/encrypt.md), or --cleartext");
}

// ---- Doing it ------------------------------------------------------------------

static int put(const struct options *options, const struct esp *esp, const char *name,
	       const struct content *content, struct placed *placed, struct lb_error *err)
{
	char path[FILE_PATH];

	if (esp_file(esp, name, path, err) != 0)
		return -1;
	if (place_compare(path, content->data, content->bytes) == PLACE_SAME) {
		printf("is there: %s\n", path);
		return 0;
	}
	if (!options->dry_run && place_file(esp->path, path, content, placed, err) != 0)
		return -1;
	printf("%s: %s\n", options->dry_run ? "would write" : "wrote", path);
	return 0;
}

// A signature holds the time, so each one differs. An installed program of the same content that the
// firmware starts is left alone.
static int put_program(const struct options *options, struct plan *plan, struct placed *placed,
		       struct lb_error *err)
{
	struct lb_error ignored;
	struct image there;
	char path[FILE_PATH];
	bool stays;

	if (esp_file(&plan->esp, plan->program, path, err) != 0)
		return -1;
	stays = options->sign_key && image_read(path, mode_image(plan->mode), &there, &ignored) == 0;
	if (stays) {
		stays = memcmp(there.digest, plan->image.digest, sizeof(there.digest)) == 0 &&
			firmware_trusts(&plan->firmware, &there) ==
				firmware_trusts(&plan->firmware, &plan->image) &&
			there.signature;
		image_free(&there);
	}
	if (!stays)
		return put(options, &plan->esp, plan->program, &plan->image.content, placed, err);
	printf("is there: %s\n", path);
	return 0;
}

// Writes lifeboat.conf once; from then on the administrator owns it.
static int put_conf(const struct options *options, struct plan *plan, struct placed *placed,
		    struct lb_error *err)
{
	const struct content content = {plan->conf, strlen(plan->conf)};
	char path[FILE_PATH];

	if (esp_file(&plan->esp, plan->settings.name, path, err) != 0)
		return -1;
	if (plan->settings.written) {
		printf("is there, and stays: %s\n", path);
		return 0;
	}
	return put(options, &plan->esp, ESP_CONF, &content, placed, err);
}

static int put_entry(const struct options *options, const struct plan *plan, struct lb_error *err)
{
	const struct entry entry = plan_entry(plan);
	const char *kind = entry.kind == ENTRY_DRIVER ? "Driver" : "Boot";
	unsigned int number;

	if (!plan->has_entry)
		return 0;
	if (entry_find(&entry, &number) == ENTRY_READY) {
		printf("is there: %s%04X\n", kind, number);
		return 0;
	}
	if (options->dry_run) {
		printf("would make: a %s entry for %s\n", kind, entry.file);
		return 0;
	}
	if (entry_add(&entry, &number, err) != 0)
		return -1;
	printf("made: %s%04X for %s\n", kind, number, entry.file);
	return 0;
}

// Places the program last: in systemd-boot's folder it is used from that moment on.
static int put_all(const struct options *options, struct plan *plan, struct lb_error *err)
{
	struct placed placed = {.count = 0};

	if (put_conf(options, plan, &placed, err) == 0 && put_program(options, plan, &placed, err) == 0 &&
	    put_entry(options, plan, err) == 0 && trial_begin_anew(options, err) == 0)
		return 0;
	place_undo(&placed);
	return -1;
}

static void say_next(const struct options *options, const struct plan *plan)
{
	const bool dry_run = options->dry_run;

	pcrlock_put(options, &plan->esp, plan->mode, &plan->image, PCRLOCK_INSTALLED);
	change_note(options, "install");
	if (options->live && !health_has_unit(options->root))
		puts("nothing would tell Lifeboat that a boot has completed, and the second boot would not "
		     "be "
		     "armed: " HEALTH_ENABLE);
	if (options->live && !dry_run)
		puts("restart the machine, once before you hibernate it; then `lifeboatctl status` says "
		     "whether it is "
		     "armed");
	if (!options->live && plan->mode != MODE_SD_BOOT)
		printf("no entry of the firmware %s made: run `lifeboatctl install` on the machine\n",
		       dry_run ? "would be" : "was");
}

// Makes the file for dumps first: without a target there is nothing to install for.
static int carry_out(const struct options *options, struct plan *plan, struct lb_error *err)
{
	struct lb_error ignored;
	bool made;

	if (reserve_make(options, &plan->esp, &made, err) != 0)
		return -1;
	if (put_all(options, plan, err) == 0)
		return 0;
	if (made)
		reserve_remove(options, &plan->esp, &ignored);
	return -1;
}

int install_command(const struct options *options)
{
	static struct plan plan;
	struct lb_error err;
	int status = EXIT_SUCCESS;

	if (plan_make(options, &plan, &err) != 0) {
		say_notes(&plan.target.notes);
		return complain("install", &err);
	}
	say_notes(&plan.target.notes);
	say_plan(options, &plan);
	if (judge_secrecy(options, &plan, &err) != 0 || judge_measuring(options, &plan, &err) != 0 ||
	    judge_volumes(options, &plan, &err) != 0 || carry_out(options, &plan, &err) != 0)
		status = complain("install: nothing was done", &err);
	else
		say_next(options, &plan);
	plan_free(&plan);
	return status;
}

// ---- update --------------------------------------------------------------------

// Keeps the installed program until a boot has completed with the newer one.
static int put_newer(const struct options *options, const struct esp *esp, enum mode mode,
		     const struct content *newer, struct lb_error *err)
{
	struct placed placed = {.count = 0};

	if ((!options->dry_run && options->live && keep_previous(esp, mode, &placed, err) != 0) ||
	    put(options, esp, mode_program(mode), newer, &placed, err) != 0 ||
	    trial_begin_anew(options, err) != 0) {
		place_undo(&placed);
		return -1;
	}
	change_note(options, "update");
	return 0;
}

// Refuses an update that the firmware would not start.
static int judge_newer(const struct firmware *firmware, enum mode mode, const struct image *newer,
		       struct lb_error *err)
{
	const enum trust trust = firmware_trusts(firmware, newer);

	if (trust == TRUST_NONE || trust == TRUST_FORBIDDEN || (trust == TRUST_SHIM && mode != MODE_CHAIN))
		return lb_fail(err,
			       "Secure Boot is on, and version %s is %s: have it signed by --sign KEY CERT",
			       newer->version,
			       trust == TRUST_SHIM ? "signed by one that only shim knows"
						   : firmware_distrust(trust, newer));
	return 0;
}

static void put_variants(const struct options *options, const struct esp *esp, const struct image *newer,
			 const struct image *older)
{
	const enum mode mode = plan_installed(esp);

	pcrlock_put(options, esp, mode, newer, PCRLOCK_INSTALLED);
	pcrlock_put(options, esp, mode, older, PCRLOCK_REPLACED);
}

static int replace(const struct options *options, const struct esp *esp, const struct firmware *firmware,
		   struct lb_error *err)
{
	const enum mode mode = plan_installed(esp);
	const enum image_kind kind = mode_image(mode);
	char source[FILE_PATH], path[FILE_PATH];
	struct image newer, older;
	int failed = 0;

	if (plan_source(options, mode, source, err) != 0 ||
	    esp_file(esp, mode_program(mode), path, err) != 0 ||
	    sign_image_read(options, source, kind, &newer, err) != 0)
		return -1;
	if (image_read(path, kind, &older, err) != 0) {
		image_free(&newer);
		return -1;
	}
	if (image_compare_versions(newer.version, older.version) <= 0) {
		printf("%s is of version %s, no older than %s\n", path, older.version, newer.version);
	} else if (judge_newer(firmware, mode, &newer, err) != 0) {
		failed = options->dry_run ? 0 : -1;
		if (!failed) // a dry run tells the problem, and what would be done
			printf("would write: %s, but: %s\n", path, err->text);
	} else {
		failed = put_newer(options, esp, mode, &newer.content, err);
		if (!failed)
			put_variants(options, esp, &newer, &older);
	}
	image_free(&newer);
	image_free(&older);
	return failed;
}

int update_command(const struct options *options)
{
	struct firmware firmware;
	struct lb_error err;
	struct esp esp;
	enum mode mode;

	if (options->boot_order)
		return boot_order_command(options);
	if (firmware_read(options, &firmware, &err) != 0 || esp_find(options, true, &esp, &err) != 0)
		return complain("update", &err);
	mode = plan_installed(&esp);
	if (mode == MODE_AUTO) {
		printf("not installed on %s: nothing to update\n", esp.path);
		return EXIT_SUCCESS;
	}
	if (replace(options, &esp, &firmware, &err) != 0)
		return complain("update", &err);
	return EXIT_SUCCESS;
}
