// SPDX-License-Identifier: BSD-2-Clause
// lifeboat-save: a dump that the built-in capture kernel wrote to a partition becomes a file.
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "crash/disk/dump_header.h"
#include "lifeboat/version.h"
#include "tools/save/list.h"
#include "tools/save/output.h"

enum { EXIT_BAD_USAGE = 2, EXIT_NOTHING = 3 };

struct options {
	const char *device, *file, *log;
	bool list, verify, mark, keep, force, quiet;
};

static const char usage[] =
	"usage: scripts/lifeboat-save [OPTION]... DEVICE FILE\n"
	"       scripts/lifeboat-save --list | --verify | --mark-saved DEVICE\n"
	"       scripts/lifeboat-save --log LOG DEVICE\n"
	"\n"
	"Saves the dump that Lifeboat's built-in capture kernel left on DEVICE to FILE, checks\n"
	"every digest on the way, and marks it as saved, so that Lifeboat may use the partition\n"
	"again. FILE appears when it is whole; until then it is FILE.part.\n"
	"\n"
	"DEVICE  a partition, a disk with one of Lifeboat's GPT type, an image of either; or\n"
	"        `auto`: the first disk of this machine that has a dump to save\n"
	"FILE    a folder: the name comes from the kernel's release and the time of the crash,\n"
	"        and the log goes beside it\n"
	"\n"
	"  -l, --list        only print what is there, and whether its digests are right\n"
	"      --verify      only check: exit 0 when all digests are right\n"
	"      --log LOG     save the dead kernel's log here\n"
	"      --keep        do not mark it as saved: nothing is written to DEVICE\n"
	"      --mark-saved  only mark it as saved: it is not wanted\n"
	"  -f, --force       save once more what is saved, save in spite of a wrong digest,\n"
	"                    replace files\n"
	"  -q, --quiet       say only what went wrong\n"
	"  -h, --help        this text\n"
	"      --version     the version\n"
	"\n"
	"A dump that was interrupted, or ended early, is saved as far as it goes: its header says\n"
	"\"incomplete\", the pages that are missing read as lost.\n"
	"\n"
	"exit status: 0 done, 1 failed, 2 bad usage, 3 nothing to save\n";

enum { OPTION_VERIFY = 256, OPTION_LOG, OPTION_KEEP, OPTION_MARK, OPTION_VERSION };

static const struct option long_options[] = {
	{"list", no_argument, NULL, 'l'},
	{"verify", no_argument, NULL, OPTION_VERIFY},
	{"log", required_argument, NULL, OPTION_LOG},
	{"keep", no_argument, NULL, OPTION_KEEP},
	{"mark-saved", no_argument, NULL, OPTION_MARK},
	{"force", no_argument, NULL, 'f'},
	{"quiet", no_argument, NULL, 'q'},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, OPTION_VERSION},
	{NULL, 0, NULL, 0},
};

static int complain(const char *text)
{
	fprintf(stderr, "lifeboat-save: %s\n", text);
	return EXIT_FAILURE;
}

static int bad_usage(const char *text)
{
	fprintf(stderr, "lifeboat-save: %s; --help lists the options\n", text);
	return -1;
}

static int take_words(struct options *options, int count, char **words)
{
	const int modes = options->list + options->verify + options->mark;
	const bool device_only = modes || options->log;

	if (modes > 1)
		return bad_usage("--list, --verify and --mark-saved: one of them");
	if (modes && (options->log || options->keep))
		return bad_usage("--list, --verify and --mark-saved save nothing: no --log, no --keep");
	if (count < 1)
		return bad_usage("DEVICE is wanted");
	if (count > 2 || (modes && count > 1))
		return bad_usage("too many words");
	if (count < 2 && !device_only)
		return bad_usage("FILE is wanted");
	options->device = words[0];
	options->file = count > 1 ? words[1] : NULL;
	return 0;
}

static int take_options(struct options *options, int argc, char **argv)
{
	int option;

	while ((option = getopt_long(argc, argv, "lfqh", long_options, NULL)) != -1) {
		switch (option) {
		case 'l':
			options->list = true;
			break;
		case OPTION_VERIFY:
			options->verify = true;
			break;
		case OPTION_LOG:
			options->log = optarg;
			break;
		case OPTION_KEEP:
			options->keep = true;
			break;
		case OPTION_MARK:
			options->mark = true;
			break;
		case 'f':
			options->force = true;
			break;
		case 'q':
			options->quiet = true;
			break;
		case 'h':
			fputs(usage, stdout);
			exit(EXIT_SUCCESS);
		case OPTION_VERSION:
			puts("lifeboat-save (Lifeboat) " LIFEBOAT_VERSION);
			exit(EXIT_SUCCESS);
		default:
			return bad_usage("that is not understood");
		}
	}
	return take_words(options, argc - optind, argv + optind);
}

