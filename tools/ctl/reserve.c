// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE // O_DIRECT, fallocate()
#include "tools/ctl/reserve.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "crash/disk/extents.h"
#include "crash/disk/file_map.h"
#include "crash/disk/gpt.h"
#include "crash/disk/stamp.h"
#include "tools/ctl/blocks.h"
#include "tools/ctl/controller.h"
#include "tools/ctl/mount.h"
#include "tools/ctl/place.h"
#include "tools/ctl/target.h"
#include "tools/save/dump.h"
#include "tools/save/output.h"

#define PIECE (1U << 20)
#define STAY_FREE (16ULL << 20) // bytes of its file system that stay free
#define FOLDER_USUAL "/boot/lifeboat.dump"

static bool read_map(const struct esp *esp, struct lb_file_map *ret_map, struct lb_error *err)
{
	struct content content;
	char path[FILE_PATH];

	if (esp_file(esp, RESERVE_MAP, path, err) != 0)
		return false;
	if (file_read(path, sizeof(*ret_map), &content) != 0) {
		lb_fail(err, "%.160s: %s", path, strerror(errno));
		return false;
	}
	if (content.bytes <= sizeof(*ret_map))
		memcpy(ret_map, content.data, content.bytes);
	if (lb_file_map_check(ret_map, content.bytes, err) != 0)
		content.bytes = 0;
	free(content.data);
	return content.bytes;
}

bool reserve_is_there(const struct esp *esp)
{
	struct lb_file_map map;
	struct lb_error ignored;

	return read_map(esp, &map, &ignored);
}

// ---- Where it may be -----------------------------------------------------------

static const char *file_system(int fd)
{
	struct statfs status;

	if (fstatfs(fd, &status) != 0)
		return NULL;
	switch ((unsigned long)status.f_type) {
	case EXT4_SUPER_MAGIC:
		return "ext4";
	case XFS_SUPER_MAGIC:
		return "xfs";
	case MSDOS_SUPER_MAGIC:
		return "vfat";
	default:
		return NULL;
	}
}

static int check_room(int fd, uint64_t bytes, struct lb_error *err)
{
	struct statfs status;
	uint64_t room;

	if (fstatfs(fd, &status) != 0)
		return lb_fail(err, "its file system: %s", strerror(errno));
	room = (uint64_t)status.f_bavail * (uint64_t)status.f_bsize;
	if (room >= STAY_FREE && room - STAY_FREE >= bytes)
		return 0;
	return lb_fail(err, "its file system has %lu bytes free, wanted %lu and 16 MiB more", room, bytes);
}

// The partition that the open file lies on, one that the capture kernel can write to. Of an image that is
// built here the machine is another.
static int find_partition(const struct options *options, int fd, struct partition *ret_partition,
			  struct lb_error *err)
{
	struct stat status;
	char numbers[32];

	if (fstat(fd, &status) != 0)
		return lb_fail(err, "%s", strerror(errno));
	snprintf(numbers, sizeof(numbers), "%u:%u", major(status.st_dev), minor(status.st_dev));
	if (mount_has_option(options->root, numbers, "data=journal"))
		return lb_fail(
			err, "its file system journals data (data=journal): what is in the journal would be "
			     "written over the dump");
	if (disk_partition_of(options->root, numbers, ret_partition, err) != 0)
		return -1;
	return options->live ? controller_judge(options->root, ret_partition->disk, err) : 0;
}

static int judge_place(const struct options *options, const struct esp *esp, int fd, struct lb_error *err)
{
	const char *type = file_system(fd);
	struct partition partition;
	struct stat file, ours;

	if (!type)
		return lb_fail(err, "its file system is none of ext4, XFS and an ESP's FAT");
	if (find_partition(options, fd, &partition, err) != 0)
		return -1;
	// Of another FAT the firmware would not be asked.
	if (strcmp(type, "vfat") == 0 &&
	    (stat(esp->path, &ours) != 0 || fstat(fd, &file) != 0 || ours.st_dev != file.st_dev))
		return lb_fail(err, "a FAT, and not the ESP of Lifeboat");
	return check_room(fd, options->reserve, err);
}

// ---- Making it -----------------------------------------------------------------

static int stamp_all(int fd, const uint8_t id[16], uint64_t bytes, struct lb_error *err)
{
	static _Alignas(8) uint8_t piece[PIECE];

	for (uint64_t at = 0; at < bytes; at += PIECE) {
		const size_t part = bytes - at < PIECE ? (size_t)(bytes - at) : PIECE;

		lb_stamp_fill(id, at, piece, part);
		if (output_write(fd, at, piece, part, err) != 0)
			return -1;
	}
	return 0;
}

