// SPDX-License-Identifier: BSD-2-Clause
#include "tools/ctl/keep.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/ctl/change.h"
#include "tools/ctl/trial.h"

static const char previous[] = ".previous", kept[] = ".kept";

static int path_of(const struct esp *esp, enum mode mode, const char *suffix, char ret_path[FILE_PATH],
		   struct lb_error *err)
{
	char name[ENTRY_FILE];

	snprintf(name, sizeof(name), "%s%s", mode_program(mode), suffix);
	return esp_file(esp, name, ret_path, err);
}

static bool is_there(const struct esp *esp, enum mode mode, const char *suffix)
{
	struct lb_error ignored;
	char path[FILE_PATH];

	return path_of(esp, mode, suffix, path, &ignored) == 0 && access(path, F_OK) == 0;
}

int keep_previous(const struct esp *esp, enum mode mode, struct placed *placed, struct lb_error *err)
{
	char from[FILE_PATH], to[FILE_PATH];
	struct content content;
	int failed;

	if (is_there(esp, mode, previous))
		return 0;
	if (path_of(esp, mode, "", from, err) != 0 || path_of(esp, mode, previous, to, err) != 0)
		return -1;
	if (file_read(from, IMAGE_MAX, &content) != 0)
		return lb_fail(err, "%.160s: %s", from, strerror(errno));
	failed = place_file(esp->path, to, &content, placed, err);
	free(content.data);
	return failed;
}

bool keep_on_trial(const struct esp *esp, enum mode mode)
{
	return is_there(esp, mode, previous);
}

int keep_settle(const struct esp *esp, enum mode mode, struct lb_error *err)
{
	char from[FILE_PATH], to[FILE_PATH];

	if (path_of(esp, mode, previous, from, err) != 0 || path_of(esp, mode, kept, to, err) != 0)
		return -1;
	return rename(from, to) != 0 ? lb_fail(err, "%.160s: %s", from, strerror(errno)) : 0;
}

static int remove_one(const struct esp *esp, enum mode mode, const char *suffix, struct lb_error *err)
{
	char path[FILE_PATH];

	if (path_of(esp, mode, suffix, path, err) != 0)
		return -1;
	if (unlink(path) != 0 && errno != ENOENT && errno != ENOTDIR)
		return lb_fail(err, "%.160s: %s", path, strerror(errno));
	return 0;
}

// The suffix of the program that would come back.
static const char *suffix_of(const struct esp *esp, enum mode mode)
{
	return is_there(esp, mode, previous) ? previous : kept;
}

static int read_kept(const struct esp *esp, enum mode mode, struct image *ret_image, struct lb_error *err)
{
	const char *suffix = suffix_of(esp, mode);
	char from[FILE_PATH];

	if (!is_there(esp, mode, suffix))
		return lb_fail(err,
			       "%.100s keeps no program from before an update: lifeboatctl remove, then "
			       "install another one",
			       esp->path);
	if (path_of(esp, mode, suffix, from, err) != 0)
		return -1;
	return image_read(from, mode_image(mode), ret_image, err);
}

int keep_return(const struct esp *esp, enum mode mode, char ret_version[24], struct lb_error *err)
{
	const char *suffix = suffix_of(esp, mode);
	struct placed placed = {.count = 0};
	struct image image;
	char to[FILE_PATH];
	int failed;

	if (path_of(esp, mode, "", to, err) != 0 || read_kept(esp, mode, &image, err) != 0)
		return -1;
	// Copied, not renamed: the program has to be there at every moment.
	failed = place_file(esp->path, to, &image.content, &placed, err);
	memcpy(ret_version, image.version, sizeof(image.version));
	image_free(&image);
	return failed ? -1 : remove_one(esp, mode, suffix, err);
}

int keep_remove(const struct esp *esp, enum mode mode, struct lb_error *err)
{
	return remove_one(esp, mode, previous, err) != 0 ? -1 : remove_one(esp, mode, kept, err);
}

// Tells which program would come back, judged as the real run does.
static int say_kept(const struct esp *esp, enum mode mode, struct lb_error *err)
{
	struct image image;

	if (read_kept(esp, mode, &image, err) != 0)
		return -1;
	printf("would put the program from before the last update back, version %s\n", image.version);
	image_free(&image);
	return 0;
}

static int roll_back(const struct options *options, struct lb_error *err)
{
	static struct trial trial;
	char version[24];
	struct esp esp;
	enum mode mode;

	if (firmware_judge(options, err) != 0 || esp_find(options, true, &esp, err) != 0)
		return -1;
	mode = plan_installed(&esp);
	if (mode == MODE_AUTO)
		return lb_fail(err, "it is not installed on %.100s: lifeboatctl install", esp.path);
	if (options->dry_run)
		return say_kept(&esp, mode, err);
	if (keep_return(&esp, mode, version, err) != 0)
		return -1;
	printf("version %s is back: restart the machine, once before you hibernate it\n", version);
	change_note(options, "rollback");
	trial_read(options, &trial);
	return options->live ? trial_renew(options, &trial, err) : 0;
}

int rollback_command(const struct options *options)
{
	struct lb_error err;

	if (roll_back(options, &err) == 0)
		return EXIT_SUCCESS;
	fprintf(stderr, "lifeboatctl: rollback: %s\n", err.text);
	return EXIT_FAILURE;
}
