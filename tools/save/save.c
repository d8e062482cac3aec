// SPDX-License-Identifier: BSD-2-Clause
#include "tools/save/save.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/save/erase.h"
#include "tools/save/limits.h"
#include "tools/save/progress.h"

bool save_is_void(const struct dump *dump)
{
	const struct lb_dump_header *header = &dump->header;

	return header->state != LB_DUMP_EMPTY && !dump->file_bytes && !header->log_bytes &&
	       !header->report_bytes;
}

// Marks before it erases: an erased dump must not count as waiting.
static int mark_and_erase(struct dump *dump, const struct options *options, struct lb_error *err)
{
	if (!dump->header.saved && dump_mark_saved(dump, err) != 0)
		return -1;
	if (options->no_erase || !erase_is_due(dump))
		return 0;
	return erase_dump(dump, err);
}

int save_mark(struct dump *dump, const struct options *options, struct lb_error *err)
{
	return device_make_writable(&dump->device, err) != 0 ? -1 : mark_and_erase(dump, options, err);
}

// Saved though a digest is wrong: what is on the disk may be worth another look.
static int end_saving(struct dump *dump, const struct options *options, const struct judgement *judgement,
		      struct lb_error *err)
{
	struct options as_it_is = *options;

	as_it_is.no_erase |= judgement && judgement_wrong(judgement);
	return mark_and_erase(dump, &as_it_is, err);
}

static const char *how_sealed(const struct dump *dump)
{
	return dump_stays_sealed(dump)            ? ", encrypted"
	       : dump_is_encrypted(&dump->header) ? ", decrypted"
						  : "";
}

static void say_log(const struct dump *dump, const char *path)
{
	printf("lifeboat-save: %s: the log, %lu bytes%s\n", path, dump->header.log_bytes, how_sealed(dump));
}

static void say_report(const struct dump *dump, const char *path)
{
	printf("lifeboat-save: %s: the report, %lu bytes%s\n", path, dump->header.report_bytes,
	       how_sealed(dump));
}

static void say_file(const struct dump *dump, const struct judgement *judgement, const char *path)
{
	const struct lb_dump_header *header = &dump->header;

	printf("lifeboat-save: %s: %lu bytes%s, %s\n", path, dump->file_bytes, how_sealed(dump),
	       judgement_wrong(judgement)         ? "WITH A WRONG DIGEST"
	       : header->state == LB_DUMP_WRITING ? "of an interrupted dump"
						  : "every digest right");
	if (dump_cut_short(header))
		printf("lifeboat-save: %s: INCOMPLETE: %s; %lu of %lu pages are in it\n", path,
		       header->state == LB_DUMP_WRITING ? "the machine was reset while it was written"
							: header->message,
		       header->pages_done, header->page_count);
}

static int check_digests(const struct dump *dump, const struct judgement *judgement,
			 const struct options *options, struct lb_error *err)
{
	const char *wrong = judgement_wrong(judgement);

	if (!wrong || options->force)
		return 0;
	return lb_fail(err, "%s: the digest of its %s is wrong: not what was written; --force saves it",
		       dump->device.name, wrong);
}

// ---- To files ----------------------------------------------------------------

// Files in their order: the dump comes first, so that a log that is there does not keep the next try from
// saving it.
enum { TO_FILE, TO_LOG, TO_REPORT, OUTPUTS };

struct wanted {
	const char *path; // NULL: not asked for
	uint64_t bytes; // 0: there is none
	int (*copy)(const struct dump *dump, const struct copying *copying, struct judgement *judgement,
		    struct lb_error *err);
	bool begun;
	struct output output;
};

// Refuses a dump into the disk that holds it, --force or not.
static int check_other_file(const struct dump *dump, const char *path, struct lb_error *err)
{
	struct stat device, file;

	if (path && stat(path, &file) == 0 && fstat(dump->device.fd, &device) == 0 &&
	    file.st_dev == device.st_dev && file.st_ino == device.st_ino)
		return lb_fail(err, "%s: it is where the dump is read from", path);
	return 0;
}

static int check_wanted(const struct dump *dump, const struct wanted wanted[OUTPUTS], struct lb_error *err)
{
	bool other = false;

	for (int i = 0; i < OUTPUTS; i++) {
		if (check_other_file(dump, wanted[i].path, err) != 0)
			return -1;
		other |= i != TO_FILE && wanted[i].path && wanted[i].bytes;
	}
	if (wanted[TO_FILE].path && !dump->file_bytes && !other)
		return lb_fail(err, "%s: it ended before the first page (%s); %s", dump->device.name,
			       dump->header.message,
			       dump->header.log_bytes ? "--log LOG saves the log"
						      : "--report REPORT saves the report");
	return 0;
}

