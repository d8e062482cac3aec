// SPDX-License-Identifier: BSD-2-Clause
#include "tools/ctl/esp.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/ctl/firmware.h"
#include "tools/ctl/mount.h"

static const char *const points[] = {"/efi", "/boot/efi", "/boot"};
#define POINTS "/efi, /boot/efi or /boot"

// An ESP that is not mounted, as "/dev/vda1"; false: no disk has one.
static bool find_unmounted(const char *root, char *ret_device, size_t bytes)
{
	static struct disk disk;
	struct lb_error ignored;
	bool found = false;
	char **names;
	const int count = disk_names(root, &names);

	for (int i = 0; i < count; i++) {
		if (!found && disk_read(root, names[i], &disk, &ignored) == 0) {
			for (unsigned int j = 0; j < disk.count && !found; j++) {
				found = strcmp(disk.partitions[j].type, ESP_TYPE_TEXT) == 0;
				if (found)
					disk_device(disk.name, disk.partitions[j].number, ret_device, bytes);
			}
		}
		free(names[i]);
	}
	if (count >= 0)
		free(names);
	return found;
}

static int fail_without(const struct options *options, struct lb_error *err)
{
	char device[DISK_NAME + 16], path[FILE_PATH];

	if (firmware_judge(options, err) != 0)
		return -1;
	if (options->esp)
		return file_path(options->root, options->esp, path, err) != 0
			       ? -1
			       : lb_fail(err, "%.160s: no EFI system partition is mounted there: mount it",
					 path);
	if (find_unmounted(options->root, device, sizeof(device)))
		return lb_fail(err,
			       "no EFI system partition is mounted at " POINTS
			       ": mount %s %.110s/boot/efi, or name its folder with --esp",
			       device, options->root);
	return lb_fail(err, "no EFI system partition is mounted at " POINTS
			    ", and no disk has one: make a FAT partition of GPT type " ESP_TYPE_TEXT
			    ", and mount it");
}

// Opens the folder, which makes an automount mount it.
static bool is_folder(const struct esp *esp)
{
	DIR *folder = opendir(esp->path);

	if (folder)
		closedir(folder);
	return folder != NULL;
}

static bool look(const struct options *options, const char *point, struct esp *esp, struct mount *ret_mount)
{
	struct lb_error ignored;

	snprintf(esp->point, sizeof(esp->point), "%s", point);
	if (file_path(options->root, point, esp->path, &ignored) != 0 || !is_folder(esp) ||
	    !mount_find(options->root, point, ret_mount))
		return false;
	if (options->esp)
		return true;
	return strcmp(ret_mount->type, "vfat") == 0 &&
	       disk_partition_of(options->root, ret_mount->numbers, &esp->partition, &ignored) == 0 &&
	       strcmp(esp->partition.type, ESP_TYPE_TEXT) == 0;
}

static int judge(const struct options *options, bool writable, const struct mount *mount, struct esp *esp,
		 struct lb_error *err)
{
	if (strcmp(mount->type, "vfat") != 0)
		return lb_fail(err,
			       "%.160s: a file system of type %s, wanted vfat: name the EFI system partition",
			       esp->path, mount->type);
	if (disk_partition_of(options->root, mount->numbers, &esp->partition, err) != 0)
		return -1;
	if (strcmp(esp->partition.type, ESP_TYPE_TEXT) != 0)
		return lb_fail(err, "%.120s: its partition's type is %s, wanted " ESP_TYPE_TEXT, esp->path,
			       esp->partition.type);
	if (writable && mount->read_only)
		return lb_fail(err, "%.95s is mounted read-only: mount -o remount,rw %.95s", esp->path,
			       esp->path);
	esp->has_partition = true;
	return 0;
}

int esp_find(const struct options *options, bool writable, struct esp *ret_esp, struct lb_error *err)
{
	const char *const *candidates = options->esp ? &options->esp : points;
	const size_t count = options->esp ? 1 : sizeof(points) / sizeof(points[0]);
	struct mount mount;

	memset(ret_esp, 0, sizeof(*ret_esp));
	if (options->esp && !options->live) {
		snprintf(ret_esp->point, sizeof(ret_esp->point), "%s", options->esp);
		if (file_path(options->root, options->esp, ret_esp->path, err) != 0)
			return -1;
		return is_folder(ret_esp) ? 0 : lb_fail(err, "%.160s: no such folder", ret_esp->path);
	}
	for (size_t i = 0; i < count; i++)
		if (look(options, candidates[i], ret_esp, &mount))
			return judge(options, writable, &mount, ret_esp, err);
	return fail_without(options, err);
}

int esp_file(const struct esp *esp, const char *name, char ret_path[FILE_PATH], struct lb_error *err)
{
	if (file_path(esp->path, name, ret_path, err) != 0)
		return -1;
	for (char *c = ret_path + strlen(esp->path); *c; c++)
		if (*c == '\\')
			*c = '/';
	return 0;
}
