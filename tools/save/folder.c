// SPDX-License-Identifier: BSD-2-Clause
#include "tools/save/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

// Holds a dead machine's memory, with passwords and keys: only its owner may read it.
#define FOLDER_MODE 0700
#define FILE_MODE 0600
#define FREE_PERCENT 10U
#define FREE_BYTES (1ULL << 30)
#define SUFFIXES 9

static const char *const files[] = {FOLDER_NEW,
				    FOLDER_LOG,
				    FOLDER_REPORT,
				    FOLDER_REPORT_JSON,
				    FOLDER_VMCORE,
				    FOLDER_LOG FOLDER_SEALED,
				    FOLDER_REPORT FOLDER_SEALED,
				    FOLDER_VMCORE FOLDER_SEALED};
#define FILES (sizeof(files) / sizeof(files[0]))

// ---- The folder of all dumps ----------------------------------------------

static int judge_owner(const struct crash_folder *folder, struct lb_error *err)
{
	struct stat status;

	if (fstat(folder->fd, &status) != 0)
		return lb_fail(err, "%s: %s", folder->path, strerror(errno));
	if (status.st_uid != 0 && status.st_uid != geteuid())
		return lb_fail(err, "%s: it belongs to user %u, wanted: root, or user %u", folder->path,
			       status.st_uid, geteuid());
	if ((status.st_mode & S_IWOTH) && !(status.st_mode & S_ISVTX))
		return lb_fail(err,
			       "%s: all may write to it, and its sticky bit is not set; wanted: mode 0700",
			       folder->path);
	return 0;
}

static bool is_usual(int fd)
{
	struct stat this, usual;

	return fstat(fd, &this) == 0 && stat(FOLDER_USUAL, &usual) == 0 && this.st_dev == usual.st_dev &&
	       this.st_ino == usual.st_ino;
}

