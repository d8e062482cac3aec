// SPDX-License-Identifier: BSD-2-Clause
#include "tools/ctl/rearm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/ctl/running.h"
#include "tools/ctl/variable.h"

#define REBOOT_TYPE "/sys/kernel/reboot/type" // Linux 5.11 and later

struct setting {
	const char *path, *value;
};

static int complain(const char *command, const char *text)
{
	fprintf(stderr, "lifeboatctl: %s: %s\n", command, text);
	return EXIT_FAILURE;
}

static int write_setting(const struct options *options, const struct setting *setting, struct lb_error *err)
{
	const size_t bytes = strlen(setting->value);
	char path[FILE_PATH], found[64];
	bool done;
	int fd;

	file_line(options->root, setting->path, found, sizeof(found));
	if (strcmp(found, setting->value) == 0)
		return 0;
	printf("%s %s to %s\n", options->dry_run ? "would set" : "sets", setting->path, setting->value);
	if (options->dry_run)
		return 0;
	if (file_path(options->root, setting->path, path, err) != 0)
		return -1;
	fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	done = fd >= 0 && write(fd, setting->value, bytes) == (ssize_t)bytes;
	if (!done)
		lb_fail(err, "%s cannot be set to %s: %s", setting->path, setting->value, strerror(errno));
	if (fd >= 0)
		close(fd);
	return done ? 0 : -1;
}

// Armed, or prepared, whose words the command line has or has not: what is wrong of it then, in *err.
static int check_boot(const struct options *options, struct lb_error *err)
{
	static struct findings findings;
	char state[VARIABLE_VALUE] = "";
	struct running_boot boot;
	struct content text;

	if (variable_read(options->root, &text) != VARIABLE_FOUND)
		return lb_fail(err, "this boot did not go through Lifeboat; lifeboatctl status says more");
	variable_value(&text, "state", 0, state);
	boot = running_boot_of(&text);
	free(text.data);
	if (strcmp(state, "armed") != 0 && strcmp(state, "prepared") != 0)
		return lb_fail(err, "this boot is not armed; lifeboatctl status says why");
	running_judge_words(options->root, &boot, &findings);
	if (findings_any(&findings, FINDING_PROBLEM))
		return lb_fail(err, "%.200s", findings.list[0].text);
	return 0;
}

int rearm_command(const struct options *options)
{
	static const struct setting settings[] = {
		{REBOOT_TYPE, "efi"},
		{"/sys/kernel/reboot/mode", "cold"},
		{"/proc/sys/kernel/panic", "-1"},
	};
	struct lb_error err;

	if (check_boot(options, &err) != 0)
		return complain("rearm", err.text);
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		if (file_exists(options->root, settings[i].path) &&
		    write_setting(options, &settings[i], &err) != 0)
			return complain("rearm", err.text);
	return EXIT_SUCCESS;
}

int disarm_command(const struct options *options)
{
	static const struct setting setting = {REBOOT_TYPE, "acpi"};
	struct lb_error err;

	if (!file_exists(options->root, setting.path))
		return complain("disarm",
				REBOOT_TYPE ": no such file: this kernel's way to reboot cannot be changed, "
					    "boot it without Lifeboat");
	return write_setting(options, &setting, &err) != 0 ? complain("disarm", err.text) : EXIT_SUCCESS;
}
