// SPDX-License-Identifier: BSD-2-Clause
#include "tools/ctl/trial.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/ctl/nvram.h"
#include "tools/ctl/place.h"

#define TRIAL_FILE_NAME EFIVARS_FOLDER "/" TRIAL_NAME "-" LIFEBOAT_GUID
#define OFF_FILE_NAME EFIVARS_FOLDER "/" OFF_NAME "-" LIFEBOAT_GUID
#define ATTRIBUTES 4U // bytes before the value in efivarfs
#define TEXT_MAX 65536U

// ---- Reading -------------------------------------------------------------------

static bool take_text(const char *path, size_t skip, struct trial *trial)
{
	struct lb_error ignored;
	struct content content;
	bool whole;

	if (file_read(path, TEXT_MAX, &content) != 0)
		return false;
	whole = content.bytes > skip &&
		lb_trial_parse(content.data + skip, content.bytes - skip, &trial->mark, &ignored) == 0;
	free(content.data);
	return whole;
}

static bool file_of_esp(const struct options *options, bool writable, const char *name,
			char ret_path[FILE_PATH])
{
	struct lb_error ignored;
	struct esp esp;

	return esp_find(options, writable, &esp, &ignored) == 0 &&
	       esp_file(&esp, name, ret_path, &ignored) == 0;
}

static bool read_place(const struct options *options, enum trial_place place, struct trial *ret_trial)
{
	struct lb_error ignored;
	char path[FILE_PATH];
	bool found;

	memset(ret_trial, 0, sizeof(*ret_trial));
	if (place == TRIAL_FILE)
		found = file_of_esp(options, false, ESP_TRIAL, path) && take_text(path, 0, ret_trial);
	else
		found = place == TRIAL_VARIABLE &&
			file_path(options->root, TRIAL_FILE_NAME, path, &ignored) == 0 &&
			take_text(path, ATTRIBUTES, ret_trial);
	if (found)
		ret_trial->place = place;
	return found;
}

void trial_read(const struct options *options, struct trial *ret_trial)
{
	const bool variable = read_place(options, TRIAL_VARIABLE, ret_trial);
	struct trial file;

	if ((!variable || ret_trial->mark.mark == LB_TRIAL_PROVED) && read_place(options, TRIAL_FILE, &file))
		*ret_trial = file;
}

void trial_read_begun(const struct options *options, enum trial_place begun, struct trial *ret_trial)
{
	if (!read_place(options, begun, ret_trial))
		trial_read(options, ret_trial);
}

static uint64_t read_hex(const char *text, const char **ret_rest)
{
	char *rest;
	const uint64_t number = strtoull(text, &rest, 16);

	*ret_rest = rest;
	return number;
}

// "0x1000-0x2000"; what is none is empty.
static struct lb_range read_range(const struct content *text, const char *key)
{
	char value[VARIABLE_VALUE];
	struct lb_range range;
	const char *rest;

	if (!variable_value(text, key, 0, value))
		return (struct lb_range){0, 0};
	range.start = read_hex(value, &rest);
	if (*rest != '-')
		return (struct lb_range){0, 0};
	range.end = read_hex(rest + 1, &rest);
	return !*rest && range.end > range.start ? range : (struct lb_range){0, 0};
}

struct lb_trial_boot trial_boot(const struct content *text)
{
	struct lb_trial_boot boot = {.begun = false};
	char value[VARIABLE_VALUE];
	const char *rest;

	boot.begun = variable_value(text, "trial", 0, value) &&
		     strcmp(value, lb_trial_mark_name(LB_TRIAL_BEGUN)) == 0;
	if (variable_value(text, "hash", 0, value))
		boot.hash = read_hex(value, &rest);
	boot.crash = read_range(text, "crash");
	boot.crash_low = read_range(text, "crash_low");
	boot.hook = read_range(text, "hook");
	return boot;
}

enum trial_place trial_begun_in(const struct content *text)
{
	char value[VARIABLE_VALUE];

	if (!variable_value(text, "trial_in", 0, value))
		return TRIAL_NONE;
	return strcmp(value, "file") == 0 ? TRIAL_FILE : TRIAL_VARIABLE;
}

// ---- Writing -------------------------------------------------------------------

