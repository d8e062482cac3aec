// SPDX-License-Identifier: BSD-2-Clause
#include "tools/save/saved_folders.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECTOR 512U // of st_blocks
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
	static const char stem[] = "lifeboat-";

	if (strncmp(name, stem, sizeof(stem) - 1) != 0 || strlen(name) >= FOLDER_NAME)
		return false;
	name += sizeof(stem) - 1;
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
	folder.is_new = faccessat(fd, FOLDER_NEW, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
	close(fd);
	*ret_folder = folder;
	return true;
}

static int compare(const void *left, const void *right)
{
	const struct saved_folder *one = left, *other = right;
	const bool unknown = strstr(one->name, UNKNOWN), other_unknown = strstr(other->name, UNKNOWN);

	return unknown != other_unknown ? (unknown ? -1 : 1) : strcmp(one->name, other->name);
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
