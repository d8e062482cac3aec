// SPDX-License-Identifier: BSD-2-Clause
#include "tools/ctl/place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/save/output.h"

enum place_state place_compare(const char *path, const void *data, size_t bytes)
{
	struct content content;
	bool same;

	if (file_read(path, bytes, &content) != 0)
		return errno == ENOENT || errno == ENOTDIR ? PLACE_ABSENT : PLACE_OTHER;
	same = content.bytes == bytes && memcmp(content.data, data, bytes) == 0;
	free(content.data);
	return same ? PLACE_SAME : PLACE_OTHER;
}

static void note(struct placed *placed, const char *path, bool folder)
{
	if (placed->count == PLACED_MAX)
		return;
	snprintf(placed->list[placed->count].path, FILE_PATH, "%s", path);
	placed->list[placed->count++].folder = folder;
}

int place_folders(const char *base, const char *path, struct placed *placed, struct lb_error *err)
{
	char folder[FILE_PATH];

	snprintf(folder, sizeof(folder), "%s", path);
	for (char *slash = folder + strlen(base); (slash = strchr(slash + 1, '/')) != NULL;) {
		*slash = '\0';
		if (mkdir(folder, 0755) == 0)
			note(placed, folder, true);
		else if (errno != EEXIST)
			return lb_fail(err, "%.160s: %s", folder, strerror(errno));
		*slash = '/';
	}
	return 0;
}

static int write_all(const struct output *output, const struct content *content, struct lb_error *err)
{
	for (size_t at = 0; at < content->bytes;) {
		const ssize_t done = write(output->fd, content->data + at, content->bytes - at);

		if (done < 0 && errno != EINTR)
			return lb_fail(err, "%.160s: %s", output->path, strerror(errno));
		at += done > 0 ? (size_t)done : 0;
	}
	return 0;
}

int place_file(const char *base, const char *path, const struct content *content, struct placed *placed,
	       struct lb_error *err)
{
	const bool is_new = access(path, F_OK) != 0;
	struct output output;

	if (place_folders(base, path, placed, err) != 0 ||
	    output_begin(path, content->bytes, true, &output, err) != 0)
		return -1;
	if (write_all(&output, content, err) != 0) {
		output_abandon(&output);
		return -1;
	}
	// The firmware reads the file, so everybody may.
	fchmod(output.fd, 0644);
	if (output_commit(&output, err) != 0)
		return -1;
	if (is_new)
		note(placed, path, false);
	return 0;
}

void place_undo(struct placed *placed)
{
	while (placed->count) {
		const unsigned int last = --placed->count;

		if (placed->list[last].folder)
			rmdir(placed->list[last].path);
		else
			unlink(placed->list[last].path);
	}
}