static int write_file(const struct options *options, char *text, size_t bytes, struct lb_error *err)
{
	const struct content content = {text, bytes};
	struct placed placed = {.count = 0};
	char path[FILE_PATH];
	struct esp esp;

	if (esp_find(options, true, &esp, err) != 0 || esp_file(&esp, ESP_TRIAL, path, err) != 0)
		return -1;
	return place_file(esp.path, path, &content, &placed, err);
}

static int write_mark(const struct options *options, const struct trial *trial, struct lb_error *err)
{
	char text[LB_TRIAL_ROOM];
	const size_t bytes = lb_trial_print(&trial->mark, text);
	const struct nvram_value value = {text, bytes, NVRAM_ATTRIBUTES};

	if (trial->place == TRIAL_FILE)
		return write_file(options, text, bytes, err);
	return nvram_write(NVRAM_LIFEBOAT, TRIAL_NAME, &value, err);
}

static int drop_variable(const struct options *options, const char *file, const char *name,
			 struct lb_error *err)
{
	if (!options->live || !file_exists(options->root, file))
		return 0;
	return nvram_delete(NVRAM_LIFEBOAT, name, err);
}

static int drop_file(const struct esp *esp, const char *name, struct lb_error *err)
{
	char path[FILE_PATH];

	if (esp_file(esp, name, path, err) != 0)
		return -1;
	if (unlink(path) != 0 && errno != ENOENT && errno != ENOTDIR)
		return lb_fail(err, "%.160s: %s", path, strerror(errno));
	return 0;
}

// Variables that failed once leave a mark in each place. One that cannot be taken away is as it was before.
static void drop_other(const struct options *options, const struct trial *trial)
{
	struct lb_error ignored;
	struct trial other;
	struct esp esp;

	if (trial->place == TRIAL_FILE)
		drop_variable(options, TRIAL_FILE_NAME, TRIAL_NAME, &ignored);
	else if (read_place(options, TRIAL_FILE, &other) && esp_find(options, true, &esp, &ignored) == 0)
		drop_file(&esp, ESP_TRIAL, &ignored);
}

// `changed`: it has to be written.
static int settle(const struct options *options, const struct trial *trial, bool changed,
		  struct lb_error *err)
{
	if (changed && write_mark(options, trial, err) != 0)
		return -1;
	drop_other(options, trial);
	return 0;
}

int trial_complete(const struct options *options, struct trial *trial, const struct lb_trial_boot *boot,
		   bool *ret_proved, struct lb_error *err)
{
	const enum lb_trial_mark before = trial->mark.mark;

	*ret_proved = false;
	if (trial->place == TRIAL_NONE)
		return 0;
	if (settle(options, trial, lb_trial_complete(&trial->mark, boot), err) != 0)
		return -1;
	*ret_proved = before != LB_TRIAL_PROVED && trial->mark.mark == LB_TRIAL_PROVED;
	return 0;
}

int trial_renew(const struct options *options, struct trial *trial, struct lb_error *err)
{
	if (trial->place == TRIAL_NONE)
		return 0;
	return settle(options, trial, lb_trial_renew(&trial->mark), err);
}

int trial_begin_anew(const struct options *options, struct lb_error *err)
{
	struct trial trial;

	if (!options->live || options->dry_run)
		return 0;
	trial_read(options, &trial);
	return trial.mark.mark == LB_TRIAL_PROVED ? 0 : trial_renew(options, &trial, err);
}

// ---- The kill switch, and all of it gone ---------------------------------------

bool trial_is_off(const struct options *options)
{
	char path[FILE_PATH];

	return file_exists(options->root, OFF_FILE_NAME) ||
	       (file_of_esp(options, false, ESP_OFF, path) && access(path, F_OK) == 0);
}

int trial_remove(const struct options *options, const struct esp *esp, struct lb_error *err)
{
	if (drop_variable(options, TRIAL_FILE_NAME, TRIAL_NAME, err) != 0 ||
	    drop_variable(options, OFF_FILE_NAME, OFF_NAME, err) != 0)
		return -1;
	return esp && (drop_file(esp, ESP_TRIAL, err) != 0 || drop_file(esp, ESP_OFF, err) != 0) ? -1 : 0;
}