// About once a second, where somebody looks.
static void show_progress(uint64_t done, uint64_t whole)
{
	static time_t last;
	const time_t now = time(NULL);

	if (now == last && done < whole)
		return;
	last = now;
	fprintf(stderr, "\r%3u %%%s", (unsigned int)(whole ? done * 100 / whole : 100),
		done < whole ? "" : "\r     \r");
}

static struct copying reading(const struct options *options, int fd)
{
	const bool shown = !options->quiet && isatty(STDERR_FILENO);

	return (struct copying){.fd = fd, .progress = shown ? show_progress : NULL};
}

// Both digests, nothing written.
static int judge(const struct dump *dump, const struct options *options, struct judgement *ret_judgement,
		 struct lb_error *err)
{
	const struct copying copying = reading(options, -1);

	if (copy_log(dump, &copying, ret_judgement, err) != 0)
		return -1;
	return dump->file_bytes ? copy_file(dump, &copying, ret_judgement, err) : 0;
}

static int list(const struct dump *dump, const struct options *options)
{
	struct judgement judgement = {0};
	struct lb_error err;

	if (dump->header.state != LB_DUMP_EMPTY && judge(dump, options, &judgement, &err) != 0) {
		list_dump(dump, &judgement);
		return complain(err.text);
	}
	list_dump(dump, &judgement);
	if (dump->others)
		printf("%-22s %u\n", "further partitions:", dump->others);
	return EXIT_SUCCESS;
}

static int say_nothing_to_save(const struct dump *dump, const struct options *options)
{
	if (!options->quiet)
		printf("lifeboat-save: %s: nothing to save: %s\n", dump->device.name,
		       dump->header.state == LB_DUMP_EMPTY ? "it holds no dump"
							   : "it is saved already; --force saves it again");
	return EXIT_NOTHING;
}

