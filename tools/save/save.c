// SPDX-License-Identifier: BSD-2-Clause
#include "tools/save/save.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/save/progress.h"

bool save_is_void(const struct dump *dump)
{
	return dump->header.state != LB_DUMP_EMPTY && !dump->file_bytes && !dump->header.log_bytes;
}

int save_mark(struct dump *dump, struct lb_error *err)
{
	return device_make_writable(&dump->device, err) != 0 ? -1 : dump_mark_saved(dump, err);
}

static void say_log(const struct dump *dump, const char *path)
{
	printf("lifeboat-save: %s: the log, %lu bytes\n", path, dump->header.log_bytes);
}

static void say_file(const struct dump *dump, const struct judgement *judgement, const char *path)
{
	const struct lb_dump_header *header = &dump->header;

	printf("lifeboat-save: %s: %lu bytes, %s\n", path, dump->file_bytes,
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

// The log, and the dump.
struct pair {
	struct output log, file;
	bool has_log, has_file; // begun
};

// Not even --force makes a dump of the disk that holds it.
static int check_other_file(const struct dump *dump, const char *path, struct lb_error *err)
{
	struct stat device, file;

	if (path && stat(path, &file) == 0 && fstat(dump->device.fd, &device) == 0 &&
	    file.st_dev == device.st_dev && file.st_ino == device.st_ino)
		return lb_fail(err, "%s: it is where the dump is read from", path);
	return 0;
}

static int check_wanted(const struct dump *dump, const struct options *options, struct lb_error *err)
{
	if (check_other_file(dump, options->file, err) != 0 || check_other_file(dump, options->log, err) != 0)
		return -1;
	if (options->file && !dump->file_bytes && !(options->log && dump->header.log_bytes))
		return lb_fail(err, "%s: it ended before the first page (%s); --log LOG saves the log",
			       dump->device.name, dump->header.message);
	return 0;
}

static int begin_pair(const struct dump *dump, const struct options *options, struct pair *pair,
		      struct lb_error *err)
{
	if (options->log && dump->header.log_bytes) {
		if (output_begin(options->log, dump->header.log_bytes, options->force, &pair->log, err) != 0)
			return -1;
		pair->has_log = true;
	}
	if (options->file && dump->file_bytes) {
		if (output_begin(options->file, dump->file_bytes, options->force, &pair->file, err) != 0)
			return -1;
		pair->has_file = true;
	}
	return 0;
}

static int fill_pair(const struct dump *dump, const struct options *options, struct pair *pair,
		     struct judgement *judgement, struct lb_error *err)
{
	struct copying copying;
	struct lb_error why;

	copying = progress_copying(pair->log.fd, options->quiet);
	if (pair->has_log && copy_log(dump, &copying, judgement, &why) != 0)
		return lb_fail(err, "%s: %s", pair->log.path, why.text);
	copying = progress_copying(pair->file.fd, options->quiet);
	if (pair->has_file && copy_file(dump, &copying, judgement, &why) != 0)
		return lb_fail(err, "%s: %s", pair->file.path, why.text);
	return check_digests(dump, judgement, options, err);
}

static void abandon_pair(struct pair *pair)
{
	if (pair->has_log)
		output_abandon(&pair->log);
	if (pair->has_file)
		output_abandon(&pair->file);
}

// The dump first: a log that is there does not keep the next try from saving it.
static int commit_pair(struct pair *pair, struct lb_error *err)
{
	const bool file = pair->has_file, log = pair->has_log;

	pair->has_file = false;
	if (file && output_commit(&pair->file, err) != 0)
		return -1;
	pair->has_log = false;
	return log ? output_commit(&pair->log, err) : 0;
}

int save_to_file(struct dump *dump, const struct options *options, struct lb_error *err)
{
	static struct pair pair;
	struct judgement judgement = {0};
	const bool log = options->log && dump->header.log_bytes;

	pair = (struct pair){.has_log = false};
	if (check_wanted(dump, options, err) != 0)
		return -1;
	if (!options->keep && device_make_writable(&dump->device, err) != 0)
		return -1;
	if (begin_pair(dump, options, &pair, err) != 0 ||
	    fill_pair(dump, options, &pair, &judgement, err) != 0 || commit_pair(&pair, err) != 0) {
		abandon_pair(&pair);
		return -1;
	}
	if (log && !options->quiet)
		say_log(dump, options->log);
	if (options->file && dump->file_bytes && !options->quiet)
		say_file(dump, &judgement, options->file);
	// The log alone is not the dump, unless there is no more.
	if (options->keep || (!options->file && dump->file_bytes))
		return 0;
	return dump_mark_saved(dump, err);
}

// ---- To a folder of its own ----------------------------------------------------

// The log or the dump, into a file of the temporary folder.
struct part {
	const char *name;
	int (*copy)(const struct dump *dump, const struct copying *copying, struct judgement *judgement,
		    struct lb_error *err);
};

static const struct part log_part = {FOLDER_LOG, copy_log};
static const struct part file_part = {FOLDER_VMCORE, copy_file};

static int fill(const struct dump *dump, const struct dump_folder *folder, const struct part *part,
		bool quiet, struct judgement *judgement, struct lb_error *err)
{
	struct copying copying;
	struct lb_error why;
	int fd, failed;

	if (dump_folder_create(folder, part->name, &fd, err) != 0)
		return -1;
	copying = progress_copying(fd, quiet);
	failed = part->copy(dump, &copying, judgement, &why);
	if (!failed && fsync(fd) != 0)
		failed = lb_fail(&why, "%s", strerror(errno));
	close(fd);
	return failed ? lb_fail(err, "%s/%s/%s: %s", folder->parent->path, folder->part, part->name, why.text)
		      : 0;
}

// `whole`: the dump, too, not only the log.
static int make_folder(const struct dump *dump, struct dump_folder *folder, const struct options *options,
		       bool whole, struct lb_error *err)
{
	struct judgement judgement = {0};
	char path[OUTPUT_PATH + 2 * FOLDER_NAME];

	if (dump_folder_begin(folder, err) != 0)
		return -1;
	if ((dump->header.log_bytes && fill(dump, folder, &log_part, options->quiet, &judgement, err) != 0) ||
	    (whole && dump->file_bytes &&
	     fill(dump, folder, &file_part, options->quiet, &judgement, err) != 0) ||
	    check_digests(dump, &judgement, options, err) != 0) {
		dump_folder_abandon(folder);
		return -1;
	}
	if (dump_folder_commit(folder, err) != 0)
		return -1;
	if (options->quiet)
		return 0;
	snprintf(path, sizeof(path), "%s/%s/" FOLDER_LOG, folder->parent->path, folder->name);
	if (dump->header.log_bytes)
		say_log(dump, path);
	snprintf(path, sizeof(path), "%s/%s/" FOLDER_VMCORE, folder->parent->path, folder->name);
	if (whole && dump->file_bytes)
		say_file(dump, &judgement, path);
	return 0;
}

static int save_folder(const struct dump *dump, struct dump_folder *folder, const struct options *options,
		       struct lb_error *err)
{
	const uint64_t bytes = dump->file_bytes + dump->header.log_bytes;
	struct lb_error why;

	if (folder->state == DUMP_FOLDER_WHOLE && !options->force) {
		if (!options->quiet)
			printf("lifeboat-save: %s/%s: there already, saved by an earlier run\n",
			       folder->parent->path, folder->name);
		return 0;
	}
	if (!dump->file_bytes || options->force || crash_folder_check_room(folder->parent, bytes, err) == 0)
		return make_folder(dump, folder, options, true, err);
	if (folder->state == DUMP_FOLDER_NEW && dump->header.log_bytes &&
	    make_folder(dump, folder, options, false, &why) != 0)
		return lb_fail(err, "%s; nor is its log: %s", dump->device.name, why.text);
	return -1;
}

int save_to_folder(struct dump *dump, const struct crash_folder *parent, const struct options *options,
		   struct lb_error *err)
{
	struct dump_folder folder;

	if (!options->keep && device_make_writable(&dump->device, err) != 0)
		return -1;
	if (dump_folder_find(parent, dump, &folder, err) != 0 ||
	    save_folder(dump, &folder, options, err) != 0)
		return -1;
	return options->keep ? 0 : dump_mark_saved(dump, err);
}
