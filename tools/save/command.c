// SPDX-License-Identifier: BSD-2-Clause
#include "tools/save/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crash/disk/dump_header.h"
#include "tools/common/end_output.h"
#include "tools/save/afterwards.h"
#include "tools/save/decrypt.h"
#include "tools/save/list.h"
#include "tools/save/options.h"
#include "tools/save/progress.h"
#include "tools/save/save.h"
#include "tools/save/scan.h"

enum { EXIT_BAD_USAGE = 2, EXIT_NOTHING = 3 };

static int complain(const char *text)
{
	fprintf(stderr, "lifeboat-save: %s\n", text);
	return EXIT_FAILURE;
}

// Combines two dumps' statuses: a failure counts most, nothing to save least.
static int combine(int left, int right)
{
	if (left == EXIT_FAILURE || right == EXIT_FAILURE)
		return EXIT_FAILURE;
	return left == EXIT_NOTHING ? right : left;
}

static int complain_of(const struct scan *scan)
{
	for (unsigned int i = 0; i < scan->error_count; i++)
		complain(scan->errors[i].text);
	return scan->error_count ? EXIT_FAILURE : EXIT_NOTHING;
}

// Checks all digests, and writes nothing.
static int judge(const struct dump *dump, const struct options *options, struct judgement *ret_judgement,
		 struct lb_error *err)
{
	const struct copying copying = progress_copying(-1, options->quiet);

	if (dump->header.state == LB_DUMP_EMPTY || dump_is_erased(&dump->header))
		return 0;
	if (copy_log(dump, &copying, ret_judgement, err) != 0 ||
	    copy_report(dump, &copying, ret_judgement, err) != 0)
		return -1;
	return dump->file_bytes ? copy_file(dump, &copying, ret_judgement, err) : 0;
}

static void say_if_none(const struct scan *scan, const struct options *options)
{
	if (!scan->dump_count && !scan->error_count && !options->quiet)
		printf("lifeboat-save: nothing to save: no partition of type %s with a dump header on %s\n",
		       LB_DUMP_TYPE_TEXT,
		       strcmp(options->device, SCAN_AUTO) ? options->device : "any disk of this machine");
}

// ---- --list --------------------------------------------------------------------

static int list(const struct scan *scan, const struct options *options)
{
	int status = complain_of(scan);

	say_if_none(scan, options);
	for (unsigned int i = 0; i < scan->dump_count; i++) {
		struct judgement judgement = {0};
		struct lb_error err;
		const int failed = judge(&scan->dumps[i], options, &judgement, &err);

		if (i)
			putchar('\n');
		list_dump(&scan->dumps[i], &judgement);
		status = combine(status, failed ? complain(err.text) : EXIT_SUCCESS);
	}
	return status;
}

static int list_as_json(const struct scan *scan, const struct options *options)
{
	static struct lb_error errors[SCAN_DUMPS];
	struct json json = {.out = stdout};
	int status = complain_of(scan);
	unsigned int error_count = 0;

	json_open(&json, NULL, '{');
	json_open(&json, "dumps", '[');
	for (unsigned int i = 0; i < scan->dump_count; i++) {
		struct judgement judgement = {0};
		const int failed = judge(&scan->dumps[i], options, &judgement, &errors[error_count]);

		list_json(&json, &scan->dumps[i], &judgement);
		status = combine(status, failed ? complain(errors[error_count++].text) : EXIT_SUCCESS);
	}
	json_close(&json, ']');
	json_open(&json, "errors", '[');
	for (unsigned int i = 0; i < scan->error_count; i++)
		json_text(&json, NULL, scan->errors[i].text);
	for (unsigned int i = 0; i < error_count; i++)
		json_text(&json, NULL, errors[i].text);
	json_close(&json, ']');
	json_close(&json, '}');
	return status;
}

// ---- One dump ------------------------------------------------------------------

static int say_nothing_to_save(const struct dump *dump, const struct options *options)
{
	if (!options->quiet)
		printf("lifeboat-save: %s: nothing to save: %s\n", dump->device.name,
		       dump->header.state == LB_DUMP_EMPTY ? "it holds no dump"
		       : dump_is_erased(&dump->header)     ? "it is saved already, and erased"
							   : "it is saved already; --force saves it again");
	return EXIT_NOTHING;
}

static int verify(const struct dump *dump, const struct options *options)
{
	struct judgement judgement = {0};
	struct lb_error err;
	const char *wrong;

	if (dump->header.state == LB_DUMP_EMPTY || dump_is_erased(&dump->header))
		return say_nothing_to_save(dump, options);
	if (judge(dump, options, &judgement, &err) != 0)
		return complain(err.text);
	wrong = judgement_wrong(&judgement);
	if (wrong) {
		lb_fail(&err, "%s: the digest of its %s is wrong", dump->device.name, wrong);
		return complain(err.text);
	}
	if (dump->header.state == LB_DUMP_WRITING) {
		lb_fail(&err, "%s: interrupted: there are no digests to check", dump->device.name);
		return complain(err.text);
	}
	if (!options->quiet)
		printf("lifeboat-save: %s: %s, every digest is right\n", dump->device.name,
		       dump_state_name(&dump->header));
	return EXIT_SUCCESS;
}

static int mark(struct dump *dump, const struct options *options)
{
	struct lb_error err;

	return save_mark(dump, options, &err) != 0 ? complain(err.text) : EXIT_SUCCESS;
}

// Whether the file for dumps lacks its stamps since an earlier run saved it: no boot could use it.
static bool wants_stamps(const struct dump *dump, const struct options *options)
{
	return (dump->header.flags & LB_DUMP_FLAG_FILE) && dump->header.saved &&
	       !dump_is_erased(&dump->header) && !options->no_erase && !options->keep;
}