static int verify(const struct dump *dump, const struct options *options)
{
	struct judgement judgement = {0};
	struct lb_error err;
	const char *wrong;

	if (dump->header.state == LB_DUMP_EMPTY)
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

static int mark(struct dump *dump)
{
	struct lb_error err;

	return device_make_writable(&dump->device, &err) || dump_mark_saved(dump, &err) != 0
		       ? complain(err.text)
		       : EXIT_SUCCESS;
}

// FOLDER/RELEASE-TIME, from a header whose text is the dead kernel's.
static void name_in_folder(const struct dump *dump, const char *folder, char *text, size_t bytes)
{
	const struct lb_dump_header *header = &dump->header;
	const time_t when = (time_t)header->crash_time;
	char release[sizeof(header->release)], time_text[32] = "";
	struct tm parts;

	memcpy(release, header->release, sizeof(release));
	for (char *c = release; *c; c++)
		if (!((*c >= '0' && *c <= '9') || (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
		      (c > release && strchr("._+-", *c))))
			*c = '_';
	if (header->crash_time && gmtime_r(&when, &parts))
		strftime(time_text, sizeof(time_text), "%Y%m%dT%H%M%SZ", &parts);
	else // two dumps of unknown time must not be one file
		snprintf(time_text, sizeof(time_text), "%02x%02x%02x%02x", header->arm_id[0],
			 header->arm_id[1], header->arm_id[2], header->arm_id[3]);
	snprintf(text, bytes, "%s/%s-%s", folder, release[0] ? release : "unknown", time_text);
}

struct paths {
	char file[OUTPUT_PATH], log[OUTPUT_PATH]; // "": not wanted
};

static int make_paths(const struct dump *dump, const struct options *options, struct paths *paths,
		      struct lb_error *err)
{
	char stem[OUTPUT_PATH - 16];
	struct stat status;

	if ((options->file && strlen(options->file) >= sizeof(stem) - 128) ||
	    (options->log && strlen(options->log) >= sizeof(paths->log)))
		return lb_fail(err, "FILE or LOG: a longer path than there can be");
	if (options->file && !stat(options->file, &status) && S_ISDIR(status.st_mode)) {
		name_in_folder(dump, options->file, stem, sizeof(stem));
		snprintf(paths->file, sizeof(paths->file), "%s.vmcore", stem);
		snprintf(paths->log, sizeof(paths->log), "%s.dmesg.txt", stem);
	} else if (options->file) {
		snprintf(paths->file, sizeof(paths->file), "%s", options->file);
	}
	if (options->log)
		snprintf(paths->log, sizeof(paths->log), "%s", options->log);
	return 0;
}

// The log or the dump, on its way into a file.
struct wanted {
	int (*copy)(const struct dump *dump, const struct copying *copying, struct judgement *judgement,
		    struct lb_error *err);
	const char *path;
	uint64_t bytes;
};

static int save(const struct dump *dump, const struct options *options, const struct wanted *wanted,
		struct judgement *judgement, struct lb_error *err)
{
	struct output output;
	struct copying copying;
	struct lb_error why;
	const char *wrong;

	if (output_begin(wanted->path, wanted->bytes, options->force, &output, err) != 0)
		return -1;
	copying = reading(options, output.fd);
	if (wanted->copy(dump, &copying, judgement, &why) != 0) {
		output_abandon(&output);
		return lb_fail(err, "%s: %s", wanted->path, why.text);
	}
	wrong = judgement_wrong(judgement);
	if (wrong && !options->force) {
		output_abandon(&output);
		return lb_fail(err,
			       "%s: the digest of its %s is wrong: not what was written; --force saves it",
			       dump->device.name, wrong);
	}
	return output_commit(&output, err);
}

static void say_saved(const struct dump *dump, const struct judgement *judgement, const struct paths *paths)
{
	const struct lb_dump_header *header = &dump->header;
	const char *wrong = judgement_wrong(judgement);

	if (paths->log[0] && header->log_bytes)
		printf("lifeboat-save: %s: the log, %lu bytes\n", paths->log, header->log_bytes);
	if (!paths->file[0] || !dump->file_bytes)
		return;
	printf("lifeboat-save: %s: %lu bytes, %s\n", paths->file, dump->file_bytes,
	       wrong                              ? "WITH A WRONG DIGEST"
	       : header->state == LB_DUMP_WRITING ? "of an interrupted dump"
						  : "every digest right");
	if (dump_cut_short(header))
		printf("lifeboat-save: %s: INCOMPLETE: %s; %lu of %lu pages are in it\n", paths->file,
		       header->state == LB_DUMP_WRITING ? "the machine was reset while it was written"
							: header->message,
		       header->pages_done, header->page_count);
}

// Not even --force makes a dump of the disk that holds it.
static int check_other_file(const struct dump *dump, const char *path, struct lb_error *err)
{
	struct stat device, file;

	if (path[0] && !stat(path, &file) && !fstat(dump->device.fd, &device) &&
	    file.st_dev == device.st_dev && file.st_ino == device.st_ino)
		return lb_fail(err, "%s: it is where the dump is read from", path);
	return 0;
}

static int save_all(struct dump *dump, const struct options *options, struct lb_error *err)
{
	struct judgement judgement = {0};
	struct paths paths = {"", ""};
	const struct wanted log = {copy_log, paths.log, dump->header.log_bytes};
	const struct wanted file = {copy_file, paths.file, dump->file_bytes};

	if (make_paths(dump, options, &paths, err) != 0 || check_other_file(dump, paths.file, err) != 0 ||
	    check_other_file(dump, paths.log, err) != 0)
		return -1;
	if (!dump->file_bytes && paths.file[0] && !(paths.log[0] && dump->header.log_bytes))
		return lb_fail(err, "%s: it ended before the first page (%s)%s", dump->device.name,
			       dump->header.message,
			       dump->header.log_bytes ? "; --log LOG saves the log" : "");
	if (!options->keep && device_make_writable(&dump->device, err) != 0)
		return -1;
	if (paths.log[0] && log.bytes && save(dump, options, &log, &judgement, err) != 0)
		return -1;
	if (paths.file[0] && file.bytes && save(dump, options, &file, &judgement, err) != 0)
		return -1;
	if (!options->quiet)
		say_saved(dump, &judgement, &paths);
	// The log alone is not the dump, unless there is no more.
	if (options->keep || (!paths.file[0] && dump->file_bytes))
		return 0;
	return dump_mark_saved(dump, err);
}

static int run(struct dump *dump, const struct options *options)
{
	struct lb_error err;

	if (options->list)
		return list(dump, options);
	if (options->verify)
		return verify(dump, options);
	if (dump->header.state == LB_DUMP_EMPTY ||
	    (!options->force && !lb_dump_header_unsaved(&dump->header)))
		return say_nothing_to_save(dump, options);
	if (options->mark)
		return mark(dump);
	return save_all(dump, options, &err) ? complain(err.text) : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct options options = {0};
	struct lb_error err;
	struct dump dump;
	int status;

	if (take_options(&options, argc, argv) != 0)
		return EXIT_BAD_USAGE;
	if (!strcmp(options.device, "auto")) {
		if (dump_open_auto(&dump, &err) != 0) {
			if (!options.quiet)
				printf("lifeboat-save: nothing to save: %s\n", err.text);
			return EXIT_NOTHING;
		}
	} else if (dump_open(options.device, &dump, &err) != 0) {
		return complain(err.text);
	}
	status = run(&dump, &options);
	dump_close(&dump);
	return status;
}