static int begin_all(const struct options *options, struct wanted wanted[OUTPUTS], struct lb_error *err)
{
	for (int i = 0; i < OUTPUTS; i++) {
		struct wanted *one = &wanted[i];

		if (!one->path || !one->bytes)
			continue;
		if (output_begin(one->path, one->bytes, options->force, &one->output, err) != 0)
			return -1;
		one->begun = true;
	}
	return 0;
}

static int fill_all(const struct dump *dump, const struct options *options, struct wanted wanted[OUTPUTS],
		    struct judgement *judgement, struct lb_error *err)
{
	struct lb_error why;

	for (int i = OUTPUTS - 1; i >= 0; i--) {
		const struct copying copying = progress_copying(wanted[i].output.fd, options->quiet);

		if (wanted[i].begun && wanted[i].copy(dump, &copying, judgement, &why) != 0)
			return lb_fail(err, "%s: %s", wanted[i].path, why.text);
	}
	return check_digests(dump, judgement, options, err);
}

static void abandon_all(struct wanted wanted[OUTPUTS])
{
	for (int i = 0; i < OUTPUTS; i++) {
		if (wanted[i].begun)
			output_abandon(&wanted[i].output);
	}
}

static int commit_all(struct wanted wanted[OUTPUTS], struct lb_error *err)
{
	for (int i = 0; i < OUTPUTS; i++) {
		const bool begun = wanted[i].begun;

		wanted[i].begun = false;
		if (begun && output_commit(&wanted[i].output, err) != 0)
			return -1;
	}
	return 0;
}

static void say_all(const struct dump *dump, const struct options *options, const struct judgement *judgement)
{
	if (options->log && dump->header.log_bytes)
		say_log(dump, options->log);
	if (options->report && dump->header.report_bytes)
		say_report(dump, options->report);
	if (options->file && dump->file_bytes)
		say_file(dump, judgement, options->file);
}

int save_to_file(struct dump *dump, const struct options *options, struct lb_error *err)
{
	static struct wanted wanted[OUTPUTS];
	struct judgement judgement = {0};

	memset(wanted, 0, sizeof(wanted));
	wanted[TO_FILE] =
		(struct wanted){.path = options->file, .bytes = dump->file_bytes, .copy = copy_file};
	wanted[TO_LOG] =
		(struct wanted){.path = options->log, .bytes = dump->header.log_bytes, .copy = copy_log};
	wanted[TO_REPORT] = (struct wanted){
		.path = options->report, .bytes = dump->header.report_bytes, .copy = copy_report};
	if (check_wanted(dump, wanted, err) != 0)
		return -1;
	if (!options->keep && device_make_writable(&dump->device, err) != 0)
		return -1;
	if (begin_all(options, wanted, err) != 0 || fill_all(dump, options, wanted, &judgement, err) != 0 ||
	    commit_all(wanted, err) != 0) {
		abandon_all(wanted);
		return -1;
	}
	if (!options->quiet)
		say_all(dump, options, &judgement);
	// Log and report alone are not the dump, unless there is no more.
	if (options->keep || (!options->file && dump->file_bytes))
		return 0;
	return end_saving(dump, options, &judgement, err);
}

// ---- To a folder of its own ----------------------------------------------------

// Log, report or dump, into a file of the temporary folder.
struct part {
	const char *name;
	int (*copy)(const struct dump *dump, const struct copying *copying, struct judgement *judgement,
		    struct lb_error *err);
};

// Names a part in the folder: as an age file where it stays one.
static const char *part_name(const struct dump *dump, const struct part *part, char name[FOLDER_NAME])
{
	snprintf(name, FOLDER_NAME, "%s%s", part->name, dump_stays_sealed(dump) ? FOLDER_SEALED : "");
	return name;
}

static const struct part log_part = {FOLDER_LOG, copy_log};
static const struct part report_part = {FOLDER_REPORT, copy_report};
static const struct part report_json_part = {FOLDER_REPORT_JSON, copy_report_json};
static const struct part file_part = {FOLDER_VMCORE, copy_file};

