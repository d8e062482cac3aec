// SPDX-License-Identifier: BSD-2-Clause
#include "tools/save/saved_folders.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SECTOR 512U // of st_blocks
#define STEM "lifeboat-"
#define UNKNOWN "unknown"

// As folder.c makes names: 'd' is a digit, 'x' one of hexadecimal.
static bool fits(const char *text, const char *form)
{
	for (; *form; form++, text++) {
		const bool digit = *text >= '0' && *text <= '9';

		if (*form == 'd'   ? !digit
		    : *form == 'x' ? !digit && (*text < 'a' || *text > 'f')
				   : *text != *form)
			return false;
	}
	return !*text || (*text == '-' && text[1] >= '2' && text[1] <= '9' && !text[2]);
}

static bool is_ours(const char *name)
{
	if (strncmp(name, STEM, sizeof(STEM) - 1) != 0 || strlen(name) >= FOLDER_NAME)
		return false;
	name += sizeof(STEM) - 1;
	// "unknown" has no 'd' and no 'x'.
	return fits(name, "ddddddddTddddddZ-xxxxxxxx") || fits(name, UNKNOWN "-xxxxxxxx");
}

static uint64_t bytes_of(int fd, const char *name)
{
	struct stat status;

	return fstatat(fd, name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(status.st_mode)
		       ? (uint64_t)status.st_blocks * SECTOR
		       : 0;
}

// The time that the name has; else when the dump was saved, or its log.
static void find_time(int fd, struct saved_folder *folder)
{
	static const char *const names[] = {FOLDER_VMCORE, FOLDER_VMCORE FOLDER_SEALED, FOLDER_LOG,
					    FOLDER_LOG FOLDER_SEALED};
	struct stat status;
	struct tm parts;

	memcpy(folder->when, folder->name + sizeof(STEM) - 1, sizeof(folder->when) - 1);
	if (strncmp(folder->when, UNKNOWN, sizeof(UNKNOWN) - 1) != 0)
		return;
	folder->when[0] = '\0';
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && !folder->when[0]; i++)
		if (fstatat(fd, names[i], &status, AT_SYMLINK_NOFOLLOW) == 0 &&
		    gmtime_r(&status.st_mtime, &parts))
			strftime(folder->when, sizeof(folder->when), "%Y%m%dT%H%M%SZ", &parts);
}

static bool look(const struct crash_folder *parent, const char *name, struct saved_folder *ret_folder)
{
	static const char *const others[] = {FOLDER_LOG, FOLDER_REPORT, FOLDER_REPORT_JSON,
					     FOLDER_LOG FOLDER_SEALED, FOLDER_REPORT FOLDER_SEALED};
	struct saved_folder folder = {.name = ""};
	const int fd = dump_folder_open(parent, name);

	if (fd < 0)
		return false;
	memcpy(folder.name, name, strlen(name) + 1);
	folder.dump_bytes = bytes_of(fd, FOLDER_VMCORE) + bytes_of(fd, FOLDER_VMCORE FOLDER_SEALED);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		folder.other_bytes += bytes_of(fd, others[i]);
	find_time(fd, &folder);
	folder.is_new = faccessat(fd, FOLDER_NEW, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
	close(fd);
	*ret_folder = folder;
	return true;
}

static int compare(const void *left, const void *right)
{
	const struct saved_folder *one = left, *other = right;
	const int by_time = strcmp(one->when, other->when);

	return by_time ? by_time : strcmp(one->name, other->name);
}

static int take_all(const struct crash_folder *parent, DIR *dir, struct saved_folders *folders,
		    struct lb_error *err)
{
	struct dirent *entry;

	while ((entry = readdir(dir)) != NULL) {
		struct saved_folder *more;

		if (!is_ours(entry->d_name))
			continue;
		if (folders->count == SAVED_FOLDERS_MAX)
			return lb_fail(err, "%s: more than %u dumps are saved there", parent->path,
				       SAVED_FOLDERS_MAX);
		more = realloc(folders->each, (folders->count + 1) * sizeof(*more));
		if (!more)
			return lb_fail(err, "%s: no memory", parent->path);
		folders->each = more;
		folders->count += look(parent, entry->d_name, &more[folders->count]);
	}
	return 0;
}

int saved_folders_list(const struct crash_folder *parent, struct saved_folders *ret_folders,
		       struct lb_error *err)
{
	struct saved_folders folders = {0};
	// A descriptor of its own: the other one is locked, and has a place of its own.
	const int fd = openat(parent->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	int failed;

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return lb_fail(err, "%s: %s", parent->path, strerror(errno));
	}
	failed = take_all(parent, dir, &folders, err);
	closedir(dir);
	if (failed) {
		saved_folders_free(&folders);
		return -1;
	}
	if (folders.count)
		qsort(folders.each, folders.count, sizeof(folders.each[0]), compare);
	*ret_folders = folders;
	return 0;
}

void saved_folders_free(struct saved_folders *folders)
{
	free(folders->each);
	*folders = (struct saved_folders){0};
}
