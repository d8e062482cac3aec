// SPDX-License-Identifier: BSD-2-Clause
#include "tools/ctl/mount.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOUNTS_MAX (4U << 20)

static bool has_word(const char *list, const char *wanted)
{
	const size_t bytes = strlen(wanted);

	while (*list) {
		const size_t length = strcspn(list, ",");

		if (length == bytes && memcmp(list, wanted, bytes) == 0)
			return true;
		list += length + (list[length] == ',');
	}
	return false;
}

// "36 35 98:0 / /boot/efi rw,noatime shared:1 - vfat /dev/vda1 rw,errors=remount-ro"
static bool read_line(char *line, const char *point, struct mount *ret_mount)
{
	char where[512], options[512], super[1024];
	struct mount mount;
	const char *behind = strstr(line, " - ");

	if (!behind || sscanf(line, "%*s %*s %31s %*s %511s %511s", mount.numbers, where, options) != 3 ||
	    sscanf(behind + 3, "%31s %*s %1023s", mount.type, super) != 2)
		return false;
	if (strcmp(where, point) != 0 || strcmp(mount.type, "autofs") == 0)
		return false;
	mount.read_only = has_word(options, "ro") || has_word(super, "ro");
	*ret_mount = mount;
	return true;
}

bool mount_find(const char *root, const char *point, struct mount *ret_mount)
{
	struct lb_error ignored;
	struct content content;
	char path[FILE_PATH];
	bool found = false;
	char *line, *rest;

	if (file_path(root, "/proc/self/mountinfo", path, &ignored) != 0 ||
	    file_read(path, MOUNTS_MAX, &content) != 0)
		return false;
	for (line = strtok_r(content.data, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		found = read_line(line, point, ret_mount) || found;
	free(content.data);
	return found;
}

bool mount_has_option(const char *root, const char *numbers, const char *option)
{
	struct lb_error ignored;
	struct content content;
	char path[FILE_PATH], found[32], super[1024];
	bool has = false;
	char *line, *rest;

	if (file_path(root, "/proc/self/mountinfo", path, &ignored) != 0 ||
	    file_read(path, MOUNTS_MAX, &content) != 0)
		return false;
	for (line = strtok_r(content.data, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		const char *behind = strstr(line, " - ");

		if (behind && sscanf(line, "%*s %*s %31s", found) == 1 && strcmp(found, numbers) == 0 &&
		    sscanf(behind + 3, "%*s %*s %1023s", super) == 1)
			has = has || has_word(super, option);
	}
	free(content.data);
	return has;
}
