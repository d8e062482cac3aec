// SPDX-License-Identifier: BSD-2-Clause
#include "tools/ctl/conf.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crash/plan/cmdline.h"
#include "crash/plan/find_linux.h"

#define CONF_MAX 65536U
#define TTY_BYTES 5U // of "ttyS0"

// Finds the last console=ttySn, n from 0 to 3: the loader takes that one, too.
static bool find_console(const char *root, bool live, char ret_tty[TTY_BYTES + 1])
{
	static char line[LB_LINE_BYTES];
	struct lb_word value;
	bool found = false;
	size_t at = 0;

	file_line(root, live ? "/proc/cmdline" : "/etc/kernel/cmdline", line, sizeof(line));
	while (lb_cmdline_next_value(line, "console", &at, &value)) {
		if (value.bytes < TTY_BYTES || memcmp(value.text, "ttyS", 4) != 0 || value.text[4] < '0' ||
		    value.text[4] > '3' || (value.bytes > TTY_BYTES && value.text[5] != ','))
			continue;
		memcpy(ret_tty, value.text, TTY_BYTES);
		ret_tty[TTY_BYTES] = '\0';
		found = true;
	}
	return found;
}

// The unit that a link names; "" where there is none.
static void read_link(const char *root, const char *path, char ret_name[NAME_MAX + 1])
{
	char whole[FILE_PATH], target[PATH_MAX];
	struct lb_error ignored;
	const char *slash;
	ssize_t bytes;

	*ret_name = '\0';
	if (file_path(root, path, whole, &ignored) != 0)
		return;
	bytes = readlink(whole, target, sizeof(target) - 1);
	if (bytes < 0)
		return;
	target[bytes] = '\0';
	slash = strrchr(target, '/');
	snprintf(ret_name, NAME_MAX + 1, "%.255s", slash ? slash + 1 : target);
}

// graphical.target is systemd's default on servers, too. It means a desktop only where there is a display
// manager.
static bool is_desktop(const char *root)
{
	char name[NAME_MAX + 1], manager[NAME_MAX + 1];

	read_link(root, "/etc/systemd/system/default.target", name);
	if (!name[0])
		read_link(root, "/usr/lib/systemd/system/default.target", name);
	read_link(root, "/etc/systemd/system/display-manager.service", manager);
	return strcmp(name, "graphical.target") == 0 && manager[0];
}

void conf_make(const struct options *options, const char *chain, char ret_text[CONF_BYTES])
{
	char tty[TTY_BYTES + 1];
	int used;

	used = snprintf(ret_text, CONF_BYTES,
			CONF_MARK " lifeboat(7) has the options; install leaves it as it is now.\n");
	if (find_console(options->root, options->live || !options->root[0], tty))
		used += snprintf(ret_text + used, CONF_BYTES - (size_t)used, "console %s\n", tty);
	used += snprintf(ret_text + used, CONF_BYTES - (size_t)used, "profile %s\n",
			 is_desktop(options->root) ? "desktop" : "server");
	for (unsigned int i = 0; i < options->recipient_count; i++)
		used += snprintf(ret_text + used, CONF_BYTES - (size_t)used, "dump-encrypt %.100s\n",
				 options->recipients[i]);
	if (options->no_measure)
		used += snprintf(ret_text + used, CONF_BYTES - (size_t)used, "no-measure\n");
	if (chain[0])
		snprintf(ret_text + used, CONF_BYTES - (size_t)used, "chain %s\n", chain);
}

bool conf_is_ours(const char *path)
{
	struct content content;
	bool ours;

	if (file_read(path, CONF_MAX, &content) != 0)
		return errno == ENOENT;
	ours = strncmp(content.data, CONF_MARK, strlen(CONF_MARK)) == 0;
	free(content.data);
	return ours;
}