int crash_folder_open(const char *path, struct crash_folder *ret_folder, struct lb_error *err)
{
	struct crash_folder *folder = ret_folder;
	size_t length = strlen(path);
	struct stat status;

	// With a slash at its end the path would follow a link.
	while (length > 1 && path[length - 1] == '/')
		length--;
	if (length >= sizeof(folder->path))
		return lb_fail(err, "%.40s...: a path of %zu characters, at most %zu", path, length,
			       sizeof(folder->path) - 1);
	snprintf(folder->path, sizeof(folder->path), "%.*s", (int)length, path);
	if (lstat(folder->path, &status) == 0 && S_ISLNK(status.st_mode))
		return lb_fail(err, "%s: it is a symbolic link, wanted: a folder", folder->path);
	folder->fd = open(folder->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (folder->fd < 0)
		return lb_fail(err, "%s: %s", folder->path, strerror(errno));
	if (judge_owner(folder, err) != 0) {
		crash_folder_close(folder);
		return -1;
	}
	folder->usual = is_usual(folder->fd);
	folder->conf = (struct save_conf){0};
	return 0;
}

int crash_folder_lock(const struct crash_folder *folder, bool wait, struct lb_error *err)
{
	while (flock(folder->fd, wait ? LOCK_EX : LOCK_EX | LOCK_NB) != 0) {
		if (errno == EINTR)
			continue;
		if (errno == EWOULDBLOCK)
			return lb_fail(err, "%s: another run saves to it", folder->path);
		return lb_fail(err, "%s: its lock: %s", folder->path, strerror(errno));
	}
	return 0;
}

void crash_folder_unlock(const struct crash_folder *folder)
{
	flock(folder->fd, LOCK_UN);
}

void crash_folder_close(struct crash_folder *folder)
{
	if (folder->fd >= 0)
		close(folder->fd);
	folder->fd = -1;
}

int crash_folder_check_room(const struct crash_folder *folder, uint64_t bytes, struct lb_error *err)
{
	uint64_t whole, room, wanted;
	struct statvfs status;

	if (fstatvfs(folder->fd, &status) != 0)
		return lb_fail(err, "%s: its file system: %s", folder->path, strerror(errno));
	if (__builtin_mul_overflow(status.f_blocks, status.f_frsize, &whole) ||
	    __builtin_mul_overflow(status.f_bavail, status.f_frsize, &room))
		return 0; // more than 16 EiB is enough
	wanted = whole / 100 * FREE_PERCENT;
	if (wanted < FREE_BYTES)
		wanted = FREE_BYTES;
	if (folder->conf.min_free)
		wanted = folder->conf.min_free;
	if (room >= wanted && room - wanted >= bytes)
		return 0;
	return lb_fail(err, "%s: a dump of %lu bytes is not saved: %lu are free, and %lu are to stay free",
		       folder->path, bytes, room, wanted);
}

// ---- The folder of one dump -----------------------------------------------

static void make_name(const struct dump *dump, char *text, size_t bytes)
{
	const struct lb_dump_header *header = &dump->header;
	const time_t when = (time_t)header->crash_time;
	char time_text[32];
	struct tm parts;

	// Years of more than four digits come from no clock.
	if (!header->crash_time || header->crash_time >> 37 || !gmtime_r(&when, &parts) ||
	    !strftime(time_text, sizeof(time_text), "%Y%m%dT%H%M%SZ", &parts))
		snprintf(time_text, sizeof(time_text), "unknown");
	snprintf(text, bytes, "lifeboat-%s-%02x%02x%02x%02x", time_text, header->arm_id[0], header->arm_id[1],
		 header->arm_id[2], header->arm_id[3]);
}

int dump_folder_open(const struct crash_folder *parent, const char *name)
{
	const int fd = openat(parent->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat status;

	if (fd < 0)
		return -1;
	if (fstat(fd, &status) == 0 && status.st_uid == geteuid() && !(status.st_mode & (S_IWGRP | S_IWOTH)))
		return fd;
	close(fd);
	errno = EPERM;
	return -1;
}

// Is NAME, or NAME.age where it stays encrypted, a file of `bytes`, or is there none where there are no
// bytes? How many bytes a file is that is decrypted nobody knows before.
static bool has_file(int fd, const char *name, uint64_t bytes, const struct dump *dump)
{
	char path[FOLDER_NAME];
	struct stat status;

	snprintf(path, sizeof(path), "%s%s", name, dump_stays_sealed(dump) ? FOLDER_SEALED : "");
	if (fstatat(fd, path, &status, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT && !bytes;
	if (dump_is_encrypted(&dump->header) && dump->identities)
		return S_ISREG(status.st_mode) && bytes;
	return S_ISREG(status.st_mode) && bytes && (uint64_t)status.st_size == bytes;
}

// False: the name is taken by something else.
static bool judge_finished(struct dump_folder *folder, const struct dump *dump)
{
	const int fd = dump_folder_open(folder->parent, folder->name);
	bool is_this = true;

	if (fd < 0) {
		folder->state = DUMP_FOLDER_NEW;
		return errno == ENOENT;
	}
	if (!has_file(fd, FOLDER_LOG, dump->header.log_bytes, dump))
		is_this = false;
	else if (has_file(fd, FOLDER_VMCORE, dump->file_bytes, dump))
		folder->state = DUMP_FOLDER_WHOLE;
	else if (has_file(fd, FOLDER_VMCORE, 0, dump))
		folder->state = DUMP_FOLDER_LOG_ONLY;
	else
		is_this = false;
	close(fd);
	return is_this;
}

static bool judge_part(const struct dump_folder *folder)
{
	const int fd = dump_folder_open(folder->parent, folder->part);

	if (fd < 0)
		return errno == ENOENT;
	close(fd);
	return true;
}

int dump_folder_find(const struct crash_folder *parent, const struct dump *dump,
		     struct dump_folder *ret_folder, struct lb_error *err)
{
	struct dump_folder folder = {.parent = parent, .fd = -1};
	char stem[FOLDER_NAME - 2];

	make_name(dump, stem, sizeof(stem));
	for (int i = 1; i <= SUFFIXES; i++) {
		if (i == 1)
			snprintf(folder.name, sizeof(folder.name), "%s", stem);
		else
			snprintf(folder.name, sizeof(folder.name), "%s-%d", stem, i);
		snprintf(folder.part, sizeof(folder.part), ".%s.part", folder.name);
		if (judge_finished(&folder, dump) && judge_part(&folder)) {
			*ret_folder = folder;
			return 0;
		}
	}
	return lb_fail(err, "%s/%s: exists and is of another dump, and so are -2 to -%d", parent->path, stem,
		       SUFFIXES);
}

int dump_folder_remove(const struct crash_folder *parent, const char *name)
{
	const int fd = dump_folder_open(parent, name);

	if (fd >= 0) {
		for (size_t i = 0; i < FILES; i++)
			unlinkat(fd, files[i], 0);
		close(fd);
	}
	return unlinkat(parent->fd, name, AT_REMOVEDIR);
}

static int remove_part(const struct dump_folder *folder, struct lb_error *err)
{
	if (dump_folder_remove(folder->parent, folder->part) != 0 && errno != ENOENT)
		return lb_fail(err, "%s/%s: left behind by an earlier run, and not to be removed: %s",
			       folder->parent->path, folder->part, strerror(errno));
	return 0;
}

int dump_folder_begin(struct dump_folder *folder, struct lb_error *err)
{
	if (remove_part(folder, err) != 0)
		return -1;
	if (mkdirat(folder->parent->fd, folder->part, FOLDER_MODE) != 0)
		return lb_fail(err, "%s/%s: %s", folder->parent->path, folder->part, strerror(errno));
	folder->fd = dump_folder_open(folder->parent, folder->part);
	if (folder->fd < 0)
		return lb_fail(err, "%s/%s: %s", folder->parent->path, folder->part, strerror(errno));
	return 0;
}

int dump_folder_create(const struct dump_folder *folder, const char *name, int *ret_fd, struct lb_error *err)
{
	const int fd =
		openat(folder->fd, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);

	if (fd < 0)
		return lb_fail(err, "%s/%s/%s: %s", folder->parent->path, folder->part, name,
			       strerror(errno));
	*ret_fd = fd;
	return 0;
}

// The files into a folder that has its name already, each whole when it gets there.
static int move_files(const struct dump_folder *folder)
{
	const int fd = dump_folder_open(folder->parent, folder->name);
	int failed = fd < 0;

	for (size_t i = 0; !failed && i < FILES; i++)
		failed = renameat(folder->fd, files[i], fd, files[i]) != 0 && errno != ENOENT;
	failed = failed || fsync(fd) != 0;
	if (fd >= 0)
		close(fd);
	return failed ? -1 : unlinkat(folder->parent->fd, folder->part, AT_REMOVEDIR);
}

int dump_folder_commit(struct dump_folder *folder, struct lb_error *err)
{
	const int parent = folder->parent->fd;
	int failed = fsync(folder->fd);

	if (!failed && folder->state == DUMP_FOLDER_NEW)
		failed = renameat(parent, folder->part, parent, folder->name);
	else if (!failed)
		failed = move_files(folder);
	if (failed || fsync(parent) != 0) {
		lb_fail(err, "%s/%s: %s", folder->parent->path, folder->name, strerror(errno));
		dump_folder_abandon(folder);
		return -1;
	}
	close(folder->fd);
	folder->fd = -1;
	return 0;
}

void dump_folder_abandon(struct dump_folder *folder)
{
	struct lb_error ignored;

	if (folder->fd >= 0)
		close(folder->fd);
	folder->fd = -1;
	remove_part(folder, &ignored);
}
