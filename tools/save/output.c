// SPDX-License-Identifier: BSD-2-Clause
#include "tools/save/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

// Memory of a dead machine: passwords, keys. For nobody but its owner.
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

int output_begin(const char *path, uint64_t bytes, bool replace, struct output *ret_output,
		 struct lb_error *err)
{
	struct output *output = ret_output;
	struct stat status;

	if (strlen(path) + sizeof(".part") > sizeof(output->path))
		return lb_fail(err, "%.40s...: a path of %zu characters", path, strlen(path));
	snprintf(output->path, sizeof(output->path), "%s", path);
	snprintf(output->part, sizeof(output->part), "%.*s.part", (int)strlen(path), path);
	if (!stat(path, &status)) {
		if (!S_ISREG(status.st_mode))
			return lb_fail(err, "%s: there, and not a file", path);
		if (!replace)
			return lb_fail(err, "%s: there already; --force replaces it", path);
	}
	output->fd = open(output->part, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, MODE);
	if (output->fd < 0)
		return lb_fail(err, "%s: %s", output->part, strerror(errno));
	if (check_room(output, bytes, err) != 0) {
		output_abandon(output);
		return -1;
	}
	return 0;
}

// The new name itself, on the disk.
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

int output_commit(struct output *output, struct lb_error *err)
{
	int failed = fsync(output->fd);

	failed = close(output->fd) || failed;
	output->fd = -1;
	if (failed || rename(output->part, output->path) != 0 || sync_folder(output->path) != 0) {
		lb_fail(err, "%s: %s", output->path, strerror(errno));
		output_abandon(output);
		return -1;
	}
	return 0;
}

void output_abandon(struct output *output)
{
	if (output->fd >= 0)
		close(output->fd);
	output->fd = -1;
	unlink(output->part);
}
