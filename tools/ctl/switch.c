// SPDX-License-Identifier: BSD-2-Clause
#include "tools/ctl/switch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/ctl/change.h"
#include "tools/ctl/firmware.h"
#include "tools/ctl/nvram.h"
#include "tools/ctl/place.h"
#include "tools/ctl/trial.h"

static int complain(const char *command, const struct lb_error *err)
{
	fprintf(stderr, "lifeboatctl: %s: %s\n", command, err->text);
	return EXIT_FAILURE;
}

static int put_file(const struct options *options, struct lb_error *err)
{
	static char text[] = "lifeboatctl off\n";
	const struct content content = {text, sizeof(text) - 1};
	struct placed placed = {.count = 0};
	char path[FILE_PATH];
	struct esp esp;

	if (esp_find(options, true, &esp, err) != 0 || esp_file(&esp, ESP_OFF, path, err) != 0 ||
	    (!options->dry_run && place_file(esp.path, path, &content, &placed, err) != 0))
		return -1;
	printf("%s: %s\n", options->dry_run ? "would write" : "wrote", path);
	return 0;
}

static int put_variable(const struct options *options, struct lb_error *err)
{
	static const char text[] = "off";
	const struct nvram_value value = {text, sizeof(text) - 1, NVRAM_ATTRIBUTES};

	if (options->dry_run ? nvram_check(OFF_NAME, err) != 0
			     : nvram_write(NVRAM_LIFEBOAT, OFF_NAME, &value, err) != 0)
		return -1;
	printf("%s: the firmware's variable " OFF_NAME "\n", options->dry_run ? "would write" : "wrote");
	return 0;
}

static int throw_switch(const struct options *options, struct lb_error *err)
{
	struct lb_error why;

	if (put_file(options, err) == 0)
		return 0;
	// A BIOS has no variables.
	if (!options->live || firmware_judge(options, err) != 0)
		return -1;
	if (put_variable(options, &why) != 0)
		return lb_fail(err, "%.120s; and %.110s", err->text, why.text);
	return 0;
}

int off_command(const struct options *options)
{
	struct lb_error err;

	if (trial_is_off(options)) {
		puts("it is off already");
		return EXIT_SUCCESS;
	}
	if (throw_switch(options, &err) != 0)
		return complain("off", &err);
	if (options->dry_run) {
		puts("would switch it off, from the next boot on");
		return EXIT_SUCCESS;
	}
	change_note(options, "off");
	puts("from the next boot on Lifeboat does nothing, until `lifeboatctl on`; restart once before you "
	     "hibernate\n"
	     "this boot is as it was: `lifeboatctl disarm` has its panics go round Lifeboat, too");
	return EXIT_SUCCESS;
}

static int drop_variable(const struct options *options, struct lb_error *err)
{
	if (!file_exists(options->root, EFIVARS_FOLDER "/" OFF_NAME "-" LIFEBOAT_GUID))
		return 0;
	if (options->dry_run)
		return nvram_check(OFF_NAME, err);
	return nvram_delete(NVRAM_LIFEBOAT, OFF_NAME, err);
}

// An ESP that is not mounted may have the file.
static int drop_file(const struct options *options, struct lb_error *err)
{
	char path[FILE_PATH];
	struct esp esp;

	if (esp_find(options, true, &esp, err) != 0) {
		fprintf(stderr,
			"lifeboatctl: on: " ESP_OFF " is not looked at, where it keeps Lifeboat off: %s\n",
			err->text);
		return 0;
	}
	if (esp_file(&esp, ESP_OFF, path, err) != 0)
		return -1;
	if (!options->dry_run && unlink(path) != 0 && errno != ENOENT && errno != ENOTDIR)
		return lb_fail(err, "%.160s: %s", path, strerror(errno));
	return 0;
}

int on_command(const struct options *options)
{
	static struct trial trial;
	struct lb_error err;

	trial_read(options, &trial);
	if (firmware_judge(options, &err) != 0 || (options->live && drop_variable(options, &err) != 0) ||
	    drop_file(options, &err) != 0)
		return complain("on", &err);
	if (options->dry_run) {
		puts("would switch it on, from the next boot on");
		return EXIT_SUCCESS;
	}
	if (options->live && trial_renew(options, &trial, &err) != 0)
		return complain("on", &err);
	change_note(options, "on");
	puts("the next boot is armed, on trial; restart once before you hibernate");
	return EXIT_SUCCESS;
}
