// SPDX-License-Identifier: BSD-2-Clause
#include "tools/ctl/dumps.h"

#include <stdlib.h>

#include "tools/ctl/disk.h"
#include "tools/ctl/file.h"
#include "tools/save/scan.h"

static void take_disk(const char *root, const char *name, void (*take)(struct dump *dump, void *context),
		      void *context)
{
	static struct scan scan;
	char device[DISK_NAME + 16], path[FILE_PATH];
	struct lb_error ignored;

	disk_device(name, 0, device, sizeof(device));
	if (file_path(root, device, path, &ignored) != 0)
		return;
	scan_open(path, &scan);
	for (unsigned int i = 0; i < scan.dump_count; i++)
		take(&scan.dumps[i], context);
	scan_close(&scan);
}

void dumps_each(const char *root, void (*take)(struct dump *dump, void *context), void *context)
{
	char **names;
	const int count = disk_names(root, &names);

	for (int i = 0; i < count; i++) {
		take_disk(root, names[i], take, context);
		free(names[i]);
	}
	if (count >= 0)
		free(names);
}