// Marks a dump that nobody can ever read, so that its partition is free for the next one.
static int mark_void(struct dump *dump, const struct options *options)
{
	if (!options->quiet)
		printf("lifeboat-save: %s: nothing to save: it ended before its first byte%s%s%s\n",
		       dump->device.name, dump->header.message[0] ? " (" : "", dump->header.message,
		       dump->header.message[0] ? ")" : "");
	return options->keep ? EXIT_NOTHING : mark(dump, options);
}

// `folder` is NULL where options->file is not one.
static int save(struct dump *dump, const struct crash_folder *folder, const struct options *options)
{
	struct lb_error err;
	int failed;

	if (!options->force && wants_stamps(dump, options))
		return mark(dump, options);
	if (dump->header.state == LB_DUMP_EMPTY || dump_is_erased(&dump->header) ||
	    (!options->force && !lb_dump_header_unsaved(&dump->header)))
		return say_nothing_to_save(dump, options);
	if (options->mark)
		return mark(dump, options);
	if (save_is_void(dump))
		return mark_void(dump, options);
	if (folder)
		failed = save_to_folder(dump, folder, options, &err);
	else
		failed = save_to_file(dump, options, &err);
	return failed ? complain(err.text) : EXIT_SUCCESS;
}

// ---- All that there are ------------------------------------------------------------

// Saves every dump into the folder, or the first one to a file. One that cannot be read is a failure, but
// does not stop the others.
static int save_found(struct scan *scan, const struct crash_folder *folder, const struct options *options)
{
	struct dump *first = scan_first(scan);
	int status = complain_of(scan);
	const unsigned int waiting = scan_waiting(scan);

	say_if_none(scan, options);
	if (!folder && first) {
		status = combine(status, save(first, NULL, options));
		if (waiting > 1 && !options->quiet)
			printf("lifeboat-save: %u more dumps wait\n", waiting - 1);
		return status;
	}
	for (unsigned int i = 0; i < scan->dump_count; i++)
		status = combine(status, save(&scan->dumps[i], folder, options));
	return status;
}

// A run that waits for another looks at the disks afterwards.
static int open_folder(const struct options *options, struct crash_folder *ret_folder, struct lb_error *err)
{
	struct lb_error busy;

	struct lb_error ignored;

	if (crash_folder_open(options->file, ret_folder, err) != 0)
		return -1;
	// afterwards() reports what is wrong with it.
	if (ret_folder->usual)
		save_conf_read(&ret_folder->conf, &ignored);
	if (crash_folder_lock(ret_folder, false, &busy) == 0)
		return 0;
	if (!options->quiet) {
		printf("lifeboat-save: %s; waiting for it\n", busy.text);
		fflush(stdout);
	}
	if (crash_folder_lock(ret_folder, true, err) == 0)
		return 0;
	crash_folder_close(ret_folder);
	return -1;
}

static bool is_folder(const char *path)
{
	struct stat status;

	return path && stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

static void give_identities(struct scan *scan, const struct lb_identities *identities)
{
	for (unsigned int i = 0; i < scan->dump_count; i++)
		scan->dumps[i].identities = identities;
}

static int run_afterwards(const struct options *options)
{
	const enum hooks_end end = afterwards(options->quiet);

	return end == HOOKS_FAILED ? EXIT_FAILURE : end == HOOKS_DONE ? EXIT_SUCCESS : EXIT_NOTHING;
}

static int run(struct scan *scan, const struct options *options)
{
	static struct lb_identities identities;
	const struct lb_identities *given = options->identity ? &identities : NULL;
	struct crash_folder folder;
	struct lb_error err;
	int status;

	if (given && identities_load(options->identity, &identities, &err) != 0)
		return complain(err.text);
	if (is_folder(options->file)) {
		if (options->log || options->report) {
			complain("--log LOG and --report REPORT go with a file: a folder gets them anyway; "
				 "--help lists the options");
			return EXIT_BAD_USAGE;
		}
		if (open_folder(options, &folder, &err) != 0)
			return complain(err.text);
		scan_open(options->device, scan);
		give_identities(scan, given);
		status = save_found(scan, &folder, options);
		crash_folder_close(&folder);
		return folder.usual && !options->no_afterwards ? combine(status, run_afterwards(options))
							       : status;
	}
	scan_open(options->device, scan);
	give_identities(scan, given);
	if (options->list)
		return options->json ? list_as_json(scan, options) : list(scan, options);
	if (!options->verify)
		return save_found(scan, NULL, options);
	status = complain_of(scan);
	say_if_none(scan, options);
	for (unsigned int i = 0; i < scan->dump_count; i++)
		status = combine(status, verify(&scan->dumps[i], options));
	return status;
}

// A path that is not there; SCAN_AUTO and SCAN_FILE are no paths.
static bool is_absent(const char *device)
{
	return device && strcmp(device, SCAN_AUTO) != 0 && strcmp(device, SCAN_FILE) != 0 &&
	       access(device, F_OK) != 0;
}

int save_command(int argc, char **argv)
{
	static struct scan scan;
	struct options options;
	int status;

	if (save_options_take(&options, argc, argv) != 0)
		return EXIT_BAD_USAGE;
	status = options.afterwards ? run_afterwards(&options) : run(&scan, &options);
	scan_close(&scan);
	if (status == EXIT_FAILURE && is_absent(options.device))
		status = EXIT_BAD_USAGE; // nothing was begun
	return end_output("lifeboat-save", status);
}