// Each mark that would have it moved, compressed or written twice.
static int judge_flags(int fd, struct lb_error *err)
{
	struct fsxattr more;
	int flags = 0;

	if (ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0 &&
	    (flags & (FS_JOURNAL_DATA_FL | FS_COMPR_FL | FS_ENCRYPT_FL)))
		return lb_fail(err, "its file system journals, compresses or encrypts what is in it");
	if (ioctl(fd, FS_IOC_FSGETXATTR, &more) == 0 && (more.fsx_xflags & FS_XFLAG_REALTIME))
		return lb_fail(err, "it lies on XFS's realtime device");
	return 0;
}

// Is what the map says there, beneath the file system?
static int check_disk(const struct options *options, const struct partition *partition,
		      const struct lb_file_map *map, struct lb_error *err)
{
	static _Alignas(4096) uint8_t piece[PIECE];
	char device[DISK_NAME + 16], path[FILE_PATH];
	uint64_t offset = 0, run;
	int fd, failed = 0;

	disk_device(partition->disk, partition->number, device, sizeof(device));
	if (file_path(options->root, device, path, err) != 0)
		return -1;
	fd = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
	if (fd < 0)
		return lb_fail(err, "%s: %s", device, strerror(errno));
	while (!failed && offset < map->file_bytes) {
		const uint64_t at = lb_extents_find(map->extents, map->extent_count, offset, &run);
		const size_t bytes = run < PIECE ? (size_t)run : PIECE;

		if (pread(fd, piece, bytes, (off_t)at) != (ssize_t)bytes ||
		    lb_stamp_check(map->file_id, offset, piece, bytes) != bytes)
			failed = lb_fail(err, "%s: its byte %lu is not where its file system says", device,
					 offset);
		offset += bytes;
	}
	close(fd);
	return failed;
}

// The firmware's name of what lies on the ESP.
static void name_on_esp(const struct esp *esp, const char *path, struct lb_file_map *map)
{
	const size_t point = strlen(esp->point);

	if (strncmp(path, esp->point, point) != 0 || path[point] != '/')
		return;
	snprintf(map->esp_path, sizeof(map->esp_path), "%s", path + point);
	for (char *c = map->esp_path; *c; c++)
		if (*c == '/')
			*c = '\\';
}

static int make_map(const struct options *options, const struct esp *esp, const char *path, int fd,
		    struct lb_file_map *map, struct lb_error *err)
{
	struct partition partition;
	struct lb_extents_room room;

	if (judge_flags(fd, err) != 0 || find_partition(options, fd, &partition, err) != 0 ||
	    blocks_find(fd, map->file_bytes, map->extents, &map->extent_count, err) != 0 ||
	    target_disk_guid(options->root, partition.disk, map->disk_guid, err) != 0)
		return -1;
	if (!lb_uuid_parse(partition.uuid, map->partuuid))
		return lb_fail(err, "its partition has no GUID");
	room = (struct lb_extents_room){partition.block_bytes, partition.sectors * DISK_SECTOR};
	if (lb_extents_check(map->extents, map->extent_count, &room, err) != 0 ||
	    check_disk(options, &partition, map, err) != 0)
		return -1;
	snprintf(map->host_path, sizeof(map->host_path), "%s", path);
	if (strcmp(file_system(fd), "vfat") == 0)
		name_on_esp(esp, path, map);
	lb_file_map_seal(map);
	return lb_file_map_check(map, sizeof(*map), err);
}

static int fill(const struct options *options, const struct esp *esp, const char *path, int fd,
		struct lb_file_map *map, struct lb_error *err)
{
	memset(map, 0, sizeof(*map));
	map->file_bytes = options->reserve;
	if (getrandom(map->file_id, sizeof(map->file_id), 0) != sizeof(map->file_id))
		return lb_fail(err, "no random numbers: %s", strerror(errno));
	// Allocates in one piece where the file system can. Elsewhere writing allocates.
	if (fallocate(fd, 0, 0, (off_t)options->reserve) != 0 && errno != EOPNOTSUPP)
		return lb_fail(err, "%s", strerror(errno));
	if (stamp_all(fd, map->file_id, map->file_bytes, err) != 0 ||
	    make_map(options, esp, path, fd, map, err) != 0)
		return -1;
	device_set_immutable(fd, true);
	return 0;
}