static int fill(const struct dump *dump, const struct dump_folder *folder, const struct part *part,
		bool quiet, struct judgement *judgement, struct lb_error *err)
{
	char name[FOLDER_NAME];
	struct copying copying;
	struct lb_error why;
	int fd, failed;

	if (dump_folder_create(folder, part_name(dump, part, name), &fd, err) != 0)
		return -1;
	copying = progress_copying(fd, quiet);
	failed = part->copy(dump, &copying, judgement, &why);
	if (!failed && fsync(fd) != 0)
		failed = lb_fail(&why, "%s", strerror(errno));
	close(fd);
	return failed ? lb_fail(err, "%s/%s/%s: %s", folder->parent->path, folder->part, name, why.text) : 0;
}

static int fill_report(const struct dump *dump, const struct dump_folder *folder, struct judgement *judgement,
		       struct lb_error *err)
{
	if (fill(dump, folder, &report_part, true, judgement, err) != 0)
		return -1;
	// A report that nobody can read here has no other form.
	return dump_stays_sealed(dump) ? 0 : fill(dump, folder, &report_json_part, true, judgement, err);
}

#define PART_PATH (OUTPUT_PATH + 2 * FOLDER_NAME)

static const char *part_path(const struct dump *dump, const struct dump_folder *folder,
			     const struct part *part, char path[PART_PATH])
{
	char name[FOLDER_NAME];

	snprintf(path, PART_PATH, "%s/%s/%s", folder->parent->path, folder->name,
		 part_name(dump, part, name));
	return path;
}

// Of a dump that others are to be told of.
static int mark_new(const struct dump_folder *folder, struct lb_error *err)
{
	int fd;

	if (!folder->parent->usual)
		return 0;
	if (dump_folder_create(folder, FOLDER_NEW, &fd, err) != 0)
		return -1;
	close(fd);
	return 0;
}

// `whole`: the dump, too, not only log and report.
static int make_folder(const struct dump *dump, struct dump_folder *folder, const struct options *options,
		       bool whole, struct judgement *ret_judgement, struct lb_error *err)
{
	struct judgement *judgement = ret_judgement;
	char path[PART_PATH];

	if (dump_folder_begin(folder, err) != 0)
		return -1;
	if ((dump->header.log_bytes && fill(dump, folder, &log_part, options->quiet, judgement, err) != 0) ||
	    (dump->header.report_bytes && fill_report(dump, folder, judgement, err) != 0) ||
	    (whole && dump->file_bytes &&
	     fill(dump, folder, &file_part, options->quiet, judgement, err) != 0) ||
	    check_digests(dump, judgement, options, err) != 0 || (whole && mark_new(folder, err) != 0)) {
		dump_folder_abandon(folder);
		return -1;
	}
	if (dump_folder_commit(folder, err) != 0)
		return -1;
	if (options->quiet)
		return 0;
	if (dump->header.log_bytes)
		say_log(dump, part_path(dump, folder, &log_part, path));
	if (dump->header.report_bytes)
		say_report(dump, part_path(dump, folder, &report_part, path));
	if (whole && dump->file_bytes)
		say_file(dump, judgement, part_path(dump, folder, &file_part, path));
	return 0;
}

static int save_folder(const struct dump *dump, struct dump_folder *folder, const struct options *options,
		       struct judgement *ret_judgement, struct lb_error *err)
{
	const uint64_t bytes = dump->file_bytes + dump->header.log_bytes;
	struct lb_error why;

	if (folder->state == DUMP_FOLDER_WHOLE && !options->force) {
		if (!options->quiet)
			printf("lifeboat-save: %s/%s: there already, saved by an earlier run\n",
			       folder->parent->path, folder->name);
		return 0;
	}
	if (dump->file_bytes && !options->force && limits_make_room(folder->parent, bytes, err) != 0)
		return -1;
	if (!dump->file_bytes || options->force || crash_folder_check_room(folder->parent, bytes, err) == 0)
		return make_folder(dump, folder, options, true, ret_judgement, err);
	if (folder->state == DUMP_FOLDER_NEW && (dump->header.log_bytes || dump->header.report_bytes) &&
	    make_folder(dump, folder, options, false, ret_judgement, &why) != 0)
		return lb_fail(err, "%s; nor is its log: %s", dump->device.name, why.text);
	return -1;
}

int save_to_folder(struct dump *dump, const struct crash_folder *parent, const struct options *options,
		   struct lb_error *err)
{
	struct judgement judgement = {0};
	struct dump_folder folder;

	if (!options->keep && device_make_writable(&dump->device, err) != 0)
		return -1;
	if (dump_folder_find(parent, dump, &folder, err) != 0 ||
	    save_folder(dump, &folder, options, &judgement, err) != 0)
		return -1;
	return options->keep ? 0 : end_saving(dump, options, &judgement, err);
}
