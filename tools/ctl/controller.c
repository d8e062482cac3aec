// SPDX-License-Identifier: BSD-2-Clause
#include "tools/ctl/controller.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crash/disk/target_kind.h"
#include "tools/ctl/disk.h"
#include "tools/ctl/file.h"

#define FOLDER_MAX 2048

// Reads a PCI function's class, vendor and device. No other folder above a disk has all three.
static bool read_function(const char *folder, uint32_t *ret_class, uint32_t *ret_id)
{
	char path[FOLDER_MAX + 16], class[16], vendor[16], device[16];

	snprintf(path, sizeof(path), "%s/class", folder);
	file_line("", path, class, sizeof(class));
	snprintf(path, sizeof(path), "%s/vendor", folder);
	file_line("", path, vendor, sizeof(vendor));
	snprintf(path, sizeof(path), "%s/device", folder);
	file_line("", path, device, sizeof(device));
	if (!class[0] || !vendor[0] || !device[0])
		return false;
	*ret_class = (uint32_t)strtoul(class, NULL, 16);
	*ret_id = (uint32_t)(strtoul(device, NULL, 16) << 16 | (strtoul(vendor, NULL, 16) & 0xffff));
	return true;
}

// The nearest function above the folder that `link`, of sysfs, leads to.
static bool find_function(const char *root, const char *link, uint32_t *ret_class, uint32_t *ret_id)
{
	char path[FILE_PATH], folder[PATH_MAX];
	struct lb_error ignored;
	char *slash;

	if (file_path(root, link, path, &ignored) != 0 || !realpath(path, folder) ||
	    strlen(folder) >= FOLDER_MAX)
		return false;
	while ((slash = strrchr(folder, '/')) != NULL && strcmp(slash, "/sys") != 0) {
		if (read_function(folder, ret_class, ret_id))
			return true;
		*slash = '\0';
	}
	return false;
}

// An NVMe disk with several paths hangs on no function itself; its controller does (nvme0 of nvme0n1).
static bool find_nvme(const char *root, const char *disk, uint32_t *ret_class, uint32_t *ret_id)
{
	unsigned int controller, namespace;
	char link[64];

	if (sscanf(disk, "nvme%un%u", &controller, &namespace) != 2)
		return false;
	snprintf(link, sizeof(link), "/sys/class/nvme/nvme%u", controller);
	return find_function(root, link, ret_class, ret_id);
}

int controller_judge(const char *root, const char *disk, struct lb_error *err)
{
	char link[DISK_NAME + 16];
	uint32_t class, id;

	snprintf(link, sizeof(link), "/sys/block/%s", disk);
	if (!find_function(root, link, &class, &id) && !find_nvme(root, disk, &class, &id))
		return lb_fail(err, "its disk is not behind a PCI function");
	if (!lb_target_driven(id, class))
		return lb_fail(err,
			       "its disk's controller (class %06x, %04x:%04x) has no driver in the built-in "
			       "capture kernel",
			       class, id & 0xffff, id >> 16);
	return 0;
}