// The folder of a file; `nearest`: where it is not there, the one above it that is. Returns what open() does.
static int open_folder(const char *whole, bool nearest, char ret_folder[FILE_PATH])
{
	int fd;

	snprintf(ret_folder, FILE_PATH, "%s", whole);
	do {
		*strrchr(ret_folder, '/') = '\0';
		fd = open(ret_folder[0] ? ret_folder : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	} while (fd < 0 && nearest && errno == ENOENT && strchr(ret_folder, '/'));
	return fd;
}

// The folder is there.
static int write_file(const struct options *options, const struct esp *esp, const char *path,
		      struct lb_file_map *map, struct lb_error *err)
{
	char whole[FILE_PATH];
	struct lb_error why;
	int fd, failed;

	if (file_path(options->root, path, whole, err) != 0)
		return -1;
	fd = open(whole, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return lb_fail(err, "%.160s: %s", whole, strerror(errno));
	failed = fill(options, esp, path, fd, map, &why);
	close(fd);
	if (!failed)
		return 0;
	unlink(whole);
	return lb_fail(err, "%.100s: %s", whole, why.text);
}

// The file system of its folder is looked at before anything is made. `own`: the folder is ours on the ESP,
// and is made, too.
static int make_file(const struct options *options, const struct esp *esp, const char *path, bool own,
		     struct lb_file_map *map, struct lb_error *err)
{
	char whole[FILE_PATH], folder[FILE_PATH];
	struct placed placed = {.count = 0};
	struct lb_error why;
	int fd, failed;

	if (strlen(path) >= sizeof(map->host_path))
		return lb_fail(err, "%.40s...: a path of more than %zu characters", path,
			       sizeof(map->host_path) - 1);
	if (path[0] != '/' || file_path(options->root, path, whole, err) != 0)
		return lb_fail(err, "%.160s: wanted a path from the root on", path);
	fd = open_folder(whole, own, folder);
	if (fd < 0)
		return lb_fail(err, "%.160s: %s", folder, strerror(errno));
	failed = judge_place(options, esp, fd, &why);
	close(fd);
	if (failed)
		return lb_fail(err, "%.100s: %s", whole, why.text);
	if (options->dry_run)
		return 0;
	if ((!own || place_folders(esp->path, whole, &placed, err) == 0) &&
	    write_file(options, esp, path, map, err) == 0)
		return 0;
	place_undo(&placed);
	return -1;
}

// Without --dump-to FILE: on /boot, else on the ESP.
static int make_somewhere(const struct options *options, const struct esp *esp, char path[FILE_PATH],
			  struct lb_file_map *map, struct lb_error *err)
{
	const char *wanted = options->reserve_at;
	struct lb_error why;

	snprintf(path, FILE_PATH, "%s", wanted ? wanted : FOLDER_USUAL);
	if (wanted || strcmp(esp->point, "/boot") != 0) {
		if (make_file(options, esp, path, false, map, &why) == 0)
			return 0;
		if (wanted)
			return lb_fail(err, "%s", why.text);
		printf("note: %s\n", why.text);
	}
	snprintf(path, FILE_PATH, "%.4000s%s", esp->point, RESERVE_FILE);
	for (char *c = path; *c; c++)
		if (*c == '\\')
			*c = '/';
	return make_file(options, esp, path, true, map, err);
}

static int put_map(const struct esp *esp, const struct lb_file_map *map, struct lb_error *err)
{
	struct lb_file_map copy = *map;
	const struct content content = {(char *)&copy, sizeof(copy)};
	struct placed placed = {.count = 0};
	char path[FILE_PATH];

	if (esp_file(esp, RESERVE_MAP, path, err) != 0)
		return -1;
	return place_file(esp->path, path, &content, &placed, err);
}

// Is the file that the map names in its place? The caller says its name.
static int check_file(const char *root, const struct lb_file_map *map, struct lb_error *err)
{
	struct lb_extent extents[LB_MAX_EXTENTS];
	char whole[FILE_PATH];
	struct stat status;
	uint32_t count;
	int fd, failed;

	if (file_path(root, map->host_path, whole, err) != 0)
		return -1;
	fd = open(whole, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return lb_fail(err, "%s", strerror(errno));
	failed = fstat(fd, &status) != 0 || (uint64_t)status.st_size != map->file_bytes
			 ? lb_fail(err, "it has %lu bytes, its map says %lu", (uint64_t)status.st_size,
				   map->file_bytes)
			 : blocks_find(fd, map->file_bytes, extents, &count, err);
	close(fd);
	if (!failed &&
	    (count != map->extent_count || memcmp(extents, map->extents, sizeof(extents[0]) * count) != 0))
		failed = lb_fail(err, "it was moved since its map was written");
	return failed;
}

// Judges the file that exists already.
static int judge_made(const struct options *options, const struct lb_file_map *map, struct lb_error *err)
{
	char whole[FILE_PATH];
	struct lb_error why;

	if (file_path(options->root, map->host_path, whole, err) != 0)
		return -1;
	if (map->file_bytes != options->reserve)
		return lb_fail(err, "%.160s is there, of %lu bytes: lifeboatctl remove takes it away", whole,
			       map->file_bytes);
	if (check_file(options->root, map, &why) != 0)
		return lb_fail(err, "%.100s: %.100s: lifeboatctl remove takes it away", whole, why.text);
	printf("is there: %s\n", whole);
	return 0;
}

int reserve_make(const struct options *options, const struct esp *esp, bool *ret_made, struct lb_error *err)
{
	struct lb_file_map map;
	struct lb_error why;
	char path[FILE_PATH];

	*ret_made = false;
	if (!options->reserve)
		return 0;
	if (read_map(esp, &map, &why))
		return judge_made(options, &map, err);
	if (make_somewhere(options, esp, path, &map, err) != 0)
		return -1;
	printf("%s: %s%s, %lu bytes\n", options->dry_run ? "would make" : "made", options->root, path,
	       options->reserve);
	if (options->dry_run)
		return 0;
	*ret_made = true;
	if (put_map(esp, &map, err) == 0)
		return 0;
	reserve_remove(options, esp, &why);
	return -1;
}

// ---- Afterwards ----------------------------------------------------------------

static bool has_id(const struct device *device, const struct lb_file_map *map)
{
	static _Alignas(8) struct lb_stamp stamps[LB_DUMP_BLOCK / LB_STAMP_BYTES];
	struct lb_error ignored;
	struct dump dump;

	if (device_read(device, 0, stamps, sizeof(stamps), &ignored) == 0 &&
	    lb_stamp_check(map->file_id, 0, stamps, sizeof(stamps)) == sizeof(stamps))
		return true;
	return dump_open(device, &dump, &ignored) == 0 &&
	       memcmp(dump.header.partuuid, map->file_id, sizeof(map->file_id)) == 0;
}

static int remove_file(const struct options *options, const struct lb_file_map *map, struct lb_error *err)
{
	struct device device;
	char whole[FILE_PATH];
	bool ours;

	if (file_path(options->root, map->host_path, whole, err) != 0)
		return -1;
	if (access(whole, F_OK) != 0)
		return 0;
	if (device_open(whole, &device, err) != 0)
		return -1;
	ours = has_id(&device, map);
	if (ours && !options->dry_run)
		device_set_immutable(device.fd, false);
	device_close(&device);
	if (!ours) {
		printf("stays: %s, which is not the file that was made\n", whole);
		return 0;
	}
	if (!options->dry_run && unlink(whole) != 0)
		return lb_fail(err, "%.160s: %s", whole, strerror(errno));
	printf("%s: %s\n", options->dry_run ? "would remove" : "removed", whole);
	return 0;
}

int reserve_remove(const struct options *options, const struct esp *esp, struct lb_error *err)
{
	struct lb_file_map map;
	char path[FILE_PATH];
	struct lb_error why;

	if (esp_file(esp, RESERVE_MAP, path, err) != 0)
		return -1;
	if (access(path, F_OK) != 0)
		return 0;
	if (!read_map(esp, &map, &why))
		printf("stays: what %s named: %s\n", path, why.text);
	else if (remove_file(options, &map, err) != 0)
		return -1;
	if (!options->dry_run && unlink(path) != 0)
		return lb_fail(err, "%.160s: %s", path, strerror(errno));
	printf("%s: %s\n", options->dry_run ? "would remove" : "removed", path);
	*strrchr(path, '/') = '\0';
	if (!options->dry_run)
		rmdir(path); // where nothing else is in it
	return 0;
}

void reserve_judge(const char *root, const struct esp *esp, struct findings *findings)
{
	struct lb_file_map map;
	struct lb_error why;
	char path[FILE_PATH];

	if (esp_file(esp, RESERVE_MAP, path, &why) != 0 || access(path, F_OK) != 0)
		return;
	if (!read_map(esp, &map, &why))
		findings_add(findings, FINDING_NOTE, "no dump goes to a file: %.200s", why.text);
	else if (check_file(root, &map, &why) != 0)
		findings_add(findings, FINDING_NOTE,
			     "no dump goes to %.160s: %.160s; lifeboatctl remove, then install --reserve",
			     map.host_path, why.text);
}
