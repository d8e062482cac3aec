// SPDX-License-Identifier: BSD-2-Clause
#include "tools/ctl/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STEP 65536U

int file_path(const char *root, const char *path, char ret_path[FILE_PATH], struct lb_error *err)
{
	if (snprintf(ret_path, FILE_PATH, "%s%s", root, path) >= FILE_PATH)
		return lb_fail(err, "%.40s...: a path of %zu characters", root, strlen(root) + strlen(path));
	return 0;
}

// Makes room for `more` bytes and a NUL behind the content.
static int make_room(struct content *content, size_t more)
{
	char *larger = realloc(content->data, content->bytes + more + 1);

	if (!larger)
		return -1;
	content->data = larger;
	return 0;
}

static int read_all(int fd, size_t max, struct content *content)
{
	ssize_t got;

	do {
		if (make_room(content, STEP) != 0)
			return -1;
		got = read(fd, content->data + content->bytes, STEP);
		if (got < 0)
			return -1;
		content->bytes += (size_t)got;
		if (content->bytes > max) {
			errno = EFBIG;
			return -1;
		}
	} while (got);
	content->data[content->bytes] = '\0';
	return 0;
}

int file_read(const char *path, size_t max, struct content *ret_content)
{
	const int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct content content = {.data = NULL};
	int failed, error;

	if (fd < 0)
		return -1;
	failed = read_all(fd, max, &content);
	error = errno;
	close(fd);
	errno = error;
	if (failed) {
		free(content.data);
		return -1;
	}
	*ret_content = content;
	return 0;
}

void file_line(const char *root, const char *path, char *ret_line, size_t room)
{
	struct content content;
	char whole[FILE_PATH];
	struct lb_error ignored;

	*ret_line = '\0';
	if (file_path(root, path, whole, &ignored) != 0 || file_read(whole, STEP, &content) != 0)
		return;
	snprintf(ret_line, room, "%.*s", (int)strcspn(content.data, "\n"), content.data);
	free(content.data);
}

bool file_exists(const char *root, const char *path)
{
	char whole[FILE_PATH];
	struct lb_error ignored;

	return file_path(root, path, whole, &ignored) == 0 && access(whole, F_OK) == 0;
}
