// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE // renameat2()
#include "tools/save/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

// Holds a dead machine's memory, with passwords and keys: only its owner may read it.
#define MODE 0600

static int check_room(const struct output *output, uint64_t bytes, struct lb_error *err)
{
	struct statvfs status;
	uint64_t room;

	if (fstatvfs(output->fd, &status))
		return lb_fail(err, "%s: its file system: %s", output->part, strerror(errno));
	if (__builtin_mul_overflow(status.f_bavail, status.f_frsize, &room) || room >= bytes)
		return 0;
	return lb_fail(err, "%s: %lu bytes are wanted, its file system has %lu left", output->path, bytes,
		       room);
}

// Refuses a link, and a file other than the one that is wanted.
static int check_path(const struct output *output, uint64_t bytes, struct lb_error *err)
{
	struct stat status;

	if (lstat(output->path, &status) != 0)
		return 0; // not there; or opening the part says why not
	if (!S_ISREG(status.st_mode))
		return lb_fail(err, "%s: there, and not a file", output->path);
	if (!output->replace && (uint64_t)status.st_size != bytes)
		return lb_fail(err, "%s: there already; --force replaces it", output->path);
	return 0;
}

// Removes the part of a run that was cut off. A running one has its part locked.
static int remove_leftover(const struct output *output, struct lb_error *err)
{
	const int fd = open(output->part, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat status;
	int failed;

	if (fd < 0)
		return errno == ENOENT ? 0 : lb_fail(err, "%s: %s", output->part, strerror(errno));
	if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) || status.st_uid != geteuid())
		failed = lb_fail(err, "%s: there, and not a file of user %u", output->part, geteuid());
	else if (flock(fd, LOCK_EX | LOCK_NB) != 0)
		failed = lb_fail(err, "%s: another run writes it", output->part);
	else if (unlink(output->part) != 0)
		failed = lb_fail(err, "%s: %s", output->part, strerror(errno));
	else
		failed = 0;
	close(fd);
	return failed;
}

int output_begin(const char *path, uint64_t bytes, bool replace, struct output *ret_output,
		 struct lb_error *err)
{
	struct output *output = ret_output;

	if (strlen(path) + sizeof(".part") > sizeof(output->path))
		return lb_fail(err, "%.40s...: a path of %zu characters", path, strlen(path));
	snprintf(output->path, sizeof(output->path), "%s", path);
	snprintf(output->part, sizeof(output->part), "%.*s.part", (int)strlen(path), path);
	output->replace = replace;
	if (check_path(output, bytes, err) != 0 || remove_leftover(output, err) != 0)
		return -1;
	output->fd = open(output->part, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, MODE);
	if (output->fd < 0)
		return lb_fail(err, "%s: %s", output->part, strerror(errno));
	if (flock(output->fd, LOCK_EX | LOCK_NB) != 0 || check_room(output, bytes, err) != 0) {
		output_abandon(output);
		return -1;
	}
	return 0;
}

// Flushes the folder, which holds the new name.
static int sync_folder(const char *path)
{
	char folder[OUTPUT_PATH];
	const char *slash = strrchr(path, '/');
	int fd, failed;

	if (!slash)
		snprintf(folder, sizeof(folder), ".");
	else
		snprintf(folder, sizeof(folder), "%.*s", slash == path ? 1 : (int)(slash - path), path);
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	failed = fsync(fd);
	close(fd);
	return failed;
}

// Whether PATH has the part's bytes.
static bool is_there(const struct output *output)
{
	const int fd = open(output->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	static char left[1 << 16], right[1 << 16];
	off_t at = 0;
	ssize_t got;

	if (fd < 0)
		return false;
	do {
		got = pread(output->fd, left, sizeof(left), at);
		if (got < 0 || pread(fd, right, sizeof(right), at) != got ||
		    memcmp(left, right, (size_t)got) != 0) {
			close(fd);
			return false;
		}
		at += got;
	} while (got);
	close(fd);
	return true;
}

// Renames the part; -1 with errno.
static int move(const struct output *output)
{
	if (output->replace)
		return rename(output->part, output->path);
	if (renameat2(AT_FDCWD, output->part, AT_FDCWD, output->path, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno == EEXIST && is_there(output))
		return unlink(output->part);
	// A file system may not know that flag.
	return errno == EINVAL && access(output->path, F_OK) != 0 ? rename(output->part, output->path) : -1;
}

int output_commit(struct output *output, struct lb_error *err)
{
	if (fsync(output->fd) != 0 || move(output) != 0 || sync_folder(output->path) != 0) {
		if (errno == EEXIST)
			lb_fail(err, "%s: there already; --force replaces it", output->path);
		else
			lb_fail(err, "%s: %s", output->path, strerror(errno));
		output_abandon(output);
		return -1;
	}
	close(output->fd);
	output->fd = -1;
	return 0;
}

void output_abandon(struct output *output)
{
	if (output->fd >= 0)
		close(output->fd);
	output->fd = -1;
	unlink(output->part);
}

int output_write(int fd, uint64_t offset, const uint8_t *data, size_t bytes, struct lb_error *err)
{
	while (bytes) {
		const ssize_t done = pwrite(fd, data, bytes, (off_t)offset);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return lb_fail(err, "writing %zu bytes at %lu: %s", bytes, offset,
				       done ? strerror(errno) : "nothing was taken");
		data += done;
		offset += (uint64_t)done;
		bytes -= (size_t)done;
	}
	return 0;
}
