// SPDX-License-Identifier: BSD-2-Clause
#include "tools/ctl/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/number.h"
#include "tools/ctl/place.h"

#define BOOT_ID_FILE "/proc/sys/kernel/random/boot_id"
#define LOCK "lock"

static int make_path(const char *root, const char *name, char ret_path[FILE_PATH], struct lb_error *err)
{
	char path[64];

	snprintf(path, sizeof(path), STATE_FOLDER "/%s", name);
	return file_path(root, path, ret_path, err);
}

bool state_read(const char *root, const char *name, struct state_text *ret_text)
{
	struct lb_error ignored;
	struct content content;
	char path[FILE_PATH];

	ret_text->bytes = 0;
	ret_text->text[0] = '\0';
	if (make_path(root, name, path, &ignored) != 0 || file_read(path, STATE_TEXT - 1, &content) != 0)
		return false;
	memcpy(ret_text->text, content.data, content.bytes + 1);
	ret_text->bytes = content.bytes;
	free(content.data);
	return true;
}

int state_write(const char *root, const char *name, const struct state_text *text, struct lb_error *err)
{
	struct placed placed = {.count = 0};
	struct content content = {.bytes = text->bytes};
	char path[FILE_PATH];
	int failed;

	if (make_path(root, name, path, err) != 0)
		return -1;
	content.data = strdup(text->text);
	if (!content.data)
		return lb_fail(err, "no memory");
	failed = place_file(root, path, &content, &placed, err);
	free(content.data);
	return failed;
}

int state_remove(const char *root, const char *name, struct lb_error *err)
{
	char path[FILE_PATH];

	if (make_path(root, name, path, err) != 0)
		return -1;
	if (unlink(path) != 0 && errno != ENOENT && errno != ENOTDIR)
		return lb_fail(err, "%.160s: %s", path, strerror(errno));
	return 0;
}

// Makes the folder where it is missing. /var and /var/lib belong to the system.
static int make_folder(const char *root, struct lb_error *err)
{
	char path[FILE_PATH];

	if (file_path(root, STATE_FOLDER, path, err) != 0)
		return -1;
	if (mkdir(path, 0755) != 0 && errno != EEXIST)
		return lb_fail(err, "%.160s: %s", path, strerror(errno));
	return 0;
}

int state_lock(const char *root, int *ret_fd, struct lb_error *err)
{
	char path[FILE_PATH];
	int fd;

	if (make_folder(root, err) != 0 || make_path(root, LOCK, path, err) != 0)
		return -1;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return lb_fail(err, "%.160s: %s", path, strerror(errno));
	while (flock(fd, LOCK_EX) != 0) {
		if (errno == EINTR)
			continue;
		lb_fail(err, "%.160s: %s", path, strerror(errno));
		close(fd);
		return -1;
	}
	*ret_fd = fd;
	return 0;
}

void state_unlock(int fd)
{
	close(fd);
}

void state_value(const struct state_text *text, const char *key, unsigned int number,
		 char ret_value[VARIABLE_VALUE])
{
	// variable_value() reads only.
	const struct content content = {.data = (char *)(uintptr_t)text->text, .bytes = text->bytes};

	if (!variable_value(&content, key, number, ret_value))
		ret_value[0] = '\0';
}

uint64_t state_number(const struct state_text *text, const char *key)
{
	char value[VARIABLE_VALUE];
	uint64_t number;

	state_value(text, key, 0, value);
	return value[0] != '-' && lb_number_read(value, (uint32_t)strlen(value), 10, &number) ? number : 0;
}

void state_add(struct state_text *text, const char *key, const char *format, ...)
{
	char value[VARIABLE_VALUE];
	va_list args;
	int used;

	va_start(args, format);
	vsnprintf(value, sizeof(value), format, args);
	va_end(args);
	used = snprintf(text->text + text->bytes, STATE_TEXT - text->bytes, "%s=%s\n", key, value);
	if (text->bytes + (size_t)used < STATE_TEXT)
		text->bytes += (size_t)used;
	else
		text->text[text->bytes] = '\0';
}

void state_boot_id(const char *root, char ret_id[BOOT_ID])
{
	file_line(root, BOOT_ID_FILE, ret_id, BOOT_ID);
}
