// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE // syncfs()
#include "tools/save/limits.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "tools/save/saved_folders.h"

#define FREED_STEPS 100U // of a tenth of a second: how long what was removed may take to be free

struct cleaning {
	const struct crash_folder *parent;
	struct saved_folders folders;
	uint64_t dumps, bytes; // of all of them
	uint64_t max_dumps, max_bytes;
	const char *why;
};

static bool may_go(const struct cleaning *cleaning, const struct saved_folder *folder)
{
	return !folder->is_new && folder != &cleaning->folders.each[cleaning->folders.count - 1];
}

static int remove_dump(struct cleaning *cleaning, struct saved_folder *folder, struct lb_error *err)
{
	static const char *const names[] = {FOLDER_VMCORE, FOLDER_VMCORE FOLDER_SEALED};
	const int fd = dump_folder_open(cleaning->parent, folder->name);
	int failed = fd < 0;

	for (size_t i = 0; !failed && i < sizeof(names) / sizeof(names[0]); i++)
		failed = unlinkat(fd, names[i], 0) != 0 && errno != ENOENT;
	if (failed)
		lb_fail(err, "%s/%s: its dump is not removed: %s", cleaning->parent->path, folder->name,
			strerror(errno));
	if (fd >= 0)
		close(fd);
	if (failed)
		return -1;
	printf("lifeboat-save: %s/%s: its dump is removed (%s)\n", cleaning->parent->path, folder->name,
	       cleaning->why);
	cleaning->dumps--;
	cleaning->bytes -= folder->dump_bytes;
	folder->dump_bytes = 0;
	return 0;
}

static int remove_rest(struct cleaning *cleaning, struct saved_folder *folder, struct lb_error *err)
{
	const bool stays = dump_folder_remove(cleaning->parent, folder->name) != 0;

	if (stays && errno != ENOTEMPTY)
		return lb_fail(err, "%s/%s: not removed: %s", cleaning->parent->path, folder->name,
			       strerror(errno));
	if (!stays || folder->other_bytes)
		printf("lifeboat-save: %s/%s: %s (%s)\n", cleaning->parent->path, folder->name,
		       stays ? "log and report are removed" : "removed", cleaning->why);
	cleaning->bytes -= folder->other_bytes;
	folder->other_bytes = 0;
	return 0;
}

static int begin(const struct crash_folder *parent, const char *why, struct cleaning *ret_cleaning,
		 struct lb_error *err)
{
	struct cleaning *cleaning = ret_cleaning;

	*cleaning = (struct cleaning){
		.parent = parent, .why = why, .max_dumps = UINT64_MAX, .max_bytes = UINT64_MAX};
	if (saved_folders_list(parent, &cleaning->folders, err) != 0)
		return -1;
	for (size_t i = 0; i < cleaning->folders.count; i++) {
		cleaning->dumps += cleaning->folders.each[i].dump_bytes != 0;
		cleaning->bytes +=
			cleaning->folders.each[i].dump_bytes + cleaning->folders.each[i].other_bytes;
	}
	return 0;
}

// Until the limits hold, or nothing is left that may go. Ends what begin() began.
static int clean(struct cleaning *cleaning, struct lb_error *err)
{
	struct saved_folders *folders = &cleaning->folders;
	int failed = 0;

	for (size_t i = 0; !failed && i < folders->count &&
			   (cleaning->dumps > cleaning->max_dumps || cleaning->bytes > cleaning->max_bytes);
	     i++)
		if (folders->each[i].dump_bytes && may_go(cleaning, &folders->each[i]))
			failed = remove_dump(cleaning, &folders->each[i], err);
	for (size_t i = 0; !failed && i < folders->count && cleaning->bytes > cleaning->max_bytes; i++)
		if (may_go(cleaning, &folders->each[i]))
			failed = remove_rest(cleaning, &folders->each[i], err);
	saved_folders_free(folders);
	return failed;
}

int limits_keep(const struct crash_folder *folder, struct lb_error *err)
{
	const struct save_conf *conf = &folder->conf;
	struct cleaning cleaning;

	if (conf->keep) {
		if (begin(folder, "keep", &cleaning, err) != 0)
			return -1;
		cleaning.max_dumps = conf->keep;
		if (clean(&cleaning, err) != 0)
			return -1;
	}
	if (!conf->max_bytes)
		return 0;
	if (begin(folder, "max-bytes", &cleaning, err) != 0)
		return -1;
	cleaning.max_bytes = conf->max_bytes;
	return clean(&cleaning, err);
}

// XFS frees what was removed in the background, btrfs with its next transaction. crash_folder_check_room()
// judges later whether that was enough.
static void wait_until_free(const struct crash_folder *folder, uint64_t bytes)
{
	struct lb_error ignored;

	for (unsigned int i = 0; i < FREED_STEPS && crash_folder_check_room(folder, bytes, &ignored) != 0;
	     i++) {
		syncfs(folder->fd);
		nanosleep(&(struct timespec){.tv_nsec = i ? 100000000 : 0}, NULL);
	}
}

int limits_make_room(const struct crash_folder *folder, uint64_t bytes, struct lb_error *err)
{
	struct cleaning cleaning;
	struct statvfs status;
	uint64_t room, wanted, removable = 0;

	if (!folder->conf.min_free || crash_folder_check_room(folder, bytes, err) == 0)
		return 0;
	if (fstatvfs(folder->fd, &status) != 0)
		return lb_fail(err, "%s: its file system: %s", folder->path, strerror(errno));
	if (__builtin_mul_overflow(status.f_bavail, status.f_frsize, &room) ||
	    __builtin_add_overflow(folder->conf.min_free, bytes, &wanted) || room >= wanted)
		return 0;
	if (begin(folder, "min-free", &cleaning, err) != 0)
		return -1;
	for (size_t i = 0; i < cleaning.folders.count; i++)
		if (may_go(&cleaning, &cleaning.folders.each[i]))
			removable +=
				cleaning.folders.each[i].dump_bytes + cleaning.folders.each[i].other_bytes;
	if (removable < wanted - room) {
		saved_folders_free(&cleaning.folders);
		return 0;
	}
	cleaning.max_bytes = cleaning.bytes - (wanted - room);
	if (clean(&cleaning, err) != 0)
		return -1;
	wait_until_free(folder, bytes);
	return 0;
}
