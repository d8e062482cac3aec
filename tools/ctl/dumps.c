// SPDX-License-Identifier: BSD-2-Clause
#include "tools/ctl/dumps.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crash/disk/file_map.h"
#include "tools/ctl/disk.h"
#include "tools/ctl/file.h"
#include "tools/save/scan.h"

static void take_path(const char *root, const char *name, void (*take)(struct dump *dump, void *context),
		      void *context)
{
	static struct scan scan;
	struct lb_error ignored;
	char path[FILE_PATH];

	if (file_path(root, name, path, &ignored) != 0)
		return;
	scan_open(path, &scan);
	for (unsigned int i = 0; i < scan.dump_count; i++)
		take(&scan.dumps[i], context);
	scan_close(&scan);
}

// The file that the map on an ESP names, where an ESP is usually mounted. False: there is no map.
static bool find_reserved(const char *root, const char *point, struct lb_file_map *ret_map)
{
	char name[64], path[FILE_PATH];
	struct content content;
	struct lb_error ignored;
	bool found = false;

	snprintf(name, sizeof(name), "%s/EFI/lifeboat/" LB_FILE_MAP_NAME, point);
	if (file_path(root, name, path, &ignored) != 0 || file_read(path, sizeof(*ret_map), &content) != 0)
		return false;
	if (content.bytes == sizeof(*ret_map)) {
		memcpy(ret_map, content.data, sizeof(*ret_map));
		found = lb_file_map_check(ret_map, sizeof(*ret_map), &ignored) == 0;
	}
	free(content.data);
	return found;
}

void dumps_each(const char *root, void (*take)(struct dump *dump, void *context), void *context)
{
	static const char *const points[] = {"/efi", "/boot/efi", "/boot"};
	char **names, device[DISK_NAME + 16];
	const int count = disk_names(root, &names);
	struct lb_file_map map;

	for (int i = 0; i < count; i++) {
		disk_device(names[i], 0, device, sizeof(device));
		take_path(root, device, take, context);
		free(names[i]);
	}
	if (count >= 0)
		free(names);
	for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++) {
		if (find_reserved(root, points[i], &map)) {
			take_path(root, map.host_path, take, context);
			return;
		}
	}
}
